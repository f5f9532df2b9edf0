"""The schemas of Kubernetes' own kinds, as `kubernetes-validate` bundles them, compiled once per kind."""

from __future__ import annotations

import json
import zipfile
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

import jsonschema_rs

VERSION: Final = "1.33.0"
"""The Kubernetes version whose schemas are used."""


def is_builtin(api_version: str) -> bool:
    """True if a group is one of Kubernetes' own."""
    group, slash, _ = api_version.rpartition("/")
    return not slash or "." not in group or api_version in kinds()


@cache
def validator(api_version: str, kind: str) -> jsonschema_rs.Validator | None:
    """The compiled schema of a kind, or None if Kubernetes itself has no such kind."""
    group, slash, version = api_version.rpartition("/")
    # the bundled files are named after the first word of the group: `deployment-apps-v1.json`
    prefix = f"{group.partition('.')[0]}-" if slash else ""
    if slash and "." in group and not group.endswith(".k8s.io"):
        return None
    file = _folder().joinpath(f"{kind.lower()}-{prefix}{version}.json")
    if not file.is_file():
        return None
    return jsonschema_rs.validator_for(json.loads(file.read_text("utf-8")), registry=_definitions())


@cache
def kinds() -> dict[str, list[str]]:
    """The kinds of Kubernetes by their `apiVersion`."""
    found: dict[str, list[str]] = {}
    for definition in json.loads(_folder().joinpath("_definitions.json").read_text("utf-8"))["$defs"].values():
        for kind in definition.get("x-kubernetes-group-version-kind", ()):
            api = "/".join(filter(None, (kind["group"], kind["version"])))
            found.setdefault(api, []).append(kind["kind"])
    return found


@cache
def _folder() -> Traversable | zipfile.Path:
    """The schemas as files: a folder, as shipped with the package, or an archive, as installed by `make`."""
    schemas = resources.files("kubernetes_validate").joinpath("kubernetes-json-schema")
    archive = schemas.joinpath(f"v{VERSION}-local-strict.zip")
    return zipfile.Path(str(archive)) if archive.is_file() else schemas.joinpath(f"v{VERSION}-local-strict")


@cache
def _definitions() -> jsonschema_rs.Registry:
    definitions = json.loads(_folder().joinpath("_definitions.json").read_text("utf-8"))
    return jsonschema_rs.Registry([(definitions["$id"], definitions)])
