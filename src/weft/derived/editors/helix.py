"""Helix: its YAML server. JSON files name their schema themselves there, by the key `$schema`."""

from __future__ import annotations

from typing import Any, Final

from weft.base.problems import CannotRun, Problem
from weft.derived.editors.association import Association
from weft.derived.editors.jsonc import SettingsError

_PATH: Final = ("language-server", "yaml-language-server", "config", "yaml", "schemas")


def settings(text: str | None, associations: tuple[Association, ...]) -> str:
    """`.helix/languages.toml` with the schemas of YAML files.

    Raises CannotRun when the library that edits TOML is not installed.
    """
    try:
        import tomlkit  # noqa: PLC0415 - of an extra
        from tomlkit.exceptions import TOMLKitError  # noqa: PLC0415
    except ImportError:
        hint = "install it with `pip install 'weft[editors]'`"
        raise CannotRun(Problem("not-installed", "the settings of Helix need the package tomlkit", hint=hint)) from None
    try:
        document = tomlkit.parse(text or "")
    except TOMLKitError as error:
        line, column = getattr(error, "line", 1), getattr(error, "col", 0)
        raise SettingsError(f"not TOML: {str(error).partition(' at line')[0]}", line, column + 1) from None
    before = document.unwrap()
    here: Any = document
    for step in _PATH:
        if step not in here:
            here[step] = tomlkit.table(is_super_table=step != _PATH[-1])
        here = here[step]
        if not isinstance(here, dict):
            raise SettingsError(f"`{step}` is expected to be a table", 1, 1)
    for one in associations:
        key = next((key for key in here if one.is_named(key)), one.url)
        mine = here.get(key, [])
        globs = [mine] if isinstance(mine, str) else mine
        missing = [glob for glob in one.yaml if glob not in globs]
        if not isinstance(mine, list) or key not in here:
            here[key] = tomlkit.array().multiline(len(one.yaml) > 1)
            here[key].extend(globs)
        here[key].extend(missing)
    return tomlkit.dumps(document) if document.unwrap() != before or text is None else text
