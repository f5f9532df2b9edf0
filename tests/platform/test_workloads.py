"""The workloads: what their pods may do, what they get, and that everything they name is there."""

import json
from functools import cache

import pytest
import yaml
from test_kubernetes_objects import KUSTOMIZED, TARGETS, names, objects, render, rendered, settings

import reference
from reference import ENVIRONMENTS

pytestmark = pytest.mark.unmeasured("about the data of the reference project, not about code")

JOBS = ("staging", "development")  # production does not train


def every():
    """The names and the files of all targets."""
    return [(name, rendered(name)) for name in TARGETS]


def problems(target, **overrides):
    """Paths and messages of the errors that a target has with other settings."""
    overrides = {path.replace("__", "."): value for path, value in overrides.items()}
    found = reference.changed(overrides).target(target).problems()
    return {problem.path: problem.message for problem in found}


def pods(files):
    """The templates of the pods of a target, by the kind of their workload."""
    for one in objects(files, "Deployment", "Job", "CronJob"):
        spec = one["spec"]["jobTemplate"]["spec"] if one["kind"] == "CronJob" else one["spec"]
        yield one["metadata"]["labels"]["app.kubernetes.io/component"], spec["template"]


def container(template):
    (only,) = template["spec"]["containers"]
    return only


def secrets_of(files, template):
    """The variables with secrets that a pod sees."""
    held = {
        one["spec"]["target"]["name"]: {entry["secretKey"] for entry in one["spec"]["data"]}
        for one in objects(files, "ExternalSecret")
    }
    whole = [entry["secretRef"]["name"] for entry in container(template)["envFrom"] if "secretRef" in entry]
    single = [entry["valueFrom"]["secretKeyRef"] for entry in container(template)["env"] if "valueFrom" in entry]
    assert all(one["key"] in held[one["name"]] for one in single)
    return {key for name in whole for key in held[name]} | {one["key"] for one in single}


# --- every pod ---


