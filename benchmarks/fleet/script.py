"""What people write first: PyYAML's C loader, a plain merge, jsonschema-rs and an f-string. No rules, no check of the manifests.

python script.py PROJECT FOLDER
"""

import json
import sys
from json.encoder import encode_basestring_ascii as quote
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

HEAD = """---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {tenant}-{domain}
  namespace: music
  labels:
    app.kubernetes.io/name: {domain}
    app.kubernetes.io/instance: {tenant}
    app.kubernetes.io/managed-by: bench
data:
"""


def load(path: Path) -> Any:
    """The contents of a file of YAML."""
    return yaml.load(path.read_bytes(), yaml.CSafeLoader)


def merge(lower: dict[str, Any], upper: dict[str, Any]) -> dict[str, Any]:
    """Two layers as one."""
    return {
        key: (merge(value, upper[key]) if isinstance(value, dict) else upper[key]) if key in upper else value
        for key, value in lower.items()
    }


def text(value: Any) -> str:
    """A value as the text of an environment variable."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def main(project: Path, folder: Path) -> None:
    """Render every tenant."""
    base: dict[str, Any] = {}
    for domain in json.loads((project / "schemas" / "root.schema.json").read_bytes())["properties"]:
        base |= load(project / "overlays" / "base" / f"{domain}.yaml")
    schemas = {domain: json.loads((project / "schemas" / f"{domain}.schema.json").read_bytes()) for domain in base}
    for schema in schemas.values():
        schema.pop("x-kubernetes-validations", None)
    validator = jsonschema_rs.validator_for({"properties": schemas, "additionalProperties": False})
    for path in sorted((project / "overlays" / "tenants").iterdir()):
        tenant, config = path.stem, merge(base, load(path))
        assert validator.is_valid(config), path
        parts = []
        for domain, groups in config.items():
            parts.append(HEAD.format(tenant=tenant, domain=domain))
            for group, settings in groups.items():
                before = f"  {domain}_{group}_".upper()
                parts += [f"{before}{name.upper()}: {quote(text(value))}\n" for name, value in settings.items()]
        target = folder / "production" / tenant
        target.mkdir(parents=True, exist_ok=True)
        (target / "configmaps.yaml").write_text("".join(parts))


main(Path(sys.argv[1]), Path(sys.argv[2]))
