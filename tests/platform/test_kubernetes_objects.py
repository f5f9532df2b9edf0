"""The objects in addition to the configuration: rights, network, scaling, budgets, quotas, ExternalSecrets, and the kustomization."""

import subprocess
from functools import cache

import pytest
import yaml

import reference
import weft
from reference import ENVIRONMENTS, facts
from scratch import make_project
from weft.base.paths import get, parse_dotted
from weft.base.problems import Severity
from weft.checks import kubernetes, programs

pytestmark = pytest.mark.unmeasured("about the data of the reference project, not about code")

TARGETS = sorted(reference.targets())
KUSTOMIZED = [*ENVIRONMENTS, "production/acme", "production/velvet-static"]
assert set(KUSTOMIZED) <= set(TARGETS)


@cache
def rendered(target):
    """The files of a target by name, without asking programs."""
    return {path.removeprefix(f"{target}/"): text for path, text in reference.rendered(target).items()}


def render(name, **overrides):
    """The files of a target with other settings."""
    project = reference.changed({path.replace("__", "."): value for path, value in overrides.items()})
    return {path.removeprefix(f"{name}/"): text for path, text in project.target(name).render().items()}


def listed(files):
    """What a target's kustomization lists."""
    return documents(files["kustomization.yaml"])[0]["resources"]


@cache
def documents(text):
    return list(yaml.load_all(text, Loader=yaml.CSafeLoader))


def objects(files, *kinds):
    """The objects of a target's manifests, or those of some kinds; Secrets with references are in no kustomization."""
    apart = [name for name in ("secrets.yaml",) if name in files]
    found = [one for name in (*listed(files), *apart) for one in documents(files[name]) if one is not None]
    return [one for one in found if not kinds or one["kind"] in kinds]


def names(files, *kinds):
    return [one["metadata"]["name"] for one in objects(files, *kinds)]


def settings(name):
    return reference.targets()[name].config


def has_its_own_namespace(name):
    return "/" not in name or settings(name)["kubernetes"]["namespace"].endswith(name.partition("/")[2])


# --- every object ---


@pytest.mark.soak(few=4)
@pytest.mark.parametrize("target", TARGETS)
def test_every_object_passes_the_strict_check(target):
    for name in listed(rendered(target)):
        said = list(kubernetes.complaints(rendered(target)[name]))
        assert [problem for problem in said if problem.severity is not Severity.NOTE] == []
        assert {problem.code for problem in said} <= {"kubernetes-unknown-kind"}  # custom resources


