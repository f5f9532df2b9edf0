"""Visual Studio Code and editors based on it: the YAML extension, and the built-in JSON support."""

from __future__ import annotations

from typing import Any, Final

from weft.derived.editors.association import Association
from weft.files.jsonc import parse, with_items

_EXTENSION: Final = "redhat.vscode-yaml"


def settings(text: str | None, associations: tuple[Association, ...]) -> str:
    """`.vscode/settings.json` with the schemas of YAML and of JSON files."""
    text = text or ""
    for one in associations:
        text = with_schema(text, ("yaml.schemas",), one)
        text = _with_json_schema(text, one) if one.json else text
    return text


def extensions(text: str | None, associations: tuple[Association, ...]) -> str:
    """`.vscode/extensions.json` that recommends the YAML extension, unless it is listed as unwanted."""
    text = text or ""
    unwanted = _at(text, ("unwantedRecommendations",))
    return text if unwanted and _EXTENSION in unwanted else with_items(text, ("recommendations",), [_EXTENSION])


def with_schema(text: str, path: tuple[str, ...], association: Association) -> str:
    """The text with the globs of an association in a `yaml.schemas` mapping, under the key that the user already has for it."""
    present = _at(text, path)
    keys = list(present) if isinstance(present, dict) else []
    key = next((key for key in keys if association.is_named(key)), association.url)
    return with_items(text, (*path, key), association.yaml)


def _with_json_schema(text: str, association: Association) -> str:
    present = _at(text, ("json.schemas",))
    for index, entry in enumerate(present if isinstance(present, list) else []):
        if isinstance(entry, dict) and association.is_named(entry.get("url")):
            return with_items(text, ("json.schemas", index, "fileMatch"), association.json)
    entry = {"fileMatch": association.json, "url": association.url}
    return with_items(text, ("json.schemas",), [entry])


def _at(text: str, path: tuple[str, ...]) -> Any:
    """The data at a path, None if there is none."""
    data = parse(text).data
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data
