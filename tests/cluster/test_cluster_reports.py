"""What is reported about clusters: `tests/cluster/reports` has the whole report of each situation, which docs/reference/problems.md quotes.

After a change of wording run `python -m pytest tests/cluster/test_cluster_reports.py -m cluster --update-expected`, and review the result.
"""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytestmark = pytest.mark.cluster

REPORTS = Path(__file__).parent / "reports"
NAMESPACE = "shop-test"
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop", "namespace": NAMESPACE}}
SERVERS_OWN = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"), "2026-11-28T04:00:00Z"),
    (re.compile(r"https://127\.0\.0\.1:\d+"), "https://127.0.0.1:6443"),
    (re.compile(r"\S+/kubeconfig\b"), "~/.kube/config"),
)
"""What differs from one run to the next."""


def conflict(shop):
    shop.deploy("test")
    shop.cluster.apply(CONFIG_MAP | {"data": {"MOTTO": "mine"}}, manager="somebody", force=True)
    shop.set("base", motto="buy now")
    return shop.weft("plan", "test", code=1)


def refused(shop):
    shop.deploy("test", "test/a")
    shop.set("tenants/a", port=70000)
    return shop.weft("plan", "test/a", "--server", code=1)


def immutable(shop):
    shop.set("base", workload=True)
    shop.deploy("test")
    template = shop.folder / "templates" / "workload.yaml.j2"
    text = template.read_text().replace("matchLabels: {app: {{ name }}}", "matchLabels: {app: {{ name }}, new: one}")
    template.write_text(text.replace("labels: {app: {{ name }}}", "labels: {app: {{ name }}, new: one}"))
    return shop.weft("plan", "test", "--server", code=1)


def missing_kind(shop):
    extra(shop, "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\n")
    return shop.weft("plan", "test", code=1)


def missing_namespace(shop):
    return shop.weft("plan", "test/a", code=1)


def other_environment(shop):
    shop.deploy("test")
    return shop.weft("plan", "live", code=1)


def owned(shop):
    shop.deploy("test", "test/a")
    extra(shop, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop-a}\n")
    return shop.weft("plan", "test", code=1)


def pinned(shop):
    two_revisions(shop)
    shop.weft("rollback", "test", "--yes", "--timeout", "0")
    return shop.deploy("test", code=1)


def not_ready(shop):
    shop.cluster.kubelet(Pod="hang")
    shop.set("base", workload=True)
    return shop.deploy("test", "--timeout", "3", code=1)


def skipped(shop):
    shop.cluster.namespace(NAMESPACE)
    shop.uncheck()
    shop.deploy("test", "test/a")
    shop.set("environments/test", bad_field=True)
    shop.set("tenants/a", bad_field=False, motto="other")
    return shop.deploy("test", "test/a", code=1)


def rights(shop):
    shop.deploy("test")
    shop.user = "nobody"
    return shop.weft("plan", "test", code=3)


def locked(shop):
    shop.deploy("test")
    path = shop.cluster.path("Lease", NAMESPACE, "weft-test-lock")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    held = {
        "holderIdentity": "ana@laptop:17:a1b2c3d4",
        "leaseDurationSeconds": 600,
        "acquireTime": now,
        "renewTime": now,
    }
    shop.cluster.ask("PATCH", path, {"spec": held})
    shop.set("base", motto="buy now")
    try:
        return shop.deploy("test", code=3)
    finally:
        shop.cluster.ask("PATCH", path, {"spec": {"holderIdentity": None}})  # leases outlast a test


def inventory(shop):
    shop.deploy("test")
    shop.cluster.patch("ConfigMap", NAMESPACE, "weft-test-inventory", {"data": {"inventory.json": "{"}})
    return shop.weft("plan", "test", code=3)


def unreachable(shop):
    shop.cluster.kill()
    return shop.weft("plan", "test", code=3)


def credentials(shop):
    path = shop.folder / "kubeconfig"
    path.write_text(shop.cluster.kubeconfig.read_text().replace(shop.cluster.tokens["admin"], "expired"))
    shop.secrets["KUBECONFIG"] = str(path)
    return shop.weft("plan", "test", code=3)


def not_deployed(shop):
    return shop.weft("drift", "test", code=3)


def revision_incomplete(shop):
    two_revisions(shop)
    shop.cluster.delete("ConfigMap", NAMESPACE, "weft-test-revision-1-0")
    return shop.weft("rollback", "test", "1", "--yes", code=3)


def unknown_revision(shop):
    two_revisions(shop)
    return shop.weft("rollback", "test", "9", "--yes", code=2)


def no_context(shop):
    path = shop.folder / "weft.yaml"
    path.write_text(path.read_text().replace('clusters: {"**": admin}\n', ""))
    return shop.deploy("test", code=2)


def no_reason(shop):
    shop.configure(reason=True)
    return shop.deploy("test", code=2)


def unknown_context(shop):
    return shop.weft("plan", "test", "--context", "admn", code=2)


def drift(shop):
    shop.deploy("test")
    path = shop.cluster.path("ConfigMap", NAMESPACE, "shop")
    shop.cluster.ask("PATCH", f"{path}?fieldManager=kubectl-edit", {"data": {"MOTTO": "buy less", "DEBUG": "1"}})
    shop.cluster.delete("Secret", NAMESPACE, "shop-secret")
    return shop.weft("drift", "test", code=1)


def warning(shop):
    extra(shop, "apiVersion: v1\nkind: Endpoints\nmetadata: {name: shop-other}\n")
    shop.cluster.namespace(NAMESPACE)
    return shop.weft("plan", "test", "--server")


def extra(shop, text):
    """Let the project render one more object."""
    (shop.folder / "templates" / "extra.yaml.j2").write_text(text)
    shop.set("environments/test", extra=True)
    shop.uncheck()


def two_revisions(shop):
    """Deploy twice."""
    shop.deploy("test")
    shop.set("base", motto="buy now")
    shop.deploy("test")


SITUATIONS = {
    function.__name__: function
    for function in (
        *(conflict, refused, immutable, missing_kind, missing_namespace, other_environment, owned, pinned, not_ready),
        *(skipped, rights, locked, inventory, unreachable, credentials, not_deployed, revision_incomplete),
        *(unknown_revision, no_context, no_reason, unknown_context, drift, warning),
    )
}


def test_every_report_has_its_situation():
    assert {path.stem for path in REPORTS.iterdir()} == set(SITUATIONS)


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_situation_is_reported(request, shop, name):
    result = SITUATIONS[name](shop)
    said = result.err or result.out
    for pattern, text in SERVERS_OWN:
        said = pattern.sub(text, said)
    path = REPORTS / f"{name}.txt"
    if request.config.option.update_expected:
        path.write_text(said, "utf-8")
    assert said == path.read_text("utf-8")
