"""The check `kubernetes`: what it finds in manifests, and that kubectl takes what the reference project renders."""

import http.server
import json
import os
import subprocess
import textwrap
import threading

import pytest
import yaml

import reference
from run import run
from scratch import make_project
from weft.base.problems import Severity
from weft.checks import kubernetes, programs

LONG = "a" * 254
MIB = 1024 * 1024


def config_map(**changes):
    """A ConfigMap that is right, changed at `metadata__name` and the like; `...` removes."""
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"}, "data": {"A": "1"}}
    for path, value in changes.items():
        *above, last = path.split("__")
        place = made
        for step in above:
            place = place.setdefault(step, {})
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return made


def manifest(*objects):
    return yaml.safe_dump_all(objects)


def found(*objects):
    """What the check reports for objects, as (code, message)."""
    return [(problem.code, problem.message) for problem in kubernetes.complaints(manifest(*objects))]


# --- what is right ---

RIGHT = {
    "a ConfigMap": config_map(),
    "a name with dots": config_map(metadata__name="app.v2-3"),
    "the longest name": config_map(metadata__name="a" * 253),
    "a generated name": config_map(metadata__name=..., metadata__generateName="app-"),
    "the longest namespace": config_map(metadata__namespace="a" * 63),
    "labels": config_map(metadata__labels={"app.kubernetes.io/name": "App_1.x", "b": "", "1A-b_c.d": "1"}),
    "a long annotation": config_map(metadata__annotations={"example.com/note": "any text\n: # {} " * 1000}),
    "keys of files": config_map(data={"app.yaml": "a: 1", "_x": "", "..data"[1:]: "", "A-b_c.d": ""}),
    "the longest key": config_map(data={"k" * 253: ""}),
    "no data": config_map(data=...),
    "nothing for a value": config_map(data={"A": None}),
    "data of just 1 MiB": config_map(data={"k": "x" * (MIB - 1)}),
    "binary data": config_map(binaryData={"b": "AAEC"}),
    "a Secret": config_map(kind="Secret", data=..., stringData={"A": "ref+env://A"}, type="Opaque"),
    "a Secret that gives a key twice": config_map(kind="Secret", data={"A": "MQ=="}, stringData={"A": "1"}),
    "a Role with colons": {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "system:App"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}],
    },
    "a Deployment": {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app"},
        "spec": {
            "selector": {"matchLabels": {"app": "a"}},
            "template": {
                "metadata": {"labels": {"app": "a"}},
                "spec": {"containers": [{"name": "a", "image": "a:1", "ports": [{"containerPort": 80}]}]},
            },
        },
    },
    "a Service": {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "app"},
        "spec": {"ports": [{"port": 80, "targetPort": "http"}]},
    },
    "an Ingress": {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "app"},
        "spec": {"defaultBackend": {"service": {"name": "app", "port": {"number": 80}}}},
    },
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_object_is_taken(name):
    assert found(RIGHT[name]) == []


def test_empty_documents_and_comments_are_no_objects():
    assert list(kubernetes.complaints("# nothing\n---\n---\n# nothing\n")) == []
    assert list(kubernetes.complaints("")) == []


def test_several_objects_stand_in_one_manifest_when_something_tells_them_apart():
    assert found(config_map(), config_map(metadata__namespace="b"), config_map(metadata__name="b")) == []


# --- what is wrong, and the words that say so ---

