"""What templates print: `true`, `false`, `null`, lists and mappings as in JSON, not as in Python."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from jinja2 import pass_eval_context
from jinja2.filters import do_join, make_attrgetter
from jinja2.nodes import EvalContext

from weft.files import formats
from weft.schema.types import TYPE_WORDS

_TYPE_NAMES: Final = {
    "Branch": TYPE_WORDS["object"],
    "Lasting": TYPE_WORDS["object"],
    "NoneType": TYPE_WORDS["null"],
    "Tainted": "a secret",
    "bool": TYPE_WORDS["boolean"],
    "dict": TYPE_WORDS["object"],
    "float": TYPE_WORDS["number"],
    "int": TYPE_WORDS["integer"],
    "list": TYPE_WORDS["array"],
    "str": TYPE_WORDS["string"],
}
_TYPE = re.compile(rf"""(?:\ban? )?(['"]?)\b({"|".join(_TYPE_NAMES)})\b\1(?: object)?""")


def in_words(value: Any) -> Any:
    """A value as it is printed; texts and objects that are not data stay unchanged."""
    if type(value) is str:  # what most values are
        return value
    if value is None or isinstance(value, bool | float):
        return formats.yaml_scalar(value)
    if isinstance(value, dict | list | tuple):
        return formats.to_json(value, None)  # which fails for a secret
    return value


@pass_eval_context
def join(context: EvalContext, value: Iterable[Any], d: str = "", attribute: str | int | None = None) -> str:
    """Jinja's `join`, with items as they would be printed."""
    items = value if attribute is None else map(make_attrgetter(context.environment, attribute), value)
    return str(do_join(context, map(in_words, items), d))


def string(value: Any) -> str:
    """A value as the text that is printed for it."""
    return str(in_words(value))


def with_our_types(message: str) -> str:
    """A message of Python with the usual names of types: `a mapping` instead of `'dict'`."""
    return _TYPE.sub(lambda match: _TYPE_NAMES[match[2]], message)


FILTERS: Final = {"join": join, "string": string}
"""The filters that convert values to text, replacing Jinja's own."""
