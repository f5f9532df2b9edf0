"""Validate: the problems of a merged configuration, never raised as an exception.

`jsonschema-rs` runs first, because it is a hundred times faster. Only a configuration that it rejects is explained with
`jsonschema`, whose errors contain the schema that they come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs

from weft.base.paths import Path, dotted, get, pointer
from weft.base.problems import Problem, Suggestions, choices
from weft.base.recent import Recent
from weft.schema import patterns
from weft.schema.alternatives import Discriminator, best_branch, by_branch, discriminator, own_keys, unknown_to_all
from weft.schema.broken import Broken, broken_by
from weft.schema.catalog import Catalog
from weft.schema.explaining import UNDECIDED, Undecided, assuming, explainer
from weft.schema.formats import OWN
from weft.schema.levels import level_hint
from weft.schema.node import Node
from weft.schema.rewriting import written
from weft.schema.violations import complaints
from weft.secrets.masking import Mask, is_concealed
from weft.secrets.references import literal_secret

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_FEW: Final = 100
"""The number of errors of jsonschema-rs to read; each contains a copy of its value."""
_OF_ONE_SCALAR: Final = frozenset((
    "type", "enum", "const", "format", "pattern", "minLength", "maxLength", "multipleOf",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
))  # fmt: skip
"""Keywords about whose violation by a scalar everything is said by the schema, the place and the scalar."""
_SAID: Final = 10_000
"""So many problems of scalars are kept; the targets of a fleet often share a mistake."""
_SAME_NAME: Final = 0.9
"""How similar a free key must be to another one to be called a misspelling of it: both names may be intended."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A configuration while its problems are collected."""

    config: Any = field(repr=False)
    mask: Mask
    suggest: Suggestions

    def hides(self, node: Node, value: Any) -> bool:
        """True if a value must not be quoted: it is long, or may contain a secret."""
        return isinstance(value, dict | list) or node.holds_secrets or self.mask.hides(node, value)


