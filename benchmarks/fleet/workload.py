"""What every tool renders: 240 settings in five domains, of which each tenant overrides twelve, as five ConfigMaps a tenant.

The values are drawn from a seed, so that a fleet of 1,000 tenants begins with the 100 of the smaller one.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

DOMAINS: Final = ("application", "database", "cache", "security", "monitoring")
GROUPS: Final = ("server", "limits", "pool", "retry", "logging", "features")
SETTINGS: Final = ("size", "timeout", "max_items", "ratio", "enabled", "mode", "host", "label")
MODES: Final = ("fast", "safe", "auto", "off")
WORDS: Final = (
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet", "jade", "karst", "lumen", "maple",
    "north", "ocean", "pearl",
)  # fmt: skip
EVERY: Final = tuple((domain, group, name) for domain in DOMAINS for group in GROUPS for name in SETTINGS)
OVERRIDDEN: Final = 12
"""So many settings each tenant has for itself."""
SEED: Final = 7

Values = dict[str, Any]


@dataclass(frozen=True)
class Workload:
    """A fleet: the settings that all share, and what each tenant overrides."""

    base: Values
    tenants: Mapping[str, Values]

    @classmethod
    def drawn(cls, number: int, seed: int = SEED) -> Workload:
        """A fleet of so many tenants."""
        chance = random.Random(seed)
        base = {
            domain: {group: {name: _value(chance, name) for name in SETTINGS} for group in GROUPS} for domain in DOMAINS
        }
        return cls(base, {f"t{index}": _overrides(chance, base) for index in range(number)})

    def configmaps(self) -> Iterator[Values]:
        """The ConfigMaps of all tenants."""
        for tenant, upper in self.tenants.items():
            config = merged(self.base, upper)
            yield from (_configmap(tenant, domain, config[domain]) for domain in DOMAINS)

    def expected(self) -> dict[str, Values]:
        """The same by their names."""
        return {one["metadata"]["name"]: one for one in self.configmaps()}


def _value(chance: random.Random, name: str) -> Any:
    match name:
        case "size":
            return chance.randint(1, 1000)
        case "timeout":
            return chance.randint(1, 3600)
        case "max_items":
            return chance.randint(1, 90000)
        case "ratio":  # exact in binary: tools print other decimals differently
            return chance.randint(1, 15) / 16
        case "enabled":
            return chance.random() < 0.5
        case "mode":
            return chance.choice(MODES)
        case "host":
            return f"{chance.choice(WORDS)}-{chance.randint(1, 99)}.{chance.choice(WORDS)}.svc.cluster.local"
    return f"{chance.choice(WORDS)} {chance.choice(WORDS)} {chance.randint(1, 999)}"


def _overrides(chance: random.Random, base: Values) -> Values:
    """Settings with other values than the base has."""
    found: Values = {}
    for domain, group, name in sorted(chance.sample(EVERY, OVERRIDDEN)):
        new = base[domain][group][name]
        while new == base[domain][group][name]:
            new = _value(chance, name)
        found.setdefault(domain, {}).setdefault(group, {})[name] = new
    return found


def merged(lower: Values, upper: Values) -> Values:
    """Two layers as one."""
    return {
        key: merged(value, upper[key]) if isinstance(value, dict) and key in upper else upper.get(key, value)
        for key, value in lower.items()
    }


def variable(domain: str, group: str, name: str) -> str:
    """The environment variable of a setting."""
    return f"{domain}_{group}_{name}".upper()


def text(value: Any) -> str:
    """A value as the text of an environment variable."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _configmap(tenant: str, domain: str, groups: Values) -> Values:
    labels = {
        "app.kubernetes.io/name": domain,
        "app.kubernetes.io/instance": tenant,
        "app.kubernetes.io/managed-by": "bench",
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{tenant}-{domain}", "namespace": "music", "labels": labels},
        "data": {variable(domain, group, name): text(groups[group][name]) for group in GROUPS for name in SETTINGS},
    }


# --- how it is written ---


def as_yaml(data: Values, indent: int = 0) -> str:
    """A mapping as a person writes it."""
    lines = []
    for key, value in data.items():
        if isinstance(value, dict):
            lines += [f"{' ' * indent}{key}:", as_yaml(value, indent + 2)]
        else:
            plain = isinstance(value, str) and value != "off"  # `off` is a boolean for older readers
            lines.append(f"{' ' * indent}{key}: {value if plain else json.dumps(value)}")
    return "\n".join(lines)


def put(path: Path, content: str) -> None:
    """Write a file that ends with a line break, and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if content.endswith("\n") else f"{content}\n", "utf-8")
