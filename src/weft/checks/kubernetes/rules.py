"""What an API server asks of the names, labels, keys and sizes of objects, which the schemas of Kubernetes do not contain."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

MAX_ANNOTATIONS: Final = 256 * 1024
"""The maximum size of an object's annotations in bytes (apimachinery TotalAnnotationSizeLimitB)."""
MAX_DATA: Final = 1024 * 1024
"""The maximum size of the data of a ConfigMap or Secret in bytes (api/core/v1 MaxSecretSize)."""

# k8s.io/apimachinery/pkg/util/validation
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_PATH_SEGMENT = re.compile(r"(?!\.{1,2}\Z)[^/%]+\Z")
_DATA_KEY = re.compile(r"(?!\.\.)(?!\.\Z)[-._a-zA-Z0-9]{1,253}\Z")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?\Z")
_SERVICE = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\Z")
_NAMES: Final = {"Namespace": (_LABEL, 63), "Service": (_SERVICE, 63)}
_FREE_NAMES: Final = frozenset(("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"))
_NAME = "lower-case letters, digits, `-` and `.`, starting and ending with a letter or digit"
_AT_HAND: Final = 2_000
"""The number of answers that are remembered for each rule: most are about the same few texts, again and again."""


def bad_name(kind: str, whole: str, text: str) -> Iterator[str]:
    """What is wrong with the name of an object of a kind: as it will be, and as it is written."""
    if kind in _FREE_NAMES:
        valid, limit = bool(_PATH_SEGMENT.match(whole)), 253
    else:
        pattern, limit = _NAMES.get(kind, (_SUBDOMAIN, 253))
        valid = bool(pattern.match(whole))
    if not valid:
        yield f"`{text}` is not valid: use {_NAME}"
    elif len(text) > limit:
        yield f"has {len(text)} characters, {limit} are allowed"


def is_name(kind: str, text: str) -> bool:
    """True if an object of a kind may have this name."""
    return len(text) <= 253 and _is_name(kind, text)


@lru_cache(_AT_HAND)
def _is_name(kind: str, text: str) -> bool:
    return not any(bad_name(kind, text, text))


def is_namespace(text: str) -> bool:
    """True if a namespace may have this name."""
    return len(text) <= 63 and _LABEL.match(text) is not None


def is_label(text: str) -> bool:
    """True if a label may have this value."""
    return len(text) <= 63 and _is_value(text)


@lru_cache(_AT_HAND)
def _is_value(text: str) -> bool:
    return _VALUE.match(text) is not None


def is_qualified(key: str) -> bool:
    """True if a label or an annotation may have this key."""
    prefix, slash, name = key.rpartition("/")
    good_prefix = not slash or bool(_SUBDOMAIN.match(prefix) and len(prefix) <= 253)
    return good_prefix and 0 < len(name) <= 63 and _VALUE.match(name) is not None


def is_data_key(key: str) -> bool:
    """True if an entry of a ConfigMap or Secret may have this key."""
    return _DATA_KEY.match(key) is not None


def is_base64(text: str) -> bool:
    """True if a text is base64, in one line or in several."""
    try:
        base64.b64decode(re.sub(r"[\r\n]", "", text), validate=True)
    except ValueError:
        return False
    return True
