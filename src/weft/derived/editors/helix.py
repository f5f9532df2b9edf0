"""Helix: its YAML server. JSON files name their own schema, with the key `$schema`."""

from __future__ import annotations

from typing import Any, Final

from weft.base.extras import how_to_install
from weft.base.problems import CannotRun, Problem
from weft.derived.editors.association import Association
from weft.files.jsonc import SettingsError

_PATH: Final = ("language-server", "yaml-language-server", "config", "yaml", "schemas")


def settings(text: str | None, associations: tuple[Association, ...]) -> str:
    """`.helix/languages.toml` with the schemas of YAML files.

    Raises CannotRun when the library that edits TOML is not installed.
    """
    toml = _tomlkit()
    document = _parsed(toml, text or "")
    before = document.unwrap()
    schemas = _schemas(toml, document)
    for association in associations:
        _add(toml, schemas, association)
    return str(toml.dumps(document)) if document.unwrap() != before or text is None else text


def _tomlkit() -> Any:
    """The library that edits TOML and keeps its layout."""
    try:
        import tomlkit  # noqa: PLC0415 - of an extra
        import tomlkit.exceptions  # noqa: PLC0415
    except ImportError:
        hint = how_to_install("editors", "tomlkit")
        raise CannotRun(Problem("not-installed", "the settings of Helix need the package tomlkit", hint=hint)) from None
    return tomlkit


def _parsed(toml: Any, text: str) -> Any:
    try:
        return toml.parse(text)
    except toml.exceptions.TOMLKitError as error:
        line, column = getattr(error, "line", 1), getattr(error, "col", 0)
        raise SettingsError(f"not TOML: {str(error).partition(' at line')[0]}", line, column + 1) from None


def _schemas(toml: Any, document: Any) -> Any:
    """The table that maps schemas to the globs of their files, with the tables around it."""
    table = document
    for step in _PATH:
        if step not in table:
            table[step] = toml.table(is_super_table=step != _PATH[-1])
        table = table[step]
        if not isinstance(table, dict):
            raise SettingsError(f"`{step}` is expected to be a table", 1, 1)
    return table


def _add(toml: Any, schemas: Any, association: Association) -> None:
    """Add the globs that an association lacks, under the key that the user already has for its schema."""
    key = next((key for key in schemas if association.is_named(key)), association.url)
    stated = schemas.get(key, [])
    globs = [stated] if isinstance(stated, str) else stated
    missing = [glob for glob in association.yaml if glob not in globs]
    if not isinstance(stated, list) or key not in schemas:
        schemas[key] = toml.array().multiline(len(association.yaml) > 1)
        schemas[key].extend(globs)
    schemas[key].extend(missing)
