"""A tool with an empty cluster, and what can be seen there: every outcome is looked up in the API server, none is assumed."""

import base64
import binascii
import gzip
import itertools
import json
import threading

from objects import NAMESPACE, Settings

from servers import until

KINDS = ("ConfigMap", "Secret", "Service", "Deployment", "HorizontalPodAutoscaler")
BY_KUBERNETES = "kube-root-ca.crt"


class Trial:
    """One tool in one situation."""

    def __init__(self, tool, cluster, folder):
        self.folder, self.cluster, self._kind = folder, cluster, tool
        self._numbers = itertools.count()
        cluster.fresh()
        cluster.namespace(NAMESPACE)
        until(lambda: cluster.read("ServiceAccount", NAMESPACE, "default"))
        self.kubelet = cluster.kubelet()
        self.tool = self.another()

    def another(self):
        """The tool once more, as somebody else has it."""
        place = self.folder / str(next(self._numbers))
        place.mkdir(parents=True)
        return self._kind(place, self.cluster)

    def begin(self, **settings):
        """The first deploy, which must succeed; gives the contents after it."""
        first = Settings(**settings)
        done = self.tool.deploy(first)
        assert done.good, done.said
        return self.contents()

    # --- what there is ---

    def _objects(self):
        for kind in KINDS:
            for one in self.cluster.items(kind, NAMESPACE):
                if one["metadata"]["name"] != BY_KUBERNETES:
                    yield f"{kind}/{one['metadata']['name']}", one

    def contents(self):
        """What the objects contain, without what the tool keeps for itself and without what the server counts."""
        return {
            name: {
                **{key: value for key, value in one.items() if key not in ("metadata", "status")},
                "motto": (one["metadata"].get("annotations") or {}).get("motto"),
            }
            for name, one in self._objects()
            if not self.tool.is_own(one)
        }

    def versions(self, *, own=False):
        """When each object was changed last; for a Deployment, whose status changes all the time, its generation."""
        return {
            name: one["metadata"]["generation" if name.startswith("Deployment") else "resourceVersion"]
            for name, one in self._objects()
            if self.tool.is_own(one) == own
        }

    def has(self, name):
        """Whether there is an object: `ConfigMap/shop`."""
        kind, _, rest = name.partition("/")
        return self.cluster.read(kind, NAMESPACE, rest) is not None

    def all_say(self, motto):
        """Whether each object comes from the deploy of a motto."""
        return set(self.mottos().values()) == {motto}

    def mottos(self):
        """From which deploy each object comes, but for those that have it in their name."""
        return {
            name: one["motto"] for name, one in self.contents().items() if not name.startswith("ConfigMap/shop-files")
        }

    def changed(self, before):
        """The names of the objects that are not as they were; what is new with a hash in its name is not counted."""
        now = self.contents()
        return sorted(
            name
            for name in before.keys() | now.keys()
            if before.get(name) != now.get(name)
            and not (name.startswith("ConfigMap/shop-files") and name not in before)
        )

    def secrets_outside(self, values):
        """The objects besides the application's own Secret that have a secret in them, however it is packed."""
        found = []
        for kind in (*KINDS, "Lease", "ReplicaSet"):
            for one in self.cluster.items(kind, NAMESPACE):
                name = f"{kind}/{one['metadata']['name']}"
                searched = {"metadata": one["metadata"]} if name == "Secret/shop" else one
                if any(value in text for text in _texts(searched) for value in values):
                    found.append(name)
        return found

    # --- what others do ---

    def hold(self, resource):
        """A webhook that keeps the first real change of a kind waiting until `let_go` is called; gives both moments."""
        arrived, released = threading.Event(), threading.Event()
        webhook = self.cluster.webhook(resources=[resource], namespaces=[NAMESPACE], timeoutSeconds=30)

        def verdict(request):
            if request["userInfo"]["username"] == "admin" and not request["dryRun"] and not arrived.is_set():
                arrived.set()
                released.wait(25)
            return "allow"

        webhook.verdict = verdict
        return arrived, released

    def refuse(self, resource, operation, name, *, dry):
        """A webhook that refuses a change of one object, also if it is only tried; gives the webhook."""
        webhook = self.cluster.webhook(resources=[resource], namespaces=[NAMESPACE], operations=[operation])
        webhook.verdict = lambda request: (
            "refuse" if request["name"] == name and (dry or not request["dryRun"]) else "allow"
        )
        return webhook


def _texts(thing):
    """All texts of a document, and what is packed in them."""
    if isinstance(thing, dict):
        thing = [*thing.keys(), *thing.values()]
    if isinstance(thing, list):
        for each in thing:
            yield from _texts(each)
    elif isinstance(thing, str):
        yield from _unpacked(thing)


def _unpacked(text):
    yield text
    try:
        data = base64.b64decode(text, validate=True)
        data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
        below = data.decode()
    except (binascii.Error, ValueError, OSError):
        return
    try:
        found = json.loads(below)
    except ValueError:
        found = None
    if isinstance(found, dict | list):
        yield from _texts(found)
    elif len(below) > 8:
        yield from _unpacked(below)
