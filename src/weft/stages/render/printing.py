"""What templates print: `true`, `false` and `null`, lists and mappings as JSON has them, where Python would say True and None."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from jinja2 import nodes, pass_eval_context
from jinja2.filters import do_join, make_attrgetter
from jinja2.nodes import EvalContext

from weft.files import formats
from weft.schema.types import TYPE_WORDS

_FILTER: Final = "in_words"
_TYPE_NAMES: Final = {
    "Branch": TYPE_WORDS["object"],
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
    """A value as it is printed; what is a text already, or no data, stays what it is."""
    if value is None or isinstance(value, bool | float):
        return formats.yaml_scalar(value)
    if isinstance(value, dict | list | tuple):
        return formats.to_json(value, None)  # which a secret refuses
    return value


@pass_eval_context
def join(context: EvalContext, value: Iterable[Any], d: str = "", attribute: str | int | None = None) -> str:
    """Jinja's `join`, of items as they would be printed."""
    items = value if attribute is None else map(make_attrgetter(context.environment, attribute), value)
    return str(do_join(context, map(in_words, items), d))


def string(value: Any) -> str:
    """A value as the text that is printed for it."""
    return str(in_words(value))


def with_our_types(message: str) -> str:
    """A message of Python with the types called as everywhere else: `a mapping` where it says `'dict'`."""
    return _TYPE.sub(lambda match: _TYPE_NAMES[match[2]], message)


def print_concatenated(tree: nodes.Template) -> nodes.Template:
    """The tree of a template in which `~` joins values as they would be printed."""
    for concatenated in tree.find_all(nodes.Concat):
        concatenated.nodes = [
            nodes.Filter(node, _FILTER, [], [], None, None, lineno=node.lineno) for node in concatenated.nodes
        ]
    return tree


FILTERS: Final = {_FILTER: in_words, "join": join, "string": string}
"""The filters that make texts of values, instead of Jinja's own."""
