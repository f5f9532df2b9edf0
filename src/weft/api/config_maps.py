"""ConfigMaps as data: those among the outputs of a target, and what one alone contains.

A ConfigMap is a plain dict, as `kubectl get -o json` prints it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from weft.base.paths import get, has
from weft.base.problems import Problem, UsageError
from weft.files import yaml12
from weft.project.target import Target

ConfigMap = dict[str, Any]

_NAMESPACE: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DOCUMENTS: Final = re.compile(r"^---.*\n", re.MULTILINE)


def _object(text: str) -> ConfigMap:
    """The object in one document of an output; empty if it is not an object, which the check `kubernetes` reports."""
    try:
        data = yaml12.parse(text)
    except yaml12.YamlError:
        return {}
    return data if isinstance(data, dict) and isinstance(data.get("metadata"), dict) else {}


def config_maps_of(target: Target) -> list[ConfigMap]:
    """The ConfigMaps among the outputs of a target."""
    outputs, _ = target.outputs.rendered(target.view)
    texts = (text for output in outputs for text in _DOCUMENTS.split(output.text) if "kind: ConfigMap" in text)
    return [one for one in map(_object, texts) if one.get("kind") == "ConfigMap"]


def stable_name(config: ConfigMap) -> str:
    """The name of a ConfigMap, without the hash if it is named by its content."""
    name = str(config["metadata"].get("name"))
    return re.sub(r"-[0-9a-f]{10}$", "", name) if config.get("immutable") else name


def refuse_different_objects(base: Mapping[str, Any], override: Mapping[str, Any]) -> None:
    """Raise ValueError if both are Kubernetes objects, but not the same one."""
    for what, path in (("kinds", ("kind",)), ("names", ("metadata", "name"))):
        both = [get(one, path) for one in (base, override) if "kind" in one and has(one, path)]
        if len(both) == 2 and both[0] != both[1]:
            raise ValueError(
                f"two objects of different {what} cannot be merged: `{both[0]}` and `{both[1]}` (merge their `data`)"
            )


def instance_of(target: Target) -> str:
    """The value of the label that tells which target an object belongs to."""
    return target.name.replace("/", "-")


def data_of(config: Mapping[str, Any]) -> Any:
    """The data of a ConfigMap; any other mapping is data itself."""
    if config.get("kind") != "ConfigMap":
        return config
    return {} if config.get("data") is None else config["data"]


def misshapen(data: Any) -> list[str]:
    """Why something cannot be a configuration at all."""
    if not isinstance(data, Mapping):
        return [f"a configuration is a mapping, not {type(data).__name__}"]
    return [f"`{key}` is not a text, but keys must be texts" for key in data if not isinstance(key, str)]


def checked_namespace(text: str) -> str:
    """A valid Kubernetes namespace; raises UsageError for any other text."""
    if isinstance(text, str) and _NAMESPACE.fullmatch(text):
        return text
    message = f"`{text}` cannot be a namespace: use at most 63 of lower-case letters, digits and `-`, a letter or digit at both ends"
    meant = re.sub("[^a-z0-9]+", "-", str(text).lower()).strip("-")[:63].rstrip("-")
    raise UsageError(Problem("bad-name", message, hint=f"write `{meant}`" if meant else None))
