"""Reports of how far settings reach: as text, as JSON data, as Markdown, and the share of each domain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from weft.base.wording import counted
from weft.lint.reach import Reach, Reading, reaches
from weft.project.entries import Reader
from weft.project.lines import spans
from weft.project.projectfile import ITSELF


class Share(StrEnum):
    """By whom a setting is read: the first that holds."""

    OUTPUTS = "in outputs"
    CODE = "in code"
    WEFT = "by Weft"
    PLANNED = "planned"
    VARIABLES = "only variables"
    NOBODY = "by nobody"


def share_of(reach: Reach, readers: Mapping[str, Reader]) -> Share:
    """By whom a setting is read."""
    names = [reading.reader for reading in reach.readings]
    known = [readers[name] for name in names if name in readers]
    shares = {
        Share.OUTPUTS: any(reader.outputs for reader in known),
        Share.CODE: any(reader.code for reader in known),
        Share.WEFT: ITSELF in names,
        Share.PLANNED: bool(known),
        Share.VARIABLES: reach.variable and reach.outputs,
    }
    return next((share for share, holds in shares.items() if holds), Share.NOBODY)


def shares(found: Sequence[Reach], readers: Mapping[str, Reader]) -> dict[str, Counter[Share]]:
    """How many settings of each domain are read by whom."""
    result: dict[str, Counter[Share]] = {}
    for reach in found:
        result.setdefault(reach.domain, Counter())[share_of(reach, readers)] += 1
    return result


def as_text(found: Sequence[Reach], readers: Mapping[str, Reader]) -> str:
    """A line for each setting, the domains, and how many settings have no reader."""
    wide = min(max((len(reach.name) for reach in found), default=0), 60)
    lines = [f"{reach.name:{wide}}  {_words(reach)}" for reach in found]
    rows = _rows(found, readers)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "".join(f"{line}\n" for line in [*lines, "", *table, "", verdict(found)])


def as_markdown(found: Sequence[Reach], readers: Mapping[str, Reader]) -> str:
    """The domains and the settings as two tables."""
    settings = [("setting", "readers"), *((f"`{reach.name}`", _words(reach, "`")) for reach in found)]
    return f"{domains_as_markdown(found, readers)}\n{_table(settings)}\n{verdict(found)}\n"


def domains_as_markdown(found: Sequence[Reach], readers: Mapping[str, Reader]) -> str:
    """How many settings of each domain are read by whom, as a table."""
    return _table(_rows(found, readers))


def as_data(target: str | None, found: Sequence[Reach], readers: Mapping[str, Reader]) -> dict[str, Any]:
    """The same as JSON data: `{target, settings, domains, summary}`."""
    return {
        "target": target,
        "settings": [
            {
                "path": reach.name,
                "read": share_of(reach, readers).replace(" ", "_"),
                "readers": [
                    {"reader": one.reader, "file": one.file, "lines": list(one.lines), "note": one.note}
                    for one in reach.readings
                ],
                "variable": reach.variable,
                "outputs_without_reader": list(reach.outputs),
                "missed": list(reach.missed),
                "has_value": reach.has_value,
            }
            for reach in found
        ],
        "domains": {
            domain: {share.replace(" ", "_"): counts[share] for share in Share}
            for domain, counts in shares(found, readers).items()
        },
        "summary": {"settings": len(found), "without_reader": sum(not reach.readings for reach in found)},
    }


def verdict(found: Sequence[Reach]) -> str:
    """`3 settings without a reader`."""
    return f"{counted(sum(not reach.readings for reach in found), 'setting')} without a reader"


def evidence(reading: Reading) -> str:
    """`production/app.yaml:3,7-9`: the file and the lines, or else what is known."""
    if reading.file is None:
        return reading.note or ""
    return f"{reading.file}:{spans(reading.lines)}" if reading.lines else reading.file


def _words(reach: Reach, mark: str = "") -> str:
    missed = [f"not {name}, which its schema names" for name in reach.missed]
    if not reach.readings:
        return "; ".join([f"no reader: {reaches(reach)}", *missed])
    return "; ".join([*(_reading(one, mark) for one in reach.readings), *missed])


def _reading(reading: Reading, mark: str) -> str:
    if reading.file is None:
        return f"{reading.reader} ({reading.note})"
    note = f" ({reading.note})" if reading.note else ""
    return f"{reading.reader} {mark}{evidence(reading)}{mark}{note}"


def _rows(found: Sequence[Reach], readers: Mapping[str, Reader]) -> list[tuple[str, ...]]:
    of_domains = shares(found, readers)
    total = sum(of_domains.values(), Counter[Share]())
    counts = [*of_domains.items(), ("all", total)]
    body = [(domain, str(each.total()), *(str(each[share]) for share in Share)) for domain, each in counts]
    return [("domain", "settings", *Share), *body]


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    lines = [rows[0], tuple("---" for _ in rows[0]), *rows[1:]]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
