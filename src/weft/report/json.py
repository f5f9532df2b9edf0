"""Problems as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from weft.base.problems import Problem, Severity


def as_json(problems: Sequence[Problem], folder: Path | None = None) -> str:
    """`{problems: [...], summary: {errors, warnings, notes}}`."""
    counts = Counter(problem.severity for problem in problems)
    data: dict[str, Any] = {
        "problems": [problem.as_dict() for problem in problems],
        "summary": {
            "errors": counts[Severity.ERROR],
            "warnings": counts[Severity.WARNING],
            "notes": counts[Severity.NOTE],
        },
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