class SchemaCheck:
    """The schemas of a catalog, compiled once, ready to validate configurations."""

    def __init__(self, catalog: Catalog) -> None:
        documents = catalog.documents
        self._catalog = catalog
        self._accepted: Recent[bool] = Recent()
        self._said: dict[tuple[Any, ...], tuple[Any, tuple[Problem, ...]]] = {}
        self._whole = {"$schema": documents.dialect(), "$ref": documents.root}
        self._screen = jsonschema_rs.validator_for(
            self._whole,
            registry=documents.rust_registry,
            validate_formats=True,
            formats=dict(OWN),
            pattern_options=patterns.OPTIONS,
        )

    @cached_property
    def _explain(self) -> Any:
        """The validator that explains."""
        documents = self._catalog.documents
        return explainer(self._whole, documents.dialect(), documents.registry, formats=True)

    @property
    def names(self) -> frozenset[str]:
        """The names of all settings."""
        return self._catalog.names

    def accepts(self, config: Any, *, shared: bool = False) -> bool:
        """True if the fast validator accepts the configuration. False is inconclusive: call `problems`.

        With `shared`, the same configuration has the same answer, as long as nobody changes it.
        """
        known = self._accepted.find(config) if shared else None
        if known is not None:
            return known
        try:
            accepted = self._screen.is_valid(config)
        except ValueError:
            accepted = False  # a number out of its range; the other library may accept it
        return self._accepted.keep(config, accepted) if shared else accepted

    def problems(self, config: Any, *, shared: bool = False) -> list[Problem]:
        """Every way in which the configuration breaks the schema; paths are JSON pointers into it. `shared` is that of `accepts`."""
        if self.accepts(config, shared=shared):
            return []
        with assuming(True) as undecided:
            found = dict.fromkeys(self._explained(config))
        if undecided.found:  # an error that depends on whether the expression matches is not certain
            with assuming(False):
                either = set(self._explained(config))
            found = {problem: None for problem in found if problem in either}
            found |= dict.fromkeys(self._too_costly(config, undecided))
        return list(found or self._second_opinion(config))

    def _explained(self, config: Any) -> Iterator[Problem]:
        judged = _Judged(config, Mask(self._catalog.root, [config]), Suggestions())
        for error in self._explain.iter_errors(config):
            yield from self._problems_of(error, judged)

    def _too_costly(self, config: Any, undecided: Undecided) -> Iterator[Problem]:
        for schema, pattern, text in undecided.found:
            named = pattern in schema.get("patternProperties", ())
            location = self._catalog.documents.location(
                schema, *(("patternProperties", pattern) if named else ("pattern",))
            )
            for path in self._described_by(schema, list(_places_of(config, text))):
                message = f"{dotted(path)}: it cannot be determined whether the text matches: the pattern is too costly"
                yield Problem("pattern-too-costly", message, path=pointer(path), schema=location, hint=patterns.CHEAPER)

    def _described_by(self, schema: Any, paths: list[Path]) -> list[Path]:
        """The paths that a schema describes, as values or as keys; all paths if it only tests them, as below `not`."""
        root = self._catalog.root

        def speaks(path: Path) -> bool:
            nodes = root.at(path), root.at(path[:-1])
            return any(schema is known for node in nodes for known in (*node.certain, *node.possible))

        return list(filter(speaks, paths)) or paths

    def _problems_of(self, error: ValidationError, judged: _Judged) -> Iterable[Problem]:
        """The problems of an error; those of a scalar are the same in every configuration, and are kept."""
        undecided = UNDECIDED.get()
        if undecided is None or not _is_of_a_scalar(error, judged):
            return self._found(error, judged)
        path, value = tuple(error.absolute_path), error.instance
        hidden, assumptions = judged.hides(self._catalog.root.at(path), value), len(undecided.found)
        key = id(error.schema), error.validator, path, type(value), repr(value), hidden
        known = self._said.get(key)
        if known is not None:
            return known[1]
        found = tuple(self._found(error, judged))
        if len(undecided.found) == assumptions and not judged.suggest.are_used_up:
            if len(self._said) >= _SAID:
                self._said.clear()
            self._said[key] = error.schema, found  # the schema is kept too, so that no other one gets its id
        return found

    def _found(self, error: ValidationError, judged: _Judged) -> Iterator[Problem]:
        """The problems of an error in one configuration."""
        schema = error.schema if isinstance(error.schema, dict) else {}
        location = self._location(error)
        path = tuple(error.absolute_path)
        node = self._catalog.root.at(path)
        if _is_literal_secret(error, schema, node):
            yield literal_secret(path, location, error.instance)
            return
        meant = list(self._meant(error, judged)) if error.context else []
        if meant:
            yield from meant
            return
        own = _own_message(schema, error.validator)
        fits, hidden = partial(self._fits, path, error.schema), judged.hides(node, error.instance)
        elsewhere = partial(level_hint, self._catalog.root)
        broken = broken_by(error, judged.config, hidden=hidden, fits=fits, suggest=judged.suggest, elsewhere=elsewhere)
        for code, where, message, hint in complaints(broken):
            text, how = (f"{dotted(where)}: {own}", None) if own is not None else (message, hint)
            misspelled = self._misspelled(schema, where, judged) if error.validator == "required" else None
            key, how = misspelled or (None, how)
            reads = () if key is None else (pointer(key),)
            yield Problem(code, text, path=pointer(where), schema=location, hint=how, reads=reads)

    def _location(self, error: ValidationError) -> str:
        """The location of the broken keyword, or of the schema if no author wrote that keyword."""
        # `false` as a property becomes `not: {}`, see `documents`
        steps = (error.validator,) if error.validator and error.schema != {"not": {}} else ()
        return self._catalog.documents.location(error.schema, *steps)

    def _misspelled(self, schema: Mapping[str, Any], where: Path, judged: _Judged) -> tuple[Path, str] | None:
        """The key that is probably misspelled if another one is missing, and a hint with the correct name.

        It is an unknown key that resembles the missing one, unless the schema forbids unknown keys and therefore already reports it; or it
        is the key of the whole mapping, if that resembles another key of a free mapping.
        """
        given = get(judged.config, where[:-1])
        if not isinstance(given, dict):
            return None
        node = self._catalog.root.at(where[:-1])
        for key in () if schema.get("additionalProperties") is False else given:
            hint = judged.suggest(key, [str(where[-1])]) if key not in node.properties else None
            if hint:
                return (*where[:-1], key), hint
        return self._misspelled_key(where[:-1], judged)

    def _misspelled_key(self, path: Path, judged: _Judged) -> tuple[Path, str] | None:
        """A key of a free mapping that resembles another one, and a hint with the other one."""
        *above, key = path or ("",)
        if not isinstance(key, str) or key in self._catalog.root.at(above).properties:
            return None
        hint = judged.suggest(key, [other for other in get(judged.config, above) if other != key], cutoff=_SAME_NAME)
        return (path, hint) if hint else None

    def _meant(self, error: ValidationError, judged: _Judged) -> Iterator[Problem]:
        """The problems of a value that fits no alternative, for the most likely one; none if no alternative is more likely."""
        if error.validator not in ("anyOf", "oneOf"):
            return
        found = discriminator(self._catalog, error)
        if found and (found.is_in(error.instance) or found.required):
            chosen = by_branch(error).get(found.chosen(error.instance))
            if chosen is None:
                yield self._unchosen(error, found, judged)
                return
        else:
            keys = own_keys(self._catalog, error)
            given = _given(keys, error.instance)
            if keys and not given and unknown_to_all(self._catalog, error):
                yield from self._without_own_key(error, keys, judged)
                return
            chosen = by_branch(error).get(given[0]) if len(given) == 1 else None
        for below in best_branch(self._catalog, error) if chosen is None else chosen:
            yield from self._problems_of(below, judged)

    def _without_own_key(
        self, error: ValidationError, keys: dict[int, list[str]], judged: _Judged
    ) -> Iterator[Problem]:
        """Unknown keys, if each alternative is identified by its own key."""
        location = self._catalog.documents.location(error.schema, str(error.validator))
        path, unknown = tuple(error.absolute_path), unknown_to_all(self._catalog, error)
        own = tuple(name for names in keys.values() for name in names)
        broken = Broken(
            "additionalProperties",
            False,
            error.instance,
            {},
            path,
            True,
            "",
            "",
            (),
            unknown,
            own,
            suggest=judged.suggest,
        )
        for code, where, message, hint in complaints(broken):
            yield Problem(code, message, path=pointer(where), schema=location, hint=hint)

    def _unchosen(self, error: ValidationError, found: Discriminator, judged: _Judged) -> Problem:
        """A discriminator that is missing, or has a value that chooses no alternative."""
        path = (*error.absolute_path, *found.path)
        location = self._catalog.documents.location(error.schema, str(error.validator))
        if not found.is_in(error.instance):
            message = f"{dotted(path)} is required, and nothing sets it"
            key, hint = self._misspelled({}, path, judged) or ((), f"write one of {choices(map(written, found.every))}")
            reads = (pointer(key),) if key else ()
            return Problem("missing-required", message, path=pointer(path), schema=location, hint=hint, reads=reads)
        value = get(error.instance, found.path)
        hidden = judged.hides(self._catalog.root.at(path), value)
        fits = partial(self._fits, path, {"enum": found.every})
        broken = Broken("enum", found.every, value, {}, path, hidden, "", "enum", (), fits=fits, suggest=judged.suggest)
        code, where, text, how = next(complaints(broken))
        return Problem(code, text, path=pointer(where), schema=location, hint=how)

    def _fits(self, path: Path, schema: Any, value: Any) -> bool:
        """True if a place would accept another value: by the schema that rejected the current one, and all that always apply."""
        if not self._catalog.root.at(path).accepts(value):  # which is asked first because it is faster
            return False
        if isinstance(schema, dict):  # its keywords mean what they mean in the draft of its file
            schema = {"$schema": self._catalog.documents.dialect(schema), **schema}
        try:
            return bool(self._explain.evolve(schema=schema).is_valid(value))
        except patterns.TooCostly:
            return False

    def _second_opinion(self, config: Any) -> Iterator[Problem]:
        """The errors of jsonschema-rs for a configuration that only it rejects, so every rejection is explained."""
        judged = _Judged(config, Mask(self._catalog.root, [config]), Suggestions())
        for error in islice(self._screen.iter_errors(config), _FEW):
            path = tuple(error.instance_path)
            keyword = str(error.schema_path[-1]) if error.schema_path else ""
            location = error.absolute_keyword_location or self._catalog.documents.root
            wanted, around = self._schema(location), self._schema(location.rpartition("/")[0])
            value = get(config, path)
            hidden = judged.hides(self._catalog.root.at(path), value)
            schema = around if isinstance(around, dict) else {}
            names = tuple(getattr(error.kind, "unexpected", ()))
            fits = partial(self._fits, path, schema)
            broken = Broken(keyword, wanted, value, schema, path, hidden, error.message, keyword, (), names, fits=fits)
            for code, where, message, hint in complaints(broken):
                yield Problem(code, message, path=pointer(where), schema=self._located(location), hint=hint)

    def _schema(self, location: str) -> Any:
        try:
            return self._catalog.documents.schema(location)
        except LookupError:
            return None  # the library reports a keyword of a newer draft instead of the older one

    def _located(self, uri: str) -> str:
        file, _, fragment = uri.partition("#")
        return f"{self._catalog.documents.names.get(file, file)}#{fragment}"


