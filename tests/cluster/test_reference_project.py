"""The whole reference project, all 35 targets, on a real API server."""

import re
import subprocess

import pytest
import yaml

import weft
from reference import ENVIRONMENTS, deployable
from run import run
from weft.cluster import manifests

pytestmark = pytest.mark.cluster

KINDS = (
    *(
        "ConfigMap",
        "Secret",
        "Service",
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "NetworkPolicy",
        "LimitRange",
        "Namespace",
    ),
    *("ExternalSecret", "PrometheusRule", "ServiceMonitor", "HTTPRoute", "Gateway", "PersistentVolumeClaim", "CronJob"),
)


@pytest.fixture
def platform(cluster, tmp_path):
    """A copy of the project, whose references resolve, and a function that runs `weft` there."""
    env = {"KUBECONFIG": str(cluster.kubeconfig), **deployable(tmp_path)}

    def weft_in_project(*args, code=0):
        result = run(*args, cwd=tmp_path, env=env)
        assert result.code == code, f"{result.code}\n{result.out[-3000:]}\n{result.err[-3000:]}"
        assert "canary" not in result.out + result.err
        return result

    weft_in_project.folder = tmp_path
    return weft_in_project


def deploy(platform, *names, **more):
    others = [word for name in ENVIRONMENTS[1:] for word in ("--allow-environment", name)]
    return platform("deploy", *names, "--yes", "--timeout", "120", *others, **more)


def state(cluster):
    """Every object but Weft's own and what Kubernetes writes by itself: what it says, and its resourceVersion."""
    found = {}
    for kind in KINDS:
        for one in cluster.items(kind):
            metadata = one["metadata"]
            annotations = metadata.get("annotations") or {}
            if "weft.dev/target" in annotations and "weft.dev/role" not in (metadata.get("labels") or {}):
                key = kind, metadata.get("namespace"), metadata["name"]
                said = {field: one[field] for field in ("data", "spec", "rules", "subjects", "type") if field in one}
                found[key] = (said, metadata.get("labels"), annotations, metadata["resourceVersion"])
    return found


def without_versions(found):
    return {key: value[:3] for key, value in found.items()}


def test_all_targets_are_deployed_and_changed_and_rolled_back(platform, cluster):
    cluster.kubelet()
    for environment in ENVIRONMENTS:
        deploy(platform, environment, f"{environment}/*")
    first = state(cluster)
    assert len({annotations["weft.dev/target"] for _, _, annotations, _ in first.values()}) == 35

    again = deploy(platform)
    assert not re.search(r"to (create|change|remove)", again.out)
    assert again.out.count(": unchanged\n") == 35
    assert state(cluster) == first
    others = [word for name in ENVIRONMENTS[1:] for word in ("--allow-environment", name)]
    assert "35 targets: nothing changes" in platform("plan", "--check", *others).out
    assert "to change" not in platform("plan", "--check", "--server", *others).out
    platform("drift", "--context", "admin")

    overlay = platform.folder / "overlays" / "tenants" / "acme.yaml"
    overlay.write_text(overlay.read_text().replace("application:\n", "application:\n  search: {max_results: 77}\n", 1))
    changed = yaml.safe_load(overlay.read_text())["application"]
    assert changed["search"]["max_results"] == 77
    deploy(platform, "production", "production/*")
    second = state(cluster)
    differing = {key for key in second if second[key][3] != first[key][3]}
    assert differing
    assert all("acme" in name for _, _, name in differing)
    values = [second[key][0]["data"].get("MAX_SEARCH_RESULTS") for key in differing if key[0] == "ConfigMap"]
    assert "77" in values

    file = platform.folder / "weft.yaml"
    before_removal = file.read_text()
    entry = re.search(r"  - template: kubernetes/network-policy\.yaml\.j2\n(?:    .*\n)+", before_removal)
    kustomization = platform.folder / "templates" / "kubernetes" / "kustomization.yaml.j2"
    kustomization.write_text(kustomization.read_text().replace("  - network-policy.yaml\n", ""))
    file.write_text(before_removal.replace(entry[0], "").replace("      - kubernetes/network-policy.yaml.j2\n", ""))
    deploy(platform, "production/acme")
    third = state(cluster)
    assert {key[0] for key in second.keys() - third.keys()} == {"NetworkPolicy"}
    assert all("acme" in key[2] for key in second.keys() - third.keys())

    platform("rollback", "production/acme", "1", "--yes", "--timeout", "60", "--allow-environment", "production")
    assert without_versions(state(cluster)) == without_versions(first)


class PlatformScopes(manifests.UnaskedScopes):
    """Where the objects of the platform live, without asking a server."""

    def is_namespaced(self, _target, _api_version, kind):
        return kind != "Namespace"


def test_a_deploy_sends_what_kubectl_kustomize_gives_but_for_secrets(platform):
    """The objects of a kustomization are those of the outputs with `apply: true`, without Secrets that hold references."""
    platform("render", "-o", "build")
    project = weft.load_project(platform.folder)
    targets = project.targets("staging", "staging/*", "local/acme")
    rendered = manifests.render(project, targets, PlatformScopes()).manifests
    for target in targets:
        done = subprocess.run(
            ["kubectl", "kustomize", platform.folder / "build" / target.name],
            capture_output=True,
            text=True,
            check=True,
        )
        built = {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(done.stdout)}
        sent = {(one.key.kind, one.key.name): one.data for one in rendered[target.name]}
        assert built.keys() == {key for key in sent if key[0] != "Secret"}
        for key, one in built.items():
            assert one == sent[key]
