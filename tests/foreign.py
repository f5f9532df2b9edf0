"""Charts and schemas of others: what becomes of them in Weft, counted over folders of public ones that are not part of this repository.

    .venv/bin/python tests/foreign.py charts FOLDER…     every folder below that holds a Chart.yaml and a values.yaml
    .venv/bin/python tests/foreign.py schemas FOLDER…    every file below that is called like its folder: `x/x.json`

A chart is imported, validated, rendered, and rendered again with each of its `ci/*values.yaml` in an overlay. What Helm reads is asked of
Helm's own reader, a Go program that is built first (with `go`, and the Go module sigs.k8s.io/yaml). A schema is imported and asked for all
that is derived from it. Its instances, the files in the folders `valid` and `invalid` next to it, or else a few that are drawn from it, are
validated by Weft and by jsonschema; then single values of the valid ones are broken, and the problem has to be at the line.

A line is printed for each finding, then the counts. Review the findings: a chart may refuse its own values, or test settings that
it no longer has.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import functools
import json
import multiprocessing
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml
from jsonschema import Draft202012Validator, validators
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7, specification_with

sys.path.insert(0, str(Path(__file__).parent / "support"))
from published_schemas import places
from run import run
from weft.base.paths import parse_pointer
from weft.files import yaml11
from weft.project.project import load_project

SLOW = 10
"""Seconds of CPU that a command may take."""
ENDLESS = 120
"""Seconds of CPU after which an input is given up."""
READER = """package main

import ("bufio"; "encoding/json"; "fmt"; "os"; "sigs.k8s.io/yaml")

func main() {
	names := bufio.NewScanner(os.Stdin)
	for names.Scan() {
		data, err := os.ReadFile(names.Text())
		raw := []byte("null")
		if err == nil { raw, err = yaml.YAMLToJSON(data) }
		if err == nil { fmt.Println(string(raw)); continue }
		text, _ := json.Marshal(map[string]string{"\\x00": err.Error()})
		fmt.Println(string(text))
	}
}
"""


@dataclass
class Findings:
    """What was found in one input: lines that say what is wrong, and counts."""

    lines: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, text: str) -> None:
        """Note something wrong."""
        self.counts[kind] += 1
        self.lines.append(f"{kind}: {text}")


class Helm:
    """Values as Helm reads them."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="weft-foreign-"))
        (self._folder / "main.go").write_text(READER, "utf-8")
        (self._folder / "go.mod").write_text("module reader\ngo 1.21\n", "ascii")
        for command in (["go", "get", "sigs.k8s.io/yaml@v1.4.0"], ["go", "build", "-o", "reader", "."]):
            subprocess.run(command, cwd=self._folder, check=True, capture_output=True)

    def read(self, file: Path) -> Any:
        """What a file says, numbers as they are written in JSON. Raises ValueError where Helm cannot read it."""
        answer = subprocess.run(
            [self._folder / "reader"], input=f"{file}\n", capture_output=True, text=True, check=True
        )
        data = json.loads(answer.stdout, parse_int=_Number, parse_float=_Number)
        if isinstance(data, dict) and "\0" in data:
            raise ValueError(data["\0"])
        return data

    def remove(self) -> None:
        """Clear away what was built."""
        shutil.rmtree(self._folder)


class _Number(str):
    """A number by its text, so that no digit is lost."""

    __slots__ = ()


# --- a command, with its time ---


def ask(found: Findings, *args: object, expected: tuple[int, ...] = (0,)) -> Any:
    """Run a command; a crash, another exit code than expected and a long time are findings."""
    start = time.process_time()
    try:
        result = run(*args)
    except Exception as error:  # noqa: BLE001 - which is what is looked for
        where = traceback.extract_tb(error.__traceback__)[-1]
        found.add(
            "crash",
            f"{' '.join(map(str, args))}: {type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"[
                :300
            ],
        )
        return None
    took = time.process_time() - start
    if took > SLOW:
        found.add("slow", f"{' '.join(map(str, args))}: {took:.1f} s")
    if result.code not in expected:
        first = " / ".join((result.out + result.err).splitlines()[:6])
        found.add("exit", f"{' '.join(map(str, args))}: {result.code}: {first}"[:600])
        return None
    return result