WRONG = {
    "no name": (config_map(metadata__name=...), "metadata.name is missing"),
    "no metadata": (config_map(metadata=...), "metadata.name is missing"),
    "metadata that are none": (config_map(metadata="app"), "metadata"),
    "capitals in a name": (config_map(metadata__name="App"), "`App`"),
    "an underscore in a name": (config_map(metadata__name="bad_name"), "`bad_name`"),
    "a name that ends with a dash": (config_map(metadata__name="app-"), "`app-`"),
    "a name with a newline": (config_map(metadata__name="app\n"), "metadata.name"),
    "an empty name": (config_map(metadata__name=""), "metadata.name"),
    "two dots in a name": (config_map(metadata__name="a..b"), "`a..b`"),
    "a name too long": (config_map(metadata__name=LONG), "254 characters"),
    "a number for a name": (config_map(metadata__name=5), "metadata.name"),
    "a list for a name": (config_map(metadata__name=["app"]), "metadata.name"),
    "a mapping for a namespace": (config_map(metadata__namespace={}), "metadata.namespace"),
    "a Service named like a host": (
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a.b"}, "spec": {}},
        "`a.b`",
    ),
    "a Service that begins with a digit": (
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "1app"}, "spec": {}},
        "`1app`",
    ),
    "a Namespace too long": ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a" * 64}}, "63"),
    "a namespace with a dot": (config_map(metadata__namespace="a.b"), "`a.b`"),
    "a namespace too long": (config_map(metadata__namespace="a" * 64), "63"),
    "a label with a blank": (config_map(metadata__labels={"a": "two words"}), "`two words`"),
    "a label that begins with a dash": (config_map(metadata__labels={"a": "-x"}), "`-x`"),
    "a label too long": (config_map(metadata__labels={"a": "x" * 64}), "label a"),
    "a number for a label": (config_map(metadata__labels={"version": 1.0}), "metadata.labels.version"),
    "a truth value for a label": (config_map(metadata__labels={"on": True}), "metadata.labels.on"),
    "a label without a name": (config_map(metadata__labels={"example.com/": "x"}), "example.com/"),
    "a label with two slashes": (config_map(metadata__labels={"a/b/c": "x"}), "a/b/c"),
    "capitals in a label's domain": (config_map(metadata__labels={"Example.com/a": "x"}), "Example.com/a"),
    "a label's name too long": (config_map(metadata__labels={"a" * 64: "x"}), "63"),
    "an annotation with a blank in its name": (config_map(metadata__annotations={"a b": "x"}), "`a b`"),
    "a number for an annotation": (config_map(metadata__annotations={"a": 1}), "metadata.annotations.a"),
    "annotations of more than 256 KiB": (
        config_map(metadata__annotations={"a": "x" * 262_145}),
        "metadata.annotations",
    ),
    "a number for a value": (config_map(data={"A": 1}), "data.A"),
    "a truth value for a value": (config_map(data={"A": True}), "data.A"),
    "a list for data": (config_map(data=["A=1"]), "data"),
    "a key with a blank": (config_map(data={"a b": ""}), "`a b`"),
    "a key with a slash": (config_map(data={"a/b": ""}), "`a/b`"),
    "an empty key": (config_map(data={"": ""}), "data has the invalid key"),
    "the key of this folder": (config_map(data={".": ""}), "`.`"),
    "the key of the folder above": (config_map(data={"..": ""}), "`..`"),
    "a key like those of a mount": (config_map(data={"..data": ""}), "`..data`"),
    "a key with a newline": (config_map(data={"a\n": ""}), "data has the invalid key"),
    "a key too long": (config_map(data={"k" * 254: ""}), "data has the invalid key"),
    "a key that is a number": (config_map(data={1: "x"}), "quotes"),
    "a key that is a truth value": (config_map(data={True: "x"}), "quotes"),
    "one key twice": (config_map(binaryData={"A": "AAEC"}), "`A` is in both data and binaryData"),
    "data of more than 1 MiB": (config_map(data={"k": "x" * MIB}), "1,048,576 are allowed"),
    "data of more than 1 MiB in bytes": (config_map(data={"k": "\u00e4" * (MIB // 2)}), "1,048,576 are allowed"),
    "a Secret of more than 1 MiB": (
        config_map(kind="Secret", data=..., stringData={"k": "x" * MIB}),
        "1,048,576 are allowed",
    ),
    "an unknown field": (config_map(dta={"A": "1"}), "dta"),
    "an unknown field far below": (
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "app"},
            "spec": {"containers": [{"name": "a", "image": "a", "imagePullpolicy": "Always"}]},
        },
        "imagePullpolicy",
    ),
    "a missing field": (
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"}, "spec": {"containers": [{"image": "a"}]}},
        "spec.containers[0]",
    ),
    "a field of the wrong type": (
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "app"}, "spec": {"ports": [{"port": "80"}]}},
        "spec.ports[0].port",
    ),
    "base64 that is none": (config_map(binaryData={"b": "no base64!"}), "binaryData.b is not base64"),
    "a plain text in a Secret": (config_map(kind="Secret", data={"A": "plain text"}), "stringData"),
    "a generated name with a capital": (
        config_map(metadata__name=..., metadata__generateName="App-"),
        "metadata.generateName `App-`",
    ),
    "an object in a List": (
        {"apiVersion": "v1", "kind": "List", "items": [config_map(), config_map(metadata__name="B", data={"A": 1})]},
        "ConfigMap/B: data.A",
    ),
    "a misspelled kind": ({"apiVersion": "apps/v1", "kind": "Deploymnet", "metadata": {"name": "app"}}, "Deploymnet"),
    "an unknown kind": ({"apiVersion": "v1", "kind": "ConfigMapp", "metadata": {"name": "app"}}, "ConfigMapp"),
    "a kind of another version": ({"apiVersion": "v2", "kind": "ConfigMap", "metadata": {"name": "app"}}, "v2"),
    "no kind": (config_map(kind=...), "kind"),
    "no apiVersion": (config_map(apiVersion=...), "apiVersion"),
    "a list of objects": ([config_map()], "kind"),
    "a text": ("ConfigMap", "kind"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_object_is_told_in_words(name):
    wrong, words = WRONG[name]
    problems = found(wrong)
    assert problems
    assert words in " ".join(message for _, message in problems)
    assert {code for code, _ in problems} <= {"kubernetes", "kubernetes-unknown-kind"}


def test_every_mistake_of_a_manifest_is_told_and_names_its_object():
    one = config_map(metadata__name="One", data={"A": 1, "b c": "x"})
    other = config_map(metadata__name="other", metadata__labels={"a": "-"}, extra=1)
    messages = [message for _, message in found(one, other)]
    assert len([message for message in messages if message.startswith("ConfigMap/One: ")]) == 3
    assert len([message for message in messages if message.startswith("ConfigMap/other: ")]) == 2


def test_an_object_stands_once_in_a_manifest():
    assert found(config_map(), config_map(data={"B": "2"})) == [
        ("kubernetes", "ConfigMap/app appears twice in the manifest")
    ]


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "\ta: 1", "kind: &a {x: *b}", "a: !odd b"])
def test_what_is_no_yaml_is_told(text):
    (problem,) = kubernetes.complaints(text)
    assert problem.severity is Severity.ERROR