@pytest.mark.soak(few=4)
@pytest.mark.parametrize("target", TARGETS)
def test_an_object_is_in_the_namespace_and_has_the_labels_of_its_target(target):
    (kustomization,) = documents(rendered(target)["kustomization.yaml"])
    assert set(kustomization) == {"apiVersion", "kind", "resources"}, "objects are complete without it"
    kubernetes_settings = settings(target)["kubernetes"]
    for one in objects(rendered(target)):
        if one["kind"] != "Namespace":
            assert one["metadata"]["namespace"] == kubernetes_settings["namespace"]
        labels = one["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == target.replace("/", "-")
        assert labels["app.kubernetes.io/managed-by"] == "weft"
        assert labels["app.kubernetes.io/name"] == kubernetes_settings["name"]


def test_no_two_targets_have_an_object_of_one_name_in_one_namespace():
    every = [
        (one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"])
        for files in map(rendered, TARGETS)
        for one in objects(files)
    ]
    assert len(every) > 10 * len(TARGETS)
    assert len(set(every)) == len(every)


@pytest.mark.parametrize(
    "name", ["access", "network-policy", "autoscaler", "disruption-budget", "quota", "kustomization"]
)
def test_a_file_says_first_who_made_it(name):
    text = rendered("production")[f"{name}.yaml"]
    assert text.startswith(f"# Made by Weft {weft.__version__} from templates/kubernetes/{name}.yaml.j2; ")
    assert "\n\n" not in text
    assert text.endswith("\n")


# --- secrets ---


def test_external_secrets_take_the_place_of_secrets_where_a_setting_says_so():
    switched = {name for name in TARGETS if settings(name)["kubernetes"]["external_secrets"]["enabled"]}
    assert switched == {name for name in TARGETS if name.split("/")[0] != "local"}
    for name, files in zip(TARGETS, map(rendered, TARGETS), strict=True):
        external = name in switched
        assert ("external-secrets.yaml" in files, "secrets.yaml" in files) == (external, not external)
        assert bool(objects(files, "ExternalSecret")) == external


@pytest.mark.parametrize("target", ["production", "production/acme", "staging/acme"])
def test_every_sensitive_setting_is_one_entry_of_an_external_secret(target):
    files = render(target, kubernetes__external_secrets__enabled="true")
    prefix = f"spotify-ai-agent{target.removeprefix(target.split('/')[0]).replace('/', '-')}-"
    asked = {
        (one["spec"]["target"]["name"], entry["secretKey"]): entry["remoteRef"]
        for one in objects(files, "ExternalSecret")
        for entry in one["spec"]["data"]
    }
    wanted = {}
    for row in facts("secrets-*.csv"):
        scheme, _, place = get(settings(target), parse_dotted(row["path"])).partition("://")
        path, _, key = place.partition("#")
        assert scheme in ("ref+vault", "ref+env")
        wanted[prefix + row["secret"], row["key"]] = {"key": path, "property": key} if key else {"key": path}
    assert {key: asked.get(key) for key in wanted} == wanted


def test_an_external_secret_has_the_store_and_the_type_of_its_settings():
    files = render(
        "staging",
        kubernetes__external_secrets__store__name="team-store",
        kubernetes__external_secrets__store__kind="SecretStore",
        kubernetes__external_secrets__refresh_interval="15m",
    )
    specs = {one["metadata"]["name"]: one["spec"] for one in objects(files, "ExternalSecret")}
    assert {spec["refreshInterval"] for spec in specs.values()} == {"15m"}
    assert all(spec["secretStoreRef"] == {"name": "team-store", "kind": "SecretStore"} for spec in specs.values())
    assert all(spec["target"]["name"] == name for name, spec in specs.items())
    types = {name.removeprefix("spotify-ai-agent-"): spec["target"]["template"]["type"] for name, spec in specs.items()}
    assert {name for name, kind in types.items() if kind == "kubernetes.io/tls"} == {"ssl-certificates"}


PLACES = {
    "database.redis.password": ("REDIS_PASSWORD", "ref+vault://kv/a/b#KEY", {"key": "kv/a/b", "property": "KEY"}),
    "database.elasticsearch.api_key": (
        "ELASTICSEARCH_API_KEY",
        "ref+vault://kv/a#/KEY",
        {"key": "kv/a", "property": "KEY"},
    ),
    "database.mongodb.username": ("MONGO_USERNAME", "ref+vault://kv/a#a.b", {"key": "kv/a", "property": "a.b"}),
    "database.mongodb.password": ("MONGO_PASSWORD", "ref+vault://kv/a/b#C", {"key": "kv/a/b", "property": "C"}),
    "database.postgresql.password": ("DB_PASSWORD", "ref+env://NAME", {"key": "NAME"}),
}


def test_an_external_secret_asks_for_the_place_that_a_reference_names():
    files = render("staging", **{path: place for path, (_, place, _) in PLACES.items()})
    entries = [entry for one in objects(files, "ExternalSecret") for entry in one["spec"]["data"]]
    asked = {entry["secretKey"]: entry["remoteRef"] for entry in entries}
    assert {key: asked[key] for key, _, _ in PLACES.values()} == {key: remote for key, _, remote in PLACES.values()}


def test_a_reference_that_no_operator_follows_is_an_error():
    project = reference.changed({"database.redis.password": "ref+file://redis.txt"})
    _, problems = project.render([project.target("staging")])
    (problem,) = [one for one in problems if one.severity is Severity.ERROR]
    assert "not ref+file://" in problem.message
    assert problem.place.file == "templates/kubernetes/_secrets.j2"


def test_no_sensitive_setting_is_named_outside_of_the_outputs_for_secrets():
    canaries = {row["path"]: f"ref+env://CANARY_{number}_END" for number, row in enumerate(facts("secrets-*.csv"))}
    project = reference.changed(canaries)
    made, _ = project.render([project.target(name) for name in KUSTOMIZED])
    assert [one.path for one in made if "CANARY" in one.text and not one.secrets] == []
    for name in KUSTOMIZED:
        held = "".join(one.text for one in made if one.target == name)
        assert all(f"CANARY_{number}_END" in held for number in range(len(canaries)))


# --- rights ---


@pytest.mark.soak(few=4)
@pytest.mark.parametrize("target", TARGETS)
def test_the_role_names_the_config_maps_and_secrets_of_the_target_and_nothing_else(target):
    files = rendered(target)
    (role,) = objects(files, "Role")
    rights = {tuple(rule["resources"]): (sorted(rule["resourceNames"]), rule["verbs"]) for rule in role["rules"]}
    assert rights == {
        ("configmaps",): (sorted(names(files, "ConfigMap")), ["get"]),
        ("secrets",): (sorted(names(files, "Secret", "ExternalSecret")), ["get"]),
    }
    assert all(rule["apiGroups"] == [""] for rule in role["rules"])


@pytest.mark.soak(few=4)
@pytest.mark.parametrize("target", TARGETS)
def test_the_role_is_bound_to_the_account_of_the_target_alone(target):
    files = rendered(target)
    (account,) = objects(files, "ServiceAccount")
    (role,) = objects(files, "Role")
    (binding,) = objects(files, "RoleBinding")
    assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == ("Role", role["metadata"]["name"])
    where = {key: account["metadata"][key] for key in ("name", "namespace")}
    assert binding["subjects"] == [{"kind": "ServiceAccount", **where}]
    assert account["automountServiceAccountToken"] is False


# --- network ---


def ports(rules):
    return {(port["port"], port["protocol"]) for rule in rules for port in rule["ports"]}


def peers(rules, port):
    """The pods that the rules of a port name: labels by namespace."""
    found = [peer for rule in rules if port in {one["port"] for one in rule["ports"]} for peer in rule["to"]]
    return {
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]: peer["podSelector"]["matchLabels"]
        for peer in found
    }


@pytest.mark.soak(few=4)
@pytest.mark.parametrize("target", TARGETS)
def test_a_network_policy_has_the_ports_of_the_settings(target):
    config = settings(target)
    enabled = config["kubernetes"]["network_policy"]["enabled"]
    assert enabled == (not target.startswith("local"))
    policies = objects(rendered(target), "NetworkPolicy")
    assert len(policies) == enabled
    for policy in policies:
        spec = policy["spec"]
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        assert ports(spec["ingress"]) == {
            (config["application"]["server"]["port"], "TCP"),
            (config["application"]["metrics"]["port"], "TCP"),
        }
        stores = {
            (config["database"][name]["port"], "TCP") for name in ("postgresql", "redis", "mongodb", "elasticsearch")
        }
        stores |= {(config["database"]["postgresql"]["pooler"]["port"], "TCP")}
        sentinels = config["database"]["redis"]["store"]["mode"] == "sentinel"
        stores |= {(26379, "TCP")} if sentinels else set()
        traces = (config["monitoring"]["jaeger"]["collector"]["port"], "TCP")
        assert ports(spec["egress"]) == {*stores, traces, (53, "TCP"), (53, "UDP"), (5000, "TCP"), (443, "TCP")}
        namespace = config["database"]["redis"]["host"].split(".")[1]
        assert peers(spec["egress"], 6432) == {namespace: {"app.kubernetes.io/name": "pgbouncer"}}
        assert peers(spec["egress"], 26379) == (
            {namespace: {"app.kubernetes.io/name": "redis-sentinel"}} if sentinels else {}
        )
        redis = [
            rule["to"][0]["podSelector"]["matchLabels"] for rule in spec["egress"] if ports([rule]) == {(6379, "TCP")}
        ]
        assert [labels["app.kubernetes.io/name"] for labels in redis] == ["redis", "redis-store"]
        assert all(rule.get("from") or rule.get("to") for rule in (*spec["ingress"], *spec["egress"]))


def test_a_network_policy_follows_its_settings():
    files = render(
        "staging",
        kubernetes__network_policy__clients='{"gateway": {}, "ingress-nginx": null}',
        kubernetes__network_policy__dns='{"dns": {"app": "names"}, "kube-system": null}',
        kubernetes__network_policy__outside__ports="[]",
        database__redis__host="cache.example.com",
        database__redis__port="6380",
    )
    (policy,) = objects(files, "NetworkPolicy")
    first, *_ = policy["spec"]["ingress"]
    assert first["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateway"}}}]
    assert peers(policy["spec"]["egress"], 53) == {"dns": {"app": "names"}}
    (outside,) = [rule for rule in policy["spec"]["egress"] if "to" not in rule]  # the location of that host is unknown
    assert ports([outside]) == {(6380, "TCP")}
    assert 443 not in {port for port, _ in ports(policy["spec"]["egress"])}


