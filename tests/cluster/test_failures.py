"""What an API server, its webhooks and other people do to a deploy: each is an error that says what to do, and no secret is in it."""

import gzip
import json
import time
from base64 import b64decode

import pytest
import yaml

pytestmark = pytest.mark.cluster

NAMESPACE = "shop-test"


@pytest.fixture
def deployed(shop):
    shop.deploy("test")
    shop.set("base", motto="after", token="ref+env://SHOP_TOKEN")
    yield shop
    said = "".join(shop.said)
    assert "canary" not in said
    assert "Traceback" not in said
    assert "canary" not in everything_but_secrets(shop.cluster)


def everything_but_secrets(cluster):
    """All that a cluster keeps outside of Secrets, also what revisions pack."""
    texts = []
    for kind in ("ConfigMap", "Event", "Lease", "Service", "Namespace"):
        for one in cluster.items(kind):
            texts.append(json.dumps(one))
            texts += [gzip.decompress(b64decode(chunk)).decode() for chunk in one.get("binaryData", {}).values()]
    texts += [json.dumps(one["metadata"]) for one in cluster.items("Secret")]
    return "".join(texts)


def test_a_webhook_that_refuses_is_quoted(deployed, cluster):
    webhook = cluster.webhook(resources=["configmaps"], namespaces=[NAMESPACE])
    webhook.verdict = lambda request: "refuse" if request["name"] == "shop" else "allow"
    before = deployed.versions()
    said = deployed.deploy("test", code=1)
    assert "the tests refuse this" in said.err
    assert deployed.versions() == before


def test_a_webhook_that_refuses_a_secret_is_not_quoted(deployed, cluster):
    webhook = cluster.webhook(resources=["secrets"], namespaces=[NAMESPACE])
    webhook.verdict = lambda request: (
        {"code": 403, "message": f"no {request['object'].get('data')}"} if request["name"] == "shop-secret" else "allow"
    )
    said = deployed.deploy("test", code=1)
    assert "the text of the server is not shown" in said.err
    assert "Y2FuYXJ5" not in said.err


def test_a_webhook_that_hangs_is_reported(deployed, cluster):
    cluster.webhook(resources=["services"], namespaces=[NAMESPACE], timeoutSeconds=1).verdict = "hang"
    said = deployed.deploy("test", code=1)
    assert "failed calling webhook" in said.err


def test_a_busy_server_is_asked_again_after_the_pause_that_it_names(deployed, cluster):
    webhook = cluster.webhook(resources=["configmaps"], namespaces=[NAMESPACE])
    left = [3]

    def busy(request):
        if request["name"] == "shop" and left[0]:
            left[0] -= 1
            return {"code": 429, "reason": "TooManyRequests", "message": "later", "details": {"retryAfterSeconds": 1}}
        return "allow"

    webhook.verdict = busy
    deployed.deploy("test")
    assert left == [0]


def test_a_refusal_after_the_plan_says_what_stands(deployed, cluster):
    webhook = cluster.webhook(resources=["configmaps", "services", "secrets"], namespaces=[NAMESPACE])
    webhook.verdict = lambda request: "refuse" if request["name"] == "shop" and not request["dryRun"] else "allow"
    said = deployed.deploy("test", code=1)
    assert "test: failed after 1 object: Secret shop-test/shop-secret" in said.out
    webhook.verdict = "allow"
    deployed.deploy("test")
    assert "nothing changes" in deployed.deploy("test").out


def test_a_namespace_that_is_being_deleted_is_waited_for_by_nobody(deployed, cluster):
    cluster.patch("ConfigMap", NAMESPACE, "shop", {"metadata": {"finalizers": ["tests.example/stay"]}})
    cluster.delete("Namespace", None, NAMESPACE)
    said = deployed.deploy("test", code=1)
    assert "the namespace shop-test is being deleted" in said.err
    cluster.patch("ConfigMap", NAMESPACE, "shop", {"metadata": {"finalizers": []}})


