"""The manifests that docs/how-to/gitops.md shows for Argo CD and Flux: a server with their CRDs takes them, and what they apply is what Weft renders.

Their controllers are played, by what their documentation says: Argo CD applies the files of a folder but for those that are excluded; Flux
ignores files as `git` does, and builds a kustomization for a folder that has none. Both apply on the server's side.
"""

import fnmatch
import json
import subprocess
from pathlib import Path

import pytest
import yaml

from pages import blocks, start
from weft import load_project
from weft.cluster import manifests

pytestmark = [pytest.mark.cluster, pytest.mark.programs("kubectl")]

PAGE = blocks((Path(__file__).parents[2] / "docs" / "how-to" / "gitops.md").read_text("utf-8"))
MANIFESTS = {
    one["kind"]: one
    for block in PAGE
    if block.language == "yaml" and "apiVersion" in block.text
    for one in yaml.safe_load_all(block.text)
}


@pytest.fixture
def repository(tmp_path):
    """The folder of the page, with what `weft render` writes into `deploy/`."""
    session = start(PAGE, tmp_path)
    for block in PAGE:
        if block.language == "console":
            session.follow(block)
    return session.folder


@pytest.fixture
def shop(repository, cluster):
    """A kubeconfig with the context that the page names."""
    cluster.namespace("shop")
    (repository / "kubeconfig").write_text(cluster.config_text("admin", "shop", contexts=["production"]))
    return repository


def kubectl(folder, *arguments, text=None):
    command = ["kubectl", "--kubeconfig", folder / "kubeconfig", *arguments]
    return subprocess.run(command, cwd=folder, input=text, capture_output=True, text=True, check=True).stdout


def rendered(folder):
    """The objects of the target as Weft deploys them, but for Secrets."""
    project = load_project(folder)
    found = manifests.render(project, [project.target("production")], manifests.UnaskedScopes("shop")).manifests
    return {(one.key.kind, one.key.name): one.data for one in found["production"] if not one.is_secret}


def by_name(documents):
    return {(one["kind"], one["metadata"]["name"]): one for one in documents}


def of_argo_cd(folder, application):
    """The objects of an Application whose source is a folder of files."""
    source = application["spec"]["source"]
    files = sorted((folder / source["path"]).glob("*.yaml"))
    taken = [path for path in files if not fnmatch.fnmatchcase(path.name, source["directory"]["exclude"])]
    documents = by_name(one for path in taken for one in yaml.safe_load_all(path.read_text()))
    for one in documents.values():
        one["metadata"].setdefault("namespace", application["spec"]["destination"]["namespace"])
    return documents


def of_flux(folder, repository, kustomization):
    """The folder that Flux hands to Kustomize: what its source does not ignore, with a kustomization of all files."""
    (folder / ".ignored").write_text(repository["spec"]["ignore"])
    listed = ["git", "-c", "core.excludesFile=.ignored", "ls-files", "--others", "--exclude-standard"]
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    files = subprocess.run(listed, cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()
    assert files
    assert all(name.startswith("deploy/") for name in files)
    own = Path(kustomization["spec"]["path"])
    built = folder / "built"
    built.mkdir()
    resources = [Path(name) for name in files if Path(name).parent == own and name.endswith(".yaml")]
    for name in resources:
        (built / name.name).write_text((folder / name).read_text())
    text = {"resources": [name.name for name in resources], "namespace": kustomization["spec"]["targetNamespace"]}
    (built / "kustomization.yaml").write_text(yaml.safe_dump(text))
    return built


def test_a_server_with_their_crds_takes_the_manifests_of_the_page(cluster):
    cluster.define("applications", "applicationsets", "gitrepositories", "kustomizations")
    cluster.namespace("argocd")
    cluster.namespace("flux-system")
    assert set(MANIFESTS) == {"Application", "ApplicationSet", "GitRepository", "Kustomization"}
    for one in MANIFESTS.values():
        path = cluster.path(one["kind"], one["metadata"]["namespace"], version=one["apiVersion"])
        status, answer = cluster.request("POST", f"{path}?fieldValidation=Strict", one)
        assert status == 201, answer["message"]
        assert missing(one["spec"], answer["spec"]) == []


def missing(wanted, stored, path=""):
    """What the server dropped."""
    if isinstance(wanted, dict):
        return [
            found
            for key, below in wanted.items()
            for found in (missing(below, stored[key], f"{path}.{key}") if key in stored else [f"{path}.{key}"])
        ]
    return [] if wanted == stored else [path]


def test_an_application_set_makes_the_application_of_the_page(repository):
    template = MANIFESTS["ApplicationSet"]["spec"]
    (generator,) = template["generators"]
    folders = [
        path
        for entry in generator["git"]["directories"]
        for path in sorted(repository.glob(entry["path"]))
        if path.is_dir()
    ]
    made = []
    for folder in folders:
        text = json.dumps(template["template"])
        for name, value in (("path.basename", folder.name), ("path.path", str(folder.relative_to(repository)))):
            text = text.replace(f"{{{{ .{name} }}}}", value)
        made.append(json.loads(text))
    assert [one["metadata"]["name"] for one in made] == ["shop-development", "shop-production"]
    assert made[1]["spec"] == MANIFESTS["Application"]["spec"]
    assert made[1]["metadata"]["name"] == MANIFESTS["Application"]["metadata"]["name"]


def test_argo_cd_applies_what_weft_renders(shop, cluster):
    applied = of_argo_cd(shop, MANIFESTS["Application"])
    assert applied == rendered(shop)
    text = yaml.safe_dump_all(applied.values())
    kubectl(shop, "apply", "--server-side", "--field-manager=argocd-controller", "-f", "-", text=text)
    check_plan(shop, cluster, "argocd-controller")


def test_flux_applies_what_weft_renders(shop, cluster):
    folder = of_flux(shop, MANIFESTS["GitRepository"], MANIFESTS["Kustomization"])
    assert by_name(yaml.safe_load_all(kubectl(shop, "kustomize", folder))) == rendered(shop)
    kubectl(shop, "apply", "--server-side", "--field-manager=kustomize-controller", "-k", folder)
    check_plan(shop, cluster, "kustomize-controller")


def check_plan(folder, cluster, manager):
    """The cluster has what is rendered, and the plan of the page takes it for Weft's: a change shows as one field."""
    for (kind, name), wanted in rendered(folder).items():
        live = cluster.read(kind, "shop", name)
        assert missing(wanted, live) == []
        assert [one["manager"] for one in live["metadata"]["managedFields"]] == [manager]
    (entries,) = (block.text for block in PAGE if block.language == "yaml" and "adopt:" in block.text)
    (command,) = (block.text for block in PAGE if block.language == "sh" and "weft plan" in block.text)
    with (folder / "weft.yaml").open("a") as file:
        file.write(entries)
    (folder / "overlays" / "environments" / "production.yaml").write_text("app: {replicas: {min: 3, max: 21}}\n")
    follow = start(PAGE, folder)
    follow.folder, follow.variables = folder, {"KUBECONFIG": str(folder / "kubeconfig")}
    code, said = follow.run(command)
    plan = (folder / "plan.md").read_text()
    assert (code, said) == (0, "")
    assert f"adopted from {manager}" in plan
    assert '~ .data.MAX_REPLICAS: "10" -> "21"' in plan
    assert "| production | 1 | 1 | 0 | 0 | 0 |" in plan  # the Secret is not there: nobody may apply its references