def test_a_network_policy_without_peers_lets_nobody_in():
    nobody = {
        "kubernetes__network_policy__clients": '{"ingress-nginx": null}',
        "kubernetes__network_policy__monitoring": '{"monitoring": null}',
    }
    files = render("staging", **nobody)
    assert not objects(files, "NetworkPolicy")[0]["spec"]["ingress"]
    assert list(kubernetes.complaints(files["network-policy.yaml"])) == []


@pytest.mark.parametrize("network", ["10.0.0.256/8", "0.0.0.0/0"])
def test_what_is_no_network_is_a_problem(network):
    overrides = {"kubernetes.network_policy.outside.except": f'["{network}"]'}
    problems = reference.changed(overrides).target("staging").problems()
    assert {problem.path.rpartition("/except")[0] for problem in problems} == {"/kubernetes/network_policy/outside"}


# --- scaling ---


@pytest.mark.soak(few=4)
@pytest.mark.parametrize("target", TARGETS)
def test_the_bounds_of_the_autoscaler_are_those_of_the_settings(target):
    scaling = settings(target)["application"]["autoscaling"]
    scalers = objects(rendered(target), "HorizontalPodAutoscaler")
    assert len(scalers) == scaling["enabled"]
    for scaler in scalers:
        spec = scaler["spec"]
        assert (spec["minReplicas"], spec["maxReplicas"]) == (scaling["min_replicas"], scaling["max_replicas"])
        used = {
            one["resource"]["name"]: one["resource"]["target"] for one in spec["metrics"] if one["type"] == "Resource"
        }
        assert used == {"cpu": {"type": "Utilization", "averageUtilization": scaling["cpu_threshold"]}}
        rates = [one["pods"]["target"]["averageValue"] for one in spec["metrics"] if one["type"] == "Pods"]
        assert rates == ([str(scaling["requests_per_second"])] if "requests_per_second" in scaling else [])
        (down,) = spec["behavior"]["scaleDown"]["policies"]
        assert down["value"] == scaling["scale_down"]["percent"]
        assert spec["behavior"]["scaleUp"]["stabilizationWindowSeconds"] == scaling["scale_up"]["wait"]