@pytest.mark.parametrize("text", ["a: \x01\n", "{a: 1}: b\n", "? [a]\n: b\n"])
def test_what_no_program_reads_as_an_object_is_told(text):
    assert [problem.severity for problem in kubernetes.complaints(text)] == [Severity.ERROR]


def test_objects_with_generated_names_may_look_the_same():
    one = config_map(metadata__name=..., metadata__generateName="app-")
    assert found(one, one) == []


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  A: 1\n", 6, 3),
        ("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: A}\n", 4, 12),
        ("a: 1\n---\n# c\napiVersion: v1\nkind: Pdo\nmetadata: {name: a}\n", 1, 1),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {A: x,\n  A: y}\n", 5, 3),
    ],
)
def test_a_mistake_is_told_with_its_place(text, line, column):
    place = next(iter(kubernetes.complaints(text))).place
    assert (place.line, place.column) == (line, column)


def test_a_misspelled_kind_is_a_warning_with_a_hint():
    wrong = {"apiVersion": "apps/v1", "kind": "Deploymnet", "metadata": {"name": "app"}}
    (problem,) = kubernetes.complaints(manifest(wrong))
    assert (problem.severity, problem.hint) == (Severity.WARNING, "did you mean `Deployment`?")


def test_a_custom_resource_has_its_metadata_checked_and_a_note_that_says_so():
    custom = {"apiVersion": "example.com/v1", "kind": "Shop", "metadata": {"name": "a"}, "spec": {"any": 1}}
    assert [problem.severity for problem in kubernetes.complaints(manifest(custom))] == [Severity.NOTE]
    wrong = custom | {"metadata": {"name": "Bad_Name"}}
    assert Severity.ERROR in [problem.severity for problem in kubernetes.complaints(manifest(wrong))]


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_the_value_of_a_secret_is_never_repeated(field):
    secret = config_map(kind="Secret", data=...)
    for values in ({"a b": "hunter2", "B": ["hunter2"]}, "hunter2", ["hunter2"], {"A": {"hunter2": "hunter2"}}):
        problems = found(secret | {field: values})
        assert problems
        assert "hunter2" not in str(problems)


# --- plain scalars, as kubectl reads them: by YAML 1.1, as Go's library knows it ---

TEXTS = [
    "a",
    "tRue",
    "1:30",
    "1:30:00",
    "190:20:30.15",
    "1,000",
    "0.0.0",
    "2001-01-01",
    "2001-01-01T00:00:00Z",
    "=",
    "!!str 1",
]
WORDS = ["yes", "No", "on", "OFF", "y", "n", "Y", "true", "FALSE"]
NUMBERS = ["0", "-1", "+1", "012", "08", "0o14", "0x1F", "0X1f", "0b11", "1_000", "1.", ".5", "1.5"]
NUMBERS += [
    "1e3",
    "12e45",
    "6E8",
    "1.5e3",
    "0.1e1",
    "12e03",
    "123456789012345678901234567890",
]  # 12e45 could be a commit


