"""A new value of a dimension: an environment, a tenant, a region, or any other dimension of a project.

It is added to weft.yaml if that lists the values, to every list of all values in the schemas, and to mappings in expressions with a key
for each value. Its overlays are copies of those of a similar value.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from weft.api.parts import literals
from weft.api.parts.copies import Copies, described, lists_all, values_of
from weft.api.parts.layers import create_empty
from weft.api.parts.names import check_spelling
from weft.api.parts.plan import Plan, file_and_steps
from weft.base.overlay import PLACEHOLDER
from weft.base.paths import Path as SettingPath
from weft.base.problems import Place, Problem, UsageError, choices, did_you_mean
from weft.base.wording import shortened
from weft.files.jsonc import END
from weft.project.dimensions import VALUE
from weft.project.entries import Dimension
from weft.project.project import Project
from weft.project.projectfile import NAME
from weft.rules.validations import KEYWORD
from weft.schema.walk import subschemas
from weft.stages.load import SUFFIXES

_PLACES_SHOWN: Final = 6


def new_value(project: Project, dimension_name: str, name: str, like: str | None = None) -> Plan:
    """The plan of a new value of a dimension, based on `like`, or on one with a similar name, else the last; for files, the smallest.

    Raises UsageError for an unknown dimension or value, or a name that is invalid or in use.
    """
    dimension = _dimension(project, dimension_name)
    values = _values(project, dimension)
    _check_name(dimension, values, name)
    chosen = _chosen(project, dimension, values, name, like)
    plan = Plan(project)
    if dimension.values:
        plan.add(NAME, ("dimensions", dimension.name, "values", END), name)
    _add_to_lists(project, dimension, plan, name, chosen)
    if chosen is not None:
        copies = Copies(project, dimension, chosen, name)
        _add_copies(plan, copies, chosen, name, like is None)
        _add_to_expressions(project, plan, copies, chosen, name)
    else:
        copies = None
    _add_least_file(project, dimension, plan, copies, name)
    return plan


def _dimension(project: Project, name: str) -> Dimension:
    known = {dimension.name: dimension for dimension in project.file.dimensions}
    if name not in known:
        there = f"choose from {choices(known)}" if known else "this project has no dimensions"
        hint = did_you_mean(name, known) or there
        raise UsageError(Problem("unknown-key", f"there is no dimension `{name}` in {NAME}", hint=hint))
    return known[name]


def _values(project: Project, dimension: Dimension) -> list[str]:
    """The existing values; for a dimension with a setting, those that its schema lists or that have overlays."""
    if dimension.setting is None:
        return list(project.dimensions.values[dimension.name])
    listed = project.root.at(dimension.setting).keyword("enum") or ()
    return list(dict.fromkeys([*(str(value) for value in listed), *_with_files(project, dimension)]))


def _with_files(project: Project, dimension: Dimension) -> Iterator[str]:
    """The values of a dimension that have files of a layer."""
    for layer in project.file.layers:
        before, _, after = layer.partition(f"{{{dimension.name}}}")
        folder = project.folder / before.rpartition("/")[0]
        if not PLACEHOLDER.search(before) and not after and before != layer and folder.is_dir():
            yield from filter(None, map(_named_by, sorted(folder.iterdir())))


def _named_by(path: Path) -> str | None:
    """The value whose settings are in a file or a folder, by its name; None if no layer of a value can have that name."""
    stem = path.stem if path.is_file() else path.name
    return stem if VALUE.match(stem) and (path.is_dir() or path.suffix in SUFFIXES) else None


def _check_name(dimension: Dimension, values: list[str], name: str) -> None:
    use = f"a value of the dimension `{dimension.name}`"
    check_spelling(name, VALUE, use, "letters, digits, `.`, `_` and `-`; start with a letter or a digit")
    for taken in (*values, *(dimension.aliases or {})):
        if taken.lower() == name.lower():  # some file systems do not distinguish them
            kind = "an alias" if taken in (dimension.aliases or {}) else "a value"
            message = f"`{taken}` is already {kind} of the dimension `{dimension.name}`"
            raise UsageError(Problem("name-taken", message, hint="choose another name"))


def _chosen(project: Project, dimension: Dimension, values: list[str], name: str, like: str | None) -> str | None:
    """The value to copy; None if there is no other."""
    if like is not None:
        meant = (dimension.aliases or {}).get(like, like)
        if meant not in values:
            hint = did_you_mean(like, values) or (
                f"choose from {choices(values)}" if values else "there are no values yet"
            )
            raise UsageError(Problem("unknown-value", f"there is no {dimension.name} `{like}`", hint=hint))
        return meant
    alike = difflib.get_close_matches(name, values, n=1, cutoff=0.6)
    if alike or dimension.files is None:
        return next(iter(alike or reversed(values)), None)
    return min(values, key=lambda value: _size(project, dimension, value), default=None)


def _size(project: Project, dimension: Dimension, value: str) -> int:
    """The size of the file of a value: the smallest has the least that is specific to it."""
    return sum(path.stat().st_size for found, path in project.dimensions.files(dimension) if found == value)


def _add_to_lists(project: Project, dimension: Dimension, plan: Plan, name: str, like: str | None) -> None:
    """Add the name to every `enum` of all values, and to alternatives with a `const` for each."""
    own, values = _own_lists(project, dimension), values_of(project, dimension)
    done = set()
    for schema in _schemas(project):
        for keyword, listed, new in _lists(schema, name, like):
            mine = any(schema is one for one in own) or lists_all(values, listed)
            location = project.catalog.documents.location(schema, keyword)
            if mine and name not in listed and location not in done:
                done.add(location)
                file, steps = file_and_steps(location)
                plan.add(file, (*steps, END), new)


def _schemas(project: Project) -> Iterator[dict[str, Any]]:
    """Every schema, including those that are only reachable by reference."""
    seen: set[int] = set()
    stack: list[Any] = [*project.catalog.schemas()]
    while stack:
        schema = stack.pop()
        if isinstance(schema, dict) and id(schema) not in seen:
            seen.add(id(schema))
            yield schema
            stack += [below for _, below in subschemas(schema)]
            stack += [project.catalog.documents.schema(schema["$ref"])] if "$ref" in schema else []


def _own_lists(project: Project, dimension: Dimension) -> tuple[dict[str, Any], ...]:
    """The schemas of the setting that gives a dimension its value."""
    node = project.root.at(dimension.setting) if dimension.setting else None
    return (*node.certain, *node.possible) if node else ()


def _lists(schema: dict[str, Any], name: str, like: str | None) -> Iterator[tuple[str, list[Any], Any]]:
    """The lists of texts that a schema allows: their keyword, the texts, and the addition for a new one."""
    if isinstance(schema.get("enum"), list):
        yield "enum", schema["enum"], name
    for keyword in ("oneOf", "anyOf"):
        parts = schema.get(keyword)
        if isinstance(parts, list) and parts and all(map(_is_of_one_value, parts)):
            model: dict[str, Any] = next((part for part in parts if part["const"] == like), {})
            new = {"const": name} | ({"title": name} if "title" in model else {})
            yield keyword, [part["const"] for part in parts], new


def _is_of_one_value(schema: Any) -> bool:
    return isinstance(schema, dict) and "const" in schema


def _add_copies(plan: Plan, copies: Copies, like: str, name: str, guessed: bool) -> None:
    kept: dict[SettingPath, None] = {}
    origin = ""
    for copy in copies.files():
        origin = f"a copy of {copy.source}"
        plan.create(copy.path, copy.text, origin)
        kept |= dict.fromkeys(copy.kept)
    if origin and guessed:
        plan.notes.append(f"`{name}` is based on `{like}`; use `--like` to choose another value")
    if origin:
        plan.notes.append(
            f"the copies contain the values of `{like}`: review them, and change what is different for `{name}`"
        )
    if kept:
        plan.notes.append(f"the schema only accepts the old name, which stays in {described(kept)}")


def _add_to_expressions(project: Project, plan: Plan, copies: Copies, like: str, name: str) -> None:
    """Add a key for the new value to each mapping of an expression that has one for the other value."""
    others = []
    for file, steps, source in _expressions(project):
        for offset, text in literals.insertions(source, like, name, copies.renamed):
            plan.insert(file, steps, offset, text)
        if literals.names(source, like) and not literals.names(source, name):
            others.append((file, steps))
    if others:
        places = dict.fromkeys(str(Place(file, *(plan.position(file, steps) or ()))) for file, steps in others)
        where = shortened(places, _PLACES_SHOWN)
        plan.notes.append(f"these expressions mention `{like}`, and may need to mention `{name}` too: {where}")


def _expressions(project: Project) -> Iterator[tuple[str, SettingPath, str]]:
    """The rules of the schemas, their messages, and the conditions of outputs: file, path and text."""
    seen = set()
    for schema in project.catalog.schemas_with(KEYWORD):
        for index, entry in enumerate(schema[KEYWORD]):
            for keyword in ("rule", "messageExpression"):
                location = project.catalog.documents.location(schema, KEYWORD, index, keyword)
                if keyword in entry and location not in seen:
                    seen.add(location)
                    yield (*file_and_steps(location), entry[keyword])
    for output in project.file.outputs:
        if output.when:
            yield NAME, ("outputs", output.index, "when"), output.when


def _add_least_file(project: Project, dimension: Dimension, plan: Plan, copies: Copies | None, name: str) -> None:
    """Create the file that defines the value, or that will contain its settings."""
    created = {change.path for change in plan.changes if change.before is None}
    if dimension.files is None:
        path = _own_layer(project, dimension, name)
        if path and not created:
            create_empty(project, plan, path, name)
        return
    path = dimension.files.replace("*", name)
    if path.endswith("/"):
        if not any(one.startswith(path) for one in created):
            plan.create(f"{path}.gitkeep", "")
    elif path not in created:
        copy = copies.of_definition(path) if copies else None
        if copy:
            plan.create(path, copy.text, f"a copy of {copy.source}")
        else:
            create_empty(project, plan, path, name)


def _own_layer(project: Project, dimension: Dimension, name: str) -> str | None:
    """The path of a file of the first layer that only depends on this dimension."""
    layer = next((layer for layer in project.file.layers if PLACEHOLDER.findall(layer) == [dimension.name]), None)
    path = layer.replace(f"{{{dimension.name}}}", name) if layer else None
    return path if not path or path.endswith(SUFFIXES) else f"{path}.yaml"
