"""Functions for providers that read files: which files they may read, YAML and JSON without quoting them, and JSON pointers."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any, Final

from weft.base import paths
from weft.base.problems import did_you_mean
from weft.files import datafile, yaml12
from weft.files.reading import VARIABLE, OutsideError, ProjectFiles
from weft.schema.types import TYPE_WORDS, json_type
from weft.secrets.providers import ProviderError, Reference

_SECRETS: Final = Path("/run/secrets")
"""Where Docker, Podman and Kubernetes put the secrets of a container; anyone who can write to it has allowed its content."""


def complaint(reference: Reference) -> str | None:
    """A relative path stays inside the project, and a key is a JSON pointer."""
    if _leaves(reference.path):
        return "a relative path must stay inside the project: write an absolute one if that is intended"
    if reference.key and not reference.key.startswith("/"):
        return f"its key is a JSON pointer and starts with `/`: did you mean `#/{reference.key}`?"
    return None


def _leaves(path: str) -> bool:
    depth = 0
    for part in PurePosixPath(path).parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False


def read(name: str, files: ProjectFiles) -> bytes:
    """The bytes of a file of the project, of an allowed folder, or of the folder of secrets.

    Raises ProviderError if it cannot be read, or is outside of these folders.
    """
    files = files.allowing(_SECRETS)
    path = files.folder / name
    try:
        return files.read(path)
    except OutsideError:
        allow = f"keep it in {_SECRETS}, or allow its folder with `--allow-read DIR` or {VARIABLE}"
        raise ProviderError(f"{name} is outside of the project", allow) from None
    except OSError as error:
        hint = did_you_mean(path.name, files.names_near(path)) if isinstance(error, FileNotFoundError) else None
        raise ProviderError(f"{name}: {(error.strerror or 'it cannot be read').lower()}", hint) from None


def parse(data: bytes, name: str) -> Any:
    """YAML or JSON, by the suffix (that of `x.json.age` is `.json`).

    Raises ProviderError, with the place, and without quoting the file.
    """
    try:
        return datafile.parse_named(data, name.removesuffix(".age"))
    except yaml12.YamlError as error:
        kind = "JSON" if is_json(name) else "YAML"
        raise ProviderError(f"{error.place(name)} is not {kind} as Weft reads it ({error.code})") from None


def is_json(name: str) -> bool:
    """True if a file contains JSON, judging by its name."""
    return datafile.is_json(name.removesuffix(".age"))


def pick(data: Any, pointer: str) -> str:
    """The value at a JSON pointer, as a text. Raises ProviderError if there is none, or if it is not a single value."""
    value = data
    for step in paths.parse_pointer(pointer):
        key: str | int = int(step) if isinstance(value, list) and step.isdecimal() else step
        if not paths.has(value, (key,)) or isinstance(value, str):
            keys = list(value) if isinstance(value, dict) else []
            raise ProviderError(f"there is no value at `{pointer}`", did_you_mean(step, keys))
        value = value[key]
    if value is None or isinstance(value, dict | list):
        what = TYPE_WORDS[json_type(value)]
        raise ProviderError(f"the value at `{pointer}` is {what}, not a single value")
    return value if isinstance(value, str) else json.dumps(value)
