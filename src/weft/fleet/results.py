"""Results as data: JSON, compressed, and back. What cannot be read gives None, so a damaged entry is made again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from sys import intern
from typing import Any

from weft import checks
from weft.base.problems import Problem
from weft.fleet.packing import DAMAGE, packed, unpacked
from weft.fleet.problem_data import problems, problems_data, problems_without
from weft.project.result import Result
from weft.stages.render.finished import OutputFile


def encoded(result: Result) -> tuple[bytes, bytes]:
    """A result without its texts, and its texts."""
    return packed(header(result)), packed(result.texts)


def header(result: Result) -> dict[str, Any]:
    """A result without its texts, as JSON data."""
    positions = {output: position for position, output in enumerate(result.outputs)}
    return {
        "target": result.target,
        "values": dict(result.values),
        "home": [result.home.cluster, result.home.namespace],
        "outputs": [[one.path, one.template, one.entry, one.checks, one.secrets] for one in result.outputs],
        "digests": result.digests,
        "answers": [
            [
                positions[answer.output],
                answer.check,
                problems_data(answer.problems),
                problems_data([answer.skipped] if answer.skipped else []),
                answer.notes,
            ]
            for answer in result.answers
        ],
        "problems": problems_data(result.problems),
        "look_alikes": problems_data(result.look_alikes),
        "layers": result.layers,
        "sources": result.sources,
    }


def decoded(data: bytes) -> Result | None:
    """A result without its texts; None if it is damaged."""
    return from_header(unpacked(data))


def from_header(data: Any) -> Result | None:
    """A result without its texts; None if the data are damaged."""
    try:
        return _result(data)
    except DAMAGE:
        return None


def texts(data: bytes) -> tuple[str, ...] | None:
    """The texts of a result; None if they are damaged."""
    found = unpacked(data)
    return tuple(found) if isinstance(found, list) and all(isinstance(text, str) for text in found) else None


def without_texts(result: Result) -> Result:
    """The same result without its texts."""
    return replace(result, texts=())


def sharing(result: Result) -> Result:
    """The same result, which shares its home and the names of layers and files with others: in a fleet, most are the same."""
    layers, sources = tuple(map(intern, result.layers)), tuple(map(intern, result.sources))
    return replace(result, home=_shared_home(result.home), layers=layers, sources=sources)


@lru_cache(64)
def _shared_home(home: checks.Home) -> checks.Home:
    return home


def without_root(result: Result, root: str) -> Result:
    """The same result without the folder before its paths, in texts of problems."""

    def without(found: Iterable[Problem]) -> tuple[Problem, ...]:
        return problems_without(found, root)

    answers = (
        replace(
            one, problems=without(one.problems), skipped=next(iter(without([one.skipped] if one.skipped else [])), None)
        )
        for one in result.answers
    )
    return replace(
        result, problems=without(result.problems), look_alikes=without(result.look_alikes), answers=tuple(answers)
    )


def _result(header: Mapping[str, Any]) -> Result:
    target = header["target"]
    outputs = tuple(
        OutputFile(path, target, template, entry, tuple(named), secrets)
        for path, template, entry, named, secrets in header["outputs"]
    )
    answers = tuple(
        checks.Answer(outputs[position], check, problems(found), next(iter(problems(skipped)), None), notes)
        for position, check, found, skipped, notes in header["answers"]
    )
    return Result(
        target=target,
        values=header["values"],
        home=checks.Home(*header["home"]),
        outputs=outputs,
        digests=tuple(header["digests"]),
        texts=(),
        answers=answers,
        problems=problems(header["problems"]),
        look_alikes=problems(header["look_alikes"]),
        layers=tuple(header["layers"]),
        sources=tuple(header["sources"]),
    )