# --- charts ---

OF_PRODUCTION = Path("overlays", "environments", "production.yaml")


def try_chart(chart: Path, folder: Path, helm: Helm) -> Findings:
    """Import a chart: no problem in the fresh project, and what is rendered is what Helm reads in the chart."""
    found = Findings(counts=Counter(charts=1))
    try:
        expected = helm.read(chart / "values.yaml") or {}
    except ValueError as error:
        found.counts["not read by Helm"] += 1
        expected = None
        reason = str(error)
    project = folder / "project"
    imported = ask(found, "init", project, "--chart", chart, expected=(0,) if expected is not None else (0, 1, 2))
    if expected is None:
        if imported and imported.code == 0:
            found.add("accepted", f"Helm says {reason}")
        return found
    if imported is None:
        return found
    found.counts["warnings of secrets"] += (imported.out + imported.err).count("warning[plaintext-secret]")
    strict = ask(found, "-C", project, "validate", "--strict")
    if strict and strict.out:
        found.add("noise", strict.out[:300])
    if ask(found, "-C", project, "render") is None:
        return found
    rendered = helm.read(project / "build" / "production" / "values.yaml")
    for path, theirs, ours in differences(expected, rendered):
        found.add("value", f"{path}: {theirs!r} became {ours!r}"[:300])
    _override(found, chart, project, helm, expected)
    if not (chart / "values.schema.json").is_file():
        for overlay in (*sections_of_others(chart), *shown_in_comments(chart / "values.yaml")):
            found.counts["sections and examples"] += 1
            (project / OF_PRODUCTION).write_text(json.dumps(overlay), "utf-8")
            if ask(found, "-C", project, "validate", "production") is None:
                found.lines[-1] += f" of {json.dumps(overlay)[:200]}"
    return found


def sections_of_others(chart: Path) -> Iterator[dict[str, Any]]:
    """Values for other charts, which Helm hands on: of each dependency, and `global`."""
    names = ["global"]
    for file in ("Chart.yaml", "requirements.yaml"):
        if (chart / file).is_file():
            listed = yaml.safe_load((chart / file).read_text("utf-8")) or {}
            names += [entry.get("alias") or entry["name"] for entry in listed.get("dependencies") or ()]
    yield from ({name: {"ofAnother": {"chart": 1}}} for name in dict.fromkeys(names))


def shown_in_comments(file: Path) -> Iterator[dict[str, Any]]:
    """What commented lines below an empty mapping or list show of it, put in its place."""
    text = file.read_text("utf-8")
    lines = text.splitlines()
    for path, line, value in _empty(yaml.compose(text, Loader=yaml.CSafeLoader), ()):
        shown = []
        for below in lines[line + 1 :]:
            if not (match := re.match(r"\s*#\s?(.*)\Z", below)):
                break
            shown.append(match[1])
        with contextlib.suppress(yaml.YAMLError, ValueError, TypeError):
            example = yaml.safe_load("\n".join(shown))
            json.dumps(example)
            prose = isinstance(example, dict) and any(" " in str(key) for key in example)
            if example and type(example) is type(value) and not prose and not _nulls(example):
                yield functools.reduce(lambda inner, key: {key: inner}, reversed(path), example)


def _empty(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int, Any]]:
    """The empty mappings and lists below mappings: their paths, lines, and themselves."""
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if isinstance(value, yaml.CollectionNode) and not value.value:
            yield (*path, key.value), value.end_mark.line, {} if isinstance(value, yaml.MappingNode) else []
        yield from _empty(value, (*path, key.value))


def _override(found: Findings, chart: Path, project: Path, helm: Helm, base: Any) -> None:
    """Values of the chart's own tests as an overlay: they are accepted, and Helm makes the same of both files."""
    overlay = project / OF_PRODUCTION
    for file in sorted(chart.glob("ci/*values.yaml")):
        overlay.write_bytes(file.read_bytes())
        found.counts["overrides"] += 1
        with contextlib.suppress(ValueError):
            given = helm.read(file) or {}
            if not given or _nulls(given) or ask(found, "-C", project, "render") is None:
                continue
            ours = coalesced(base, helm.read(project / "build" / "production" / "values.yaml"))
            for path, theirs, got in differences(coalesced(base, given), ours):
                found.add("override", f"{file.name}: {path}: {theirs!r} became {got!r}"[:300])


