"""What a program accepts as its configuration: the bundle's own schema and rules decide, before anything is swapped."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any, Final, NoReturn

from weft.base.paths import Path, dotted, follow, parse_dotted, parse_pointer
from weft.base.problems import Place, Problem, WeftError
from weft.files.bundle import MANIFEST, ORIGINS, SCHEMA, BadManifest, Manifest, digest_of, parse_manifest
from weft.files.reading import ProjectFiles
from weft.rules import RuleCheck
from weft.schema.catalog import Catalog
from weft.schema.documents import Documents, self_contained
from weft.schema.node import Node
from weft.secrets.masking import mask
from weft.stages.validate import SchemaCheck

_ROOT: Final = FilePath("/")
_DEEPEST: Final = 128
"""The levels of mappings and lists that values may have; what a project's files can have is less."""


@dataclass(frozen=True)
class Bundle:
    """A bundle that was read: its manifest, its values by domain, and its contents for reports."""

    manifest: Manifest
    values: Mapping[str, Any] = field(repr=False)
    contents: Mapping[str, bytes] = field(repr=False)
    place: str = ""

    @cached_property
    def origins(self) -> Mapping[str, str]:
        """The overlay file and line of each setting that an overlay sets."""
        try:
            found = json.loads(self.contents[ORIGINS])
        except (ValueError, RecursionError):
            return {}  # they only explain, so nothing is refused because of them
        return (
            {path: place for path, place in found.items() if isinstance(place, str)} if isinstance(found, dict) else {}
        )

    @cached_property
    def others(self) -> Mapping[str, str]:
        """The files that Weft does not read."""
        return {name: self.contents[name].decode("utf-8", "replace") for name in self.manifest.others}

    def placed(self, problem: Problem) -> Problem:
        """A problem with the line of the bundle's file, and the line of the overlay that set the value."""
        path = parse_pointer(problem.path or "")
        steps = (path, *map(parse_pointer, problem.reads))
        # a rule of the whole configuration has no path of its own: the first setting that it reads stands for it
        about = next((one for one in steps if one and one[0] in self.manifest.values), None)
        if about is None:
            return problem
        from weft.files.locator import locate_in

        name = self.manifest.values[about[0]]
        place = locate_in(self.contents[name].decode(), f"{self.place}/{name}", about[1:], key=problem.traits.at_key)
        origins = dict.fromkeys(found for one in steps if (found := self.origin(self._exact(one))))
        return replace(problem, place=place, related=(*problem.related, *origins))

    def _exact(self, path: tuple[str, ...]) -> Path:
        """The path with indexes as numbers, as far as there are values."""
        try:
            return follow(self.values, path)
        except KeyError as error:
            return tuple(error.args[0])

    def origin(self, path: Path) -> Place | None:
        """The overlay file and line that set a setting, or what is around it; None for a default of the schema."""
        for length in range(len(path), 0, -1):
            file, _, line = self.origins.get(dotted(path[:length]), "").rpartition(":")
            if file and line.isdecimal():
                return Place(file, int(line))
        return None


def opened(contents: Mapping[str, bytes], place: str) -> Bundle:
    """The bundle in some files. Raises WeftError if they are not of one revision, or not what a bundle has."""
    try:
        manifest = parse_manifest(contents[MANIFEST])
        others = {name: contents[name] for name in manifest.files}
    except BadManifest as error:
        raise WeftError(_refused(place, MANIFEST, str(error))) from None
    except KeyError as missing:
        raise WeftError(_refused(place, str(missing.args[0]), "this file of the bundle is missing")) from None
    if digest_of(others) != manifest.digest:
        reason = "the files do not have the digest of the manifest: one was edited, or they are of different revisions"
        raise WeftError(_refused(place, MANIFEST, reason, "render the bundle again, and copy all of it"))
    _refuse_strange_names(manifest, place)
    values = {domain: _values(contents[name], name, place) for domain, name in manifest.values.items()}
    return Bundle(manifest, values, contents, place)


