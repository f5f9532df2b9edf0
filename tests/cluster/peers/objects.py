"""The same small application for every tool: `objects(settings, tool)` are its objects, as a tool's own files have them.

A secret is not in the files of a tool that has templates: `tool.text("password")` is what they have instead.
"""

import base64
import hashlib
import random
from dataclasses import dataclass

NAMESPACE = "peers"
SECRETS = {name: f"canary-of-the-{name}-17" for name in ("password", "token")}
"""Not secrets: what the script looks for."""
NEW = "canary-that-is-new"
"""The password of a later deploy."""
BIG = 300_000


@dataclass(frozen=True)
class Settings:
    """What differs between two deploys; `motto` is in every object, so that each of them changes with it."""

    motto: str = "first"
    password: str = SECRETS["password"]
    token: bool = False
    plain: bool = True
    """Whether the Secret has `stringData`, or `data`."""
    extra: bool = False
    replicas: int | None = 2
    autoscaler: bool = False
    big: int = 0
    """How many ConfigMaps of 300 kB there are."""

    @property
    def secrets(self):
        """The values of the secrets."""
        return SECRETS | {"password": self.password}

    @property
    def files(self):
        """The name of the ConfigMap that has a hash of its content in its name."""
        return f"shop-files-{hashlib.sha256(self.motto.encode()).hexdigest()[:10]}"


def objects(settings, tool):
    """The objects by the names of their files."""
    made = {
        "configmap": _config_map("shop", settings, LEVEL="info"),
        "configmap-files": _config_map(settings.files, settings),
        "deployment": _deployment(settings),
        "secret": _secret(settings, tool),
        "service": _object("v1", "Service", "shop", settings, spec=SERVICE),
    }
    if settings.extra:
        made["configmap-extra"] = _config_map("shop-extra", settings)
    if settings.autoscaler:
        made["autoscaler"] = _object("autoscaling/v2", "HorizontalPodAutoscaler", "shop", settings, spec=AUTOSCALER)
    for number in range(settings.big):
        text = base64.b64encode(random.Random(number).randbytes(BIG * 3 // 4)).decode()  # nothing that packs well
        made[f"configmap-big-{number}"] = _config_map(f"shop-big-{number}", settings, text=text)
    return made


SERVICE = {"selector": {"app": "shop"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
AUTOSCALER = {
    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
    "minReplicas": 1,
    "maxReplicas": 9,
    "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}],
}  # fmt: skip


def _object(version, kind, name, settings, **more):
    about = {"name": name, "namespace": NAMESPACE, "annotations": {"motto": settings.motto}}
    return {"apiVersion": version, "kind": kind, "metadata": about, **more}


def _config_map(name, settings, **data):
    return _object("v1", "ConfigMap", name, settings, data={"motto": settings.motto, **data})


def _secret(settings, tool):
    names = ("password", "token") if settings.token else ("password",)
    written = {name: tool.text(name) if settings.plain else tool.encoded(name) for name in names}
    return _object("v1", "Secret", "shop", settings, **{"stringData" if settings.plain else "data": written})


def _deployment(settings):
    container = {
        "name": "app",
        "image": "example.org/shop:1",
        "ports": [{"name": "http", "containerPort": 8080}],
        "envFrom": [{"configMapRef": {"name": "shop"}}, {"secretRef": {"name": "shop"}}],
        "volumeMounts": [{"name": "files", "mountPath": "/files"}],
    }
    pod = {"containers": [container], "volumes": [{"name": "files", "configMap": {"name": settings.files}}]}
    labels = {"app": "shop"}
    template = {"metadata": {"labels": labels, "annotations": {"motto": settings.motto}}, "spec": pod}
    counted = {} if settings.replicas is None else {"replicas": settings.replicas}
    spec = {**counted, "selector": {"matchLabels": labels}, "template": template}
    return _object("apps/v1", "Deployment", "shop", settings, spec=spec)
