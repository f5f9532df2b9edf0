"""The costs of operators, methods and filters whose result may be far larger than their arguments, or take far longer.

Everything else costs its input and its output. A cost that depends on a number, such as the width of `center`, is paid before the
call, because a call cannot be stopped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cache, update_wrapper
from inspect import signature, unwrap
from sys import getsizeof
from typing import Any, Final

from jinja2.runtime import LoopContext, Macro

from weft.stages.render.budget import check_bits, made, size, spend, spend_size, spend_text, tick

_Cost = Callable[..., Any]
_SHORT: Final = 64
"""The length of the shortest text that costs more than one step."""
_FREE: Final = 13
"""The length from which on the size of a new text is looked at: a shorter one costs at most a step, whatever its characters."""
_NUMBERS: Final = (int, float)

# --- operators ---


def pay_for_operator(operator: str, left: Any, right: Any) -> None:
    """Pay for an operator between two values; raises TooCostlyError."""
    kinds = type(left), type(right)
    if kinds[0] in _NUMBERS and kinds[1] in _NUMBERS:
        if kinds == (int, int):
            _pay_for_integers(operator, left, right)
    elif operator == "*":
        _pay_for_repeating(left, right)
    elif operator == "%" and isinstance(left, str | bytes):
        _pay_for_format(left, right)
    else:
        spend(_length(left) + _length(right))


def _pay_for_integers(operator: str, left: int, right: int) -> None:
    bits = left.bit_length(), right.bit_length()
    if operator == "*":
        check_bits(sum(bits))
    elif operator == "**" and right > 0:
        check_bits(bits[0] * right if bits[0] > 1 else 1)
    else:
        check_bits(max(bits))


def _pay_for_repeating(left: Any, right: Any) -> None:
    for value, times in ((left, right), (right, left)):
        if isinstance(times, int):
            length = len(value) if isinstance(value, _TEXTS) else 64 * _length(value)
            spend_text(length * max(times, 1))


_TEXTS: Final = (str, bytes)
_COLLECTIONS: Final = (list, tuple, dict, range, AbstractSet)


def _length(value: Any) -> int:
    """The steps of copying a value: its text, or its items without what is inside them."""
    if type(value) is str or isinstance(value, _TEXTS):
        return 1 + len(value) // 64
    return 1 + len(value) if isinstance(value, _COLLECTIONS) else 1


def _pay_for_format(text: str | bytes, values: Any) -> None:
    """Pay for `text % values`: at most its longest value and its widths for each field."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    widths = list(_widths(text))
    given = values if isinstance(values, tuple) else (values,)
    if "*" in widths:
        given_widths = [abs(value) for value in given if isinstance(value, int)]
        spend_text(max(given_widths, default=0) * widths.count("*"))
    spend_text(sum(int(width) for width in widths if width != "*"))
    inside = values.values() if isinstance(values, Mapping) else given
    spend(max(map(size, inside), default=1) * max(text.count("%"), 1))


_WIDTHS: Final = re.compile(r"[-#0 +]*(\d+|\*)?(?:\.(\d+|\*))?")


def _widths(text: str) -> Iterator[str]:
    """The widths and precisions in a text for `%`, where `*` stands for one that is passed as an argument."""
    place = text.find("%")
    while place >= 0:
        place += 1
        if text[place : place + 1] == "(":
            place = _after_key(text, place)
        match = _WIDTHS.match(text, place)
        if match:
            yield from filter(None, match.groups())
            place = match.end()
        place = text.find("%", place + 1 if text[place : place + 1] == "%" else place)


def _after_key(text: str, start: int) -> int:
    """The end of the name in parentheses, which may contain parentheses."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place + 1
    return len(text)


def pay_for_field(value: Any, spec: str) -> None:
    """Pay for one field of `"...".format(...)`."""
    spend_text(sum(int(number) for number in re.findall(r"\d+", spec)))
    spend_size(value)


# --- methods of texts, numbers, lists and mappings ---


def pay_for_call(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Pay for calling a method of a value, or a function that all templates have; macros pay separately."""
    tick(1 + len(args) + len(kwargs))
    if type(function) is Macro:
        return
    owner = getattr(function, "__self__", None)
    if isinstance(owner, _OWNERS):
        name = function.__name__
        if name in _QUICK and not isinstance(owner, type):
            return
        spend_size(owner)
        given = (*args, *kwargs.values())
        spend_size(given)
        cost: _Cost = _METHODS.get(name, _linear)
        cost(owner, *given)