@pytest.mark.parametrize("target", KUSTOMIZED)
def test_every_pod_keeps_to_the_standard_that_its_namespace_enforces(target):
    """The controls of `restricted`: https://kubernetes.io/docs/concepts/security/pod-security-standards/."""
    found = list(pods(rendered(target)))
    assert {"web"} <= {component for component, _ in found}
    for _, template in found:
        spec, only = template["spec"], container(template)
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert only["securityContext"]["allowPrivilegeEscalation"] is False
        assert only["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert only["securityContext"]["readOnlyRootFilesystem"] is True
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        kinds = {kind for volume in spec["volumes"] for kind in volume if kind != "name"}
        assert kinds <= {"configMap", "emptyDir", "projected", "persistentVolumeClaim", "secret"}
        assert {"cpu", "memory"} <= set(only["resources"]["requests"]) <= set(only["resources"]["limits"])


@pytest.mark.parametrize("target", [name for name in KUSTOMIZED if name == "velvet-static" or "/" not in name])
def test_the_namespace_enforces_the_restricted_standard(target):
    (namespace,) = objects(rendered(target), "Namespace")
    assert namespace["metadata"]["name"] == settings(target)["kubernetes"]["namespace"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("target", KUSTOMIZED)
def test_everything_that_a_pod_names_is_rendered_with_it(target):
    here, environment = rendered(target), rendered(target.partition("/")[0])
    there = {
        (kind, one["metadata"]["namespace"], one["metadata"]["name"])
        for files in (here, environment)
        for kind in ("ConfigMap", "PersistentVolumeClaim", "ServiceAccount", "Secret")
        for one in objects(files, kind, *(["ExternalSecret"] if kind == "Secret" else []))
    }
    namespace = settings(target)["kubernetes"]["namespace"]
    for _, template in pods(here):
        spec, only = template["spec"], container(template)
        sources = [entry for volume in spec["volumes"] for entry in volume.get("projected", {}).get("sources", ())]
        named = {("ServiceAccount", spec["serviceAccountName"])}
        named |= {("ConfigMap", entry["configMap"]["name"]) for entry in sources}
        named |= {("ConfigMap", one["configMapRef"]["name"]) for one in only["envFrom"] if "configMapRef" in one}
        named |= {("Secret", one["secretRef"]["name"]) for one in only["envFrom"] if "secretRef" in one}
        claims = [volume["persistentVolumeClaim"] for volume in spec["volumes"] if "persistentVolumeClaim" in volume]
        named |= {("PersistentVolumeClaim", one["claimName"]) for one in claims}
        assert {(kind, namespace, name) for kind, name in named} <= there
        assert {mount["name"] for mount in only["volumeMounts"]} == {volume["name"] for volume in spec["volumes"]}
        places = {entry["name"]: entry.get("value") for entry in only["env"]}
        folders = [mount["mountPath"] for mount in only["volumeMounts"] if mount["name"] == "configuration"]
        assert folders == ([places["CONFIG_DIR"]] if "CONFIG_DIR" in places else [])
        assert bool(folders) == (spec["containers"][0]["name"] != "backup"), (
            "what runs the platform's code reads its files"
        )


@pytest.mark.parametrize("target", JOBS)
def test_a_job_gets_the_secrets_that_it_names_and_no_others(target):
    files = rendered(target)
    found = {component: secrets_of(files, template) for component, template in pods(files)}
    assert found["migration"] == {"DB_PASSWORD"}
    assert {"DB_PASSWORD", "HUGGINGFACE_API_TOKEN"} <= found["training"]
    forbidden = {"STRIPE_SECRET_KEY", "TWILIO_AUTH_TOKEN", "JWT_SECRET_KEY", "GRAFANA_ADMIN_PASSWORD"}
    assert forbidden & found["training"] == set()
    assert "GRAFANA_ADMIN_PASSWORD" not in found["web"]
    assert {"STRIPE_SECRET_KEY", "DB_PASSWORD"} <= found["web"]


def test_the_backup_dumps_the_primary_by_its_schedule_onto_a_volume_of_its_own():
    overrides = {
        f"application__backup__{name}": value
        for name, value in {"schedule": "5 4 * * *", "keep": "3", "deadline": "61"}.items()
    }
    members = '["postgres-1.data.svc.cluster.local:5433"]'
    files = render("production", **overrides, kubernetes__storage__backups="7Gi", database__postgresql__members=members)
    (cron,) = objects(files, "CronJob")
    assert (cron["spec"]["schedule"], cron["spec"]["timeZone"]) == ("5 4 * * *", "Etc/UTC")
    assert (cron["spec"]["concurrencyPolicy"], cron["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"]) == (
        "Forbid",
        61,
    )
    ((_, template),) = [pod for pod in pods(files) if pod[0] == "backup"]
    assert secrets_of(files, template) == {"DB_PASSWORD"}
    variables = {entry["name"]: entry.get("value") for entry in container(template)["env"]}
    own = settings("production")["database"]["postgresql"]
    assert variables["PGHOST"].split(",") == [own["host"], "postgres-1.data.svc.cluster.local"]
    assert (variables["PGPORT"], variables["PGTARGETSESSIONATTRS"], variables["KEEP"]) == ("5432,5433", "primary", "3")
    claims = {
        one["metadata"]["name"]: one["spec"]["resources"]["requests"]["storage"]
        for one in objects(files, "PersistentVolumeClaim")
    }
    (volume,) = [one for one in template["spec"]["volumes"] if one["name"] == "backups"]
    name = volume["persistentVolumeClaim"]["claimName"]
    assert claims[name] == "7Gi"
    users = [one for _, one in pods(files) if name in yaml.safe_dump(one)]
    assert users == [template]


def test_the_backup_has_the_certificates_that_its_variables_name():
    files = rendered("production")
    ((_, template),) = [pod for pod in pods(files) if pod[0] == "backup"]
    (mount,) = [one for one in container(template)["volumeMounts"] if one["name"] == "postgresql-tls"]
    (named,) = [one["configMapRef"]["name"] for one in container(template)["envFrom"]]
    (data,) = [one["data"] for one in objects(files, "ConfigMap") if one["metadata"]["name"] == named]
    assert (data["PGSSLMODE"], data["PGSSLROOTCERT"]) == ("verify-full", f"{mount['mountPath']}/ca.crt")


def test_a_database_is_dumped_once_and_only_where_the_switch_is_on():
    dumped = [name for name, files in every() if objects(files, "CronJob")]
    assert (
        dumped
        == [name for name in ENVIRONMENTS if settings(name)["application"]["backup"]["enabled"]]
        == ["production"]
    )
    claims = [
        name for _, files in every() for name in names(files, "PersistentVolumeClaim") if name.endswith("-backups")
    ]
    assert claims == ["spotify-ai-agent-backups"]


@pytest.mark.parametrize("target", JOBS)
def test_a_migration_passes_the_pooler_by(target):
    ((_, template),) = [pod for pod in pods(rendered(target)) if pod[0] == "migration"]
    assert {"name": "DB_CONNECTION_POOL_ENABLED", "value": "false"} in container(template)["env"]


def test_training_has_its_volume_its_gpu_and_its_schedule():
    overrides = {"ml__compute__gpu_enabled": "true", "ml__compute__gpu_count": "2"}
    files = render("development", kubernetes__training__schedule="0 3 * * 0", **overrides)
    (cron,) = objects(files, "CronJob")
    assert (cron["spec"]["schedule"], cron["spec"]["concurrencyPolicy"]) == ("0 3 * * 0", "Forbid")
    ((_, template),) = [pod for pod in pods(files) if pod[0] == "training"]
    assert container(template)["resources"]["limits"]["nvidia.com/gpu"] == "2"
    mounts = {mount["name"]: mount["mountPath"] for mount in container(template)["volumeMounts"]}
    assert mounts["models"] == settings("development")["ml"]["model"]["path"]
    once = [one["metadata"]["name"] for one in objects(rendered("development"), "Job")]
    other = [one["metadata"]["name"] for one in objects(render("development", ml__training__epochs="21"), "Job")]
    assert len(set(once) ^ set(other)) == 2, "other settings make another Job, and the migration is the same"


# --- the application ---


@cache
def deployment(target):
    (one,) = objects(rendered(target), "Deployment")
    return one


@pytest.mark.parametrize("target", KUSTOMIZED)
def test_service_autoscaler_budget_and_policy_mean_the_pods_of_the_deployment(target):
    files = rendered(target)
    labels = deployment(target)["spec"]["template"]["metadata"]["labels"]
    (service,) = objects(files, "Service")[:1]
    (budget,) = objects(files, "PodDisruptionBudget")
    others = [template["metadata"]["labels"] for component, template in pods(files) if component != "web"]
    for selector in (service["spec"]["selector"], budget["spec"]["selector"]["matchLabels"]):
        assert selector.items() <= labels.items()
        assert not any(selector.items() <= other.items() for other in others)
    for scaler in objects(files, "HorizontalPodAutoscaler"):
        assert scaler["spec"]["scaleTargetRef"]["name"] == deployment(target)["metadata"]["name"]
        assert "replicas" not in deployment(target)["spec"], "two would set it"
    (port,) = service["spec"]["ports"]
    ports = {one["name"]: one["containerPort"] for one in container(deployment(target)["spec"]["template"])["ports"]}
    assert ports[port["targetPort"]] == settings(target)["application"]["server"]["port"]


@pytest.mark.parametrize("target", ENVIRONMENTS)
def test_a_pod_is_probed_where_the_settings_say_and_ends_after_its_requests(target):
    config, spec = settings(target), deployment(target)["spec"]["template"]["spec"]
    health = config["monitoring"]["health"]
    only = spec["containers"][0]
    paths = {name: only[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert paths == {
        "startup": health["liveness_path"],
        "liveness": health["liveness_path"],
        "readiness": health["readiness_path"],
    }
    delay = only["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec["terminationGracePeriodSeconds"] > delay + config["application"]["server"]["worker_timeout"]
    assert {one["topologyKey"] for one in spec["topologySpreadConstraints"]} == {
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    }


def test_only_what_is_read_at_the_start_makes_other_pods():
    def pods(**overrides):
        (one,) = objects(render("staging", **overrides), "Deployment")
        return one["spec"]["template"]

    (one,) = objects(rendered("staging"), "Deployment")
    before = one["spec"]["template"]
    assert pods(application__search__max_results="321") != before  # the application reads it at its start
    assert pods(performance__webserver__workers__max_requests="99") != before  # a line of gunicorn.conf.py
    assert pods(database__postgresql__connect_timeout="7") != before  # a variable that libpq reads
    assert pods(application__search__timeout="7") == before  # the application follows it
    assert pods(kubernetes__quota__workloads="9") == before  # no pod reads it


def test_the_application_gets_variables_for_secrets_and_for_libraries_only():
    template = deployment("production")["spec"]["template"]
    assert all("secretRef" in entry for entry in container(template)["envFrom"])
    plain = {entry["name"] for entry in container(template)["env"] if "value" in entry}
    own = {"CONFIG_DIR", "CONFIG_STATE_DIR", "HOME", "PROMETHEUS_MULTIPROC_DIR", "PYTHONDONTWRITEBYTECODE"}
    assert {name for name in plain - own if not name.startswith(("PG", "OTEL_"))} == set()
    assert {"PGSSLMODE", "OTEL_TRACES_SAMPLER"} <= plain


def test_the_files_in_the_pod_are_those_that_are_rendered_beside_it():
    files = rendered("production")
    data = {key: text for one in objects(files, "ConfigMap") for key, text in one["data"].items() if "." in key}
    for name in (
        "gunicorn.conf.py",
        "logging.json",
        "json_lines.py",
        "flags.json",
        "database.json",
        "performance.json",
    ):
        assert data[name].rstrip("\n") == files[f"application/{name}"].rstrip("\n")
    assert (
        json.loads(data["database.json"])["postgresql"]["host"]
        == settings("production")["database"]["postgresql"]["host"]
    )
    assert "password" not in json.loads(data["database.json"])["postgresql"]


# --- images ---


def test_production_runs_the_content_that_a_digest_names():
    for target in ("production", "production/acme"):
        for component, template in pods(rendered(target)):
            config = settings(target)
            image = config["application"]["backup"]["image"] if component == "backup" else config["kubernetes"]["image"]
            assert container(template)["image"] == f"{image['repository']}:{image['tag']}@{image['digest']}"


@pytest.mark.parametrize(
    ("overrides", "path"),
    [
        ({"kubernetes__image": '{"digest": null}'}, "/kubernetes/image/digest"),
        ({"kubernetes__image__digest": "sha256:abc"}, "/kubernetes/image/digest"),
        ({"kubernetes__image__digest": f"sha1:{'0' * 64}"}, "/kubernetes/image/digest"),
        ({"kubernetes__image__pin": "false"}, "/kubernetes/image/pin"),
        ({"application__backup__image": '{"digest": null}'}, "/application/backup/image/digest"),
        ({"application__backup__schedule": "daily"}, "/application/backup/schedule"),
        ({"application__backup__schedule": "23 2 * * *x1"}, "/application/backup/schedule"),
        ({"application__backup__keep": "0"}, "/application/backup/keep"),
        ({"kubernetes__storage__enabled": "false"}, "/application/backup/enabled"),
        ({"kubernetes": '{"namespace": null}'}, "/kubernetes"),
        ({"kubernetes__image": '{"repository": null}'}, "/kubernetes/image"),
        ({"kubernetes__ingress": '{"class_name": null}'}, "/kubernetes/ingress"),
        ({"kubernetes__network_policy__clients": '{"spotify-ai-agent-dev": {}}'}, "/kubernetes/network_policy"),
        ({"application__server__keep_alive": "30"}, "/application/server/keep_alive"),
        ({"application__server__trusted_proxies": "[]"}, "/application/server/trusted_proxies"),
        ({"application__server__trusted_proxies": '["0.0.0.0/0"]'}, "/application/server/trusted_proxies"),
        ({"application__server__worker_class": "uvicorn.workers.UvicornWorker"}, "/application/server/worker_class"),
        ({"performance__resources__memory": '{"request": "1Gi", "limit": "2Gi"}'}, "/application/server/max_workers"),
        ({"performance__webserver__workers__threads": "1000", "performance__resources__limits__processes": "15000"}, "/performance/webserver/workers/threads"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_production_must_not_do_is_a_problem(overrides, path):
    assert any(found.startswith(path) for found in problems("production", **overrides))


# --- from outside ---


def routes(files):
    return {
        one["metadata"]["name"].removeprefix("spotify-ai-agent-"): one["spec"] for one in objects(files, "HTTPRoute")
    }


def test_a_gateway_ends_tls_and_sends_plain_http_to_https():
    (gateway,) = objects(rendered("production"), "Gateway")
    listeners = {one["name"]: one for one in gateway["spec"]["listeners"]}
    assert gateway["spec"]["gatewayClassName"] == settings("production")["kubernetes"]["ingress"]["class_name"]
    (certificate,) = listeners["https"]["tls"]["certificateRefs"]
    assert certificate["name"] in {
        one["spec"]["target"]["name"] for one in objects(rendered("production"), "ExternalSecret")
    }
    found = routes(rendered("production"))
    assert found["api.spotify-ai-agent.com"]["parentRefs"] == [
        {"name": gateway["metadata"]["name"], "sectionName": "https"}
    ]
    (rule,) = found["https"]["rules"]
    assert found["https"]["parentRefs"] == [{"name": gateway["metadata"]["name"], "sectionName": "http"}]
    assert rule["filters"][0]["requestRedirect"] == {"scheme": "https", "statusCode": 301}
    both = routes(render("development", security__https_only="false"))
    assert {parent["sectionName"] for parent in both["api.dev.spotify-ai-agent.com"]["parentRefs"]} == {"http", "https"}
    assert "https" not in both


def test_tenants_of_one_host_are_told_apart_by_a_header():
    (rule,) = routes(rendered("production/acme"))["acme-api.spotify-ai-agent.com"]["rules"]
    assert rule["matches"][0]["headers"] == [{"name": "X-Tenant", "value": "acme"}]
    (own,) = routes(rendered("production/acme"))["acme-music.acme-records.example"]["rules"]
    assert "headers" not in own["matches"][0]
    assert own["backendRefs"] == [{"name": "spotify-ai-agent-acme", "port": 8000}]
    matches = [
        (host, json.dumps(match, sort_keys=True))
        for name, files in every()
        if name.startswith("production")
        for one in objects(files, "HTTPRoute")
        for rule in one["spec"]["rules"]
        for match in rule.get("matches", ())
        for host in one["spec"]["hostnames"]
    ]
    assert len(matches) == len(set(matches)) > 8, "two routes for one request"


def test_an_ingress_takes_the_place_of_the_gateway_where_a_setting_says_so():
    overrides = {"kubernetes__ingress__kind": "Ingress", "kubernetes__ingress__class_name": "traefik"}
    (ingress,) = objects(render("production", **overrides), "Ingress")
    assert ingress["spec"]["ingressClassName"] == "traefik"
    assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"] for rule in ingress["spec"]["rules"]]
    assert objects(render("production", **overrides), "Gateway", "HTTPRoute") == []
    acme = render("production/acme", **overrides)
    assert [rule["host"] for rule in objects(acme, "Ingress")[0]["spec"]["rules"]] == ["music.acme-records.example"]
    assert "routes.yaml" not in render("production/paper-lantern-sound", **overrides)


# --- network ---


def test_production_reaches_production_only():
    for name, files in every():
        environment = name.split("/")[0]
        others = {"local": "local", "development": "dev", "staging": "staging", "production": "prod"}
        foreign = [word for key, word in others.items() if key != environment]
        for policy in objects(files, "NetworkPolicy"):
            text = yaml.safe_dump(policy["spec"])
            assert not any(f"-{word}" in text.replace("-production", "-prod") for word in foreign), name


def test_what_is_outside_excepts_private_networks_of_both_versions_of_ip():
    (policy,) = objects(rendered("production"), "NetworkPolicy")
    (rule,) = [rule for rule in policy["spec"]["egress"] if "ipBlock" in rule.get("to", [{}])[0]]
    blocks = {one["ipBlock"]["cidr"]: one["ipBlock"]["except"] for one in rule["to"]}
    assert set(blocks) == {"0.0.0.0/0", "::/0"}
    assert "100.64.0.0/10" in blocks["0.0.0.0/0"]
    assert blocks["::/0"] == ["fc00::/7", "fe80::/10"]


@pytest.mark.parametrize("target", ["staging", "production"])  # which trains, and which is backed up
def test_jobs_are_bound_by_the_network_policy_too(target):
    (policy,) = objects(rendered(target), "NetworkPolicy")
    selector = policy["spec"]["podSelector"]
    (expression,) = selector["matchExpressions"]
    for _, template in pods(rendered(target)):
        labels = template["metadata"]["labels"]
        assert selector["matchLabels"].items() <= labels.items()
        assert labels[expression["key"]] in expression["values"]


ENCRYPTED = {
    "web": ("postgresql", "redis", "mongodb", "elasticsearch", "monitoring"),
    "migration": ("postgresql",),
    "backup": ("postgresql",),
    "training": ("postgresql", "redis", "monitoring"),
}
"""What the pods of a workload connect to with TLS where the settings ask for it."""


@pytest.mark.parametrize("target", KUSTOMIZED)
def test_a_pod_finds_the_certificates_of_its_servers_where_the_settings_say(target):
    config = reference.targets()[target].config
    every = {**config["database"], "monitoring": config["monitoring"]["jaeger"]}
    for component, template in pods(rendered(target)):
        mounted = {mount["mountPath"]: mount["name"] for mount in container(template)["volumeMounts"]}
        volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
        for server in ENCRYPTED[component]:
            tls = every[server].get("tls", {})
            for key in ("ca_file", "certificate_file", "key_file") if tls.get("enabled", True) else ():
                if key in tls:
                    secret = volumes[mounted[tls[key].rpartition("/")[0]]]["secret"]
                    assert secret["secretName"].endswith(f"-{server}-tls")
                    assert secret["defaultMode"] == 0o440, "libpq refuses a key that everybody may read"


def test_a_store_without_tls_has_no_secret_of_certificates():
    settings = {"database__mongodb__tls__enabled": "true", "database__mongodb__tls__ca_file": "/etc/mongo/ca.crt"}
    plain, encrypted = (
        {one["name"] for _, template in pods(files) for one in template["spec"]["volumes"]}
        for files in (rendered("development"), render("development", **settings))
    )
    assert encrypted - plain == {"mongodb-tls"}
