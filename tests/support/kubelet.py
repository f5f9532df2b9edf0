"""Writes the status that kubelets and operators write: `cluster.kubelet()` starts it, and `fresh()` of the cluster ends it.

It watches pods (also those of Jobs), claims for volumes, ExternalSecrets, Gateways and HTTPRoutes. What it does with an object
is a verdict: `ready`, `hang` (it writes nothing), `fail`, and for pods `image` (their image cannot be fetched), too.

    kubelet = cluster.kubelet(Pod="hang")                  # nobody looks after pods
    kubelet.set("Pod", "ready")                            # now somebody does, also after the existing ones
    kubelet.set("Pod", lambda pod: "fail" if "checkout" in pod["metadata"]["name"] else "ready")

Without `binds`, pods are on no node, so one that is deleted is gone at once. With it they are, and end only when it sees to that.
"""

import base64
import contextlib
import datetime as dt
import http.client
import json
import socket
import threading

NODE = "node-of-the-tests"
STORE = "external-secrets"


def now():
    """The time as Kubernetes writes it."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def condition(name, *, is_true=True, reason="AsTheTestsWant", **more):
    """A condition of a status."""
    written = {"type": name, "status": "True" if is_true else "False", "reason": reason, "lastTransitionTime": now()}
    return {"message": "", **written, **more}


class Kubelet:
    """Follows each kind in a thread of its own, from its start to its end."""

    def __init__(self, cluster, *, binds=False, **verdicts):
        self.cluster, self.binds = cluster, binds
        self.verdicts = dict.fromkeys(WRITERS, "ready") | verdicts
        self.errors = []
        """What went wrong in its threads; a test that waits in vain looks here."""
        self._ended = threading.Event()
        self._sockets, self._turns = {}, dict.fromkeys(WRITERS, 0)
        self._threads = [threading.Thread(target=self._follow, args=(kind,), daemon=True) for kind in WRITERS]

    def start(self):
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def close(self):
        """End, and wait for the end."""
        self._ended.set()
        while any(thread.is_alive() for thread in self._threads):
            for kind in WRITERS:
                self._interrupt(kind)
            for thread in self._threads:
                thread.join(0.05)

    def set(self, kind, verdict):
        """Use another verdict for a kind from now on, also for the existing objects."""
        self.verdicts[kind] = verdict
        self._interrupt(kind)

    def verdict(self, thing):
        """What is to become of an object."""
        said = self.verdicts[thing["kind"]]
        return said(thing) if callable(said) else said

    def _interrupt(self, kind):
        self._turns[kind] += (
            1  # a thread that has not begun to read sees this, one that reads the end of its connection
        )
        with contextlib.suppress(OSError, KeyError):
            self._sockets[kind].shutdown(socket.SHUT_RDWR)

    def _follow(self, kind):
        while not self._ended.is_set():
            try:
                self._look(kind)
            except LookupError:
                self._ended.wait(0.3)  # its CRD is not there, or not yet
            except (OSError, ValueError, http.client.HTTPException):
                self._ended.wait(0.1)
            except Exception as error:  # noqa: BLE001 - a thread has nobody to tell it to
                self.errors.append(error)
                self._ended.wait(0.3)
            finally:
                self.cluster.hang_up()

    def _look(self, kind):
        """Write to all objects of a kind, then to each that changes, until the server or somebody ends that."""
        path, turn = self.cluster.path(kind), self._turns[kind]
        status, found = self.cluster.request("GET", path)
        if status == 404:
            raise LookupError(kind)
        for thing in found["items"]:
            self._write({"kind": kind, **thing})
        version = found["metadata"]["resourceVersion"]
        connection = self.cluster.connection(timeout=None)
        try:
            connection.connect()
            self._sockets[kind] = connection.sock
            token = {"Authorization": f"Bearer {self.cluster.tokens['admin']}"}
            connection.request(
                "GET", f"{path}?watch=1&allowWatchBookmarks=true&resourceVersion={version}", headers=token
            )
            stream = connection.getresponse()
            while self._turns[kind] == turn and (line := stream.readline()):
                event = json.loads(line)
                if event["type"] in ("ADDED", "MODIFIED"):
                    self._write(event["object"])
                elif event["type"] == "ERROR":
                    return
        finally:
            connection.close()

    def _write(self, thing):
        verdict = self.verdict(thing)
        if verdict != "hang":
            WRITERS[thing["kind"]](self, thing, verdict)

    def write_status(self, thing, status):
        """Write a status; the object may be gone."""
        about = thing["metadata"]
        path = self.cluster.path(thing["kind"], about.get("namespace"), about["name"])
        self.cluster.request("PATCH", f"{path}/status", {"status": status})

    # --- pods ---

    def pod(self, pod, verdict):
        """Run a pod; one of a Job comes to its end."""
        about, status = pod["metadata"], pod.get("status", {})
        path = self.cluster.path("Pod", about["namespace"], about["name"])
        if "deletionTimestamp" in about:
            self.cluster.request("DELETE", f"{path}?gracePeriodSeconds=0")
            return
        if self.binds and not pod["spec"].get("nodeName"):
            target = {
                "apiVersion": "v1",
                "kind": "Binding",
                "metadata": {"name": about["name"]},
                "target": {"kind": "Node", "name": NODE},
            }
            self.cluster.request("POST", f"{path}/binding", target)
            return  # that changes the pod, so it comes again
        if status.get("phase") in ("Succeeded", "Failed"):
            return
        wanted = _status_of_pod(pod, verdict)
        if _states(status) != _states(wanted) or status.get("phase") != wanted["phase"]:
            self.write_status(pod, wanted)

    # --- what operators look after ---

    def claim(self, claim, verdict):
        """Bind a claim to a volume."""
        if verdict == "ready" and claim.get("status", {}).get("phase") != "Bound":
            spec = claim["spec"]
            bound = {
                "phase": "Bound",
                "accessModes": spec["accessModes"],
                "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            }
            self.write_status(claim, bound)

    def external_secret(self, thing, verdict):
        """Fetch the values from a store where each is called after its key, and write them into the Secret."""
        about, spec = thing["metadata"], thing["spec"]
        done = f"{about['generation']}-{verdict}"
        if thing.get("status", {}).get("syncedResourceVersion") == done:
            return
        target = spec.get("target", {})
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": target.get("name", about["name"]), "namespace": about["namespace"]},
            "type": target.get("template", {}).get("type", "Opaque"),
            "data": {each["secretKey"]: _value_of(each) for each in spec.get("data", ())},
        }
        if target.get("creationPolicy", "Owner") == "Owner":
            owner = {
                "apiVersion": thing["apiVersion"],
                "kind": thing["kind"],
                "name": about["name"],
                "uid": about["uid"],
            }
            secret["metadata"]["ownerReferences"] = [{**owner, "controller": True, "blockOwnerDeletion": True}]
        if verdict == "ready":
            self.cluster.apply(secret, manager=STORE, force=True)
            state = condition("Ready", reason="SecretSynced", message="secret synced")
        else:
            state = condition(
                "Ready", is_true=False, reason="SecretSyncedError", message="could not get secret data from provider"
            )
        self.write_status(thing, {"conditions": [state], "refreshTime": now(), "syncedResourceVersion": done})

    def gateway(self, thing, verdict):
        """Program a Gateway."""
        generation = thing["metadata"]["generation"]
        is_true = verdict == "ready"
        states = [
            condition(name, is_true=is_true, observedGeneration=generation) for name in ("Accepted", "Programmed")
        ]
        if _states(thing.get("status", {})) != _states({"conditions": states}):
            self.write_status(thing, {"conditions": states})

    def route(self, thing, verdict):
        """Accept an HTTPRoute for each of its Gateways."""
        generation = thing["metadata"]["generation"]
        names = ("Accepted", "ResolvedRefs")
        states = [condition(name, is_true=verdict == "ready", observedGeneration=generation) for name in names]
        parents = [
            {"parentRef": parent, "controllerName": "tests.example/gateway", "conditions": states}
            for parent in thing["spec"].get("parentRefs", ())
        ]
        said = thing.get("status", {}).get("parents", ())
        if [_states(each) for each in said] != [_states(each) for each in parents]:
            self.write_status(thing, {"parents": parents})


WRITERS = {
    "Pod": Kubelet.pod,
    "PersistentVolumeClaim": Kubelet.claim,
    "ExternalSecret": Kubelet.external_secret,
    "Gateway": Kubelet.gateway,
    "HTTPRoute": Kubelet.route,
}
WAITING = {"fail": "CrashLoopBackOff", "image": "ImagePullBackOff"}


def _status_of_pod(pod, verdict):
    spec = pod["spec"]
    owners = {owner["kind"] for owner in pod["metadata"].get("ownerReferences", ())}
    ends = "Job" in owners and verdict in ("ready", "fail")
    is_ready = verdict == "ready" and not ends
    time = now()
    if ends:
        state = {"terminated": {"exitCode": 0 if verdict == "ready" else 1, "startedAt": time, "finishedAt": time}}
        phase = "Succeeded" if verdict == "ready" else "Failed"
    elif is_ready:
        state, phase = {"running": {"startedAt": time}}, "Running"
    else:
        reason = WAITING[verdict]
        state = {"waiting": {"reason": reason, "message": f"the tests want {reason}"}}
        phase = "Running" if verdict == "fail" else "Pending"

    def container(each, state, *, ready):
        restarts = 3 if verdict == "fail" and not ends else 0
        return {
            "name": each["name"],
            "image": each["image"],
            "imageID": each["image"],
            "restartCount": restarts,
            "ready": ready,
            "started": ready,
            "state": state,
        }

    ended = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": time, "finishedAt": time}}
    conditions = [
        condition(name, is_true=is_true)
        for name, is_true in (
            ("PodScheduled", True), ("Initialized", True), ("ContainersReady", is_ready), ("Ready", is_ready),
        )
    ]  # fmt: skip
    return {
        "phase": phase,
        "conditions": conditions,
        "startTime": time,
        "hostIP": "192.0.2.1",
        "podIP": "192.0.2.2",
        "podIPs": [{"ip": "192.0.2.2"}],
        "containerStatuses": [container(each, state, ready=is_ready) for each in spec["containers"]],
        "initContainerStatuses": [container(each, ended, ready=True) for each in spec.get("initContainers", ())],
    }


def _states(status):
    """What two conditions are compared by: not by their times."""
    fields = ("type", "status", "observedGeneration")
    return sorted(tuple(str(each.get(field)) for field in fields) for each in status.get("conditions", ()))


def _value_of(entry):
    remote = entry["remoteRef"]
    text = f"{remote['key']} {remote.get('property', '')}".strip()
    return base64.b64encode(text.encode()).decode()
