"""The check `promtool`: the program of that name reads a configuration, its rules or the tests of its rules.

A file with `groups` is read by `promtool check rules`, one with `tests` by `promtool test rules`, any other by `promtool check config`,
which also reads the rule files that it names. Files at absolute paths belong to the machine that will run it: in the copy that promtool
reads, each of them is replaced by an existing file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, Final

import yaml

from weft.base.problems import Place, Problem
from weft.checks import programs
from weft.files import yaml11
from weft.files.lines import lines_of

if TYPE_CHECKING:
    from weft.checks import Finished

PROGRAM: Final = "promtool"
INSTALL: Final = "the Debian package prometheus"

_LINE: Final = re.compile(r"(?:^|\s)line (\d+): *(.*)|^(?:error )?(\d+):(\d+): *(.*)")
_ABSOLUTE: Final = re.compile(r"(?m)^([ \t-]*\w+_file:[ \t]*)[\"']?/[^\s\"'#]*[\"']?")
_FAILED_TEST: Final = re.compile(
    r"(?:name: (?P<name>[^\n]*),\s*)?alertname: (?P<alert>[^,\n]+), time: (?P<time>\w+),\s*exp:(?P<wanted>.*?),?\s*\n\s*got:(?P<got>.*?)"
    r"(?=\n\s*(?:name|alertname): |\Z)",
    re.DOTALL,
)
_SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}


def check(output: Finished) -> Iterator[Problem]:
    """The problems that promtool reports for a configuration, rules, or tests of rules."""
    data = _data(output.text)
    kind = ("check", "rules") if "groups" in data else ("test", "rules") if "tests" in data else ("check", "config")
    with NamedTemporaryFile("w", encoding="utf-8", dir=output.file.parent, prefix=".promtool-", suffix=".yml") as copy:
        copy.write(_ABSOLUTE.sub(lambda match: match[1] + copy.name, output.text))
        copy.flush()
        answer = programs.ask([PROGRAM, *kind, copy.name], output.file.parent)
        if answer.code:
            said = _without_paths(answer.text, Path(copy.name), output)
            yield from (_failed_tests(said, data, output.text) if "tests" in data else ()) or _complaints(said, output)


def _data(text: str) -> dict[str, Any]:
    """The file as data, empty if it is not a mapping; promtool reports what is wrong with it."""
    try:
        data = yaml.load(text, yaml11.Loader)  # noqa: S506 - a subclass of the safe loader
    except (yaml.YAMLError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _without_paths(text: str, copy: Path, output: Finished) -> str:
    """The output, with the names of files as the reader knows them."""
    text = text.replace(str(copy), output.file.name).replace(copy.name, output.file.name)
    return text.replace(f"{output.file.parent}/", "")


def _complaints(said: str, output: Finished) -> Iterator[Problem]:
    """A problem for each line after `FAILED:`, where promtool prints its errors."""
    blamed = said.partition("FAILED:")[2] or said
    lines = [line.strip() for line in blamed.splitlines() if line.strip(" :")]
    for line in [line for line in lines if not line.endswith("unmarshal errors:")] or [said]:
        words = re.sub(rf"^(?:parsing YAML file )?{re.escape(output.file.name)}:\s*", "", line)
        place, words = _placed(words, output.text)
        yield Problem("promtool", programs.words(words) or "it failed without a message", place=place)


def _placed(words: str, text: str) -> tuple[Place, str]:
    """The place of an error, and its text without the place."""
    numbered = _LINE.search(words)
    if numbered is None:
        return Place("", line_that_holds(words, text)), words
    place = Place("", int(numbered[1] or numbered[3]), int(numbered[4]) if numbered[4] else None)
    return place, numbered[2] or numbered[5]


def line_that_holds(words: str, text: str) -> int | None:
    """The first line of the file with a text that the error quotes, starting with the last quoted text."""
    for quoted in reversed(re.findall(r'"([^"]+)"', words)):
        for number, line in enumerate(lines_of(text), 1):
            if quoted in line:
                return number
    return None


def _failed_tests(said: str, data: dict[str, Any], text: str) -> list[Problem]:
    """A problem for each test that failed, at its line in the file."""
    problems = []
    for found in _FAILED_TEST.finditer(said):
        place = Place("", *(_place_of(found, data, text) or ()))
        wanted, got = (programs.words(found[key]) for key in ("wanted", "got"))
        message = f"the test of {found['alert']} at {found['time']} fails: expected {wanted}, got {got}"
        problems.append(Problem("promtool", programs.words(message, 600), place=place))
    return problems


def _place_of(found: re.Match[str], data: dict[str, Any], text: str) -> tuple[int, int] | None:
    """Line and column of the test in promtool's message."""
    for number, test in enumerate(data["tests"]):
        if found["name"] and test.get("name") != found["name"]:
            continue
        for place, case in enumerate(test.get("alert_rule_test") or ()):
            same = case.get("alertname") == found["alert"] and _seconds(case.get("eval_time")) == _seconds(
                found["time"]
            )
            if same:
                return yaml11.Documents(text).find(0, ("tests", number, "alert_rule_test", place))
    return None


def _seconds(duration: Any) -> float:
    return sum(int(count) * _SECONDS[unit] for count, unit in re.findall(r"(\d+)(ms|[smhdwy])", str(duration)))
