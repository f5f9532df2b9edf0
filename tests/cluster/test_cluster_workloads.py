"""ConfigMaps that pods use, and readiness: with the controllers of Kubernetes, and somebody who plays the kubelet."""

import pytest

from servers import until

pytestmark = pytest.mark.cluster

NAMESPACE = "shop-test"


def files(shop):
    return sorted(name for name in shop.objects() if "-files-" in name)


def test_a_deploy_waits_for_readiness(shop, cluster):
    cluster.kubelet()
    shop.set("base", workload=True)
    shop.deploy("test", "--timeout", "60")
    assert cluster.read("Deployment", NAMESPACE, "shop")["status"]["availableReplicas"] == 2


def test_what_does_not_become_ready_is_named_with_the_missing_condition(shop, cluster):
    cluster.kubelet(Pod="hang")
    shop.set("base", workload=True)
    said = shop.deploy("test", "--timeout", "3", code=1)
    assert "Deployment shop-test/shop did not become ready within 3 seconds: 0 of 2 replicas are available" in said.err
    assert "kubectl describe deployment shop" in said.err


def test_a_rollout_that_hangs_keeps_the_files_of_the_old_pods(shop, cluster):
    kubelet = cluster.kubelet()
    shop.set("base", workload=True)
    shop.configure(prune=100, generations=0)
    shop.deploy("test", "--timeout", "60")
    (old,) = files(shop)
    kubelet.set("Pod", lambda pod: "ready" if f"{old.rpartition('-')[2]}" in str(pod["spec"]["volumes"]) else "hang")
    shop.set("base", motto="new")
    shop.deploy("test", "--timeout", "3", code=1)
    assert len(files(shop)) == 2
    said = shop.deploy("test", "--timeout", "3", code=1)
    assert len(files(shop)) == 2
    kubelet.set("Pod", "ready")
    said = shop.deploy("test", "--timeout", "60")
    if len(files(shop)) == 2:  # the last old pod may have ended after it was looked at
        assert "used by" in said.out
        shop.deploy("test", "--timeout", "60")
    assert len(files(shop)) == 1
    assert old not in files(shop)


def test_files_with_a_digest_stay_for_some_deploys(shop, cluster):
    cluster.kubelet()
    shop.set("base", workload=True)
    shop.configure(prune=100, generations=2)
    for number in range(5):
        shop.set("base", motto=f"number {number}")
        shop.deploy("test", "--timeout", "60")
    assert len(files(shop)) == 3
    assert "kept for 1 more deploy\n" in shop.weft("plan", "test").out


def test_a_job_is_current_when_it_starts_as_in_kstatus_and_one_that_failed_fails_the_deploy(shop, cluster):
    kubelet = cluster.kubelet(Pod="hang")
    template = shop.folder / "templates" / "extra.yaml.j2"
    template.write_text("""apiVersion: batch/v1
kind: Job
metadata: {name: shop-job, namespace: {{ app.namespace }}}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: job, image: example.org/job:1}]
""")
    shop.set("base", extra=True)
    shop.deploy("test", "--timeout", "30")
    kubelet.set("Pod", "fail")
    until(lambda: has_failed(cluster.read("Job", NAMESPACE, "shop-job")))
    shop.set("base", motto="next")
    assert "its condition Failed is True" in shop.deploy("test", "--timeout", "30", code=1).err


def has_failed(job):
    return any(one["type"] == "Failed" and one["status"] == "True" for one in job["status"].get("conditions", ()))
