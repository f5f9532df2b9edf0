"""Keep of the package kubernetes-validate the schemas of the one Kubernetes version that Weft checks manifests against.

The package brings the schemas of thirteen versions, 108 MB as files. Of one they are 5 MB, and a quarter of a megabyte
without the descriptions, compressed; that is how the check reads them as well.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from importlib import resources
from pathlib import Path
from typing import Any

from weft.checks.kubernetes import VERSION


def without_descriptions(schema: Any) -> Any:
    """A schema without the texts that only people read. A property may be called `description`: then it is a mapping."""
    if isinstance(schema, dict):
        return {
            name: without_descriptions(value)
            for name, value in schema.items()
            if name != "description" or not isinstance(value, str)
        }
    return [without_descriptions(item) for item in schema] if isinstance(schema, list) else schema


def keep_one(folder: Path, version: str) -> None:
    """Replace the folders of schemas by one archive, `v<version>-local-strict.zip`."""
    archive = folder / f"v{version}-local-strict.zip"
    source = folder / f"v{version}-local-strict"
    if source.is_dir():
        staged = archive.with_suffix(".new")
        with zipfile.ZipFile(staged, "w", zipfile.ZIP_DEFLATED) as target:
            for file in sorted(source.glob("*.json")):
                schema = without_descriptions(json.loads(file.read_text("utf-8")))
                target.writestr(file.name, json.dumps(schema, separators=(",", ":")))
        staged.replace(archive)
    for old in folder.iterdir():
        if old.is_dir():
            shutil.rmtree(old)


if __name__ == "__main__":
    keep_one(Path(str(resources.files("kubernetes_validate"))) / "kubernetes-json-schema", VERSION)
