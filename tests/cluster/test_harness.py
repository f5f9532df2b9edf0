"""The cluster of the tests itself (tests/support/cluster.py), and what holds of the reference project in it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cluster import SYSTEM
from reference import objects
from servers import find, until

pytestmark = pytest.mark.cluster
CORE = {"apiVersion": "v1"}


def config_map(namespace, name="one", **data):
    return {**CORE, "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data or {"a": "1"}}


def pods(name="app", **spec):
    labels = {"app": name}
    return {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "app", "image": "example.org/app:1"}], **spec},
    }


def deployment(namespace, name="app", replicas=2):
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": pods(name)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def job(namespace, name="once"):
    spec = {"backoffLimit": 0, "template": pods(name, restartPolicy="Never")}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def states(thing):
    """The conditions of an object: type -> status."""
    return {each["type"]: each["status"] for each in (thing or {}).get("status", {}).get("conditions", ())}


def waits_for(cluster, kind, name, **wanted):
    """Wait until an object of the namespace `shop` has conditions."""
    until(lambda: wanted.items() <= states(cluster.read(kind, "shop", name)).items(), 20)


# --- between tests ---


def test_a_test_begins_with_an_empty_cluster(cluster):
    crds = cluster.names("CustomResourceDefinition")
    assert (cluster.names("Namespace"), cluster.items("Pod")) == (sorted(SYSTEM), [])
    assert {"httproutes.gateway.networking.k8s.io", "servicemonitors.monitoring.coreos.com"} < set(crds)
    cluster.namespace("shop")
    stuck = config_map("shop", "stuck")
    stuck["metadata"]["finalizers"] = ["tests.example/nobody-takes-this-away"]
    cluster.apply(config_map("shop"), deployment("shop"), stuck)
    until(lambda: len(cluster.items("Pod")) == 2)
    cluster.delete("Namespace", None, "shop")
    cluster.delete("CustomResourceDefinition", None, crds[0])
    cluster.fresh()
    assert (cluster.names("Namespace"), cluster.names("CustomResourceDefinition")) == (sorted(SYSTEM), crds)
    assert [cluster.items(kind) for kind in ("Pod", "ReplicaSet", "Deployment")] == [[], [], []]
    cluster.namespace("shop")
    assert cluster.names("ConfigMap", "shop") in ([], ["kube-root-ca.crt"])


def test_a_cluster_without_crds(cluster):
    cluster.fresh(crds=False)
    assert cluster.items("CustomResourceDefinition") == []
    until(lambda: cluster.request("GET", "/apis/gateway.networking.k8s.io/v1/httproutes")[0] == 404)
    cluster.fresh()
    assert cluster.items("HTTPRoute") == []
    cluster.define("clustersecretstores", "podmonitors")
    assert cluster.items("ClusterSecretStore") == cluster.items("PodMonitor") == []


def test_a_namespace_goes_with_all_that_is_in_it(cluster):
    cluster.namespace("shop")
    cluster.apply(config_map("shop"), deployment("shop"))
    cluster.delete("Namespace", None, "shop")
    until(lambda: cluster.read("Namespace", None, "shop") is None)
    assert cluster.items("ConfigMap", "shop") == cluster.items("Pod") == []


# --- who may do what ---


@pytest.mark.programs("kubectl")
def test_a_user_has_the_rights_that_a_test_gives_and_no_others(cluster):
    cluster.namespace("shop")
    cluster.apply(config_map("shop"))
    path = cluster.path("ConfigMap", "shop", "one")
    for user in ("nobody", cluster.user()):
        status, answer = cluster.request("GET", path, user=user)
        assert (status, answer["reason"]) == (403, "Forbidden")
    reader = cluster.user({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}, namespace="shop")
    viewer = cluster.user(role="view")
    for user in (reader, viewer):
        assert cluster.ask("GET", path, user=user)["data"] == {"a": "1"}
        assert cluster.request("DELETE", path, user=user)[0] == 403

    def kubectl(user, config):
        command = [
            find("kubectl"),
            f"--kubeconfig={config}",
            f"--context={user}",
            "get",
            "configmap",
            "one",
            "-o",
            "name",
        ]
        return subprocess.run(command, capture_output=True, text=True, check=False, env={"HOME": str(cluster.folder)})

    assert kubectl(reader, cluster.kubeconfig_of(reader, "shop")).stdout == "configmap/one\n"
    assert 'User "nobody" cannot get resource' in kubectl("nobody", cluster.kubeconfig).stderr


# --- the reference project ---


def ownership(thing):
    """Which fields the tests own, and since when."""
    return [each for each in thing["metadata"]["managedFields"] if each["manager"] == "tests"]


def test_the_server_takes_the_objects_of_the_reference_project_once_their_namespace_is_there(cluster):
    environment, tenant = objects("production"), objects("production/acme")
    assert len(environment) > 25
    assert len(tenant) > 25

    def answers(documents):
        question = "?fieldManager=tests&fieldValidation=Strict"
        return [
            cluster.exchange("PATCH", cluster.path_of(each) + question, each, "application/apply-patch+yaml")
            for each in documents
        ]

    refused = answers(tenant)
    assert {(status, said["reason"]) for status, _, said in refused} == {(404, "NotFound")}
    first = answers([*environment, *tenant])
    assert [said["message"] for status, _, said in first if status not in (200, 201)] == []
    assert [headers["Warning"] for _, headers, _ in first if headers["Warning"]] == []
    second = answers([*environment, *tenant])
    assert [ownership(said) for _, _, said in first] == [ownership(said) for _, _, said in second], "nothing changes"


def test_the_reference_project_comes_up_where_somebody_looks_after_its_objects(cluster):
    kubelet = cluster.kubelet()
    documents = [*objects("production"), *objects("production/acme")]
    cluster.apply(*documents)
    space = documents[0]["metadata"]["name"]

    def is_up():
        deployments = cluster.items("Deployment", space)
        wanted = [each["spec"]["replicas"] for each in deployments]
        return len(wanted) == 2 and [each["status"].get("availableReplicas") for each in deployments] == wanted

    until(is_up, 60)
    until(lambda: all(states(each).get("Ready") == "True" for each in cluster.items("ExternalSecret", space)))
    until(lambda: all(each["status"]["phase"] == "Bound" for each in cluster.items("PersistentVolumeClaim", space)))
    until(lambda: all(states(each).get("Complete") == "True" for each in cluster.items("Job", space)))
    until(lambda: all(states(each).get("Programmed") == "True" for each in cluster.items("Gateway", space)))
    until(lambda: all(each.get("status", {}).get("parents") for each in cluster.items("HTTPRoute", space)))
    assert kubelet.errors == []


# --- kubelets ---


def test_a_deployment_is_available_only_if_a_kubelet_runs_its_pods(cluster):
    cluster.namespace("shop")
    kubelet = cluster.kubelet(Pod="hang")
    cluster.apply(deployment("shop"))
    waits_for(cluster, "Deployment", "app", Available="False", Progressing="True")
    kubelet.set("Pod", "image")
    until(
        lambda: (
            [pod["status"]["phase"] for pod in cluster.items("Pod", "shop") if "containerStatuses" in pod["status"]]
            == ["Pending"] * 2
        )
    )
    assert states(cluster.read("Deployment", "shop", "app"))["Available"] == "False"
    kubelet.set("Pod", "ready")
    waits_for(cluster, "Deployment", "app", Available="True")
    cluster.patch("Deployment", "shop", "app", {"spec": {"replicas": 5}})
    until(lambda: cluster.read("Deployment", "shop", "app")["status"].get("availableReplicas") == 5)
    kubelet.set("Pod", lambda pod: "fail" if pod["metadata"]["name"] == cluster.names("Pod", "shop")[0] else "ready")
    until(lambda: cluster.read("Deployment", "shop", "app")["status"]["availableReplicas"] == 4)
    assert kubelet.errors == []


def test_a_job_ends_well_or_badly(cluster):
    cluster.namespace("shop")
    kubelet = cluster.kubelet()
    cluster.apply(job("shop", "good"))
    waits_for(cluster, "Job", "good", Complete="True")
    kubelet.set("Pod", "fail")
    cluster.apply(job("shop", "bad"))
    waits_for(cluster, "Job", "bad", Failed="True")


def test_a_pod_on_a_node_ends_when_its_kubelet_says_so(cluster):
    cluster.namespace("shop")
    kubelet = cluster.kubelet(binds=True)
    cluster.apply(deployment("shop", replicas=1))
    waits_for(cluster, "Deployment", "app", Available="True")
    kubelet.set("Pod", "hang")
    cluster.delete("Deployment", "shop", "app")
    until(lambda: cluster.read("ReplicaSet", "shop", "app") is None and cluster.items("ReplicaSet", "shop") == [])
    until(lambda: ["deletionTimestamp" in pod["metadata"] for pod in cluster.items("Pod", "shop")] == [True])
    kubelet.set("Pod", "ready")
    until(lambda: cluster.items("Pod", "shop") == [])


def test_an_operator_fetches_secrets_or_says_why_it_cannot(cluster):
    cluster.namespace("shop")
    kubelet = cluster.kubelet(ExternalSecret="fail")
    remote = {"secretKey": "PASSWORD", "remoteRef": {"key": "kv/shop", "property": "password"}}
    spec = {"secretStoreRef": {"name": "store", "kind": "ClusterSecretStore"}, "data": [remote]}
    thing = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "login", "namespace": "shop"},
    }
    cluster.apply({**thing, "spec": spec})
    waits_for(cluster, "ExternalSecret", "login", Ready="False")
    assert cluster.read("Secret", "shop", "login") is None
    kubelet.set("ExternalSecret", "ready")
    waits_for(cluster, "ExternalSecret", "login", Ready="True")
    assert cluster.read("Secret", "shop", "login")["data"].keys() == {"PASSWORD"}
    cluster.apply({**thing, "spec": {**spec, "data": [remote, {**remote, "secretKey": "OTHER"}]}})
    until(lambda: cluster.read("Secret", "shop", "login")["data"].keys() == {"PASSWORD", "OTHER"})
    cluster.delete("ExternalSecret", "shop", "login")
    until(lambda: cluster.read("Secret", "shop", "login") is None)


def test_a_status_that_a_test_writes_itself(cluster):
    cluster.namespace("shop")
    cluster.apply(deployment("shop", replicas=0))
    until(lambda: cluster.read("Deployment", "shop", "app")["status"].get("observedGeneration"))
    claim = {**CORE, "kind": "PersistentVolumeClaim", "metadata": {"name": "files", "namespace": "shop"}}
    cluster.create({**claim, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})
    cluster.write_status("PersistentVolumeClaim", "shop", "files", {"phase": "Lost"})
    assert cluster.read("PersistentVolumeClaim", "shop", "files")["status"]["phase"] == "Lost"


# --- failures ---


def test_a_server_that_hangs_answers_later(cluster):
    cluster.pause()
    with pytest.raises(TimeoutError):
        cluster.request("GET", "/api/v1/namespaces", timeout=0.5)
    cluster.resume()
    assert cluster.names("Namespace") == sorted(SYSTEM)


def test_a_server_that_is_killed_has_its_data_afterwards(cluster):
    cluster.namespace("shop")
    cluster.kill()
    with pytest.raises(ConnectionError):
        cluster.request("GET", "/api/v1/namespaces")
    cluster.restart()
    assert "shop" in cluster.names("Namespace")
    cluster.kill()
    cluster.fresh()
    assert cluster.names("Namespace") == sorted(SYSTEM), "the next test does not notice"


@pytest.mark.parametrize(
    ("verdict", "status", "message"),
    [
        ("allow", 201, None),
        ("refuse", 403, "denied the request: the tests refuse this"),
        ({"code": 429, "message": "later", "details": {"retryAfterSeconds": 7}}, 429, "denied the request: later"),
        (500, 500, "failed calling webhook"),
        ("hang", 500, "context deadline exceeded"),
    ],
)
def test_a_webhook_refuses_fails_or_hangs(cluster, verdict, status, message):
    cluster.namespace("shop")
    cluster.namespace("elsewhere")
    webhook = cluster.webhook(resources=["configmaps"], namespaces=["shop"], timeoutSeconds=1)
    webhook.verdict = verdict
    change = cluster.path("ConfigMap", "shop", "one") + "?fieldManager=tests"
    said, headers, answer = cluster.exchange("PATCH", change, config_map("shop"), "application/apply-patch+yaml")
    assert said == status
    assert message is None or message in answer["message"]
    assert headers["Retry-After"] == ("7" if status == 429 else None)
    # A server may ask a webhook that hangs once more. What counts is that no other namespace asks.
    assert {request["namespace"] for request in webhook.asked} == {"shop"}
    cluster.apply(config_map("elsewhere"))
    cluster.fresh()
    cluster.namespace("shop")
    cluster.apply(config_map("shop"))


STARTS = """
import sys, time
from cluster import Cluster
cluster = Cluster(controllers=(), crds=()).start()
print(cluster.folder, cluster.etcd.pid, cluster.apiserver.pid, flush=True)
time.sleep(600)
"""


def test_nothing_is_left_running_if_the_tests_are_killed(cluster):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", STARTS], env=env, stdout=subprocess.PIPE, text=True) as tests:
        folder, *pids = tests.stdout.readline().split()
        places = [Path("/proc", pid) for pid in pids]
        assert [place.exists() for place in places] == [True, True]
        tests.send_signal(signal.SIGKILL)
    until(
        lambda: not any(place.exists() and "Z" not in (place / "stat").read_text().split()[2] for place in places), 20
    )
    subprocess.run(["rm", "-rf", Path(folder).parent], check=True)


@pytest.mark.programs("kubectl")
def test_requests_and_answers_get_lost_on_the_way(cluster):
    cluster.namespace("shop")
    proxy = cluster.proxy()
    config = proxy.kubeconfig_of("admin", "shop")

    def apply(name):
        command = (find("kubectl"), f"--kubeconfig={config}", "apply", "--server-side", "-f", "-")
        text = yaml.safe_dump(config_map("shop", name))
        return subprocess.run(
            command, input=text, capture_output=True, text=True, check=False, env={"HOME": str(cluster.folder)}
        )

    assert apply("passed").stdout == "configmap/passed serverside-applied\n"
    assert [request.method for request in proxy.asked].count("PATCH") == 1
    later = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": "Forbidden",
        "message": "not today",
        "code": 403,
    }
    for verdict, name in (("cut", "cut"), ("lose", "lost"), ((403, {}, later), "answered")):
        proxy.verdict = lambda request, verdict=verdict: verdict if request.method == "PATCH" else "pass"
        done = apply(name)
        assert done.returncode == 1
        assert ("not today" if name == "answered" else "EOF") in done.stderr
    assert cluster.names("ConfigMap", "shop") == ["kube-root-ca.crt", "lost", "passed"]
    proxy.verdict = "pass"
    watch = [find("kubectl"), f"--kubeconfig={config}", "get", "configmaps", "--watch", "-o", "name"]
    with subprocess.Popen(watch, stdout=subprocess.PIPE, text=True, env={"HOME": str(cluster.folder)}) as watching:
        assert {watching.stdout.readline() for _ in range(3)} >= {"configmap/lost\n", "configmap/passed\n"}
        cluster.apply(config_map("shop", "seen"))
        assert watching.stdout.readline() == "configmap/seen\n"
        watching.terminate()
