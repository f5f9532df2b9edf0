"""What network policies and quotas allow, so that a deploy never allows less on the way than before and after.

A change that allows more comes before what needs it, one that allows less after what no longer needs it. If one change does both, there is
an object in between that allows what either does.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from weft.cluster.manifests import Key
from weft.rules.quantities import quantity

POLICY: Final = ("networking.k8s.io", "NetworkPolicy")
QUOTA: Final = ("", "ResourceQuota")
_SIDES: Final = {"Ingress": "ingress", "Egress": "egress"}


def narrows(key: Key, data: Mapping[str, Any], live: Mapping[str, Any] | None) -> bool:
    """True if an object allows less than the existing one in any respect, or is new."""
    old, new = _specs(data, live)
    return live is None or not _is_comparable(key, old, new) or _allows_less(key, new, old)


def widened(key: Key, data: Mapping[str, Any], live: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The object that allows what the existing one does and what the new one will.

    None if one of the two is that already, if none can be, and for an object that limits nothing.
    """
    old, new = _specs(data, live)
    if key.type not in (POLICY, QUOTA) or live is None or not _is_comparable(key, old, new):
        return None
    if not (_allows_less(key, new, old) and _allows_less(key, old, new)):
        return None
    if key.type == QUOTA:
        return {**data, "spec": _union_of_quotas(old, new)}
    if not _types(old) & _types(new):
        return None  # a policy without types is one for Ingress
    return {**data, "spec": _union_of_policies(old, new)}


def _specs(data: Mapping[str, Any], live: Mapping[str, Any] | None) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return (live or {}).get("spec") or {}, data.get("spec") or {}


def _is_comparable(key: Key, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """True if both are about the same pods: if they are not, it is unknown which one allows less."""
    about = ("podSelector",) if key.type == POLICY else ("scopes", "scopeSelector")
    return all((old.get(name) or None) == (new.get(name) or None) for name in about)


def _allows_less(key: Key, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """True if the one forbids something that the other allows."""
    if key.type == QUOTA:
        hard, others = one.get("hard") or {}, other.get("hard") or {}
        return any(name not in others or _number(most) < _number(others[name]) for name, most in hard.items())
    if _types(one) - _types(other):
        return True
    return any(rule not in _rules(one, kind) for kind in _types(one) for rule in _rules(other, kind))


def _union_of_policies(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """A policy isolates pods for its types only, so the wider one has those of both and the rules of either."""
    types = [kind for kind in _SIDES if kind in _types(old) & _types(new)]
    union: dict[str, Any] = {"podSelector": new.get("podSelector") or {}, "policyTypes": types}
    for kind in types:
        added = [rule for rule in _rules(new, kind) if rule not in _rules(old, kind)]
        union[_SIDES[kind]] = [*_rules(old, kind), *added]
    return union


def _union_of_quotas(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """A resource without a limit is not limited, so the wider quota has those of both, each with the larger limit."""
    before, after = old.get("hard") or {}, new.get("hard") or {}
    hard = {name: max(before[name], after[name], key=_number) for name in after if name in before}
    return {**new, "hard": hard}


def _types(spec: Mapping[str, Any]) -> set[str]:
    """What a policy isolates its pods for; without a statement, the server takes Ingress, and Egress if there are rules."""
    stated = spec.get("policyTypes")
    return set(stated) if stated else {"Ingress", *(["Egress"] if spec.get("egress") else [])}


def _rules(spec: Mapping[str, Any], kind: str) -> list[Any]:
    """The rules of one side, with the protocol that the server fills in."""
    return [_filled(rule) for rule in spec.get(_SIDES[kind]) or ()]


def _filled(rule: Mapping[str, Any]) -> dict[str, Any]:
    ports = [{"protocol": "TCP", **port} for port in rule.get("ports") or ()]
    return {**{name: value for name, value in rule.items() if value}, **({"ports": ports} if ports else {})}


def _number(value: Any) -> Decimal:
    return Decimal(quantity(str(value)))
