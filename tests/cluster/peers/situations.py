"""What is tried with each tool: a situation ends in a phrase for the outcome, and in a verdict by a criterion that is the same for all.

A criterion says what people need, and not how a tool does it.
"""

import math
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from objects import NAMESPACE, NEW, SECRETS
from tools import ended

from servers import until

PATIENCE = 60
"""For how many seconds a deploy that was refused is tried again."""
ROUNDS = 4
"""How many more deploys an old file may stay for."""


@dataclass(frozen=True)
class Situation:
    """A situation: what happens, when an outcome is good, and the function that tries it."""

    key: str
    title: str
    criterion: str
    tried: Callable


def _so_far(trial, before, versions):
    """What has become of the objects."""
    changed = trial.changed(before)
    if changed:
        return f"{len(changed)} of {len(before)} objects changed"
    now = trial.versions()
    moved = [name for name, version in versions.items() if now.get(name) != version]
    return "changed, and changed back" if moved else "nothing changed"


def foreign_edit(trial):
    before, path = trial.begin(), trial.cluster.path("ConfigMap", NAMESPACE, "shop")
    trial.cluster.ask("PATCH", f"{path}?fieldManager=kubectl-edit", {"data": {"motto": "edited"}})
    before, versions = trial.contents(), trial.versions()
    done = trial.tool.deploy(replace(trial.tool.settings, motto="second"))
    if done.good:
        return "set back", trial.all_say("second")
    so_far, none, named = _so_far(trial, before, versions), not trial.changed(before), "kubectl-edit" in done.said
    forced = trial.tool.deploy(force=True)
    after = "sets it back" if forced.good and trial.all_say("second") else "fails, too"
    who = "names the other manager" if named else "does not say whose the field is"
    return f"refused, {who}; {so_far}; `--force-conflicts` {after}", none and named


def kept_field(trial):
    trial.tool.yielded = ("ConfigMap.data.LEVEL",)
    trial.begin()
    other = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "shop", "namespace": NAMESPACE},
        "data": {"LEVEL": "debug"},
    }
    trial.cluster.apply(other, manager="operator", force=True)
    done = trial.tool.deploy(replace(trial.tool.settings, motto="second"))
    level = _level(trial)
    if done.good:
        return "deployed; the field is left alone" if level == "debug" else "takes the field", level == "debug"
    forced = trial.tool.deploy(force=True)
    taken = "takes the field" if forced.good and _level(trial) == "info" else "fails, too"
    return f"refused; `--force-conflicts` {taken}", False


def _level(trial):
    return trial.cluster.read("ConfigMap", NAMESPACE, "shop")["data"]["LEVEL"]


def killed(trial):
    trial.begin()
    arrived, released = trial.hold("deployments")
    trial.tool.write(replace(trial.tool.settings, motto="second", extra=True))
    process = trial.tool.start()
    assert arrived.wait(60), ended(process).said
    process.send_signal(signal.SIGKILL)
    process.communicate()
    released.set()
    assert trial.has("ConfigMap/shop-extra")
    trial.tool.write(replace(trial.tool.settings, motto="third", extra=False))
    begun = time.monotonic()
    while not (done := trial.tool.deploy()).good and time.monotonic() < begun + PATIENCE:
        time.sleep(5)
    if not done.good:
        why = "another operation is in progress" if "another operation" in done.said else "it is refused"
        return f"fails, also after {PATIENCE} s: {why}", False
    seconds = time.monotonic() - begun
    when = "at once" if seconds < 15 else f"within {math.ceil(seconds / 20) * 20} s"
    left = trial.has("ConfigMap/shop-extra")
    rest = "what the dead one had created stays" if left else "what the dead one had created is removed"
    return f"succeeds {when}; {rest}", trial.all_say("third") and not left


def removed_key(trial, *, plain):
    trial.begin(token=True, plain=plain)
    done = trial.tool.deploy(replace(trial.tool.settings, token=False))
    assert done.good, done.said
    there = "token" in trial.cluster.read("Secret", NAMESPACE, "shop")["data"]
    return ("the key stays", False) if there else ("the key is removed", True)


