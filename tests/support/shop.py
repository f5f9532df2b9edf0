"""A small project that is deployed in tests (tests/cluster/shop), with the command line in this process."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

import weft
from run import run

SHOP = Path(__file__).parents[1] / "cluster" / "shop"
PASSWORD = "canary-of-the-shop-17"  # not a secret: what tests look for

START = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from weft.cli import main; main()"
"""`weft`, which Ctrl-C ends also where the tests run in the background, and so ignore it."""


class Shop:
    """A copy of the project; `weft("plan", "test")` runs a command as a user of the cluster."""

    def __init__(self, folder, cluster):
        self.folder = Path(shutil.copytree(SHOP, folder / "shop"))
        self.cluster = cluster
        self.user = "admin"
        self.secrets = {"SHOP_PASSWORD": PASSWORD, "SHOP_TOKEN": "canary-of-the-token-17"}
        self.said = []

    def weft(self, *args, code=0):
        """Run a command, and check its exit status; gives what it wrote."""
        env = {"KUBECONFIG": str(self.cluster.kubeconfig), **self.secrets}
        extra = ["--context", self.user] if self.user != "admin" and "--context" not in args else []
        result = run(*args, *extra, cwd=self.folder, env=env)
        self.said.append(result.out + result.err)
        assert result.code == code, f"exit status {result.code}\n{result.out}\n{result.err}"
        return result

    def start(self, *args):
        """Start `weft` as a process of its own."""
        env = {
            **os.environ,
            "KUBECONFIG": str(self.cluster.kubeconfig),
            **self.secrets,
            "NO_COLOR": "1",
            "PYTHONUNBUFFERED": "1",
        }
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", START, *args]
        return subprocess.Popen(command, cwd=self.folder, env=env, stdout=pipe, stderr=pipe, text=True)

    def deploy(self, *args, code=0):
        """Deploy without questions, and without waiting for what no controller does here."""
        return self.weft("deploy", *args, "--yes", *([] if "--timeout" in args else ["--timeout", "0"]), code=code)

    def project(self):
        """The project, opened again."""
        return weft.load_project(self.folder)

    def set(self, layer, **settings):
        """Change settings in an overlay: `set("environments/test", port=1)`."""
        path = self.folder / "overlays" / f"{layer}.yaml"
        data = yaml.safe_load(path.read_text()) or {}
        for name, value in settings.items():
            if value is None:
                data["app"].pop(name, None)
            else:
                data["app"][name] = value
        path.write_text(yaml.safe_dump(data))

    def configure(self, **entry):
        """Add to the entry `cluster` of weft.yaml."""
        path = self.folder / "weft.yaml"
        data = yaml.safe_load(path.read_text())
        data["cluster"] = {**data.get("cluster", {}), **entry}
        path.write_text(yaml.safe_dump(data, sort_keys=False))

    def uncheck(self):
        """Let only the server check the objects."""
        path = self.folder / "weft.yaml"
        path.write_text(path.read_text().replace("check: kubernetes, ", ""))

    def objects(self, namespace="shop-test"):
        """What the namespace has, but for what Kubernetes itself puts into it and Weft's own: name -> object."""
        found = {}
        for kind in ("ConfigMap", "Secret", "Service", "Deployment", "HorizontalPodAutoscaler"):
            for one in self.cluster.items(kind, namespace):
                labels = one["metadata"].get("labels") or {}
                if one["metadata"]["name"] != "kube-root-ca.crt" and "weft.dev/role" not in labels:
                    found[f"{kind}/{one['metadata']['name']}"] = one
        return found

    def versions(self, namespace="shop-test"):
        """The resourceVersion of each object of the namespace."""
        return {name: one["metadata"]["resourceVersion"] for name, one in self.objects(namespace).items()}