def data_of(scalar):
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: app}}\ndata:\n  A: {scalar}\n"


@pytest.mark.parametrize("scalar", TEXTS)
def test_what_kubectl_reads_as_a_text_may_stand_without_quotes(scalar):
    assert list(kubernetes.complaints(data_of(scalar))) == []


@pytest.mark.parametrize("scalar", [*WORDS, *NUMBERS])
def test_what_kubectl_reads_as_a_truth_value_or_a_number_needs_quotes(scalar):
    assert [problem.code for problem in kubernetes.complaints(data_of(scalar))] == ["kubernetes"]
    assert list(kubernetes.complaints(data_of(f"'{scalar}'"))) == []


# --- as part of a render ---

SCHEMA = {"properties": {"app": {"properties": {"name": {"type": "string", "default": "app"}}}}}
TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ app.name }}"}
data: {A: "1"}
"""


def checked_project(folder):
    outputs = [{"template": "map.j2", "path": "map.yaml", "check": "kubernetes"}]
    files = {"schema.json": SCHEMA, "templates/map.j2": TEMPLATE, "base.yaml": "{}"}
    return make_project(folder, files, outputs=outputs)


def test_a_manifest_that_no_cluster_takes_is_not_written(tmp_path):
    checked_project(tmp_path)
    result = run("render", "--set", "app.name=Bad_Name", cwd=tmp_path)
    assert result.code == 1
    assert "ConfigMap/Bad_Name" in result.err
    assert "map.yaml" in result.err
    assert "map.j2" in result.err
    assert not (tmp_path / "build").exists()
    assert run("render", cwd=tmp_path).code == 0


def test_the_check_is_part_of_validating_the_outputs(tmp_path):
    checked_project(tmp_path)
    result = run("validate", "--outputs", "--format", "json", "--set", "app.name=Bad_Name", cwd=tmp_path)
    (problem,) = json.loads(result.out)["problems"]
    assert (result.code, problem["code"], problem["file"]) == (1, "kubernetes", "map.yaml")


@pytest.mark.unmeasured("every target runs the same code")
def test_every_object_of_a_target_is_checked_and_right():
    some = list(reference.targets().values())[::4]  # make validate looks at all of them
    rendered, problems = reference.project().render(some)
    assert [problem for problem in problems if problem.severity is not Severity.NOTE] == []
    manifests = [one for one in rendered if one.template.startswith("kubernetes/")]
    manifests = [one for one in manifests if not one.path.endswith("/kustomization.yaml")]
    assert len(manifests) > 3 * len(some)
    assert all(one.checks == ("kubernetes",) for one in manifests)
    labels = [document["metadata"]["labels"] for one in manifests for document in yaml.safe_load_all(one.text)]
    recommended = {
        f"app.kubernetes.io/{name}" for name in ("name", "instance", "version", "component", "part-of", "managed-by")
    }
    assert all(recommended <= set(mine) for mine in labels)


# --- kubectl ---


KINDS = {
    "v1": [
        *("ConfigMap", "LimitRange", "Namespace", "PersistentVolumeClaim", "ResourceQuota", "Secret", "Service"),
        "ServiceAccount",
    ],
    "apps/v1": ["Deployment"],
    "autoscaling/v2": ["HorizontalPodAutoscaler"],
    "batch/v1": ["CronJob", "Job"],
    "external-secrets.io/v1": ["ExternalSecret"],  # pragma: allowlist secret
    "gateway.networking.k8s.io/v1": ["Gateway", "HTTPRoute"],
    "monitoring.coreos.com/v1": ["PrometheusRule", "ServiceMonitor"],
    "networking.k8s.io/v1": ["NetworkPolicy"],
    "policy/v1": ["PodDisruptionBudget"],
    "rbac.authorization.k8s.io/v1": ["Role", "RoleBinding"],
}
PLURALS = {"NetworkPolicy": "networkpolicies"}


def resources(api):
    """The kinds of a version that an API server offers."""
    kinds = [(kind, PLURALS.get(kind, f"{kind.lower()}s")) for kind in KINDS[api]]
    listed = [
        {
            "name": plural,
            "singularName": kind.lower(),
            "namespaced": kind != "Namespace",
            "kind": kind,
            "verbs": ["get"],
        }
        for kind, plural in kinds
    ]
    return {"kind": "APIResourceList", "groupVersion": api, "resources": listed}


def group(api):
    """How an API server lists a group with one version."""
    version = {"groupVersion": api, "version": api.partition("/")[2]}
    return {"name": api.partition("/")[0], "versions": [version], "preferredVersion": version}


ANSWERS = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group(api) for api in KINDS if "/" in api]},
    **{f"/apis/{api}" if "/" in api else f"/api/{api}": resources(api) for api in KINDS},
}
ABSENT = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}


class Discovery(http.server.BaseHTTPRequestHandler):
    """As much of an API server as kubectl asks before it parses: the kinds there are, and that nothing exists yet."""

    def do_GET(self):
        answer = ANSWERS.get(self.path.partition("?")[0], ABSENT)
        body = json.dumps(answer).encode()
        self.send_response(answer.get("code", 200))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Be quiet."""


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory):
    """Run kubectl without a cluster."""
    program = programs.find("kubectl")
    home = tmp_path_factory.mktemp("home")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Discovery) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()

        def call(*args):
            address = f"http://127.0.0.1:{server.server_port}"
            env = {"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": os.devnull, "NO_PROXY": "*"}
            command = [program, "--server", address, "--cache-dir", home / "cache", *args]
            return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

        yield call
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """What `weft render` writes for production and its tenants."""
    folder = tmp_path_factory.mktemp("build")
    assert run("render", "production", "production/*", "-o", folder, cwd=reference.ROOT).code == 0
    return folder


