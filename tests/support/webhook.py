"""A webhook that is asked about changes: `cluster.webhook()` starts it, and `fresh()` of the cluster ends it.

    webhook = cluster.webhook(resources=["secrets"], failurePolicy="Fail")
    webhook.verdict = "refuse"        # or "allow", "hang", or a number: the HTTP status with which it answers
    webhook.verdict = {"code": 429, "message": "later", "details": {"retryAfterSeconds": 1}}   # what the client gets
    webhook.verdict = lambda request: "refuse" if request["name"] == "one" else "allow"

It is asked about all namespaces, or those that `namespaces` names. `asked` are the requests of the API server.
"""

import base64
import contextlib
import http.server
import json
import threading

from https import Https
from servers import until

PROBE = "webhook-is-asked"
"""The name of a ConfigMap that is never written; with it the API server is asked whether it knows the webhook already."""


class Webhook:
    """A server in a thread, and its ValidatingWebhookConfiguration."""

    def __init__(
        self, cluster, *, resources=("*",), namespaces=None, operations=("CREATE", "UPDATE", "DELETE"), **fields
    ):
        self.cluster, self.verdict, self.asked = cluster, "allow", []
        self._resources, self._operations, self._namespaces = list(resources), list(operations), namespaces
        self._fields = {"failurePolicy": "Fail", "timeoutSeconds": 2, **fields}
        self._released = threading.Event()
        self._server = Https(cluster, _handler(self))
        self.name = f"webhook-{self._server.port}.tests.example"

    def start(self):
        """Answer, and wait until the API server asks."""
        self._server.listen()
        authority = base64.b64encode(self.cluster.authority.certificate).decode()
        everything = {
            "apiGroups": ["*"],
            "apiVersions": ["*"],
            "resources": self._resources,
            "operations": self._operations,
        }
        selected = {
            "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": self._namespaces}]
        }
        hook = {
            "name": self.name,
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "clientConfig": {"url": f"{self._server.address}/", "caBundle": authority},
            "rules": [everything],
            **({"namespaceSelector": selected} if self._namespaces else {}),
            **self._fields,
        }
        probe = {
            **hook,
            "name": f"probe.{self.name}",
            "rules": [{**everything, "resources": ["configmaps"], "operations": ["CREATE"]}],
        }
        probe["matchConditions"] = [{"name": "probe", "expression": f"request.name == '{PROBE}'"}]
        probe.pop("namespaceSelector", None)
        api = "admissionregistration.k8s.io/v1"
        self.cluster.create(
            {
                "apiVersion": api,
                "kind": "ValidatingWebhookConfiguration",
                "metadata": {"name": self.name},
                "webhooks": [hook, probe],
            }
        )
        until(lambda: self._probe() and self.asked)
        self.asked.clear()
        return self

    def _probe(self):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": PROBE, "namespace": "default"}}
        return self.cluster.request("POST", "/api/v1/namespaces/default/configmaps?dryRun=All", body)

    def close(self):
        """End it; its configuration goes first, so that nobody asks in vain."""
        self._released.set()
        self.verdict = "allow"
        with contextlib.suppress(OSError, AssertionError, LookupError):
            self.cluster.delete("ValidatingWebhookConfiguration", None, self.name)
            until(self._is_forgotten, 10)
        self._server.close()

    def _is_forgotten(self):
        before = len(self.asked)
        self._probe()
        return len(self.asked) == before

    def answer(self, request):
        """What it says to a request: an HTTP status, and whether the change is allowed; None if it says nothing."""
        self.asked.append(request)
        verdict = self.verdict(request) if callable(self.verdict) else self.verdict
        if verdict == "hang":
            self._released.wait()
            return None
        if isinstance(verdict, int):
            return verdict, {}
        if verdict == "refuse":
            verdict = {"code": 403, "message": "the tests refuse this"}
        allowed = verdict == "allow"
        return 200, {"uid": request["uid"], "allowed": allowed, **({} if allowed else {"status": verdict})}


def _handler(webhook):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = webhook.answer(json.loads(body)["request"])
            if answer is None:
                self.close_connection = True
                return
            status, response = answer
            said = json.dumps(
                {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
            ).encode()
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

        def log_message(self, *words):
            """Say nothing."""

    return Handler
