"""Drift as metrics, in the text format of the CNCF (https://github.com/OpenObservability/OpenMetrics, of which it is the older form)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from weft.cluster.drifting import Kind, TargetDrift

_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def text(found: Sequence[TargetDrift], now: float | None = None) -> str:
    """`weft_drift_fields`, `weft_drift_objects`, `weft_drift_last_check_timestamp_seconds` and `weft_revision` of each target.

    `now` is in seconds since 1970.
    """
    moment = time.time() if now is None else now
    lines = [
        "# HELP weft_drift_fields Fields and objects that differ from what was deployed.",
        "# TYPE weft_drift_fields gauge",
    ]
    for one in found:
        for kind in Kind:
            number = sum(each.kind is kind for each in one.found)
            lines.append(f'weft_drift_fields{{target="{_label(one)}",kind="{kind}"}} {number}')
    lines += ["# HELP weft_drift_objects Objects that were compared.", "# TYPE weft_drift_objects gauge"]
    lines += [f'weft_drift_objects{{target="{_label(one)}"}} {one.objects - len(one.uncompared)}' for one in found]
    lines += [
        "# HELP weft_drift_last_check_timestamp_seconds When the target was last compared.",
        "# TYPE weft_drift_last_check_timestamp_seconds gauge",
    ]
    lines += [f'weft_drift_last_check_timestamp_seconds{{target="{_label(one)}"}} {moment:.0f}' for one in found]
    lines += ["# HELP weft_revision The revision that is deployed.", "# TYPE weft_revision gauge"]
    lines += [f'weft_revision{{target="{_label(one)}"}} {one.inventory.revision}' for one in found]
    lines += [
        "# HELP weft_revision_timestamp_seconds When the deployed revision was made.",
        "# TYPE weft_revision_timestamp_seconds gauge",
    ]
    lines += [f'weft_revision_timestamp_seconds{{target="{_label(one)}"}} {one.since:.0f}' for one in found]
    return "\n".join(lines) + "\n"


def _label(one: TargetDrift) -> str:
    return one.target.name.translate(_ESCAPES)
