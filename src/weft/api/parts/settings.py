"""New domains, settings and rules: entries of the schemas, and the overlays that must then set a value."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote

from weft.api.parts.layers import set_for_all
from weft.api.parts.names import check_spelling
from weft.api.parts.plan import Plan, file_and_steps
from weft.base.paths import Path as SettingPath
from weft.base.paths import dotted, get, parse_dotted
from weft.base.problems import Problem, UsageError, WeftError, choices, did_you_mean
from weft.files.datafile import is_json, parse_named
from weft.files.formats import plain_scalar, to_yaml
from weft.files.jsonc import END, pretty
from weft.project.project import Project
from weft.project.settings import setting_path
from weft.rules import Expression, Request, compiled
from weft.rules.validations import KEYWORD
from weft.schema import envvars
from weft.schema.documents import DIALECT
from weft.schema.node import Node
from weft.secrets.references import is_reference

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
_GROUP: Final[dict[str, Any]] = {"type": "object", "additionalProperties": False, "properties": {}}


@dataclass(frozen=True)
class Setting:
    """The properties of a new setting; one of the type `object` is a group of settings.

    `default`, `value` and `allowed` are texts, as on a command line; `value` is written to the lowest layer.
    """

    type: str = "string"
    default: str | None = None
    value: str | None = None
    env: str | None = None
    description: str | None = None
    unit: str | None = None
    allowed: tuple[str, ...] = ()
    sensitive: bool = False
    required: bool = False


def new_setting(project: Project, text: str, about: Setting) -> Plan:
    """The plan of a setting at a dotted path, whose group exists.

    Raises UsageError for an unknown group, a name that is invalid or in use, and texts that are not values of the type.
    """
    parent, name = _split(project, text)
    node = project.root.at(parent)
    if about.sensitive and about.default is not None:
        hint = "set a reference to it with `--value`, such as ref+env://NAME"
        raise UsageError(
            Problem("bad-override", "a secret cannot have a default, because everyone can read schemas", hint=hint)
        )
    property_, where = _property(name, about), _holder(node)
    plan = Plan(project)
    file, steps = file_and_steps(project.catalog.documents.location(where))
    plan.add(file, (*steps, "properties", name), _described(project, property_, about))
    if about.required:
        plan.add(file, (*steps, "required", END), name)
    value = _value(project, property_, about, (*parent, name))
    if value is not None:
        set_for_all(project, plan, (*parent, name), value)
    same = [dotted(path) for variable, path, _ in envvars.declared(project.root) if variable == about.env]
    if same:
        plan.notes.append(f"{about.env} is also the variable of {choices(same)}")
    elsewhere = _shared_by(project, where)
    if elsewhere > 1:
        plan.notes.append(f"{elsewhere} places refer to this schema, and each of them has the new setting")
    return plan


def new_domain(project: Project, name: str, description: str | None = None) -> Plan:
    """The plan of a domain without settings: its own schema file if the other domains have one, and the property that refers to it.

    Raises UsageError for a name that is invalid or in use.
    """
    root = project.root
    _check_name(root, (), name)
    where = _holder(root)
    file, steps = file_and_steps(project.catalog.documents.location(where))
    plan = Plan(project)
    contents = _titled(name, description) | _GROUP
    written = get(parse_named(plan.text(file).encode(), file), steps)  # in `where`, references are absolute
    file_of = _usual_file(written)
    if file_of is None:
        plan.add(file, (*steps, "properties", name), contents)
    else:
        ref = file_of.format(name)
        path = (PurePosixPath(file).parent / ref).as_posix()
        dialect = project.catalog.documents.dialect(where)
        contents = {"$schema": dialect or DIALECT, **contents}
        plan.create(path, f"{pretty(contents) if is_json(path) else to_yaml(contents, plain_scalar)}\n")
        plan.add(file, (*steps, "properties", name), {"$ref": quote(ref)})
    plan.notes.append(f"the domain has no settings yet: add one with `weft new setting {name}.NAME`")
    return plan


def new_rule(project: Project, rule: str, message: str, at: str = "", field: str | None = None) -> Plan:
    """The plan of a rule in the schema of a group of settings, of the whole configuration without `at`.

    Raises UsageError for an unknown place, WeftError for an expression that does not compile there.
    """
    path = _known(project, at) if at else ()
    where = _holder(project.root.at(path))
    location = project.catalog.documents.location(where)
    result = compiled([Request(rule, project.catalog.node([where], [where]))], project.schemas.rule_check.shapes)[0]
    if not isinstance(result, Expression):
        raise WeftError(*(mistake.problem("rule", None) for mistake in result))
    file, steps = file_and_steps(location)
    known = [entry.get("rule") for entry in where.get(KEYWORD, ())]
    if rule in known:
        raise UsageError(Problem("name-taken", f"{dotted(path) or 'the whole configuration'} already has this rule"))
    plan = Plan(project)
    entry = {"rule": rule, "message": message} | ({"fieldPath": field} if field else {})
    plan.add(file, (*steps, KEYWORD, END), entry)
    return plan


def _split(project: Project, text: str) -> tuple[SettingPath, str]:
    """The group and the name of a new setting."""
    try:
        *above, last = parse_dotted(text)
    except ValueError as error:
        raise UsageError(Problem("bad-path", str(error))) from None
    if not above:
        hint = f"a setting belongs to a domain: `weft new setting DOMAIN.{last}`; the domains are {choices(project.root.properties)}"
        raise UsageError(Problem("bad-path", f"`{text}` is the path of a domain", hint=hint))
    parent = _known(project, dotted(above))
    _check_name(project.root.at(parent), parent, str(last))
    return parent, str(last)


def _known(project: Project, text: str) -> SettingPath:
    """The path of a group that some schema describes. Raises UsageError."""
    try:
        steps = parse_dotted(text)
    except ValueError as error:
        raise UsageError(Problem("bad-path", str(error))) from None
    try:
        path = setting_path(project.root, steps)
    except UsageError as error:
        add = _how_to_add(steps[: _known_steps(project.root, steps) + 1])
        raise UsageError(*(replace(problem, hint=problem.hint or add) for problem in error.problems)) from None
    for size in range(1, len(path) + 1):
        around, node = project.root.at(path[: size - 1]), project.root.at(path[:size])
        if not node.certain:
            hint = did_you_mean(str(path[size - 1]), around.properties)
            message = f"no schema describes `{dotted(path[:size])}`"
            raise UsageError(Problem("unknown-key", message, hint=hint or _how_to_add(path[:size])))
    return path


def _known_steps(root: Node, steps: SettingPath) -> int:
    """The number of leading steps that lead to a setting."""
    for size in range(len(steps), 0, -1):
        with contextlib.suppress(UsageError):
            setting_path(root, steps[:size])
            return size
    return 0


def _how_to_add(path: SettingPath) -> str:
    """A hint for a group that does not exist."""
    command = f"setting {dotted(path)} --type object" if len(path) > 1 else f"domain {dotted(path)}"
    return f"create it with `weft new {command}`"


def _check_name(node: Node, parent: SettingPath, name: str) -> None:
    use = f"the name of a {'setting' if parent else 'domain'}"
    check_spelling(name, _NAME, use, "letters, digits, `_` and `-`; start with a letter or `_`")
    taken = next((known for known in node.properties if known.lower() == name.lower()), None)
    if taken is not None:
        message = f"{dotted((*parent, taken))} already exists"
        raise UsageError(Problem("name-taken", message, hint="choose another name"))
    if node.types and "object" not in node.types:
        message = f"{dotted(parent)} is not a group of settings: it is of the type {', '.join(sorted(node.types))}"
        raise UsageError(Problem("bad-path", message, hint="choose another group"))


def _holder(node: Node) -> dict[str, Any]:
    """The schema of a place to which something can be added: the one that lists its settings, or the first that is not empty."""
    schemas = [schema for schema in node.certain if schema.keys() - {"$ref", "$schema"}]
    return next((schema for schema in schemas if "properties" in schema), (*schemas, *node.certain)[0])


def _titled(name: str, description: str | None) -> dict[str, Any]:
    title = name.replace("_", " ").replace("-", " ").strip()
    return {"title": title[:1].upper() + title[1:]} | ({"description": description} if description else {})


def _property(name: str, about: Setting) -> dict[str, Any]:
    """The schema of a new setting without its values."""
    schema = _titled(name, about.description)
    schema |= dict(_GROUP) if about.type == "object" else {"type": about.type}
    return schema


def _described(project: Project, schema: dict[str, Any], about: Setting) -> dict[str, Any]:
    """The complete schema of a new setting."""
    if about.allowed:
        schema |= {"enum": [_read(project, schema, text, "--allow") for text in about.allowed]}
    if about.default is not None:
        schema |= {"default": _read(project, schema, about.default, "--default")}
    marks = {"x-unit": about.unit, "x-sensitive": about.sensitive or None, "x-env": about.env}
    return schema | {keyword: value for keyword, value in marks.items() if value is not None}


def _value(project: Project, schema: dict[str, Any], about: Setting, path: SettingPath) -> Any:
    """The value of the new setting in the lowest layer; None if it needs none."""
    if about.value is not None and about.sensitive:
        if not is_reference(about.value):
            hint = "write `ref+env://NAME`, or another `ref+…://` reference"
            message = "--value: overlays contain a reference to a secret, never the secret itself"
            raise UsageError(Problem("bad-override", message, hint=hint))
        return about.value
    if about.value is not None:
        return _read(project, schema, about.value, "--value")
    if not about.required or about.default is not None:
        return None
    if about.sensitive:
        name = about.env or "_".join(map(str, path))
        return f"ref+env://{re.sub(r'[^A-Za-z0-9]', '_', name).upper()}"
    if about.type == "object":
        return {}
    hint = "set it with `--value`, which is written to the lowest layer, or with `--default`"
    raise UsageError(Problem("bad-override", "a required setting needs a value for the existing targets", hint=hint))


def _read(project: Project, schema: dict[str, Any], text: str, option: str) -> Any:
    """The value of a text on the command line. Raises UsageError."""
    try:
        value = envvars.from_text(project.catalog.node([schema], [schema]), text)
    except ValueError as error:
        raise UsageError(Problem("bad-override", f"{option} {text}: {error}")) from None
    if "enum" in schema and value not in schema["enum"]:
        message = f"{option} {text}: this is not one of the allowed values"
        raise UsageError(Problem("bad-override", message, hint=f"choose from {choices(map(str, schema['enum']))}"))
    return value


def _usual_file(schema: dict[str, Any]) -> str | None:
    """The files of domains, with `{}` for the name, such as `{}.schema.json`; None if most domains do not have a file with their name."""
    files: Counter[str | None] = Counter()
    for name, below in schema.get("properties", {}).items():
        ref = below.get("$ref", "") if isinstance(below, dict) else ""
        own = name in ref and not re.search(r"[#:{}]|\A/", ref)
        files[ref.replace(name, "{}") if own else None] += 1
    return files.most_common(1)[0][0] if files else "{}.schema.json"


def _shared_by(project: Project, schema: dict[str, Any]) -> int:
    """The number of references to a schema."""
    documents = project.catalog.documents
    every: Iterator[dict[str, Any]] = (one for one in project.catalog.schemas() if "$ref" in one)
    return sum(documents.schema(one["$ref"]) is schema for one in every)
