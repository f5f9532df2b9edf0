"""The validator that explains: jsonschema, which knows where each error comes from, with the results of the other validator.

It is imported when something must be explained: most commands, and most programs with a configuration, never need it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weft.schema.documents import DIALECT

if TYPE_CHECKING:
    from referencing import Registry


class UnexpectedKeys(Exception):
    """The cause of an error about keys or items that are not allowed: their names, and the allowed keys."""

    def __init__(self, names: tuple[str | int, ...], known: tuple[str, ...] = ()) -> None:
        super().__init__(*names)
        self.names = names
        self.known = known


@dataclass
class Undecided:
    """The result `assumed` for expressions that are too costly to match, and where it was used: schema, pattern, text."""

    assumed: bool
    found: list[tuple[Any, str, str]] = field(default_factory=list)


UNDECIDED: ContextVar[Undecided | None] = ContextVar("UNDECIDED", default=None)
"""What is assumed at the moment."""


@contextmanager
def assuming(answer: bool) -> Iterator[Undecided]:
    """A context in which an expression that is too costly to match counts as a match, or not. Outside it, `TooCostly` is raised."""
    undecided = Undecided(answer)
    token = UNDECIDED.set(undecided)
    try:
        yield undecided
    finally:
        UNDECIDED.reset(token)


def explainer(schema: Any, dialect: str = DIALECT, registry: Registry[Any] | None = None, *, formats: bool) -> Any:
    """A validator of jsonschema for a schema whose references `registry` resolves; without `formats`, formats are not checked."""
    from referencing import Registry

    from weft.schema.jsonschema_keywords import FORMATS, validator_class

    known = registry if registry is not None else Registry()
    return validator_class(dialect)(schema, registry=known, format_checker=FORMATS if formats else None)
