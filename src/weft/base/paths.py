"""The position of a value: a path is a tuple of keys and list indexes.

People see and write dotted paths (`app.replicas.max`, `labels["app.kubernetes.io/name"]`, `ports[0]`);
machines read JSON pointers (RFC 6901).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Path = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"[^./\[\]\"\s][^.\[\]\"\s]*\Z")
_INDEX = re.compile(r"[0-9]+\Z")
# the first `=` outside a quoted key; the possessive parts prevent a match inside an unterminated key
_ASSIGNMENT = re.compile(r"""(?P<path>(?:(?>\["(?:[^"\\]|\\.)*"\])|[^=])++)=(?P<text>.*)\Z""", re.DOTALL)
_STEP = re.compile(r"""\[(?P<index>\d+)\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]|\.?(?P<key>[^.\[\]"]+)""")


def pointer(path: Sequence[str | int]) -> str:
    """The JSON pointer of a path: `("a", 0)` gives `/a/0`, the root gives an empty string."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def parse_pointer(text: str) -> tuple[str, ...]:
    """The steps of a JSON pointer, all as strings (a list index is text in a pointer)."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:])


def dotted(path: Sequence[str | int]) -> str:
    """The path as people write it; keys that contain a dot, a space or a bracket are quoted in brackets."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.match(step):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
    return text


def parse_dotted(text: str) -> Path:
    """The path that `text` names, dotted or as a JSON pointer.

    Raises ValueError when the text is neither.
    """
    if text.startswith("/"):
        return parse_pointer(text)
    steps: list[str | int] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None or (position == 0 and text.startswith(".")):
            raise ValueError(f'`{text}` is not a path: expected a.b, a[0] or a["x.y"] at character {position + 1}')
        if match["index"] is not None:
            steps.append(int(match["index"]))
        else:
            steps.append(_unquoted(match["quoted"], text) if match["quoted"] else match["key"])
        position = match.end()
    if not steps or text.endswith("."):
        raise ValueError(f"`{text}` is not a path: it ends where a key is expected")
    return tuple(steps)


def split_assignment(text: str) -> tuple[str, str] | None:
    """`PATH=VALUE` split into its two parts, or None if the text is not an assignment. A quoted key may contain `=`: `labels["a=b"]=c`."""
    match = _ASSIGNMENT.match(text)
    return (match["path"], match["text"]) if match else None


def _unquoted(quoted: str, text: str) -> str:
    try:
        return str(json.loads(quoted))
    except json.JSONDecodeError as error:
        raise ValueError(f"`{text}` is not a path: {quoted} is not a quoted key ({error.msg})") from None


def follow(data: Any, path: Sequence[str | int]) -> Path:
    """The exact path in `data` that a written path means, with its value reachable by `get`.

    Keys that contain dots need no brackets: in `labels.app.kubernetes.io/name`, the longest run of steps that is a key
    wins. Raises KeyError with the steps that were found when no value exists at the path.
    """
    if not path:
        return ()
    for length in range(len(path), 0, -1):
        step = _joined(path[:length], data)
        if has(data, (step,)):
            try:
                return (step, *follow(get(data, (step,)), path[length:]))
            except KeyError as error:
                if length == 1:
                    raise KeyError((step, *error.args[0])) from None
    raise KeyError(())


def _joined(steps: Sequence[str | int], data: Any) -> str | int:
    """Steps that dots divided as the one key of `data` that they may be: an item of a list has a number, one of a mapping a text."""
    step = steps[0] if len(steps) == 1 else ".".join(map(str, steps))
    if isinstance(data, list) and isinstance(step, str) and _INDEX.match(step):
        return int(step)
    return str(step) if isinstance(data, Mapping) else step


def get(data: Any, path: Sequence[str | int]) -> Any:
    """The value at a path; raises KeyError, IndexError or TypeError when the path does not exist."""
    for step in path:
        data = data[step]
    return data


def put(data: dict[str, Any], path: Path, value: Any) -> None:
    """Set a value in nested mappings, creating them as needed."""
    for step in path[:-1]:
        data = data.setdefault(str(step), {})
    data[str(path[-1])] = value


def leaves(data: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every leaf with its path. An empty mapping or list is a leaf."""
    if isinstance(data, dict | list) and data:
        for step, below in data.items() if isinstance(data, dict) else enumerate(data):
            yield from leaves(below, (*path, step))
    else:
        yield path, data


def has(data: Any, path: Sequence[str | int]) -> bool:
    """True if a value exists at a path."""
    try:
        get(data, path)
    except (KeyError, IndexError, TypeError):
        return False
    return True
