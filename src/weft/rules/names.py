"""How a property is named in an expression: Kubernetes' escaping of names that are not identifiers in CEL.

See https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

_RESERVED: Final = frozenset(
    (
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    )
)
_ACCESSIBLE: Final = re.compile(r"[A-Za-z_./-][A-Za-z0-9_./-]*")
_PARTS: Final = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_PART: Final = re.compile("__|[./-]")
_ESCAPED: Final = re.compile("|".join(_PARTS.values()))
_PLAIN: Final = {escaped: plain for plain, escaped in _PARTS.items()}


@cache
def escape(name: str) -> str | None:
    """The identifier for a property (`__in__` for `in`); None for a name that no expression can use."""
    if name in _RESERVED:
        return f"__{name}__"
    return _PART.sub(lambda part: _PARTS[part[0]], name) if _ACCESSIBLE.fullmatch(name) else None


@cache
def aliases(name: str) -> tuple[str, ...]:
    """The identifiers for a property. CEL itself reserves few words after a dot: `self.namespace` is `self.__namespace__`."""
    escaped = escape(name)
    return () if escaped is None else (escaped,) if name not in _RESERVED else (escaped, name)


@cache
def unescape(identifier: str) -> str:
    """The property of an identifier."""
    if identifier[2:-2] in _RESERVED and identifier == f"__{identifier[2:-2]}__":
        return identifier[2:-2]
    return _ESCAPED.sub(lambda part: _PLAIN[part[0]], identifier)