def file_in_use(trial):
    trial.begin()
    old = trial.tool.settings.files
    until(lambda: _available(trial) == 2)
    trial.kubelet.set("Pod", lambda pod: "hang" if _motto_of(pod) == "second" else "ready")
    in_use = []
    webhook = trial.cluster.webhook(resources=["configmaps"], namespaces=[NAMESPACE], operations=["DELETE"])

    def look(request):
        if request["name"] == old and not request["dryRun"]:
            in_use.append(_pods_with(trial, old))
        return "allow"

    webhook.verdict = look
    trial.tool.deploy(replace(trial.tool.settings, motto="second"), timeout=8)
    time.sleep(1)
    there, removed = trial.has(f"ConfigMap/{old}"), bool(in_use)
    if removed and in_use[0]:
        return f"removed while {in_use[0]} pods have it" + ("; created again" if there else ""), False
    trial.kubelet.set("Pod", "ready")
    for number in range(1, ROUNDS + 1):
        done = trial.tool.deploy(replace(trial.tool.settings, motto=f"round {number}"))
        assert done.good, done.said
        until(lambda: _available(trial) == 2)
        if not trial.has(f"ConfigMap/{old}"):
            which = "the next deploy" if number == 1 else f"deploy {number}"
            return f"kept while pods have it; removed by {which} after that", not any(in_use)
    return f"kept; still there {ROUNDS} deploys after that", False


def _motto_of(pod):
    return (pod["metadata"].get("annotations") or {}).get("motto")


def _available(trial):
    status = trial.cluster.read("Deployment", NAMESPACE, "shop")["status"]
    return status.get("availableReplicas", 0)


def _pods_with(trial, name):
    pods = trial.cluster.items("Pod", NAMESPACE)
    return sum(any(each.get("configMap", {}).get("name") == name for each in pod["spec"]["volumes"]) for pod in pods)


def large(trial):
    trial.begin()
    before = trial.contents()
    done = trial.tool.deploy(replace(trial.tool.settings, motto="second", big=5))
    if done.good:
        return "deployed", trial.all_say("second")
    why = ": the record of the release is too large" if "too large" in done.said or "Too long" in done.said else ""
    changed = trial.changed(before)
    return f"refused{why}; {len(changed) or 'no'} objects changed", False


def refused(trial, *, dry):
    before = trial.begin()
    versions = trial.versions()
    trial.refuse("services", "UPDATE", "shop", dry=dry)
    done = trial.tool.deploy(replace(trial.tool.settings, motto="second"), timeout=20)
    assert not done.good, done.said
    return _so_far(trial, before, versions), not trial.changed(before)


def unchanged(trial):
    trial.begin()
    before, own = trial.versions(), trial.versions(own=True)
    done = trial.tool.deploy()
    assert done.good, done.said
    after, own_after = trial.versions(), trial.versions(own=True)
    moved = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    written = sum(own.get(name) != version for name, version in own_after.items())
    rest = f"{written} records of its own are written" if written else "nothing at all is written"
    return f"{len(moved) or 'no'} objects move; {rest}", not moved


def failed_removal(trial):
    trial.begin(extra=True)
    webhook = trial.refuse("configmaps", "DELETE", "shop-extra", dry=True)
    done = trial.tool.deploy(replace(trial.tool.settings, extra=False), timeout=20)
    said = "reported" if "shop-extra" in done.said else "not reported"
    webhook.verdict = "allow"
    trial.tool.deploy()
    forgotten = trial.has("ConfigMap/shop-extra")
    return f"{said}; " + ("never removed" if forgotten else "removed by the next deploy"), not forgotten


def rolled_back(trial):
    before = trial.begin(extra=True, plain=False)
    done = trial.tool.deploy(replace(trial.tool.settings, motto="second", extra=False, token=True))
    assert done.good, done.said
    back = trial.tool.roll_back()
    if back is None:
        return "no command; apply the old files again", False
    changed = trial.changed(before)
    good = back.good and not changed
    return "as before" if good else f"{len(changed)} of {len(before)} objects are not as before", good


def old_secret(trial):
    before = trial.begin(plain=False)
    done = trial.tool.deploy(replace(trial.tool.settings, motto="second", password=NEW))
    assert done.good, done.said
    back = trial.tool.roll_back()
    if back is None:
        return "no command; apply the old files again", False
    same = "Secret/shop" not in trial.changed(before) and back.good
    return "has its old value again" if same else "keeps its new value", same


def stored_secrets(trial):
    trial.begin()
    done = trial.tool.deploy(replace(trial.tool.settings, motto="second", token=True))
    assert done.good, done.said
    found = trial.secrets_outside(SECRETS.values())
    return (f"in plain text in {len(found)} records of its own", False) if found else ("nowhere else", True)


