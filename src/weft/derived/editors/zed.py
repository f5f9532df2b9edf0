"""Zed: its YAML server. JSON files name their own schema, with the key `$schema`."""

from __future__ import annotations

from typing import Final

from weft.derived.editors.association import Association
from weft.derived.editors.vscode import with_schema

_PATH: Final = ("lsp", "yaml-language-server", "settings", "yaml", "schemas")


def settings(text: str | None, associations: tuple[Association, ...]) -> str:
    """`.zed/settings.json` with the schemas of YAML files."""
    text = text or ""
    for one in associations:
        text = with_schema(text, _PATH, one)
    return text