def test_an_immutable_field_says_what_to_do(deployed, cluster):
    deployed.set("base", workload=True)
    deployed.deploy("test")
    template = deployed.folder / "templates" / "workload.yaml.j2"
    template.write_text(
        template.read_text()
        .replace("matchLabels: {app: {{ name }}}", "matchLabels: {app: {{ name }}, new: one}")
        .replace("labels: {app: {{ name }}}", "labels: {app: {{ name }}, new: one}")
    )
    said = deployed.deploy("test", code=1)
    assert "this field cannot change" in said.err


def test_an_object_over_the_limit_is_refused_at_its_line(deployed):
    deployed.uncheck()
    deployed.set("base", lines={"big": "x" * 1_100_000})
    said = deployed.deploy("test", code=1)
    assert "ConfigMap shop-test/shop" in said.err
    assert "Too long: may not be more than 1048576 bytes" in said.err
    assert len(said.err) < 5000


def test_a_quota_that_forbids_is_quoted(deployed, cluster):
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few", "namespace": NAMESPACE},
        "spec": {"hard": {"count/configmaps": "6"}},
    }
    cluster.create(quota)
    while "hard" not in (cluster.read("ResourceQuota", NAMESPACE, "few").get("status") or {}):
        time.sleep(0.1)
    deployed.set("base", extra=True)
    said = deployed.deploy("test", code=1)
    assert "exceeded quota: few" in said.err


def test_an_object_that_somebody_deletes_meanwhile_is_created_again(deployed, cluster):
    webhook = cluster.webhook(resources=["secrets"], namespaces=[NAMESPACE])

    def meanwhile(request):
        if request["name"] == "shop-secret" and request["dryRun"]:
            cluster.delete("ConfigMap", NAMESPACE, "shop")
            cluster.hang_up()
        return "allow"

    webhook.verdict = meanwhile
    deployed.deploy("test")
    assert cluster.read("ConfigMap", NAMESPACE, "shop")["data"]["MOTTO"] == "after"


def test_a_failed_removal_stays_in_the_inventory(deployed, cluster):
    deployed.set("base", extra=True)
    deployed.deploy("test")
    webhook = cluster.webhook(resources=["configmaps"], namespaces=[NAMESPACE], operations=["DELETE"])
    webhook.verdict = lambda request: "refuse" if request["name"] == "shop-extra" else "allow"
    deployed.set("base", extra=False)
    deployed.configure(prune=100)
    said = deployed.deploy("test")
    assert "could not be removed" in said.err
    webhook.verdict = "allow"
    deployed.deploy("test")
    assert cluster.read("ConfigMap", NAMESPACE, "shop-extra") is None


def test_a_webhook_that_quotes_a_secret_which_is_to_be_removed_is_not_quoted(deployed, cluster):
    deployed.configure(prune=100)
    deployed.deploy("test")
    file = deployed.folder / "weft.yaml"
    data = yaml.safe_load(file.read_text())
    data["outputs"] = [one for one in data["outputs"] if one["template"] != "secret.yaml.j2"]
    file.write_text(yaml.safe_dump(data))
    webhook = cluster.webhook(resources=["secrets"], namespaces=[NAMESPACE], operations=["DELETE"])
    webhook.verdict = lambda request: {"code": 403, "message": f"no {request['oldObject']['data']}"}
    said = "".join(str(part) for part in vars(deployed.weft("deploy", "test", "--yes", "--timeout", "0")).values())
    assert "Secret shop-test/shop-secret could not be removed" in said
    assert "Y2FuYXJ5" not in said


def test_a_clock_that_is_wrong_does_no_harm(deployed, monkeypatch):
    from weft.cluster import lock

    class Wrong(lock.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz).replace(year=2001)

    monkeypatch.setattr(lock, "datetime", Wrong)
    deployed.deploy("test")


def test_a_server_that_hangs_is_given_up(deployed, cluster, monkeypatch):
    monkeypatch.setattr("weft.cluster.client._SECONDS", 1.0)
    cluster.pause()
    said = deployed.weft("plan", "test", code=3)
    cluster.resume()
    assert "cannot be reached" in said.err
