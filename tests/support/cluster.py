"""A real Kubernetes API server for tests: etcd, `kube-apiserver` and `kube-controller-manager` on free ports of 127.0.0.1.

- `request("GET", "/api/v1/namespaces")` is one request and gives (status, document); `ask` is the same and insists on success.
- `apply`, `create`, `read`, `items` and `delete` are for tests that prepare or look; `path` says where a kind is served.
- `user(...)` is a user without rights, or with those that the test names; users are contexts of the file `kubeconfig`, too:
  `admin` may do everything, `nobody` nothing.
- `fresh()` empties the cluster between two tests in some milliseconds.
- `pause()` and `resume()` stop the API server without ending it; `kill()` ends it at once, `restart()` starts it on the same data.
- `kubelet()` writes the status that kubelets and operators would (kubelet.py), `webhook()` refuses changes (webhook.py), and
  `proxy()` loses requests and answers (proxy.py).

All of it ends with the tests, even if they are killed.
"""

import base64
import contextlib
import http.client
import json
import secrets
import signal
import ssl
import threading
import time
import urllib.request
from pathlib import Path

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from authority import Authority
from kubelet import Kubelet
from proxy import Proxy
from servers import HOST, Servers, find, free_port, until
from webhook import Webhook

USERS = 100
"""How many users without rights there are."""
SYSTEM = ("default", "kube-system", "kube-public", "kube-node-lease")
CONTROLLERS = (
    *("garbage-collector-controller", "namespace-controller", "serviceaccount-controller", "resourcequota-controller"),
    *("root-ca-certificate-publisher-controller", "clusterrole-aggregation-controller", "deployment-controller"),
    *(
        "replicaset-controller",
        "statefulset-controller",
        "daemonset-controller",
        "job-controller",
        "cronjob-controller",
    ),
    *("disruption-controller", "horizontal-pod-autoscaler-controller", "endpointslice-controller"),
)
"""Those that change what a test can see; there are no nodes, so nothing is scheduled."""
CRDS = ("externalsecrets", "gateways", "httproutes", "servicemonitors", "prometheusrules")
"""The CRDs that are there from the start, those of the reference project; `define` adds others that `make setup-cluster` has brought."""
OF_CRDS = ("/registry/apiextensions.k8s.io/customresourcedefinitions/", "/registry/apiregistration.k8s.io/apiservices/")
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
VOLATILE = ("/registry/leases/", "/registry/masterleases/", "/registry/peerserverleases/")
"""What the servers write about themselves all the time."""


class Refused(AssertionError):
    """A request that was to succeed did not: `status` is the number, `answer` what the server said."""

    def __init__(self, what, status, answer):
        super().__init__(f"{what}: {status} {answer.get('message', answer)}")
        self.status, self.answer = status, answer