@pytest.mark.programs("kubectl")
def test_kubectl_applies_what_was_rendered_for_production(kubectl, build):
    applied = set()
    for folder in sorted(path.parent for path in (build / "production").rglob("kustomization.yaml")):
        done = kubectl("apply", "--dry-run=client", "--validate=false", "-k", folder)
        assert (done.returncode, done.stderr) == (0, "")
        files = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))["resources"]
        objects = [one for file in files for one in yaml.safe_load_all((folder / file).read_text("utf-8"))]
        names = {(kubectl_name(one), f"{one['metadata']['name']} created (dry run)") for one in objects}
        assert {tuple(line.split("/")) for line in done.stdout.splitlines()} == names
        assert not applied & names  # no target takes the name of another's object, although they share a namespace
        applied |= names
    assert len(applied) > 150


def kubectl_name(one):
    """How kubectl names the kind of an object: `role.rbac.authorization.k8s.io`."""
    group = one["apiVersion"].rpartition("/")[0]
    return f"{one['kind'].lower()}.{group}".rstrip(".")


@pytest.mark.programs("kubectl")
def test_kubectl_reads_the_same_texts_as_we_wrote(kubectl, build):
    path = build / "production" / "acme" / "configmaps.yaml"
    done = kubectl("label", "--local", "--dry-run=client", "-o", "json", "-f", path, "weft-test=1")
    assert done.returncode == 0, done.stderr
    wrote = list(yaml.safe_load_all(path.read_text("utf-8")))
    assert [one["data"] for one in objects_of(done.stdout)] == [one["data"] for one in wrote]


@pytest.mark.programs("kubectl")
def test_kubectl_reads_plain_scalars_as_this_file_says(kubectl, tmp_path):
    kinds = {
        scalar: kind for kind, scalars in {str: TEXTS, bool: WORDS, (int, float): NUMBERS}.items() for scalar in scalars
    }
    (tmp_path / "all.yaml").write_text("---\n".join(map(data_of, kinds)), "utf-8")
    done = kubectl("label", "--local", "--dry-run=client", "-o", "json", "-f", tmp_path / "all.yaml", "weft-test=1")
    assert done.returncode == 0, done.stderr
    read = [one["data"]["A"] for one in objects_of(done.stdout)]
    wrong = [
        (scalar, value) for (scalar, kind), value in zip(kinds.items(), read, strict=True) if not is_a(kind, value)
    ]
    assert wrong == []


def is_a(kind, value):
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def objects_of(text):
    """The JSON objects that kubectl prints one after the other."""
    decoder, position, objects = json.JSONDecoder(), 0, []
    while text[position:].strip():
        one, position = decoder.raw_decode(text, position + len(text[position:]) - len(text[position:].lstrip()))
        objects.append(one)
    return objects


@pytest.mark.programs("kubectl")
@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: ConfigMapp\nmetadata: {name: a}\n",
        "apiVersion: v1\nmetadata: {name: a}\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: [a]}\n",
    ],
)
def test_what_kubectl_refuses_our_check_refuses_too(text, kubectl, tmp_path):
    (tmp_path / "wrong.yaml").write_text(textwrap.dedent(text), "utf-8")
    done = kubectl("apply", "--dry-run=client", "--validate=false", "-f", tmp_path / "wrong.yaml")
    assert done.returncode != 0
    assert list(kubernetes.complaints(text))
