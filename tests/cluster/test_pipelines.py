"""The pipelines that docs/how-to/deploy.md shows for GitHub and GitLab: their commands are run, as accounts with the roles that the page says.

What a forge does itself is played: it checks out, gives secrets and variables, runs each step with its shell, and has a program that
comments. The programs `gh` and `glab` write down what they are asked.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pages import blocks, start

pytestmark = [pytest.mark.cluster, pytest.mark.programs("kubectl")]

ROOT = Path(__file__).parents[2]
PAGE = blocks((ROOT / "docs" / "how-to" / "deploy.md").read_text("utf-8"))
PASSWORD = "canary-of-the-pipeline-17"  # not a secret: what tests look for
COMMENTER = '#!/bin/sh\nprintf "%s\\n" "$@" >"$SAID"\n'
SETUP = "setup:\n\t@echo ready\n"
SECRET = re.compile(r"\$\{\{ *([\w.]+) *\}\}")


def block_with(text):
    """The block of the page that contains a text."""
    (found,) = (one for one in PAGE if one.language == "yaml" and text in one.text)
    return yaml.safe_load(found.text)


class Forge:
    """A repository with the project of the page, a cluster that an administrator has prepared, and accounts for CI."""

    def __init__(self, cluster, folder):
        self.cluster, self.said = cluster, folder / "said"
        session = start(PAGE, folder)
        session.variables = {"KUBECONFIG": self._kubeconfig("admin", folder), "DATABASE_PASSWORD": PASSWORD}
        for block in PAGE[:2]:  # `weft init`, and weft.yaml
            session.follow(block)
        self.folder, self.session = session.folder, session
        (roles,) = (one.text for one in PAGE if "--roles" in one.text and one.language == "sh")
        self._as_administrator("weft deploy 'production/**' --yes --reason first")
        self._as_administrator(roles)
        self.accounts = {role: self._account(role, folder) for role in ("viewer", "deployer")}
        tools = folder / "tools"
        tools.mkdir()
        for name in ("gh", "glab"):
            (tools / name).write_text(COMMENTER)
            (tools / name).chmod(0o755)
        weft = self.folder / ".weft"  # as `actions/checkout` leaves it, and set up before
        (weft / ".venv").mkdir(parents=True)
        (weft / "Makefile").write_text(SETUP)
        (weft / ".venv" / "bin").symlink_to(Path(sys.prefix, "bin"))
        self.path = f"{tools}{os.pathsep}{os.environ['PATH']}"

    def _as_administrator(self, script):
        path = os.pathsep.join([str(Path(sys.prefix, "bin")), os.environ["PATH"]])
        environment = {**os.environ, **self.session.variables, "PATH": path}
        subprocess.run(["sh", "-e", "-c", script], cwd=self.folder, env=environment, check=True)

    def _kubeconfig(self, user, folder):
        path = folder / f"kubeconfig-{user}"
        path.write_text(self.cluster.config_text(user, contexts=["production"]))
        return str(path)

    def _account(self, role, folder):
        """The kubeconfig of an account with a role that `weft deploy --roles` prints."""
        user = self.cluster.user()
        for one in yaml.safe_load_all((self.folder / "roles.yaml").read_text()):
            if one["metadata"]["name"].endswith(f"-{role}"):
                api = one["apiVersion"].partition("/")[0]
                self.cluster.create(
                    {
                        "apiVersion": one["apiVersion"],
                        "kind": f"{one['kind']}Binding",
                        "metadata": one["metadata"],
                        "roleRef": {"apiGroup": api, "kind": one["kind"], "name": one["metadata"]["name"]},
                        "subjects": [{"kind": "User", "apiGroup": api, "name": user}],
                    }
                )
        return self._kubeconfig(user, folder)

    def change(self, most):
        """What somebody commits."""
        path = self.folder / "overlays" / "environments" / "production.yaml"
        path.write_text(f"app:\n  replicas: {{min: 3, max: {most}}}\n")

    def live(self):
        """The version and the value that the cluster has."""
        found = self.cluster.read("ConfigMap", "default", "shop")
        return found["metadata"]["resourceVersion"], found["data"]["MAX_REPLICAS"]

    def run(self, script, shell, variables):
        """A step: its exit status; what it prints is kept in `output`."""
        environment = {name: value for name, value in os.environ.items() if name not in ("KUBECONFIG", "PYTHONPATH")}
        environment |= {"PATH": self.path, "SAID": str(self.said), "HOME": str(self.folder), **variables}
        done = subprocess.run(
            [*shell, script], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        self.output = done.stdout + done.stderr
        return done.returncode

    def comment(self):
        """The arguments of the program that comments, and nothing for the next one."""
        if not self.said.exists():
            return None
        found = self.said.read_text().rstrip("\n").split("\n")
        self.said.unlink()
        return found


class GitHub(Forge):
    """Runs jobs as Actions does: steps with `bash -e`, secrets in `env`, and `if: always()` after a failure."""

    def job(self, name, event):
        workflow = block_with("actions/checkout")
        job = workflow["jobs"][name]
        assert re.match(rf"github\.event_name == '{event}'", job["if"])
        known = {
            "github.token": "token",
            "github.event.number": "17",
            "secrets.KUBECONFIG_OF_THE_VIEWER": Path(self.accounts["viewer"]).read_text(),
            "secrets.KUBECONFIG_OF_THE_DEPLOYER": Path(self.accounts["deployer"]).read_text(),
            "secrets.DATABASE_PASSWORD": PASSWORD,
        }
        added = self.folder / "path"
        added.write_text("")
        status = 0
        for step in job["steps"]:
            if "run" not in step or (status and step.get("if") != "always()"):
                continue
            given = {key: SECRET.sub(lambda one: known[one[1]], text) for key, text in step.get("env", {}).items()}
            path = os.pathsep.join([*added.read_text().split(), self.path])
            own = {"PATH": path, "GITHUB_PATH": str(added), "GITHUB_SHA": "a1b2c3d", "GITHUB_ACTOR": "ana"}
            status = self.run(step["run"], ["bash", "-e", "-c"], own | given) or status
        return status


class GitLab(Forge):
    """Runs jobs as GitLab does: all lines of `script` in one shell that ends at a failure, then those of `after_script`."""

    def job(self, name, event):
        pipeline = block_with("merge_request_event")
        assert list(pipeline["stages"]) == ["plan", "deploy"]
        job = pipeline[name]
        assert {"pull_request": "merge_request_event", "push": "CI_DEFAULT_BRANCH"}[event] in job["rules"][0]["if"]
        account = {"plan": "viewer", "production": "deployer"}[job["environment"]["name"]]
        variables = {
            "KUBECONFIG": self.accounts[account],
            "CI_MERGE_REQUEST_IID": "17",
            "CI_COMMIT_SHORT_SHA": "a1b2c3d",
            "GITLAB_USER_LOGIN": "ana",
            "PATH": f"{Path(sys.prefix, 'bin')}{os.pathsep}{self.path}",
        } | ({"DATABASE_PASSWORD": PASSWORD} if account == "deployer" else {})
        status = self.run("\n".join(job["script"]), ["bash", "-eo", "pipefail", "-c"], variables)
        if "after_script" in job:
            self.run("\n".join(job["after_script"]), ["bash", "-c"], variables)
        return status


@pytest.fixture(params=[GitHub, GitLab])
def forge(request, cluster, tmp_path):
    return request.param(cluster, tmp_path)


def test_the_pipeline_of_the_page_plans_and_deploys(forge):
    before = forge.live()
    forge.change(20)
    assert forge.job("plan", "pull_request") == 0, forge.output
    plan = (forge.folder / "plan.md").read_text()
    assert "| production | 0 | 1 | 0 | 0 | 1 |" in plan
    assert '~ .data.MAX_REPLICAS: "10" -> "20"   overlays/environments/production.yaml:2' in plan
    said = forge.comment()
    assert "17" in said
    assert plan.strip().splitlines()[0] in " ".join(said) or "plan.md" in said
    assert forge.live() == before

    assert forge.job("deploy", "push") == 0, forge.output
    assert forge.live()[1] == "20"
    history = forge.cluster.read("ConfigMap", "default", "weft-production-revision-2")["data"]["revision.json"]
    assert '"reason": "a1b2c3d by ana"' in history
    assert PASSWORD not in plan + forge.output + history

    deployed = forge.live()
    assert forge.job("deploy", "push") == 0, forge.output
    assert "nothing changes" in forge.output
    assert forge.live() == deployed


def test_a_plan_that_would_be_refused_fails_and_is_commented_all_the_same(forge):
    forge.cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "shop", "namespace": "default"},
            "data": {"MAX_REPLICAS": "15"},
        },
        manager="somebody",
        force=True,
    )
    forge.change(20)
    assert forge.job("plan", "pull_request") == 1
    assert "belongs to `somebody`" in (forge.folder / "plan.md").read_text()
    assert "17" in forge.comment()


def test_the_account_that_plans_cannot_deploy(forge):
    before = forge.live()
    forge.change(20)
    forge.accounts["deployer"] = forge.accounts["viewer"]
    assert forge.job("deploy", "push") == 3, forge.output
    assert "may not" in forge.output
    assert forge.live() == before
