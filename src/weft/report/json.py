"""Problems as JSON."""

from __future__ import annotations

import json
from typing import Any

from weft.base.problems import Severity
from weft.report.report import Report


def as_json(report: Report) -> str:
    """`{problems: [...], summary: {errors, warnings, notes}}`."""
    counts = report.counts
    data: dict[str, Any] = {
        "problems": [problem.as_dict() for problem in report],
        "summary": {
            "errors": counts[Severity.ERROR],
            "warnings": counts[Severity.WARNING],
            "notes": counts[Severity.NOTE],
        },
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
