"""What `weft plan`, `drift` and `deploy` cost on a real API server, as ratios against the same requests with bare HTTP.

    make bench-cluster [TENANTS=200]

The reference project is deployed with all of its targets; after that nothing changes, so every row asks about the same objects.
Besides, a fleet of many small tenants shows how time and memory grow: once with a tenth of them, once with all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
import cluster as real  # the API server of the tests
from fleet.measuring import COMPILING
from reference import ENVIRONMENTS, deployable

TENANTS = int(os.environ.get("TENANTS", "200"))
WORKERS = 8
"""So many requests wait for an answer at a time, with bare HTTP."""
TRIES = 3
"""Of so many runs, the fastest counts, of bare requests as of commands."""
KINDS = (
    "ConfigMap", "CronJob", "Deployment", "ExternalSecret", "Gateway", "HTTPRoute", "HorizontalPodAutoscaler", "Job", "LimitRange",
    "Namespace", "NetworkPolicy", "PersistentVolumeClaim", "PodDisruptionBudget", "PrometheusRule", "ResourceQuota", "Role",
    "RoleBinding", "Secret", "Service", "ServiceAccount", "ServiceMonitor", "StatefulSet",
)  # fmt: skip
"""The kinds that the projects have."""


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds that passed, seconds of CPU, MB of memory at most."""

    wall: float
    cpu: float
    memory: float


def command(folder: Path, env: dict[str, str], *words: str) -> Cost:
    """Run `weft` in a process of its own."""
    begun = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "weft", *words], cwd=folder, env=env, stdout=said, stderr=said
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        if status:
            said.seek(0)
            sys.exit(f"weft {' '.join(words)}: {said.read().decode()[-3000:]}")
    process.returncode = 0
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def bare(server: Any, documents: list[dict[str, Any]]) -> float:
    """The seconds that dry runs of these objects take with `http.client`, several at a time."""

    def one(document: dict[str, Any]) -> None:
        path = server.path_of(document) + "?fieldManager=weft&force=true&fieldValidation=Strict&dryRun=All"
        server.ask("PATCH", path, document, "application/apply-patch+yaml")

    begun = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:  # whose threads keep a connection each
        list(pool.map(one, documents))
    return time.perf_counter() - begun


def deployed(server: Any) -> list[dict[str, Any]]:
    """The objects that Weft has deployed, as they could be applied again."""
    found = []
    for kind in KINDS:
        answer = server.ask("GET", server.path(kind))
        for one in answer["items"]:
            one |= {"apiVersion": answer["apiVersion"], "kind": kind}
            metadata = one["metadata"]
            if "weft.dev/target" in metadata.get("annotations", {}) and "weft.dev/role" not in metadata.get(
                "labels", {}
            ):
                for name in ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink"):
                    metadata.pop(name, None)
                one.pop("status", None)
                found.append(one)
    return found


FLEET = {
    "weft.yaml": """version: 1
project: fleet
schema: schema.json
dimensions:
  environment: {values: [production]}
  tenant: {files: "overlays/tenants/*.yaml"}
layers: [overlays/base.yaml, "overlays/tenants/{tenant}"]
outputs:
  - {template: all.yaml.j2, path: "{environment}/{tenant}/all.yaml", apply: true, check: kubernetes}
clusters: {"**": admin}
""",
    "schema.json": json.dumps(
        {
            "type": "object",
            "properties": {
                "app": {
                    "type": "object",
                    "properties": {
                        f"setting{n}": {"type": "integer", "default": n, "x-env": f"SETTING_{n}"} for n in range(40)
                    },
                }
            },
        }
    ),
    "overlays/base.yaml": "app: {setting1: 100}\n",
    "templates/all.yaml.j2": """{% for n in range(5) %}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ target.name | replace('/', '-') }}-{{ n }}", namespace: fleet}
data:
  {{ app | env | to_yaml | indent(2) }}
{% endfor %}
""",
}


def fleet(folder: Path, number: int) -> Path:
    """A project with so many tenants, of five ConfigMaps each."""
    for name, text in FLEET.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for tenant in range(number):
        path = folder / "overlays" / "tenants" / f"t{tenant}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"app: {{setting2: {tenant}}}\n")
    return folder


def line(title: str, cost: Cost, objects: int, base: float) -> None:
    """Print a row."""
    sys.stdout.write(
        f"{title:34} {cost.wall:7.2f} s {cost.cpu:7.2f} s CPU {cost.cpu * 1000 / objects:6.2f} ms CPU an object"
        f" {cost.memory:6.0f} MB {cost.wall / base:6.2f} of the dry runs\n"
    )


def main() -> None:
    """Print the figures and their ratios."""
    others = [word for name in ENVIRONMENTS[1:] for word in ("--allow-environment", name)]
    with closing(real.Cluster()) as server, tempfile.TemporaryDirectory() as name:
        server.start().kubelet()
        folder = Path(name, "reference")
        folder.mkdir()
        env = {**COMPILING, "KUBECONFIG": str(server.kubeconfig), "NO_COLOR": "1", **deployable(folder)}
        for environment in ENVIRONMENTS:
            command(folder, env, "deploy", environment, f"{environment}/*", "--yes", *others)
        documents = deployed(server)
        bare(server, documents)
        base = min(bare(server, documents) for _ in range(TRIES))
        sys.stdout.write(
            f"the reference project: {len(documents)} objects, {base:.2f} s for their dry runs with bare HTTP\n"
        )
        command(folder, env, "render", "-o", "build")
        for title, words in {
            "weft plan --server": ["plan", "--server", *others],
            "weft plan": ["plan", *others],
            "weft drift": ["drift", "--context", "admin"],
            "weft deploy, nothing changed": ["deploy", "--yes", *others],
            "weft render --check": ["render", "--check", "-o", "build"],
        }.items():
            best = min((command(folder, env, *words) for _ in range(TRIES)), key=lambda cost: cost.wall)
            line(title, best, len(documents), base)
        server.fresh()
        for number in (TENANTS // 10, TENANTS):
            folder = fleet(Path(name, f"fleet{number}"), number)
            server.namespace("fleet")
            command(folder, env, "deploy", "--yes")
            documents = deployed(server)
            base = bare(server, documents)
            sys.stdout.write(
                f"a fleet of {number} tenants: {len(documents)} objects, {base:.2f} s for their dry runs\n"
            )
            line("weft deploy, nothing changed", command(folder, env, "deploy", "--yes"), len(documents), base)
            line("weft drift", command(folder, env, "drift"), len(documents), base)
            server.fresh()


if __name__ == "__main__":
    main()
