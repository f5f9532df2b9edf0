"""The fleet in the languages of other tools that compute: Helm, Kustomize, Jsonnet, kapitan. Typed languages: `typed_projects`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from fleet.projects import domain_schema
from fleet.workload import DOMAINS, GROUPS, SETTINGS, Values, Workload, as_yaml, put, text, variable

# --- Helm ---

_HELM_MAPS: Final = """{{- range $domain := list "application" "database" "cache" "security" "monitoring" }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ NAME }}-{{ $domain }}
  namespace: music
  labels:
    app.kubernetes.io/name: {{ $domain }}
    app.kubernetes.io/instance: {{ NAME }}
    app.kubernetes.io/managed-by: bench
data:
{{- range $group, $settings := index VALUES $domain }}
{{- range $name, $value := $settings }}
  {{ printf "%s_%s_%s" $domain $group $name | upper }}: {{ $value | toString | quote }}
{{- end }}
{{- end }}
{{- end }}
"""
_HELM_RELEASE: Final = _HELM_MAPS.replace("NAME", "$.Release.Name").replace("VALUES", "$.Values")
_HELM_LOOP: Final = f"""{{{{- range $path, $_ := .Files.Glob "tenants/*.yaml" }}}}
{{{{- $tenant := base $path | trimSuffix ".yaml" }}}}
{{{{- $shared := deepCopy (pick $.Values "application" "database" "cache" "security" "monitoring") }}}}
{{{{- $values := mergeOverwrite $shared ($.Files.Get $path | fromYaml) }}}}
{_HELM_MAPS.replace("NAME", "$tenant").replace("VALUES", "$values")}{{{{- end }}}}
"""


def helm(folder: Path, workload: Workload) -> None:
    """A chart, of which each tenant is a release."""
    _chart(folder, workload, _HELM_RELEASE, folder / "tenants")


def helm_with_schema(folder: Path, workload: Workload) -> None:
    """The same with a schema of the values."""
    helm(folder, workload)
    properties = {
        domain: {
            key: value for key, value in domain_schema(domain, workload.base).items() if key in ("type", "properties")
        }
        for domain in DOMAINS
    }
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": properties}
    put(folder / "chart" / "values.schema.json", json.dumps(schema))


def helm_in_one(folder: Path, workload: Workload) -> None:
    """A chart whose template loops over the tenants, so that one release has all."""
    _chart(folder, workload, _HELM_LOOP, folder / "chart" / "tenants")


def _chart(folder: Path, workload: Workload, template: str, tenants: Path) -> None:
    put(folder / "chart" / "Chart.yaml", "apiVersion: v2\nname: bench\nversion: 0.1.0\n")
    put(folder / "chart" / "values.yaml", as_yaml(workload.base))
    put(folder / "chart" / "templates" / "configmaps.yaml", template)
    for tenant, upper in workload.tenants.items():
        put(tenants / f"{tenant}.yaml", as_yaml(upper))


# --- Kustomize ---

_KUSTOMIZATION: Final = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
_CONFIGMAP: Final = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {domain}\n  namespace: music\n"


def kustomize(folder: Path, workload: Workload) -> None:
    """A base of five ConfigMaps, and for each tenant a prefix of the names, a label and a patch."""
    for domain in DOMAINS:
        labels = f"  labels:\n    app.kubernetes.io/name: {domain}\n    app.kubernetes.io/managed-by: bench\n"
        data = _data(
            domain, {group: {name: workload.base[domain][group][name] for name in SETTINGS} for group in GROUPS}
        )
        put(folder / "base" / f"{domain}.yaml", _CONFIGMAP.format(domain=domain) + labels + data)
    resources = "".join(f"  - {domain}.yaml\n" for domain in DOMAINS)
    put(folder / "base" / "kustomization.yaml", f"{_KUSTOMIZATION}resources:\n{resources}")
    for tenant, upper in workload.tenants.items():
        patches = (_CONFIGMAP.format(domain=domain) + _data(domain, groups) for domain, groups in upper.items())
        put(folder / "tenants" / tenant / "patch.yaml", "---\n".join(patches))
        put(
            folder / "tenants" / tenant / "kustomization.yaml",
            f"{_KUSTOMIZATION}namePrefix: {tenant}-\nresources:\n  - ../../base\nlabels:\n  - pairs:\n"
            f"      app.kubernetes.io/instance: {tenant}\npatches:\n  - path: patch.yaml\n",
        )
    resources = "".join(f"  - ../tenants/{tenant}\n" for tenant in workload.tenants)
    put(folder / "all" / "kustomization.yaml", f"{_KUSTOMIZATION}resources:\n{resources}")


def _data(domain: str, groups: Values) -> str:
    """The data of a ConfigMap."""
    lines = (
        f"  {variable(domain, group, name)}: {json.dumps(text(value))}\n"
        for group, settings in groups.items()
        for name, value in settings.items()
    )
    return f"data:\n{''.join(lines)}"


# --- Jsonnet ---

_JSONNET_LIBRARY: Final = """{
  configmaps(tenant, config):: [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: '%s-%s' % [tenant, domain],
        namespace: 'music',
        labels: {
          'app.kubernetes.io/name': domain,
          'app.kubernetes.io/instance': tenant,
          'app.kubernetes.io/managed-by': 'bench',
        },
      },
      data: {
        [std.asciiUpper(domain + '_' + group.key + '_' + setting.key)]: std.toString(setting.value)
        for group in std.objectKeysValues(config[domain])
        for setting in std.objectKeysValues(group.value)
      },
    }
    for domain in ['application', 'database', 'cache', 'security', 'monitoring']
  ],
}
"""
_JSONNET_FLEET: Final = """local base = import 'base.libsonnet';
local library = import 'configmaps.libsonnet';
local tenants = import 'tenants.libsonnet';
{
  [tenant + '.json']: { apiVersion: 'v1', kind: 'List', items: library.configmaps(tenant, base + tenants[tenant]) }
  for tenant in std.objectFields(tenants)
}
"""


def jsonnet(folder: Path, workload: Workload) -> None:
    """Objects that are added, and a function that makes ConfigMaps of the sum."""
    put(folder / "base.libsonnet", _jsonnet_object(workload.base, ":"))
    put(folder / "configmaps.libsonnet", _JSONNET_LIBRARY)
    put(folder / "fleet.jsonnet", _JSONNET_FLEET)
    for tenant, upper in workload.tenants.items():
        put(folder / "tenants" / f"{tenant}.libsonnet", _jsonnet_object(upper, "+:"))
    lines = "".join(f"  {tenant}: import 'tenants/{tenant}.libsonnet',\n" for tenant in workload.tenants)
    put(folder / "tenants.libsonnet", f"{{\n{lines}}}\n")


def _jsonnet_object(data: Values, joins: str, indent: str = "") -> str:
    lines = (
        f"{indent}  {key}{joins} {_jsonnet_object(value, joins, indent + '  ')},\n"
        if isinstance(value, dict)
        else f"{indent}  {key}: {json.dumps(value)},\n"
        for key, value in data.items()
    )
    return f"{{\n{''.join(lines)}{indent}}}"


# --- kapitan ---

_KAPITAN: Final = """{% for domain in ("application", "database", "cache", "security", "monitoring") %}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ inventory.parameters.tenant }}-{{ domain }}
  namespace: music
  labels:
    app.kubernetes.io/name: {{ domain }}
    app.kubernetes.io/instance: {{ inventory.parameters.tenant }}
    app.kubernetes.io/managed-by: bench
data:
{% for group, settings in inventory.parameters[domain].items() %}
{% for name, value in settings.items() %}
  {{ domain | upper }}_{{ group | upper }}_{{ name | upper }}: \
{{ (("true" if value else "false") if value is boolean else value | string) | tojson }}
{% endfor %}
{% endfor %}
{% endfor %}
"""
_COMPILES: Final = """
  kapitan:
    compile:
    - output_path: .
      input_type: jinja2
      input_paths:
      - templates/configmaps.yaml
"""


def kapitan(folder: Path, workload: Workload) -> None:
    """An inventory of one class and a target for each tenant, and a template of Jinja."""
    put(folder / "templates" / "configmaps.yaml", _KAPITAN)
    put(folder / "inventory" / "classes" / "base.yml", f"parameters:\n{as_yaml(workload.base, 2)}{_COMPILES}")
    for tenant, upper in workload.tenants.items():
        head = f"classes:\n- base\nparameters:\n  tenant: {tenant}\n  kapitan:\n    vars:\n      target: {tenant}\n"
        put(folder / "inventory" / "targets" / f"{tenant}.yml", head + as_yaml(upper, 2))