def _nulls(value: Any) -> bool:
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is None or any(map(_nulls, below))


def coalesced(chart: Any, given: Any) -> Any:
    """The result of Helm for a chart's values and an additional file; templates see no difference of null and nothing."""
    if not isinstance(chart, dict) or not isinstance(given, dict):
        return given
    result = {key: coalesced(chart.get(key, {}), value) for key, value in given.items()}
    return {
        key: value
        for key, value in (
            {key: coalesced(below, {}) if isinstance(below, dict) else below for key, below in chart.items()} | result
        ).items()
        if value is not None
    }


def differences(theirs: Any, ours: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two values differ."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in theirs.keys() | ours.keys():
            if key in theirs and key in ours:
                yield from differences(theirs[key], ours[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}", theirs.get(key, "(nothing)"), ours.get(key, "(nothing)")
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif type(theirs) is not type(ours) or theirs != ours:
        yield path, theirs, ours


# --- schemas ---

OFFERED = (("schema", "check"), ("schema", "overlay"), ("schema", "bundle", "-o", "bundle.json"), ("ide",))
"""What is asked of every schema."""
TYPES = ("schema", "types", "--language", "python", "-o", "types.py")
"""What is asked with --types; it takes most of the time."""
OVERLAY = ("overlays", "base.yaml")
BREAKS = 12
"""How many values are broken in the instances of a schema, one at a time."""
DRAWN = 4
"""How many instances are drawn from a schema that comes without any."""


def try_schema(file: Path, folder: Path, *, types: bool, seed: str) -> Findings:
    """A project of a schema: everything that is derived from it, its instances and what is broken in them."""
    found = Findings(counts=Counter(schemas=1))
    project = folder / "project"
    if not _import(found, file, project):
        return found
    for command in (*OFFERED, TYPES) if types else OFFERED:
        answer = ask(found, "-C", project, *command, expected=(0, 1) if command == ("schema", "check") else (0,))
        found.counts["schemas with mistakes"] += bool(answer and answer.code)
    judge = _judge(file)
    domain = _domain(project)
    rng = random.Random(f"{file.name} {seed}")
    accepted = []
    for name, instance in _instances(file, judge, rng):
        if _compare(found, project, domain, judge, name, instance):
            accepted.append(instance)
    if accepted:
        _problems(found, project, domain, accepted[0])
        for command in ("schema", "docs"), ("render",):
            ask(found, "-C", project, *command)
    if accepted and judge:
        for _ in range(BREAKS):
            _break(found, project, domain, judge, rng.choice(accepted), rng)
    return found


DELIBERATE = frozenset({"bad-default", "rule", "rule-undecided"})
"""Codes of what Weft refuses although jsonschema does not: it has rules, and says so where a default does not fit its schema."""


def _import(found: Findings, file: Path, project: Path) -> bool:
    """Make a project of a schema, if it can be had."""
    imported = ask(found, "init", project, "--schema", file, expected=(0, 1))
    if imported and not imported.code:
        return True
    said = imported.out + imported.err if imported else ""
    if imported and not any(f"error[{code}]" in said for code in NOT_TO_BE_HAD):
        found.add("import", said[:300])
    found.counts["not to be had"] += 1
    return False


def _compare(found: Findings, project: Path, domain: str, judge: Any, name: str, instance: Any) -> bool:
    """Compare the results of Weft and jsonschema for an instance. Returns whether both accept it."""
    found.counts["instances"] += 1
    theirs = _verdict(judge, instance)
    ours = _problems(found, project, domain, instance)
    if ours is None or theirs is None:
        return False
    if bool(ours) != theirs:
        return theirs
    if ours and all(_is_deliberate(problem, judge) for problem in ours):
        found.counts["refused on purpose"] += 1
    elif not _by_defaults(project, domain, judge, accepts=not ours):
        reason = next(iter(judge.iter_errors(instance)), None)
        said = ours[0]["message"] if ours else "accepts"
        found.add("verdict", f"{name}: {said}; jsonschema: {reason.message if reason else 'accepts'}"[:400])
    return False


NOT_TO_BE_HAD = ("schema-ref-network", "schema-ref-nowhere", "schema-invalid")
"""Codes of why a schema cannot be imported that are not about Weft: it is broken, or is not all here."""


def _is_deliberate(problem: Any, judge: Any) -> bool:
    """Whether Weft alone refuses something on purpose; jsonschema knows few formats without the libraries that it asks for them."""
    unknown = problem["code"] == "wrong-format" and not any(
        f"the format {name}," in problem["message"] for name in judge.FORMAT_CHECKER.checkers
    )
    return problem["code"] in DELIBERATE or unknown


def _judge(file: Path) -> Any:
    """The schema for jsonschema alone, or None where it cannot be had: it is of no draft, or names what is not there."""
    contents = json.loads(file.read_text("utf-8"))
    kind = validators.validator_for(contents, default=Draft202012Validator)
    try:
        kind.check_schema(contents)
    except Exception:  # noqa: BLE001 - SchemaError, or patterns that Python cannot read
        return None

    def retrieve(uri: str) -> Resource[Any]:
        beside = Path(uri.removeprefix(file.parent.as_uri() + "/"))
        return Resource.from_contents(json.loads((file.parent / beside).read_text("utf-8")), DRAFT7)

    resource = Resource.from_contents(
        contents, specification_with(kind.META_SCHEMA.get("$schema", kind.META_SCHEMA.get("id")))
    )
    registry: Registry[Any] = Registry(retrieve=retrieve).with_resource(file.as_uri(), resource)  # type: ignore[call-arg]
    return kind(
        {"$ref": file.as_uri()} if "$id" not in contents and "id" not in contents else contents,
        registry=registry,
        format_checker=kind.FORMAT_CHECKER,
    )


def _verdict(judge: Any, instance: Any) -> bool | None:
    """Whether jsonschema accepts a value; None where it cannot tell."""
    try:
        return bool(judge.is_valid(instance)) if judge else None
    except Exception:  # noqa: BLE001 - references, patterns and depths that it cannot follow
        return None


def _domain(project: Path) -> str:
    return str(next(iter(load_project(project).root.properties)))


def _instances(file: Path, judge: Any, rng: random.Random) -> Iterator[tuple[str, Any]]:
    """Instances next to a schema, or else drawn from it; only mappings, as a domain is one."""
    files = sorted(path for kind in ("valid", "invalid") for path in (file.parent / kind).glob("*"))
    for path in files:
        with contextlib.suppress(ValueError, yaml.YAMLError, RecursionError):
            value = _parsed(path)
            json.dumps(value, allow_nan=False)
            if isinstance(value, dict) and value:
                yield path.name, value
    if files or judge is None:
        return
    for _ in range(DRAWN):
        value = drawn(judge, json.loads(file.read_text("utf-8")), rng)
        if isinstance(value, dict) and value:
            yield "drawn", value


def _parsed(path: Path) -> Any:
    text = path.read_text("utf-8")
    if path.suffix == ".toml":
        return tomllib.loads(text)
    return json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=yaml11.Loader)


def drawn(judge: Any, schema: Any, rng: random.Random) -> Any:
    """A value that a schema accepts, made by its plainest reading; None where that does not lead to one."""
    value = _sample(schema, schema, rng, 0)
    return value if _verdict(judge, value) else None


def _sample(schema: Any, root: Any, rng: random.Random, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > 12:
        return "text" if schema is not False else None
    while isinstance(schema.get("$ref"), str) and schema["$ref"].startswith("#/") and depth < 40:
        below = root
        for step in parse_pointer(unquote(schema["$ref"][1:])):
            below = below.get(step, {}) if isinstance(below, dict) else below[int(step)]
        schema, depth = below if isinstance(below, dict) else {}, depth + 1
    for keyword in ("allOf", "anyOf", "oneOf"):
        options = [option for option in schema.get(keyword, ()) if isinstance(option, dict)]
        if options:
            rest = {name: below for name, below in schema.items() if name != keyword}
            for option in options if keyword == "allOf" else [rng.choice(options)]:
                rest = _joined(rest, option)
            return _sample(rest, root, rng, depth + 1)
    if "const" in schema or schema.get("enum"):
        return schema["const"] if "const" in schema else rng.choice(schema["enum"])
    if schema.get("examples") and rng.random() < 0.5:
        return copy.deepcopy(schema["examples"][0])
    kinds = schema.get("type") or ("object" if schema.keys() & {"properties", "additionalProperties"} else "string")
    return _of_kind(rng.choice(kinds) if isinstance(kinds, list) else kinds, schema, root, rng, depth)


def _joined(schema: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    result = {**schema, **other}
    if "properties" in schema and "properties" in other:
        result["properties"] = schema["properties"] | other["properties"]
    if "required" in schema and "required" in other:
        result["required"] = [*schema["required"], *other["required"]]
    return result


def _of_kind(kind: str, schema: dict[str, Any], root: Any, rng: random.Random, depth: int) -> Any:
    if kind == "object":
        known = schema.get("properties", {})
        required = [name for name in schema.get("required", ()) if isinstance(name, str)]
        wanted = [
            name for name in known if name not in required and rng.random() < (0.7, 0.4, 0.15, 0.0)[min(depth, 3)]
        ]
        return {name: _sample(known.get(name, {}), root, rng, depth + 1) for name in [*required, *wanted]}
    if kind == "array":
        items = schema.get("items", {})
        count = max(schema.get("minItems", 0), 1 if depth < 4 else 0)
        return [_sample(items if isinstance(items, dict) else {}, root, rng, depth + 1) for _ in range(count)]
    if kind in ("integer", "number"):
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        return (low if isinstance(low, int) and not isinstance(low, bool) else 0) + 1
    if kind == "string":
        return {"date-time": "2024-01-01T00:00:00Z", "uri": "https://example.com/a"}.get(
            schema.get("format", ""), "text" * (1 + schema.get("minLength", 0) // 4)
        )
    return {"boolean": True, "null": None}.get(kind, "text")


def _by_defaults(project: Path, domain: str, judge: Any, *, accepts: bool) -> bool:
    """Whether the defaults that Weft fills in explain its answer."""
    config = load_project(project).targets("production")[0].config
    return _verdict(judge, json.loads(json.dumps(config[domain]))) is accepts


# --- broken values ---


def _problems(found: Findings, project: Path, domain: str, instance: Any) -> list[Any] | None:
    text = "".join(written({domain: instance}))
    project.joinpath(*OVERLAY).write_text(text, "utf-8")
    result = ask(found, "-C", project, "validate", "--format", "json", expected=(0, 1))
    if result is None:
        return None
    problems: list[Any] = json.loads(result.out)["problems"]
    return [problem for problem in problems if problem["severity"] == "error"]


def written(value: Any, indent: str = "", *, item: bool = False) -> Iterator[str]:
    """YAML in block style, a line for each value, as an overlay that says it."""
    if isinstance(value, dict) and value and not (len(value) == 1 and "$value" in value):
        for number, (key, below) in enumerate(value.items()):
            yield f"{'' if item and not number else indent}{json.dumps(key, ensure_ascii=False)}:"
            yield from _below(below, indent + "  ")
    elif isinstance(value, list) and value:
        for number, below in enumerate(value):
            yield f"{'' if item and not number else indent}-"
            if isinstance(below, dict | list) and below:
                yield " "
                yield from written(below, indent + "  ", item=True)
            else:
                yield from _below(below, indent)
    else:
        yield from _below(value, indent)


def _below(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict | list) and value:
        yield "\n"
        yield from written(value, indent)
    else:
        yield " {$value: null}\n" if value is None else f" {json.dumps(value, ensure_ascii=False)}\n"


def _break(found: Findings, project: Path, domain: str, judge: Any, instance: Any, rng: random.Random) -> None:
    """Break one value, and look where the problem is placed."""
    broken, path, kind = broken_value(instance, rng)
    if _verdict(judge, broken) is not False:
        return
    problems = _problems(found, project, domain, broken)
    if problems is None:
        return
    found.counts["breaks"] += 1
    if not problems:
        if not _by_defaults(project, domain, judge, accepts=True):
            found.add("accepted", f"{kind} at {path}: {next(judge.iter_errors(broken)).message}"[:300])
        else:
            found.counts["mended by defaults"] += 1
        return
    right = _lines(project.joinpath(*OVERLAY).read_text("utf-8"), (domain, *path))
    lines = {problem["line"] for problem in problems}
    if not right & lines:
        said = "; ".join(f"{problem['line']}: {problem['message']}" for problem in problems[:3])
        found.add("elsewhere", f"{kind} at {path}, line {min(right)}: {said}"[:500])
    else:
        found.counts["located"] += 1
        found.counts["located, and nothing else said"] += lines <= right


def broken_value(instance: Any, rng: random.Random) -> tuple[Any, tuple[Any, ...], str]:
    """A copy with one value broken, the path of the line where that is seen, and what was done."""
    broken = copy.deepcopy(instance)
    paths = [path for path in places(instance) if path]
    path = rng.choice(paths)
    holder = functools.reduce(lambda below, step: below[step], path[:-1], broken)
    old = holder[path[-1]]
    kind = rng.choice(["type", "type", "text", "range", "misspelled", "missing"])
    if kind == "missing" and isinstance(holder, dict):
        del holder[path[-1]]
        return broken, path[:-1], kind
    if kind == "misspelled" and isinstance(holder, dict):
        name = path[-1] + "x"
        renamed = {name if key == path[-1] else key: value for key, value in holder.items()}
        holder.clear()
        holder.update(renamed)
        return broken, (*path[:-1], name), kind
    if kind == "text" and isinstance(old, str):
        new: Any = old + "~x"
    elif kind == "range" and isinstance(old, int | float) and not isinstance(old, bool):
        new = rng.choice([-(10**9), 10**9])
    else:
        kind = "type"
        new = 7.5 if isinstance(old, str | dict | list | bool) else "seven"
    holder[path[-1]] = new
    return broken, path, kind


def _lines(text: str, path: tuple[Any, ...]) -> set[int]:
    """The lines, from 1, of the key and of the start of the value at a path, as PyYAML sees it."""
    node = yaml.compose(text, Loader=yaml.CSafeLoader)
    lines = {1}
    for step in path:
        if isinstance(node, yaml.MappingNode):
            key, node = next(pair for pair in node.value if pair[0].value == step)
            lines = {key.start_mark.line + 1, node.start_mark.line + 1}
        else:
            node = node.value[step]
            lines = {node.start_mark.line + 1}
    return lines


# --- all of them ---


def each(inputs: list[Path], attempt: Callable[[Path, Path], Findings]) -> Counter[str]:
    """Try every input in a process of its own, print what was found, and count."""
    total: Counter[str] = Counter()
    for one in inputs:
        for line in (found := _apart(one, attempt)).lines:
            print(f"{one}: {line}", flush=True)
        total += found.counts
    return total


def _apart(one: Path, attempt: Callable[[Path, Path], Findings]) -> Findings:
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)

    def call() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (ENDLESS, ENDLESS))
        with tempfile.TemporaryDirectory() as folder:
            there.send(attempt(one, Path(folder).resolve()))

    child = context.Process(target=call)
    child.start()
    there.close()
    try:
        found: Findings = here.recv()
    except EOFError:
        found = Findings()
        found.add("lost", "ended without an answer")
    child.join()
    return found


def main() -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["charts", "schemas"])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--types", action="store_true", help="also make Python types of schemas, which takes long")
    parser.add_argument("--seed", default="", help="any text: which values are broken, and how")
    options = parser.parse_args()
    if options.kind == "charts":
        helm = Helm()
        charts = [file.parent for folder in options.folders for file in sorted(folder.rglob("values.yaml"))]
        charts = [chart for chart in charts if (chart / "Chart.yaml").is_file()]
        try:
            total = each(charts, lambda chart, folder: try_chart(chart, folder, helm))
        finally:
            helm.remove()
    else:
        files = [
            file
            for folder in options.folders
            for file in sorted(folder.rglob("*.json"))
            if file.stem == file.parent.name
        ]
        total = each(files, functools.partial(try_schema, types=options.types, seed=options.seed))
    print(", ".join(f"{name} {count}" for name, count in sorted(total.items())))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
