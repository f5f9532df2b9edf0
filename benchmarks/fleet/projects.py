"""The fleet as a project of Weft: schemas, ten rules, overlays, and a template in either of two forms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fleet.workload import DOMAINS, EVERY, GROUPS, MODES, SETTINGS, Values, Workload, as_yaml, put, variable

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
RULES: Final = {
    "application": [
        "self.server.size <= self.limits.size * 1000",
        "!self.features.enabled || self.features.timeout > 0",
    ],
    "database": ["self.pool.size + self.limits.size <= 2000", "self.retry.mode != 'off' || self.retry.size >= 1"],
    "cache": ["self.pool.max_items >= 1 && self.pool.ratio <= 1.0", "self.server.host.contains('.')"],
    "security": ["self.retry.timeout * self.retry.size < 100000000"],
    "": [
        "self.application.server.host != '' && self.database.server.host != ''",
        "!self.monitoring.features.enabled || self.monitoring.logging.mode in ['fast', 'safe', 'auto', 'off']",
        "self.cache.pool.size <= self.database.pool.size * 1000",
    ],
}
"""The rules of each domain, and of all together."""
KINDS: Final[Mapping[str, Values]] = {
    "size": {"type": "integer", "minimum": 1, "maximum": 1000},
    "timeout": {"type": "integer", "minimum": 1, "maximum": 3600, "x-unit": "seconds"},
    "max_items": {"type": "integer", "minimum": 1, "maximum": 90000},
    "ratio": {"type": "number", "minimum": 0, "maximum": 1},
    "enabled": {"type": "boolean"},
    "mode": {"type": "string", "enum": list(MODES)},
    "host": {"type": "string", "minLength": 3, "maxLength": 253, "pattern": r"^[a-z0-9-]+(\.[a-z0-9-]+)*$"},
    "label": {"type": "string", "minLength": 1, "maxLength": 63},
}
"""What each kind of setting may be."""

_EACH_DOMAIN: Final = """{% for domain in ("application", "database", "cache", "security", "monitoring") %}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ target.tenant }}-{{ domain }}
  namespace: music
  labels:
    app.kubernetes.io/name: {{ domain }}
    app.kubernetes.io/instance: {{ target.tenant }}
    app.kubernetes.io/managed-by: bench
data:
"""
ENV: Final = f"""{_EACH_DOMAIN}  {{{{ config[domain] | env | to_yaml | indent(2) }}}}
{{% endfor %}}
"""
"""The template that people write: the environment variables by filters."""
LOOPS: Final = f"""{_EACH_DOMAIN}{{% for group, settings in config[domain].items() %}}
{{% for name, value in settings.items() %}}
  {{{{ domain | upper }}}}_{{{{ group | upper }}}}_{{{{ name | upper }}}}: \
{{{{ (("true" if value else "false") if value is boolean else value | string) | quote }}}}
{{% endfor %}}
{{% endfor %}}
{{% endfor %}}
"""
"""A template that Jinja has to work for: two loops over all settings."""


def domain_schema(domain: str, base: Values) -> Values:
    """The schema of a domain, whose defaults are the values of the base."""
    properties = {
        group: {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: _setting(domain, group, name, base[domain][group][name]) for name in SETTINGS},
        }
        for group in GROUPS
    }
    head = {"$schema": DIALECT, "title": domain, "type": "object", "additionalProperties": False}
    return head | {"properties": properties} | _rules(domain)


def _setting(domain: str, group: str, name: str, default: Any) -> Values:
    head = {"title": name, "description": f"The {name} of {group} in {domain}."}
    return head | KINDS[name] | {"default": default, "x-env": variable(domain, group, name)}


def _rules(domain: str) -> Values:
    rules = [{"rule": rule, "message": f"broken: {rule}"} for rule in RULES.get(domain, ())]
    return {"x-kubernetes-validations": rules} if rules else {}


def write_project(folder: Path, workload: Workload, template: str = ENV) -> None:
    """Write the project: Weft validates, runs the rules and checks the manifests."""
    outputs = [
        {"template": "configmaps.yaml.j2", "path": "{environment}/{tenant}/configmaps.yaml", "check": "kubernetes"}
    ]
    _write_settings(folder, workload, outputs)
    put(folder / "templates" / "configmaps.yaml.j2", template)


def _write_settings(folder: Path, workload: Workload, outputs: list[Values]) -> None:
    """Write weft.yaml, the schemas and the overlays."""
    settings = {
        "version": 1,
        "project": "bench",
        "schema": "schemas/root.schema.json",
        "dimensions": {"environment": {"values": ["production"]}, "tenant": {"files": "overlays/tenants/*.yaml"}},
        "layers": ["overlays/base", "overlays/environments/{environment}", "overlays/tenants/{tenant}"],
        "outputs": outputs,
    }
    put(folder / "weft.yaml", json.dumps(settings, indent=2))  # JSON is YAML
    for domain in DOMAINS:
        put(folder / "schemas" / f"{domain}.schema.json", json.dumps(domain_schema(domain, workload.base), indent=2))
        put(folder / "overlays" / "base" / f"{domain}.yaml", as_yaml({domain: workload.base[domain]}))
    root = {
        "$schema": DIALECT,
        "type": "object",
        "additionalProperties": False,
        "properties": {domain: {"$ref": f"{domain}.schema.json"} for domain in DOMAINS},
    }
    put(folder / "schemas" / "root.schema.json", json.dumps(root | _rules(""), indent=2))
    for tenant, upper in workload.tenants.items():
        put(folder / "overlays" / "tenants" / f"{tenant}.yaml", as_yaml(upper))


# --- projects for single questions ---


def write_one_output(folder: Path, objects: int) -> None:
    """A project of one target, whose one output has so many ConfigMaps."""
    template = f"{{% for number in range({objects}) %}}\n" + _EACH_DOMAIN.partition("\n")[2].replace(
        "{{ target.tenant }}-{{ domain }}", "{{ target.tenant }}-{{ number }}"
    ).replace("{{ domain }}", "application")
    template += '  {{ config["application"] | env | to_yaml | indent(2) }}\n{% endfor %}\n'
    write_project(folder, Workload.drawn(1), template)


def write_wrong(folder: Path, values: int, tenants: int = 100) -> None:
    """A fleet in which so many values are wrong, evenly spread over the tenants."""
    upper: Values = {}
    for domain, group, name in EVERY[: values // tenants]:
        upper.setdefault(domain, {}).setdefault(group, {})[name] = "" if name == "label" else f"no {name}"
    base = Workload.drawn(0).base
    write_project(folder, Workload(base, {f"t{index}": upper for index in range(tenants)}))