def _values(content: bytes, name: str, place: str) -> Any:
    """The values in a domain's file. Raises WeftError if they are not JSON in UTF-8, or none that can be in a file again."""
    try:
        data = json.loads(content.decode(), parse_constant=_no_number, parse_float=_number)
    except UnicodeDecodeError:
        raise WeftError(_refused(place, name, "it is not UTF-8")) from None
    except RecursionError:
        raise WeftError(_refused(place, name, f"it is nested deeper than {_DEEPEST} levels")) from None
    except ValueError as error:
        raise WeftError(_refused(place, name, f"it is not JSON: {error}")) from None
    flaw = _flaw(data)
    if flaw:
        raise WeftError(_refused(place, name, flaw))
    return data


def _refuse_strange_names(manifest: Manifest, place: str) -> None:
    paths = map(parse_dotted, manifest.secrets)
    flaw = _flaw([*manifest.values, *manifest.secrets])
    if any(len(path) > _DEEPEST for path in paths):
        flaw = f"a setting is nested deeper than {_DEEPEST} levels"
    if flaw:
        raise WeftError(_refused(place, MANIFEST, flaw))


def _flaw(data: Any) -> str | None:
    """What keeps values from being used, although they are JSON; without recursion, because they may be nested too deep for one."""
    level = [data]
    for _ in range(_DEEPEST + 1):
        texts = [one for one in level if isinstance(one, str)]
        texts += [key for one in level if isinstance(one, dict) for key in one]
        if not all(map(_is_whole, texts)):
            return "a text has half of a surrogate pair, which no file can contain"
        level = [
            below
            for one in level
            if isinstance(one, dict | list)
            for below in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return None
    return f"it is nested deeper than {_DEEPEST} levels"


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number of JSON")


def _refused(place: str, name: str, reason: str, hint: str | None = None) -> Problem:
    return Problem("bundle-refused", reason, place=Place(f"{place}/{name}"), hint=hint)


@dataclass(frozen=True)
class _Held(ProjectFiles):
    """The schema of a bundle as the only file there is: it refers to nothing outside."""

    schema: bytes = b""

    def read(self, path: FilePath) -> bytes:
        """The schema."""
        if path != _ROOT / SCHEMA:
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return self.schema

    def has(self, path: FilePath) -> bool:
        """True for the schema."""
        return path == _ROOT / SCHEMA

    def matching(self, folder: FilePath, pattern: str) -> list[FilePath]:
        """None: there is only the schema."""
        return []

    def real(self, path: FilePath) -> str:
        """The same path."""
        return str(path)


class Judge:
    """The schema of a bundle, compiled: it checks values, and knows what each setting is.

    Raises WeftError with every problem that prevents using the schema.
    """

    def __init__(self, schema: bytes) -> None:
        self.schema = schema
        try:  # it was checked when the bundle was made
            self._compile(self_contained(json.loads(schema), _ROOT / SCHEMA), check=False)
        except Exception:  # noqa: BLE001 - whatever it is, checking finds a better explanation
            from weft.schema.loader import load_documents

            self._compile(load_documents(_ROOT / SCHEMA, _Held(_ROOT, schema=schema)), check=True)

    def _compile(self, documents: Documents, *, check: bool) -> None:
        self._catalog = Catalog(documents)
        self._schema_check = SchemaCheck(self._catalog)
        self._rules = RuleCheck(self._catalog, shown=mask, check=check)
        if self._rules.broken:
            raise WeftError(*self._rules.broken)

    @property
    def root(self) -> Node:
        """The definition of the whole configuration."""
        return self._catalog.root

    @cached_property
    def variables(self) -> tuple[tuple[str, Path, Node], ...]:
        """The environment variables that the schema declares, each with its setting."""
        from weft.schema.envvars import declared

        return tuple(declared(self.root))

    @classmethod
    def of(cls, bundle: Bundle, known: Judge | None) -> Judge:
        """The one for a bundle: the known one, if the schema is the same. Raises WeftError."""
        schema = bundle.contents[SCHEMA]
        return known if known is not None and known.schema == schema else cls(schema)

    def problems(self, bundle: Bundle, values: Any, previous: Any | None) -> list[Problem]:
        """Why values cannot be the configuration, after `previous` ones if there are any."""
        found = self._schema_check.problems(values)
        found = found or self._rules.problems(values)
        if not found and previous is not None:
            found = self._rules.transitions(values, previous)
        return [bundle.placed(problem) for problem in found]
