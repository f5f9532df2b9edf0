"""The format of a bundle: what a running program needs to read its configuration, as the files of one folder.

    weft.json       the manifest: version of the format, project, target, revision, digest, and the names of the other files
    <domain>.json   the values of one domain
    schema.json     all schemas in one, with rules: the program checks the values by itself
    origins.json    the overlay file and line that set each setting
    …               other files of the same revision, such as flags

The folder may be a mounted ConfigMap, so each name is one of its keys. The digest covers the names and contents of all other files: half of
an old bundle and half of a new one do not fit together, nor does a file that is torn.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from weft.base.paths import dotted, parse_dotted
from weft.files.formats import printable

FORMAT: Final = 1
"""The version of the format that this library writes, and the newest that it reads."""
MANIFEST: Final = "weft.json"
SCHEMA: Final = "schema.json"
ORIGINS: Final = "origins.json"
_MOST_REVISIONS: Final = 2**63
_KEY: Final = re.compile(r"[-._a-zA-Z0-9]{1,200}")
"""A name that a ConfigMap takes as a key, and a file system as a file."""


@dataclass(frozen=True)
class Manifest:
    """What a bundle says about itself.

    `values` are the files of the domains, by the domains' names. `secrets` are the sensitive settings that are set, each with its environment
    variable (or an empty text): their values are in no bundle. `others` are files that Weft does not read. A higher `revision` is a newer one; None if nobody numbers them.
    """

    project: str | None
    target: str
    values: Mapping[str, str]
    digest: str
    revision: int | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()

    def text(self) -> str:
        """The file `weft.json`."""
        data = {"format": FORMAT, "project": self.project, "target": self.target, "revision": self.revision}
        named = {"values": dict(self.values), "secrets": dict(self.secrets), "others": self.others}
        return as_json(data | {"digest": self.digest, **named})

    @property
    def files(self) -> list[str]:
        """The names of all files that the digest covers."""
        return [*self.values.values(), SCHEMA, ORIGINS, *self.others]


class BadManifest(ValueError):
    """A manifest that is not one, with the reason."""


def parse_manifest(content: bytes) -> Manifest:
    """The manifest in the file `weft.json`. Raises BadManifest."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadManifest(f"it is not JSON: {error}") from None
    if not isinstance(data, dict) or "format" not in data:
        raise BadManifest("it is not the manifest of a bundle: `format` is missing")
    if type(data["format"]) is not int or data["format"] < 1:
        raise BadManifest(f"it is not the manifest of a bundle: {data['format']!r} is not a format")
    if data["format"] > FORMAT:
        reason = f"it has format {data['format']!r}, and this version of Weft reads {FORMAT} at most: update Weft first"
        raise BadManifest(reason)
    try:
        return _manifest(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadManifest(f"it is not the manifest of a bundle: {error}") from None


def _manifest(data: Mapping[str, Any]) -> Manifest:
    values = {str(domain): _file_name(name) for domain, name in data["values"].items()}
    revision = data.get("revision")
    if revision is not None and type(revision) is not int:
        raise TypeError("revision")
    if revision is not None and abs(revision) >= _MOST_REVISIONS:
        raise ValueError("the number of the revision has more than 64 bits")
    secrets = {dotted(parse_dotted(path)): str(name) for path, name in dict(data.get("secrets", {})).items()}
    others = tuple(map(_file_name, data.get("others", ())))
    return Manifest(data.get("project"), str(data["target"]), values, str(data["digest"]), revision, secrets, others)


def _file_name(name: Any) -> str:
    if not isinstance(name, str) or not is_file_name(name):
        raise TypeError("values")
    return name


def is_file_name(name: str) -> bool:
    """True for the name of a file that a ConfigMap or a Secret may have as a key: it names no folder, and none above it."""
    return bool(_KEY.fullmatch(name)) and name != "." and not name.startswith("..")


def digest_of(contents: Mapping[str, bytes]) -> str:
    """The digest of some files, such as those of a bundle besides the manifest: SHA-256 of their names and of the SHA-256 of each content."""
    parts = (f"{hashlib.sha256(contents[name]).hexdigest()}  {name}\n" for name in sorted(contents))
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def written(
    values: Mapping[str, Any],
    schema: str,
    origins: Mapping[str, str],
    secrets: Mapping[str, str],
    others: Mapping[str, str],
    *,
    project: str | None,
    target: str,
    revision: int | None = None,
) -> dict[str, str]:
    """The files of a bundle: name to text.

    `values` are the domains, `origins` a place such as `overlays/base.yaml:3` for each setting, `secrets` those of the manifest.
    `others` are more files of the same revision. Raises ValueError if one of them has a name that no ConfigMap takes, or that is taken.
    """
    names = {domain: _name_of(domain, number) for number, domain in enumerate(values)}
    files = {names[domain]: as_json(value) for domain, value in values.items()}
    files |= {SCHEMA: schema, ORIGINS: as_json(origins)}
    for name in others:
        if name in files or name == MANIFEST or not is_file_name(name):
            raise ValueError(f"`{name}` cannot be the name of another file of a bundle")
    files |= others
    digest = digest_of({name: text.encode() for name, text in files.items()})
    return {MANIFEST: Manifest(project, target, names, digest, revision, secrets, tuple(others)).text(), **files}


def _name_of(domain: str, number: int) -> str:
    name = f"{domain}.json"
    taken = name in (MANIFEST, SCHEMA, ORIGINS) or name.startswith((".", "values-"))
    return name if _KEY.fullmatch(name) and not taken else f"values-{number}.json"


def as_json(data: Any) -> str:
    """JSON with short lines, so that a person finds a setting and git shows what changed."""
    return printable(json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False)) + "\n"