@pytest.mark.soak(few=4)
@pytest.mark.parametrize("target", TARGETS)
def test_a_disruption_budget_always_lets_a_pod_go(target):
    (budget,) = objects(rendered(target), "PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == "10%"  # Kubernetes rounds it up
    assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


@pytest.mark.parametrize("number", ["0", "0%", "100%"])
def test_a_budget_that_would_block_every_drain_or_none_is_a_problem(number):
    overrides = {"kubernetes.disruption_budget.max_unavailable": number}
    problems = reference.changed(overrides).target("production").problems()
    assert {problem.path for problem in problems} == {"/kubernetes/disruption_budget/max_unavailable"}


# --- quotas ---


@pytest.mark.soak(few=4)
@pytest.mark.parametrize("target", TARGETS)
def test_a_quota_is_written_once_for_a_namespace(target):
    kinds = [one["kind"] for one in objects(rendered(target), "ResourceQuota", "LimitRange")]
    assert kinds == (["ResourceQuota", "LimitRange"] if has_its_own_namespace(target) else [])


def test_a_quota_has_room_for_the_workloads_of_the_settings():
    files = render(
        "development",
        kubernetes__quota__workloads="3",
        application__autoscaling__max_replicas="7",
        performance__resources__cpu__request="0.29",
        performance__resources__memory__limit="3000Mi",
    )
    quota, limits = objects(files, "ResourceQuota", "LimitRange")
    hard = quota["spec"]["hard"]
    assert (hard["pods"], hard["requests.cpu"], hard["limits.cpu"]) == ("21", "6090m", "42")
    assert (hard["requests.memory"], hard["limits.memory"]) == ("42Gi", "63000Mi")
    (container,) = limits["spec"]["limits"]
    assert container["defaultRequest"] == {"cpu": "290m", "memory": "2Gi"}
    assert container["default"] == {"cpu": "2", "memory": "3000Mi", "ephemeral-storage": "10Gi"}


def test_a_pod_cannot_reserve_more_memory_than_it_may_use():
    overrides = {"performance.resources.memory.request": "5000Mi"}
    (problem,) = reference.changed(overrides).target("development").problems()
    assert problem.path == "/performance/resources/memory/request"
    assert "5000Mi" in problem.message


# --- names by content ---


def stem(name):
    return name.rpartition("-")[0]


def test_config_maps_are_named_by_their_content_where_a_setting_says_so():
    for target, files in zip(TARGETS, map(rendered, TARGETS), strict=True):
        hashed = settings(target)["kubernetes"]["content_hash_names"]
        assert hashed == target.startswith("development")
        for one in objects(files, "ConfigMap"):
            fixed = one["metadata"]["name"].endswith("-config-files")  # running pods follow it
            assert one.get("immutable", False) == (hashed and not fixed)
            assert one["metadata"]["name"].endswith(("-config", "-files")) != (hashed and not fixed)


@pytest.mark.parametrize("target", ["development", "development/acme"])
def test_a_changed_setting_changes_the_name_of_its_config_map_and_every_reference_to_it(target):
    before, after = rendered(target), render(target, application__search__max_results="321")
    old, new = set(names(before, "ConfigMap")), set(names(after, "ConfigMap"))
    gone, come = old - new, new - old
    assert {stem(name).rpartition("agent-")[2].removeprefix("acme-") for name in gone} == {"application-config"}
    assert sorted(map(stem, gone)) == sorted(map(stem, come))
    expected = dict(before)
    for was in gone:
        (now,) = [name for name in come if stem(name) == stem(was)]
        used = 1 if "/" in target else 3  # the Jobs of an environment read it, too
        assert sum(text.count(was) for text in before.values()) > used  # its own name and the role's
        expected = {name: text.replace(was, now) for name, text in expected.items()}
    own = {"configmaps.yaml", "config-files.yaml", "app.env", "app.sh"}
    own |= {f"application/{name}.json" for name in ("weft", "application", "origins")}
    others = set(before) - own - {"deployment.yaml"}  # whose checksum changes
    assert {name for name in others if expected[name] != after[name]} == set()
    assert before["access.yaml"] != after["access.yaml"]


def test_the_same_content_has_the_same_name_however_often_it_is_rendered():
    assert render("development")["access.yaml"] == rendered("development")["access.yaml"]


def test_names_by_content_differ_only_by_the_hash():
    plain = render("development", kubernetes__content_hash_names="false")
    hashed = dict(zip(names(plain, "ConfigMap"), names(rendered("development"), "ConfigMap"), strict=True))
    assert all(stem(name) == name_without or name == name_without for name_without, name in hashed.items())
    assert [name for name_without, name in hashed.items() if name == name_without] == ["spotify-ai-agent-config-files"]
    text = plain["access.yaml"]
    for was, now in hashed.items():
        text = text.replace(f'"{was}"', f'"{now}"')
    assert text == rendered("development")["access.yaml"]


# --- the kustomization ---


@pytest.mark.soak(few=4)
@pytest.mark.parametrize("target", TARGETS)
def test_a_kustomization_lists_the_manifests_of_its_target_and_nothing_else(target):
    every, _ = reference.project().render([reference.targets()[target]])
    # Secrets are applied with their references resolved
    apart = ("/secrets.yaml",)
    manifests = [
        one.path for one in every if "kubernetes" in one.checks and not any(folder in one.path for folder in apart)
    ]
    assert sorted(f"{target}/{name}" for name in listed(rendered(target))) == sorted(manifests)


@pytest.fixture(scope="module")
def kubectl():
    return programs.find("kubectl")


@pytest.mark.programs("kubectl")
@pytest.mark.parametrize("target", KUSTOMIZED)
def test_kubectl_takes_the_folder_as_it_is(target, kubectl, tmp_path):
    for name, text in rendered(target).items():
        tmp_path.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        tmp_path.joinpath(name).write_text(text, "utf-8")
    done = subprocess.run([kubectl, "kustomize", tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    built, wrote = documents(done.stdout), [one for one in objects(rendered(target)) if one["kind"] != "Secret"]
    assert "ref+" not in done.stdout
    assert len(built) > 10
    assert sorted(built, key=identity) == sorted(wrote, key=identity)


def identity(one):
    return one["apiVersion"], one["kind"], one["metadata"]["name"]


# --- the check `kustomize` ---

KUSTOMIZATION = """\
# {{ app.file }} is listed below
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - {{ app.file }}
{{ app.more }}
"""
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ app.name }}}\n"
STRINGS = {"file": "map.yaml", "more": "", "name": "app"}


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """Nothing that was said before is remembered."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))


def small(folder, **overrides):
    """What the check reports for a small valid project, with other settings."""
    text = {name: {"type": "string", "default": value} for name, value in STRINGS.items()}
    outputs = [
        {"template": "kustomization.j2", "path": "kustomization.yaml", "check": "kustomize"},
        {"template": "map.j2", "path": "map.yaml"},
    ]
    files = {
        "schema.json": {"properties": {"app": {"properties": text, "type": "object"}}},
        "base.yaml": "app: {}\n",
        "templates/kustomization.j2": KUSTOMIZATION,
        "templates/map.j2": MAP,
    }
    make_project(folder, files, outputs=outputs)
    project = weft.load_project(folder, overrides={f"app.{name}": value for name, value in overrides.items()})
    return project.check_outputs(project.targets()).problems


COMPLAINTS = {
    "a file that is not there": ({"file": "nowhere.yaml"}, 5, "'nowhere.yaml'", Severity.ERROR),
    "an unknown field": ({"more": "wrong: 1"}, 6, 'unknown field "wrong"', Severity.ERROR),
    "an object that appears twice": ({"more": "  - map.yaml"}, 5, "already registered id: ConfigMap", Severity.ERROR),
    "an object without a name": ({"name": "''"}, 5, "missing metadata.name", Severity.ERROR),
    "text that is not YAML": ({"more": "a: [: b"}, 6, "did not find expected", Severity.ERROR),
    "a mapping in a scalar": ({"more": "a: b: c"}, 6, "mapping values are not allowed", Severity.ERROR),
    "a field of the wrong type": (
        {"more": "labels: [{pairs: {a: 5}}]"},
        None,
        "cannot unmarshal number",
        Severity.ERROR,
    ),
    "a field of yesterday": ({"more": "commonLabels: {a: b}"}, 6, "'commonLabels' is deprecated", Severity.WARNING),
}


@pytest.mark.programs("kubectl")
def test_the_check_takes_what_kubectl_takes(kubectl, fresh, tmp_path):
    assert small(tmp_path) == []


@pytest.mark.programs("kubectl")
@pytest.mark.parametrize("name", COMPLAINTS)
def test_what_kubectl_refuses_is_a_problem_at_its_line(name, kubectl, fresh, tmp_path):
    overrides, line, words, severity = COMPLAINTS[name]
    (problem,) = small(tmp_path, **overrides)
    assert (problem.code, problem.severity) == ("kustomize", severity)
    assert (problem.place.file, problem.place.line) == ("kustomization.yaml", line)
    assert words in problem.message
    assert "weft-" not in problem.message  # the folder of the run is of no use to anybody
    assert "\n" not in problem.message
    assert "command failed" not in problem.message
    assert problem.related[0].file == "templates/kustomization.j2"