class Cluster:
    """A cluster with one API server. `address` is its URL, `kubeconfig` the file for its users, `folder` has the logs."""

    def __init__(self, *, controllers=CONTROLLERS, crds=CRDS, options=()):
        self.servers = Servers()
        self.folder = self.servers.folder("cluster")
        self.kubeconfig = self.folder / "kubeconfig"
        self.authority = Authority("authority of the cluster")
        self.tokens = {name: secrets.token_hex(16) for name in ("admin", "nobody", *(f"user{n}" for n in range(USERS)))}
        self.port = free_port()
        self.address = f"https://{HOST}:{self.port}"
        self.etcd = self.apiserver = self.manager = None
        self._options, self._controllers, self._crds = options, controllers, crds
        self._users, self._helpers = iter(range(USERS)), []
        self._connections = threading.local()
        self._resources = {}
        self._clean, self._of_crds = {}, set()

    # --- running ---

    def start(self):
        """Start everything, and wait until the API server does what it will do in an hour, too."""
        try:
            self._write_files()
            self._start_etcd()
            self._start_apiserver()
            if self._controllers:
                self._start_manager()
            bare = set(self._keys())
            self.define(*self._crds)
            if self._controllers:
                until(self._has_accounts)
            self._remember()
            self._of_crds = {key for key in set(self._clean) - bare if _decoded(key).startswith(OF_CRDS)}
        except BaseException:
            self.close()
            raise
        return self

    def close(self):
        """End everything, and remove what was written."""
        self.relax()
        self.hang_up()
        for server in self.servers.started:
            server.kill()  # nothing is kept, so there is nothing to wait for
        self.servers.close()

    def _write_files(self):
        crt, key = self.authority.issue(HOST, "localhost", "kubernetes.default.svc", "10.96.0.1")
        signing = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = signing.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        groups = {"admin": "system:masters"}
        rows = [f'{token},{name},{name},"{groups.get(name, "testers")}"\n' for name, token in self.tokens.items()]
        files = {"ca.crt": self.authority.certificate, "server.crt": crt, "server.key": key, "accounts.key": private}
        self.servers.write(self.folder, files | {"tokens.csv": "".join(rows), "kubeconfig": self.config_text("admin")})
        self._trust = ssl.create_default_context(cafile=self.folder / "ca.crt")

    def config_text(self, user, namespace=None, address=None, contexts=()):
        """A kubeconfig with a context for each user, or with contexts of these names for one.

        The current context is that of the user, or the first of the names. `namespace` is that of the user's contexts; `address` is that
        of a proxy.
        """
        users = dict.fromkeys(contexts, user) or {name: name for name in self.tokens}
        spaces = {user: {"namespace": namespace}} if namespace else {}
        server = {"server": address or self.address, "certificate-authority": str(self.folder / "ca.crt")}
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": contexts[0] if contexts else user,
                "clusters": [{"name": "test", "cluster": server}],
                "users": [
                    {"name": name, "user": {"token": self.tokens[name]}} for name in dict.fromkeys(users.values())
                ],
                "contexts": [
                    {"name": name, "context": {"cluster": "test", "user": of, **spaces.get(of, {})}}
                    for name, of in users.items()
                ],
            },
            sort_keys=False,
        )

    def kubeconfig_of(self, user, namespace=None, address=None):
        """A file for one user, whose context is the current one."""
        path = self.folder / f"kubeconfig-{user}-{namespace or 'any'}{'-by-proxy' if address else ''}"
        self.servers.write(self.folder, {path.name: self.config_text(user, namespace, address)})
        return path

    def _start_etcd(self):
        port, peer = free_port(), free_port()
        self._etcd_address = f"http://{HOST}:{port}"
        self.etcd = self.servers.start(
            find("etcd"), f"--data-dir={self.folder}/etcd", "--unsafe-no-fsync", "--log-level=warn", "--max-txn-ops=100000",
            f"--listen-client-urls={self._etcd_address}", f"--advertise-client-urls={self._etcd_address}",
            f"--listen-peer-urls=http://{HOST}:{peer}", f"--initial-advertise-peer-urls=http://{HOST}:{peer}",
            f"--initial-cluster=default=http://{HOST}:{peer}",
            ready=f"{self._etcd_address}/health", folder=self._folder_of("etcd"),
        )  # fmt: skip

    def _start_apiserver(self):
        files = self.folder
        self.apiserver = self.servers.start(
            find("kube-apiserver"), f"--etcd-servers={self._etcd_address}",
            f"--bind-address={HOST}", f"--advertise-address={HOST}", f"--secure-port={self.port}", f"--cert-dir={files}/certificates",
            f"--tls-cert-file={files}/server.crt", f"--tls-private-key-file={files}/server.key", "--endpoint-reconciler-type=none",
            f"--service-account-key-file={files}/accounts.key", f"--service-account-signing-key-file={files}/accounts.key",
            "--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=RBAC", f"--token-auth-file={files}/tokens.csv", "--allow-privileged=true", *self._options,
            ready=self.is_ready, folder=self._folder_of("apiserver"),
        )  # fmt: skip

    def _start_manager(self):
        files = self.folder
        self.manager = self.servers.start(
            find("kube-controller-manager"), f"--kubeconfig={self.kubeconfig}", f"--bind-address={HOST}", f"--secure-port={free_port()}",
            f"--cert-dir={files}/manager", f"--service-account-private-key-file={files}/accounts.key", f"--root-ca-file={files}/ca.crt",
            "--use-service-account-credentials=false", "--leader-elect=false", f"--controllers={','.join(self._controllers)}",
            "--concurrent-namespace-syncs=20", "--namespace-sync-period=1s",
            ready=lambda: True, folder=self._folder_of("manager"),
        )  # fmt: skip

    def _folder_of(self, name):
        folder = self.folder / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def is_ready(self):
        """Whether the API server says so itself."""
        with contextlib.suppress(http.client.HTTPException):
            return self.request("GET", "/readyz", timeout=5)[0] == 200

    def _has_accounts(self):
        return all(
            self.request("GET", f"/api/v1/namespaces/{space}/{what}")[0] == 200
            for space in SYSTEM
            for what in ("serviceaccounts/default", "configmaps/kube-root-ca.crt")
        )

    # --- failures ---

    def pause(self):
        """Stop the API server as a machine that hangs does: connections are taken, and nothing answers."""
        self.apiserver.process.send_signal(signal.SIGSTOP)
        threads = list(Path(f"/proc/{self.apiserver.pid}/task").glob("*/stat"))
        until(lambda: all(path.read_text().rpartition(") ")[2].startswith("T") for path in threads))

    def resume(self):
        """Let it go on."""
        self.apiserver.process.send_signal(signal.SIGCONT)

    def kill(self):
        """End the API server at once; etcd goes on."""
        self.apiserver.kill()

    def restart(self):
        """Start it again with the same address and data; call it in the thread that started the cluster."""
        self.apiserver.kill()
        self.apiserver.start()

    def relax(self):
        """End what helps and hinders: kubelets, webhooks and proxies that a test has started, and a pause."""
        while self._helpers:
            self._helpers.pop().close()
        if self.apiserver and self.apiserver.process:
            self.resume()

    # --- requests ---

    def request(self, method, path, body=None, content_type=None, user="admin", timeout=60):
        """One request: its status and the document of the answer, or {"text": …} if it is none."""
        status, _, answer = self.exchange(method, path, body, content_type, user, timeout)
        return status, answer

    def exchange(self, method, path, body=None, content_type=None, user="admin", timeout=60, accept="application/json"):
        """The same with the headers of the answer: (status, headers, document)."""
        data = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
        headers = {"Authorization": f"Bearer {self.tokens[user]}", "Accept": accept}
        if data is not None:
            headers["Content-Type"] = content_type or {"PATCH": MERGE}.get(method, "application/json")
        answer, text = self._send(method, path, data, headers, timeout)
        return answer.status, answer.headers, _document(text)

    def _send(self, method, path, data, headers, timeout):
        kept = getattr(self._connections, "one", None)
        connection = kept or self.connection(timeout)
        self._connections.one = None
        connection.timeout = timeout
        if connection.sock:
            connection.sock.settimeout(timeout)
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (ConnectionError, ssl.SSLEOFError):
            connection.close()
            if kept is None:
                raise
            return self._send(method, path, data, headers, timeout)  # the server closed it meanwhile
        except BaseException:
            connection.close()
            raise
        self._connections.one = connection
        return answer, text

    def connection(self, timeout=60):
        """A new connection, for those who want one of their own."""
        return http.client.HTTPSConnection(HOST, self.port, timeout=timeout, context=self._trust)

    def hang_up(self):
        """Close the connection that the calling thread keeps."""
        if kept := getattr(self._connections, "one", None):
            kept.close()
        self._connections.one = None

    def ask(self, method, path, body=None, content_type=None, user="admin"):
        """The document of a request that must succeed."""
        status, answer = self.request(method, path, body, content_type, user)
        if status >= 400:
            raise Refused(f"{method} {path}", status, answer)
        return answer

    # --- documents ---

    def path(self, kind, namespace=None, name=None, version=None):
        """The path of a kind, of what one namespace has of it, or of one object; `version` is an `apiVersion`, if it matters."""
        if (version, kind) not in self._resources:
            self._discover()
        try:
            where, resource, is_namespaced = self._resources[version, kind]
        except KeyError:
            raise LookupError(f"the server knows no {kind} {version or ''}".strip()) from None
        space = f"/namespaces/{namespace}" if namespace and is_namespaced else ""
        return f"{where}{space}/{resource}" + (f"/{name}" if name else "")

    def _discover(self):
        resources = {}
        found = [self.exchange("GET", path, accept=DISCOVERY)[2] for path in ("/api", "/apis")]
        for group in (group for each in found for group in each["items"]):
            name = group["metadata"].get("name", "")
            for version in group["versions"]:
                api = f"{name}/{version['version']}" if name else version["version"]
                for resource in version["resources"]:
                    kind = resource.get("responseKind", {}).get("kind")
                    place = (
                        f"/{'apis' if name else 'api'}/{api}",
                        resource["resource"],
                        resource["scope"] == "Namespaced",
                    )
                    resources.setdefault((None, kind), place)
                    resources.setdefault((api, kind), place)
        self._resources = resources  # at once, as threads read it

    def path_of(self, document):
        """The path of the object that a document describes."""
        about = document["metadata"]
        return self.path(document["kind"], about.get("namespace"), about.get("name"), document["apiVersion"])

    def apply(self, *documents, manager="tests", force=False, user="admin"):
        """Apply documents as a server understands them, in this order; gives what is stored."""
        question = f"?fieldManager={manager}&fieldValidation=Strict" + ("&force=true" if force else "")
        return [self.ask("PATCH", self.path_of(each) + question, each, APPLY, user) for each in documents]

    def create(self, *documents, user="admin"):
        """Create objects, in this order; gives what is stored."""
        return [
            self.ask("POST", self.path(each["kind"], each["metadata"].get("namespace"), None, each["apiVersion"]), each, user=user)
            for each in documents
        ]  # fmt: skip

    def namespace(self, name, **labels):
        """Create a namespace, and give its name."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        return name

    def read(self, kind, namespace, name):
        """An object, or None if there is none; `namespace` is None where the kind has none."""
        status, answer = self.request("GET", self.path(kind, namespace, name))
        if status == 404:
            return None
        assert status == 200, answer
        return answer

    def items(self, kind, namespace=None, selector=""):
        """All objects of a kind, of one namespace or of all."""
        return self.ask("GET", f"{self.path(kind, namespace)}?labelSelector={selector}")["items"]

    def names(self, kind, namespace=None):
        """The sorted names of all objects of a kind."""
        return sorted(each["metadata"]["name"] for each in self.items(kind, namespace))

    def patch(self, kind, namespace, name, change):
        """Change an object by a merge patch."""
        return self.ask("PATCH", self.path(kind, namespace, name), change)

    def delete(self, kind, namespace, name, *, policy="Background"):
        """Delete an object, whether it is there or not."""
        status, answer = self.request("DELETE", f"{self.path(kind, namespace, name)}?propagationPolicy={policy}")
        assert status in (200, 202, 404), answer

    def write_status(self, kind, namespace, name, status):
        """Write the status of an object, as the program that watches over it would; what it does not name stays."""
        return self.ask("PATCH", self.path(kind, namespace, name) + "/status", {"status": status})

    def define(self, *plurals):
        """Bring CRDs, by their plural names, and wait until they are served."""
        files = {path.stem.partition("_")[2]: path for path in Path(find("crds")).glob("*.yaml")}
        path = self.path("CustomResourceDefinition")
        for plural in plurals:
            self.ask("POST", path, files[plural].read_bytes(), "application/yaml")
        self._await_definitions()

    def _await_definitions(self):
        """Wait until what CRDs define is served, and listed, which it is later."""
        expected = set()
        for crd in self.items("CustomResourceDefinition"):
            version = next(each["name"] for each in crd["spec"]["versions"] if each["served"])
            api = f"{crd['spec']['group']}/{version}"
            path = f"/apis/{api}/{crd['spec']['names']['plural']}?limit=1"
            until(lambda path=path: self.request("GET", path)[0] == 200)
            expected.add((api, crd["spec"]["names"]["kind"]))
        until(lambda: self._discover() or expected <= self._resources.keys())

    # --- users and helpers ---

    def user(self, *rules, namespace=None, role=None):
        """A user that no other test has: without rights, with rules, or with a ClusterRole, in one namespace or in all.

        `user({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}, namespace="shop")`, `user(role="view")`.
        """
        name = f"user{next(self._users)}"
        rbac, about = (
            "rbac.authorization.k8s.io",
            {"name": f"of-{name}", **({"namespace": namespace} if namespace else {})},
        )
        kind = "Role" if namespace else "ClusterRole"
        documents = []
        if rules:
            documents.append({"apiVersion": f"{rbac}/v1", "kind": kind, "metadata": about, "rules": list(rules)})
        if rules or role:
            documents.append(
                {
                    "apiVersion": f"{rbac}/v1",
                    "kind": f"{kind}Binding",
                    "metadata": about,
                    "roleRef": {
                        "apiGroup": rbac,
                        "kind": "ClusterRole" if role else kind,
                        "name": role or about["name"],
                    },
                    "subjects": [{"kind": "User", "apiGroup": rbac, "name": name}],
                }
            )
        self.create(*documents)
        return name

    def kubelet(self, **options):
        """Start to write what kubelets and operators write (kubelet.py)."""
        self._helpers.append(Kubelet(self, **options))
        return self._helpers[-1].start()

    def webhook(self, **options):
        """Start a webhook that is asked about changes (webhook.py)."""
        self._helpers.append(Webhook(self, **options))
        return self._helpers[-1].start()

    def proxy(self, verdict="pass"):
        """Start another way to the API server, on which requests and answers can get lost (proxy.py)."""
        self._helpers.append(Proxy(self, verdict))
        return self._helpers[-1].start()

    # --- emptying ---

    def fresh(self, *, crds=True):
        """Make the cluster what it was after its start: what tests have made is deleted, what they deleted is there again.

        It is done in etcd, which takes milliseconds and waits for nobody. The API server and its controllers see
        each object go as they do otherwise. Without `crds` those are gone, too.
        """
        self.relax()
        if self.apiserver.process.poll() is not None:
            self.restart()
        self._users, self._resources = iter(range(USERS)), {}
        wanted = {key: kept for key, kept in self._clean.items() if crds or key not in self._of_crds}
        gone = self._of_crds - self._keys().keys()
        quiet = 0
        while quiet < 2:  # a controller may have made one more object meanwhile
            quiet = 0 if self._restore(wanted) else quiet + 1
            time.sleep(0.02)
        if crds and gone:
            self._await_definitions()

    def _restore(self, wanted):
        """Make etcd have what is wanted, and say whether anything had to be changed."""
        now = self._keys()
        strange = sorted((key for key in now if key not in wanted), key=_order)
        changed = [key for key, (revision, _) in wanted.items() if now.get(key) != revision]
        if not strange and not changed:
            return False
        operations = [{"requestDeleteRange": {"key": key}} for key in strange]
        spaces = [
            _decoded(key).rpartition("/")[2] for key in strange if _decoded(key).startswith("/registry/namespaces/")
        ]
        operations += [{"requestPut": {"key": key, "value": wanted[key][1]}} for key in changed]
        revision = self._kv("txn", {"success": operations})["header"]["revision"]
        for key in changed:
            wanted[key] = self._clean[key] = (revision, wanted[key][1])
        for space in spaces:  # controllers that have not seen yet that it is gone can add nothing to it from then on
            until(lambda space=space: self._refuses(space))
        return True

    def _refuses(self, space):
        """Whether the API server takes nothing for a namespace any more."""
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "is-it-gone"}}
        return self.request("POST", f"/api/v1/namespaces/{space}/configmaps?dryRun=All", body)[0] in (403, 404)

    def _remember(self):
        """Note what an empty cluster has, as soon as nothing is added to it any more."""
        seen, now = None, self._keys()
        while seen != now:
            time.sleep(0.3)
            seen, now = now, self._keys()
        self._clean = self._keys(values=True)

    def _keys(self, *, values=False):
        """All that etcd has: key -> revision, or (revision, value)."""
        question = {"key": _encoded("/registry/"), "range_end": _encoded("/registry0"), "keys_only": not values}
        found = self._kv("range", question).get("kvs", ())
        volatile = {each["key"] for each in found if _decoded(each["key"]).startswith(VOLATILE)}
        return {
            each["key"]: (each["mod_revision"], each["value"]) if values else each["mod_revision"]
            for each in found
            if each["key"] not in volatile
        }

    def _kv(self, what, question):
        asked = urllib.request.Request(f"{self._etcd_address}/v3/kv/{what}", json.dumps(question).encode())
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return json.load(answer)


OWNERS_FIRST = ("namespaces", "cronjobs", "deployments", "statefulsets", "daemonsets", "jobs", "replicasets")


def _order(key):
    """Owners go first, so that their controllers do not make again what goes after them."""
    resource = _decoded(key).split("/")[2]
    return OWNERS_FIRST.index(resource) if resource in OWNERS_FIRST else len(OWNERS_FIRST)


def _encoded(text):
    return base64.b64encode(text.encode()).decode()


def _decoded(text):
    return base64.b64decode(text).decode()


def _document(text):
    try:
        answer = json.loads(text or b"{}")
    except ValueError:
        return {"text": text.decode("utf-8", "replace")}
    return answer if isinstance(answer, dict) else {"text": answer}