def scaled(trial):
    trial.begin(autoscaler=True)
    path = trial.cluster.path("Deployment", NAMESPACE, "shop")
    manager = "kube-controller-manager"
    trial.cluster.ask("PATCH", f"{path}/scale?fieldManager={manager}", {"spec": {"replicas": 5}})
    done = trial.tool.deploy(replace(trial.tool.settings, motto="second"), timeout=20)
    return _replicas(trial, done)


def handed_over(trial):
    trial.begin(replicas=5)
    done = trial.tool.deploy(replace(trial.tool.settings, replicas=None, autoscaler=True), timeout=20)
    return _replicas(trial, done)


def _replicas(trial, done):
    number = trial.cluster.read("Deployment", NAMESPACE, "shop")["spec"]["replicas"]
    kept = f"stays at {number}" if number == 5 else f"{number} instead of 5"
    return ("" if done.good else "refused; ") + kept, done.good and number == 5


def two_at_once(trial):
    trial.begin()
    arrived, released = trial.hold("deployments")
    other = trial.another()
    trial.tool.write(replace(trial.tool.settings, motto="second"))
    first = trial.tool.start()
    assert arrived.wait(60), ended(first).said
    later = other.deploy(replace(trial.tool.settings, motto="third"), timeout=10)
    released.set()
    earlier = ended(first)
    mottos = set(trial.mottos().values())
    winners = {motto for motto, done in (("second", earlier), ("third", later)) if done.good}
    if len(mottos) > 1:
        told = "both report success" if len(winners) == 2 else "one of them is refused"
        return f"a mixture of both; {told}", False
    return (
        "the first wins, the other is refused" if mottos == winners else "one wins, and both report success",
        mottos == winners,
    )


SITUATIONS = (
    Situation(
        "foreign-edit", "Somebody has edited a field that the deploy changes",
        "all of the deploy is there, or nothing of it and the message names the other manager", foreign_edit,
    ),
    Situation(
        "kept-field", "An operator owns one field, and is to keep it, though it is in the files",
        "the rest is deployed, and the field keeps the operator's value", kept_field,
    ),
    Situation(
        "killed", "`kill -9` in the middle; the next deploy no longer has an object that the dead one created",
        f"the same command succeeds within {PATIENCE} s, without a person, and nothing is left over", killed,
    ),
    Situation(
        "removed-key", "A key leaves the `stringData` of a Secret",
        "the Secret no longer has the key", lambda trial: removed_key(trial, plain=True),
    ),
    Situation(
        "removed-key-data", "A key leaves the `data` of a Secret",
        "the Secret no longer has the key", lambda trial: removed_key(trial, plain=False),
    ),
    Situation(
        "file-in-use", "A ConfigMap with a hash in its name is replaced, and the new pods do not start",
        f"it stays while old pods have it, and is gone {ROUNDS} deploys after they ended", file_in_use,
    ),
    Situation("large", "1.5 MB of configuration, which packs badly, in five ConfigMaps", "all of it is deployed", large),
    Situation(
        "refused", "A webhook refuses one of five objects",
        "the other objects have the content from before", lambda trial: refused(trial, dry=True),
    ),
    Situation(
        "refused-late", "A webhook refuses one of five objects, but not in a dry run",
        "the other objects have the content from before", lambda trial: refused(trial, dry=False),
    ),
    Situation("unchanged", "The same is deployed again", "the `resourceVersion` of no object moves", unchanged),
    Situation(
        "failed-removal", "An object leaves the files, and its removal is refused once",
        "the next deploy removes it", failed_removal,
    ),
    Situation(
        "rollback", "Back to the first deploy, after a change of all objects and the removal of one",
        "one command, without the old files, makes every object as before", rolled_back,
    ),
    Situation(
        "rollback-secret", "The same, after a password was changed, too",
        "the Secret has its old value", old_secret,
    ),
    Situation(
        "stored-secrets", "Where the cluster has the secrets after two deploys, besides the application's Secret",
        "nowhere", stored_secrets,
    ),
    Situation(
        "autoscaler", "An autoscaler has set 5 replicas, and the files say 2", "5 replicas stay, and the rest is deployed", scaled
    ),
    Situation(
        "handed-over", "`replicas` (5) leaves the files in the deploy that brings the autoscaler", "5 replicas stay", handed_over
    ),
    Situation(
        "two-at-once", "Two people deploy different files at the same time",
        "all objects are from one of them, and only that one reports success", two_at_once,
    ),
)  # fmt: skip
