"""The fleet in the languages that have types and bounds of their own: CUE, KCL, Pkl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from fleet.workload import DOMAINS, GROUPS, MODES, SETTINGS, Values, Workload, put, text

_HOST: Final = r"[a-z0-9-]+(\.[a-z0-9-]+)*"

# --- CUE ---

_CUE_OBJECTS: Final = r"""package bench

import "strings"

#objects: {
	#tenant: string
	#config: #Config
	list: [for domain, groups in #config {
		apiVersion: "v1"
		kind:       "ConfigMap"
		metadata: {
			name:      "\(#tenant)-\(domain)"
			namespace: "music"
			labels: {
				"app.kubernetes.io/name":       domain
				"app.kubernetes.io/instance":   #tenant
				"app.kubernetes.io/managed-by": "bench"
			}
		}
		data: {
			for group, settings in groups for name, value in settings {
				(strings.ToUpper("\(domain)_\(group)_\(name)")): "\(value)"
			}
		}
	}]
}
"""
_CUE_FLEET: Final = """package bench

tenants: [string]: #Config

objects: {
	for tenant, config in tenants {
		(tenant): #objects & {#tenant: tenant, #config: config}
	}
}
"""
_CUE_TOOL: Final = r"""package bench

import (
	"encoding/yaml"
	"tool/file"
)

command: dump: {
	for tenant, made in objects {
		(tenant): file.Create & {
			filename: "out/\(tenant).yaml"
			contents: yaml.MarshalStream(made.list)
		}
	}
}
"""


def cue(folder: Path, workload: Workload) -> None:
    """A definition with bounds and defaults, a value for each tenant, and a command that writes the files."""
    put(folder / "cue.mod" / "module.cue", 'module: "bench.example"\nlanguage: version: "v0.9.0"\n')
    lines = []
    for domain in DOMAINS:
        lines.append(f"\t{domain}: {{")
        for group in GROUPS:
            settings = (f"\t\t\t{name}: {_cue_type(name, workload.base[domain][group][name])}" for name in SETTINGS)
            lines += [f"\t\t{group}: {{", *settings, "\t\t}"]
        lines.append("\t}")
    body = "\n".join(lines)
    put(folder / "config.cue", f'package bench\n\nimport "strings"\n\n#Config: {{\n{body}\n}}\n')
    put(folder / "objects.cue", _CUE_OBJECTS)
    put(folder / "fleet.cue", _CUE_FLEET)
    put(folder / "dump_tool.cue", _CUE_TOOL)
    for tenant, upper in workload.tenants.items():
        put(folder / f"{tenant}.cue", f"package bench\n\ntenants: {tenant}: {_cue_object(upper)}")


def _cue_type(name: str, default: Any) -> str:
    value = json.dumps(default)
    pattern = json.dumps(f"^{_HOST}$")
    return {
        "size": f"int & >=1 & <=1000 | *{value}",
        "timeout": f"int & >=1 & <=3600 | *{value}",
        "max_items": f"int & >=1 & <=90000 | *{value}",
        "ratio": f"number & >=0 & <=1 | *{value}",
        "enabled": f"bool | *{value}",
        "mode": " | ".join(("*" if mode == default else "") + json.dumps(mode) for mode in MODES),
        "host": f"=~{pattern} | *{value}",
        "label": f"strings.MinRunes(1) & strings.MaxRunes(63) | *{value}",
    }[name]


def _cue_object(data: Values, indent: str = "") -> str:
    lines = (
        f"{indent}\t{key}: {_cue_object(value, indent + '	') if isinstance(value, dict) else json.dumps(value)}\n"
        for key, value in data.items()
    )
    return f"{{\n{''.join(lines)}{indent}}}"


# --- KCL ---

_KCL_MAIN: Final = """import manifests
import tenants
import settings

_domains = ['application', 'database', 'cache', 'security', 'monitoring']
_text = lambda value { ('true' if value else 'false') if typeof(value) == 'bool' else str(value) }
_configmaps = lambda tenant: str, config: settings.Config {
    [{
        apiVersion = 'v1'
        kind = 'ConfigMap'
        metadata = {
            name = '${tenant}-${domain}'
            namespace = 'music'
            labels = {
                'app.kubernetes.io/name' = domain
                'app.kubernetes.io/instance' = tenant
                'app.kubernetes.io/managed-by' = 'bench'
            }
        }
        data = {
            '${domain}_${group}_${name}'.upper(): _text(value) for group, values in config[domain] for name, value in values
        }
    } for domain in _domains]
}
_fleet = {
TENANTS}
manifests.yaml_stream(sum([_configmaps(tenant, config) for tenant, config in _fleet], []))
"""
_KCL_CHECKS: Final = rf"""
    check:
        1 <= size <= 1000
        1 <= timeout <= 3600
        1 <= max_items <= 90000
        0.0 <= ratio <= 1.0
        regex.match(host, r"^{_HOST}$")
        1 <= len(label) <= 63