def _is_of_a_scalar(error: ValidationError, judged: _Judged) -> bool:
    """True if a scalar of the configuration breaks a keyword, and not a key, an item of an alternative or a mapping."""
    if error.validator not in _OF_ONE_SCALAR or isinstance(error.instance, dict | list):
        return False
    return get(judged.config, tuple(error.absolute_path)) is error.instance


def _is_literal_secret(error: ValidationError, schema: Mapping[str, Any], node: Node) -> bool:
    """True if a value is wrong because only a reference to a secret is allowed there."""
    stated = schema.get("x-sensitive") is True and error.validator in ("type", "pattern")
    return stated or (node.sensitive and is_concealed(node, error.instance))


def _given(keys: Mapping[int, Sequence[str]], instance: Any) -> list[int]:
    """The alternatives of which a mapping has a key."""
    return [index for index, names in keys.items() if any(name in instance for name in names)]


def _own_message(schema: Mapping[str, Any], keyword: object) -> str | None:
    """The message that the author of a schema gives for a broken keyword, or for any."""
    own = schema.get("errorMessage")
    own = own.get(keyword) if isinstance(own, dict) else own
    return own if isinstance(own, str) else None


def _places_of(value: Any, text: str, path: Path = ()) -> Iterator[Path]:
    """The paths of a text in a configuration, as a value or as a key."""
    if value == text:
        yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in pairs:
        if step == text:
            yield (*path, step)
        yield from _places_of(below, text, (*path, step))