_OWNERS: Final = (type, str, bytes, int, float, list, tuple, dict, range, LoopContext)
_QUICK: Final = frozenset(("get", "items", "keys", "values", "bit_length", "is_integer", "conjugate"))


def _linear(_owner: Any, *_args: Any) -> None:
    """Nothing beyond its input and output."""


def _padded(owner: Any, *args: Any) -> None:
    tabs = owner.count("\t") if isinstance(owner, str) else owner.count(b"\t") if isinstance(owner, bytes) else 0
    spend_text(max((abs(arg) for arg in args if isinstance(arg, int)), default=0) * max(tabs, 1))


def _replaced(owner: Any, old: Any = "", new: Any = "", *_: Any) -> None:
    if isinstance(owner, type(old)) and isinstance(old, str | bytes) and isinstance(new, str | bytes):
        spend_text(owner.count(old) * len(new))


def _joined(owner: Any, items: Any = (), *_: Any) -> None:
    if hasattr(items, "__len__"):
        spend_text(len(owner) * len(items))


def _translated(owner: Any, table: Any = None, *_: Any) -> None:
    texts = table.values() if isinstance(table, dict) else ()
    spend_text(len(owner) * max((len(text) for text in texts if isinstance(text, str)), default=1))


def _from_the_right(owner: Any, wanted: Any = " ", *_: Any) -> None:
    """Searching from the right and stripping compare every character of one text with every character of the other."""
    if isinstance(owner, str | bytes) and isinstance(wanted, str | bytes):
        spend(len(owner) * len(wanted) // 1000)


def _encoded(owner: Any, *args: Any) -> None:
    """A character may become its full name, and some codecs take quadratic time."""
    unusual = [arg for arg in args if str(arg).lower().replace("_", "-") not in _USUAL]
    spend_text(len(owner) * 100 if unusual else len(owner))
    if unusual:
        spend(len(owner) ** 2 // 1000)


_USUAL: Final = ("utf-8", "utf8", "ascii", "latin-1", "strict", "ignore", "replace")


def _scanned_again_and_again(text: Any, *_: Any) -> None:
    spend(len(str(text)) ** 2 // 10_000)


def _each(names: tuple[str, ...], cost: _Cost) -> dict[str, _Cost]:
    return dict.fromkeys(names, cost)


_METHODS: Final[Mapping[str, _Cost]] = {
    **_each(("center", "ljust", "rjust", "zfill", "expandtabs", "to_bytes"), _padded),
    **_each(("rfind", "rindex", "rsplit", "rpartition", "strip", "lstrip", "rstrip"), _from_the_right),
    **_each(("encode", "decode"), _encoded),
    **_each(("striptags", "unescape"), _scanned_again_and_again),
    "join": _joined,
    "replace": _replaced,
    "translate": _translated,
}

# --- filters and tests ---


def _indented(value: Any, width: Any = 4, *_: Any) -> None:
    lines = str(value).count("\n") + 1
    spend_text(lines * (len(width) if isinstance(width, str) else abs(int(width))))


def _wrapped(value: Any, width: Any = 79, _words: Any = True, between: Any = None, *_: Any) -> None:
    text = str(value)
    lines = text.count("\n") + len(text) // max(int(width), 1) + 1
    spend_text(lines * len(between or "\n"))
    _scanned_again_and_again(text)


def _centered(_value: Any, width: Any = 80, *_: Any) -> None:
    spend_text(abs(int(width)))


def _replaced_in(value: Any, old: Any = "", new: Any = "", *_: Any) -> None:
    _replaced(str(value), str(old), str(new))


def _joined_with(value: Any, between: Any = "", *_: Any) -> None:
    _joined(str(between), value)


def _filled(value: Any, number: Any = 1, filler: Any = None, *_: Any) -> None:
    if filler is not None and isinstance(number, int):
        spend(abs(number))


def _rounded(_value: Any, precision: Any = 0, *_: Any) -> None:
    if isinstance(precision, int):
        check_bits(4 * abs(precision))  # it multiplies by a power of ten


def _formatted(value: Any, *args: Any) -> None:
    named = args[-1] if args and isinstance(args[-1], dict) else None
    _pay_for_format(str(value), named or args)


def _trimmed(value: Any, characters: Any = " ", *_: Any) -> None:
    _from_the_right(str(value), str(characters or " "))


def _summed(value: Any, *_: Any) -> None:
    """The sum of lists copies what it has for each of them."""
    lists = [item for item in value if isinstance(item, list | tuple)] if isinstance(value, list | tuple) else []
    for number, item in enumerate(lists):
        spend(len(item) * (len(lists) - number))


_FILTERS: Final[Mapping[str, _Cost]] = {
    **_each(("striptags", "urlize"), _scanned_again_and_again),
    **_each(("batch", "slice"), _filled),
    "center": _centered,
    "format": _formatted,
    "indent": _indented,
    "join": _joined_with,
    "replace": _replaced_in,
    "round": _rounded,
    "sum": _summed,
    "trim": _trimmed,
    "wordwrap": _wrapped,
}  # fmt: skip
_SLOW: Final[Mapping[str, int]] = {
    **dict.fromkeys(
        (
            "dictsort",
            "env",
            "groupby",
            "join",
            "secret_env",
            "string",
            "to_json",
            "to_yaml",
            "tojson",
            "urlencode",
            "wordcount",
        ),
        2,
    ),
    **dict.fromkeys(("sort", "title", "unique", "xmlattr"), 4),
    "pprint": 30,
}
"""How many times longer some filters take per item than others."""
_LOOKS_AT_NOTHING: Final = frozenset(("attr", "count", "d", "default", "first", "last", "length", "random", "safe"))
_LOOKS_AT_ITEMS: Final = frozenset(("map", "reject", "rejectattr", "reverse", "select", "selectattr", "items", "list"))
_COMPARES: Final = frozenset(("in", "eq", "equalto", "==", "ne", "!=", "lt", "<", "le", "<=", "gt", ">", "ge", ">="))


@cache  # for each project that is opened
def metered_filter(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that pays for its input and output."""
    if name in _LOOKS_AT_NOTHING:
        return function
    length = _length if name in _LOOKS_AT_ITEMS else size
    factor = _SLOW.get(name, 1)
    own: _Cost | None = _FILTERS.get(name)
    skip = 1 if _takes_more(function) else 0
    in_order = _in_order(function)

    def metered(*args: Any, **kwargs: Any) -> Any:
        values = args[skip:]
        tick((length(values[0]) if len(values) == 1 else sum(map(length, values))) * factor)
        if kwargs:
            spend(sum(map(size, kwargs.values())))
        if own:
            own(*(in_order(values, kwargs) if kwargs else values))
        return made(function(*args, **kwargs))

    if own or skip or name in _LOOKS_AT_ITEMS:
        return update_wrapper(metered, function)

    def metered_text(value: Any, /, *args: Any, **kwargs: Any) -> Any:
        """The same for what most filters get, a short text alone: it is paid at once, because nothing makes it take long."""
        if args or kwargs or type(value) is not str or len(value) >= _SHORT:
            return metered(value, *args, **kwargs)
        result = function(value)
        if type(result) is not str:
            tick(factor)
            return made(result)
        tick(factor if len(result) < _FREE else factor + getsizeof(result) // _SHORT)
        return result

    return update_wrapper(metered_text, function)


@cache
def metered_test(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A test that pays for what it compares."""
    if name not in _COMPARES:
        return function

    def metered(value: Any, *others: Any) -> Any:
        spend_size(value)
        for other in others:
            spend_for_search(other)
        return function(value, *others)

    return update_wrapper(metered, function)


def spend_for_search(value: Any) -> None:
    """Pay for searching a value; a lookup in a mapping takes one step."""
    tick(1) if isinstance(value, dict) else spend_size(value)


def _takes_more(function: Any) -> bool:
    """True if a filter takes a context before its value."""
    return hasattr(function, "jinja_pass_arg")


def _in_order(function: Callable[..., Any]) -> Callable[[tuple[Any, ...], Mapping[str, Any]], tuple[Any, ...]]:
    """A filter's keyword arguments in the order of its parameters."""
    plain = unwrap(function)
    described = signature(plain)
    context = (None,) if _takes_more(plain) else ()

    def in_order(values: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
        try:
            bound = described.bind(*context, *values, **named)
        except TypeError:
            return values  # the filter itself reports what is wrong with them
        bound.apply_defaults()
        return (*bound.args[len(context) :], *([bound.kwargs] if bound.kwargs else []))

    return in_order