"""


def kcl(folder: Path, workload: Workload) -> None:
    """Schemas with checks, a package with a value for each tenant, and a main program."""
    lines = ["import regex\n"]
    for domain in DOMAINS:
        for group in GROUPS:
            values = workload.base[domain][group]
            attributes = "".join(f"    {name}: {_kcl_type(name)} = {_kcl_value(values[name])}\n" for name in SETTINGS)
            lines.append(f"schema {domain.title()}{group.title()}:\n{attributes}{_KCL_CHECKS}")
        groups = ((group, f"{domain.title()}{group.title()}") for group in GROUPS)
        lines.append(
            f"schema {domain.title()}:\n" + "".join(f"    {key}: {kind} = {kind} {{}}\n" for key, kind in groups)
        )
    domains = "".join(f"    {domain}: {domain.title()} = {domain.title()} {{}}\n" for domain in DOMAINS)
    put(folder / "settings" / "config.k", "\n".join([*lines, f"schema Config:\n{domains}"]))
    put(folder / "kcl.mod", '[package]\nname = "bench"\nedition = "v0.11.0"\nversion = "0.0.1"\n')
    for tenant, upper in workload.tenants.items():
        put(folder / "tenants" / f"{tenant}.k", f"import settings\n\n{tenant} = settings.Config {_kcl_object(upper)}")
    tenants = "".join(f"    {tenant} = tenants.{tenant}\n" for tenant in workload.tenants)
    put(folder / "main.k", _KCL_MAIN.replace("TENANTS", tenants))


def _kcl_type(name: str) -> str:
    modes = " | ".join(map(json.dumps, MODES))
    kinds = {"ratio": "float", "enabled": "bool", "mode": modes, "host": "str", "label": "str"}
    return kinds.get(name, "int")


def _kcl_value(value: Any) -> str:
    return str(value) if isinstance(value, bool) else json.dumps(value)


def _kcl_object(data: Values, indent: str = "") -> str:
    lines = (
        f"{indent}    {key}: {_kcl_object(value, indent + '    ')}\n"
        if isinstance(value, dict)
        else f"{indent}    {key} = {_kcl_value(value)}\n"
        for key, value in data.items()
    )
    return f"{{\n{''.join(lines)}{indent}}}"


# --- Pkl ---

_PKL_FLEET: Final = r"""import* "tenants/*.pkl" as tenants

local domains = List("application", "database", "cache", "security", "monitoring")

local function configmaps(tenant: String, config: Module) = domains.map((domain) -> new Dynamic {
  apiVersion = "v1"
  kind = "ConfigMap"
  metadata {
    name = "\(tenant)-\(domain)"
    namespace = "music"
    labels = new Mapping {
      ["app.kubernetes.io/name"] = domain
      ["app.kubernetes.io/instance"] = tenant
      ["app.kubernetes.io/managed-by"] = "bench"
    }
  }
  data = new Mapping {
    for (group, settings in config.getProperty(domain).toMap()) {
      for (name, value in settings.toMap()) {
        ["\(domain)_\(group)_\(name)".toUpperCase()] = value.toString()
      }
    }
  }
})

local function name(path: String) = path.split("/").last.replaceLast(".pkl", "")

output {
  files {
    for (path, config in tenants) {
      ["\(name(path)).yaml"] {
        value = configmaps(name(path), config)
        renderer = new YamlRenderer { isStream = true }
      }
    }
  }
}
"""


def pkl(folder: Path, workload: Workload) -> None:
    """A module of classes with bounds, a module for each tenant that amends it, and one that writes the files."""
    lines = ["module bench.Config\n", *(f"{domain}: {domain.title()}" for domain in DOMAINS)]
    for domain in DOMAINS:
        groups = (f"  {group}: {domain.title()}{group.title()}" for group in GROUPS)
        lines += [f"\nclass {domain.title()} {{", *groups, "}"]
        for group in GROUPS:
            settings = (_pkl_property(name, workload.base[domain][group][name]) for name in SETTINGS)
            lines += [f"\nclass {domain.title()}{group.title()} {{", *settings, "}"]
    put(folder / "Config.pkl", "\n".join(lines))
    put(folder / "fleet.pkl", _PKL_FLEET)
    for tenant, upper in workload.tenants.items():
        put(folder / "tenants" / f"{tenant}.pkl", f'amends "../Config.pkl"\n\n{_pkl_object(upper)}')


def _pkl_property(name: str, default: Any) -> str:
    kinds = {
        "size": "Int(isBetween(1, 1000))",
        "timeout": "Int(isBetween(1, 3600))",
        "max_items": "Int(isBetween(1, 90000))",
        "ratio": "Number(isBetween(0, 1))",
        "enabled": "Boolean",
        "mode": "|".join(map(json.dumps, MODES)),
        "host": f'String(matches(Regex(#"{_HOST}"#)))',
        "label": "String(length.isBetween(1, 63))",
    }
    return f"  {name}: {kinds[name]} = {text(default) if isinstance(default, bool) else json.dumps(default)}"


def _pkl_object(data: Values, indent: str = "") -> str:
    return "".join(
        f"{indent}{key} {{\n{_pkl_object(value, indent + '  ')}{indent}}}\n"
        if isinstance(value, dict)
        else f"{indent}{key} = {json.dumps(value)}\n"
        for key, value in data.items()
    )
