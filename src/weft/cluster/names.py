"""The names that Weft uses in clusters. They are an API: other programs read them, so they never change."""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from typing import Final

PREFIX: Final = "weft.dev"
"""The prefix of Weft's own labels and annotations."""
MANAGER: Final = "weft"
"""The field manager."""

TARGET: Final = f"{PREFIX}/target"
"""An annotation: the name of the target that an object belongs to."""
PROJECT: Final = f"{PREFIX}/project"
"""An annotation of inventories and revisions: the name of the project."""
ROLE: Final = f"{PREFIX}/role"
"""A label of Weft's own objects: inventory, revision, chunk, lock, key or rollout."""
NAME: Final = f"{PREFIX}/name"
"""A label of Weft's own objects: the target as it is written in names."""

# https://github.com/kubernetes/enhancements/tree/master/keps/sig-cli/3659-kubectl-apply-prune
APPLYSET_ID: Final = "applyset.kubernetes.io/id"
APPLYSET_PART: Final = "applyset.kubernetes.io/part-of"
APPLYSET_TOOLING: Final = "applyset.kubernetes.io/tooling"
APPLYSET_KINDS: Final = "applyset.kubernetes.io/contains-group-kinds"
APPLYSET_NAMESPACES: Final = "applyset.kubernetes.io/additional-namespaces"

ROLLOUT: Final = "weft-rollout"
"""The ConfigMap with the state of a rollout."""
CLUSTER: Final = "weft-cluster"
"""The ConfigMap that says which project and environment a cluster is for, in the namespace `kube-public`."""
CLUSTER_NAMESPACE: Final = "kube-public"

_PLAIN: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:/[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*\Z")
_LONGEST: Final = 50


def slug(target: str) -> str:
    """A target as a part of names: `production.acme`. One that no name can contain is shortened, and gets a digest."""
    if _PLAIN.match(target) and len(target) <= _LONGEST:
        return target.replace("/", ".")
    kept = re.sub(r"[^a-z0-9]+", "-", target.lower()).strip("-")[: _LONGEST - 9].strip("-")
    return f"{kept}-{hashlib.sha256(target.encode()).hexdigest()[:8]}"


def name_of(target: str, what: str) -> str:
    """The name of one of Weft's objects for a target: `weft-production.acme-inventory`."""
    return f"weft-{slug(target)}-{what}"


def applyset_id(name: str, namespace: str) -> str:
    """The id of the ApplySet whose parent is this ConfigMap (KEP-3659)."""
    digest = hashlib.sha256(f"{name}.{namespace}.ConfigMap.".encode()).digest()
    return f"applyset-{urlsafe_b64encode(digest).rstrip(b'=').decode()}-v1"
