"""Policies: rule packs, their verdicts on the reference project and on small ones, waivers, and the reports."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest

import reference
from run import run
from scratch import make_project, write_files
from weft import load_project
from weft.base import paths
from weft.base.overlay import Layer, Source
from weft.base.problems import Place, Problem, Severity, UsageError, WeftError
from weft.lint.policies.manifests import Manifest
from weft.lint.policies.packs import choose, files, read_packs
from weft.lint.policies.reports import as_data, as_html, as_sarif
from weft.lint.policies.verdicts import Status, audit, holds, meets
from weft.project.settings import setting_path
from weft.report import sarif

DAY = date(2026, 12, 1)
SARIF = Path(__file__).parents[1] / "third_party" / "sarif" / "sarif-2.1.0-rtm.5.json"
VAULT = "ref+vault://kv/x#y"

# --- every control, shown on production of the reference project ---

STORE = "database.redis.tls.enabled"
# a setting, a value with which the control passes, and one with which it fails; REMOVED takes the setting away
REMOVED = None
OVERLAYS = {
    "HARD-01": ("security.https_only", True, False),
    "HARD-02": ("database.mongodb.tls.enabled", True, False),
    "HARD-03": ("database.postgresql.tls.mode", "verify-ca", "require"),
    "HARD-04": ("application.debug", False, True),
    "HARD-05": ("security.cookies.secure", True, False),
    "HARD-06": ("security.cookies.http_only", True, False),
    "HARD-07": ("security.cookies.same_site", "Lax", "None"),
    "HARD-08": ("security.csrf.enabled", True, False),
    "HARD-09": ("security.password.min_length", 12, 11),
    "HARD-10": ("security.lockout.max_attempts", 10, 11),
    "HARD-11": ("security.two_factor.enabled", True, False),
    "HARD-12": ("security.jwt.access_token_expire_minutes", 60, 61),
    "HARD-13": ("application.cors.allowed_origins", ["https://a.example"], ["https://a.example", "http://a.example"]),
    "HARD-14": ("monitoring.logging.level", "INFO", "DEBUG"),
    "HARD-15": ("application.rate_limit.storage", "redis", "memory"),
    "HARD-16": ("kubernetes.image.tag", "2.0.1", "latest"),
    "HARD-17": ("security.oauth.redirect_uri", "https://a.example/callback", "http://localhost:8000/auth/callback"),
    "HARD-18": ("monitoring.jaeger.collector.host", "otel.mlops.svc", "otel.spotify-ai-agent-staging.svc"),
    "HARD-19": ("security.cookies.csrf_name", "__Host-other", "csrf"),
    "HARD-20": ("security.headers.hsts.include_subdomains", True, False),
    "HARD-21": ("security.headers.content_security_policy.object_src", ["'none'"], ["'self'"]),
    "HARD-22": ("security.headers.content_security_policy.frame_ancestors", ["'self'"], ["https://a.example"]),
    "HARD-23": ("security.password.breach_check", True, False),
    "HARD-24": ("security.jwt.algorithm", "ES256", "HS256"),
    "HARD-25": ("security.session.absolute_timeout", 86400, 86401),
    "GDPR-05-1-C": ("database.postgresql.echo", False, True),
    "GDPR-05-1-E": ("security.compliance.data_retention_days", 1095, 1096),
    "GDPR-05-1-F": ("security.audit.events", ["data_access", "data_modification"], ["data_access"]),
    "GDPR-05-2": ("security.audit.enabled", True, False),
    "GDPR-32-1-A-REST": ("security.encryption.algorithm", "ChaCha20-Poly1305", "AES-128-GCM"),
    "GDPR-32-1-A-TRANSIT": (STORE, True, False),
    "GDPR-32-1-B-ACCESS": ("security.two_factor.enabled", True, False),
    "GDPR-32-1-B-BROWSERS": ("application.cors.allowed_origins", ["https://a.example"], ["*"]),
    "GDPR-32-1-B-RESILIENCE": ("application.autoscaling.min_replicas", 2, 1),
    "GDPR-32-1-C": ("application.backup.enabled", True, False),
    "GDPR-32-4": ("security.audit.events", ["administration"], ["api_calls"]),
    "GDPR-33-1": ("monitoring.alerting.channels", ["email"], []),
    "SOC2-CC6.1-MFA": ("security.two_factor.enabled", True, False),
    "SOC2-CC6.1-PASSWORDS": ("security.password.breach_check", True, False),
    "SOC2-CC6.1-AT-REST": ("security.encryption.algorithm", "AES-256-GCM", "AES-128-GCM"),
    "SOC2-CC6.1-KEYS": ("security.jwt.rotation_days", 180, 181),
    "SOC2-CC6.3": ("security.audit.events", ["authorization"], ["api_calls"]),
    "SOC2-CC6.6": ("application.rate_limit.enabled", True, False),
    "SOC2-CC6.7": (STORE, True, False),
    "SOC2-CC6.8": ("kubernetes.image.repository", "registry.example/a", "library/a"),
    "SOC2-CC7.2": ("monitoring.health.enabled", True, False),
    "SOC2-CC7.3": ("security.audit.alerts", True, False),
    "SOC2-CC7.4": ("monitoring.logging.format", "json", "text"),
    "SOC2-CC8.1": ("kubernetes.image.tag", "2.0.1", "latest"),
    "SOC2-A1.1": ("application.autoscaling.enabled", True, False),
    "SOC2-A1.2": ("database.postgresql.failover.enabled", True, False),
    "SOC2-C1.1": ("database.postgresql.echo", False, True),
    "SOC2-C1.2": ("security.compliance.data_retention_days", 1095, 1096),
    "CIS-K8S-5.3.2": ("kubernetes.network_policy.enabled", True, False),
    "CIS-K8S-5.4.2": ("security.encryption.key", VAULT, "ref+env://KEY"),
    "CIS-K8S-5.5.1": ("kubernetes.image.repository", "registry.example:5000/a", "library/a"),
    "CIS-K8S-5.6.1": ("kubernetes.namespace", "own-prod", "own"),
    "CIS-K8S-5.6.4": ("kubernetes.namespace", "own-prod", "default"),
    "CIS-DOCKER-4.2": ("kubernetes.image.tag", "2.0.1", "latest"),
    "CIS-DOCKER-5.8": ("application.server.port", 1024, 1023),
    "CIS-DOCKER-5.27": ("monitoring.health.readiness_path", "/ready", "/live"),
    "CIS-DOCKER-5.28": ("kubernetes.image.pull_policy", "Always", "Never"),
    "PCI-2.2.2": ("monitoring.grafana.admin_password", VAULT, REMOVED),
    "PCI-2.2.7": ("security.https_only", True, False),
    "PCI-3.5.1": ("security.encryption.algorithm", "ChaCha20-Poly1305", "AES-128-GCM"),
    "PCI-3.6.1.2": ("security.encryption.key", VAULT, "ref+file://key"),
    "PCI-4.2.1": (STORE, True, False),
    "PCI-6.2.4": ("security.csrf.enabled", True, False),
    "PCI-8.2.8": ("security.session.idle_timeout", 900, 901),
    "PCI-8.3.4": ("security.lockout.duration", 1800, 1799),
    "PCI-8.3.6": ("security.password.min_length", 12, 11),
    "PCI-8.4.2": ("security.two_factor.enabled", True, False),
    "PCI-10.2.1": ("security.audit.events", ["data_access"], ["api_calls"]),
    "PCI-10.2.1.2": ("security.audit.events", ["administration"], ["api_calls"]),
    "PCI-10.2.1.4": ("security.audit.events", ["authentication"], ["api_calls"]),
    "PCI-10.4.1.1": ("security.audit.alerts", True, False),
    "PCI-10.5.1": ("security.audit.retention_days", 365, 364),
    "HIPAA-308-A-1-D": ("security.audit.enabled", True, False),
    "HIPAA-308-A-5-C": ("security.audit.events", ["authentication"], ["api_calls"]),
    "HIPAA-308-A-5-D": ("security.password.breach_check", True, False),
    "HIPAA-308-A-6": ("monitoring.alerting.enabled", True, False),
    "HIPAA-308-A-7-A": ("application.backup.enabled", True, False),
    "HIPAA-308-A-7-B": ("database.postgresql.read_replica.enabled", True, False),
    "HIPAA-312-A-2-III": ("security.session.idle_timeout", 1800, 1801),
    "HIPAA-312-A-2-IV": ("security.encryption.algorithm", "AES-256-GCM", "AES-128-GCM"),
    "HIPAA-312-B": ("security.audit.events", ["api_calls"], ["authentication"]),
    "HIPAA-312-C": ("security.audit.events", ["data_modification"], ["api_calls"]),
    "HIPAA-312-D": ("security.two_factor.enabled", True, False),
    "HIPAA-312-E": (STORE, True, False),
}


@cache
def packs():
    return read_packs(reference.project())


@cache
def controls():
    return {control.id: control for policy in packs().values() for control in policy.controls}


AUDITED = (*reference.ENVIRONMENTS, "production/acme", "production/velvet-static")


@cache
def whole_audit():
    """The verdicts of all packs on some targets of the reference project."""
    targets = [reference.targets()[name] for name in AUDITED]
    return audit(reference.project(), targets, packs(), choose(packs(), ["all"]), DAY)


def passes(name, **settings):
    """Whether a control passes in production with an overlay of these settings on top."""
    project, target = reference.project(), reference.targets()["production"]
    data = {}
    for path, value in settings.items():
        paths.put(data, paths.parse_dotted(path), value)
    layers = (*target.resolution.layers, Layer("test", (Source("test", data),)))
    folded = project.layering.fold(layers)
    assert folded.problems == ()
    config = project.root.fill(folded.value)
    assert project.schemas.schema_check.problems(config) == []
    control = controls()[name]
    assert all(holds(condition, project.root, config) for condition in control.conditions)
    return holds(control.rule, project.root, config)


def test_every_control_has_its_overlays_or_its_documents():
    over = {name for name, control in controls().items() if control.over}
    assert set(OVERLAYS) == set(controls()) - over
    assert set(DOCUMENTS) == over


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_control_passes_and_fails_by_one_setting(name):
    path, good, bad = OVERLAYS[name]
    assert passes(name, **{path: {"$replace": good} if isinstance(good, list) else good})
    assert not passes(name, **{path: {"$replace": bad} if isinstance(bad, list) else bad})


def workload(**changes):
    """A Deployment that meets every control, with some values set otherwise; REMOVED takes one away."""
    root = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    own = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    resources = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
    container = {"image": f"a@sha256:{64 * 'a'}", "securityContext": own, "resources": resources}
    container |= {"readinessProbe": {"a": 1}, "livenessProbe": {"a": 2}, "ports": [{"containerPort": 80}]}
    spec = {"serviceAccountName": "own", "automountServiceAccountToken": False, "securityContext": root}
    spec |= {"containers": [container], "volumes": [{"emptyDir": {}}], "topologySpreadConstraints": [{}]}
    whole = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app"}}
    return changed(whole | {"spec": {"template": {"spec": spec}}}, POD, changes)


def thing(kind, **spec):
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "it"}, "spec": spec}


def changed(document, start, changes):
    for path, value in changes.items():
        *above, name = path.split("__")
        place = paths.get(document, (*start, *(int(step) if step.isdigit() else step for step in above)))
        if value is REMOVED:
            del place[name]
        else:
            place[name] = value
    return document


def role(**rule):
    return {"apiVersion": "v1", "kind": "Role", "metadata": {"name": "it"}, "rules": [{"verbs": ["get"]} | rule]}


POD = ("spec", "template", "spec")
OWN, CONTAINER = "containers__0__securityContext", "containers__0"
LABELS = "pod-security.kubernetes.io/enforce"
GOOD = workload()
# a document with which a control passes, and some with each of which it fails
DOCUMENTS = {
    "CIS-K8S-5.1.2": (
        role(resources=["secrets"], resourceNames=["a"]),
        [role(resources=["secrets"]), role(resources=["secrets"], resourceNames=["a"], verbs=["get", "list"])],
    ),
    "CIS-K8S-5.1.3": (role(resources=["pods"]), [role(resources=["*"]), role(resources=["pods"], verbs=["*"])]),
    "CIS-K8S-5.1.5": (GOOD, [workload(serviceAccountName=REMOVED), workload(serviceAccountName="default")]),
    "CIS-K8S-5.1.6": (
        GOOD,
        [workload(automountServiceAccountToken=REMOVED), workload(automountServiceAccountToken=True)],
    ),
    "CIS-K8S-5.2.1": (
        changed(thing("Namespace"), (), {"metadata": {"labels": {LABELS: "restricted"}}}),
        [thing("Namespace"), changed(thing("Namespace"), (), {"metadata": {"labels": {LABELS: "baseline"}}})],
    ),
    "CIS-K8S-5.2.2": (GOOD, [workload(**{f"{OWN}__privileged": True})]),
    "CIS-K8S-5.2.4": (GOOD, [workload(hostPID=True), workload(hostIPC=True), workload(hostNetwork=True)]),
    "CIS-K8S-5.2.6": (
        GOOD,
        [workload(**{f"{OWN}__allowPrivilegeEscalation": value}) for value in (True, REMOVED)]
        + [workload(initContainers=[{"securityContext": {"allowPrivilegeEscalation": True}}])],
    ),
    "CIS-K8S-5.2.7": (GOOD, [workload(securityContext__runAsNonRoot=value) for value in (False, REMOVED)]),
    "CIS-K8S-5.2.9": (
        GOOD,
        [workload(**{f"{OWN}__capabilities": value}) for value in ({"drop": ["NET_RAW"]}, REMOVED)]
        + [workload(**{f"{OWN}__capabilities__add": ["SYS_ADMIN"]})],
    ),
    "CIS-K8S-5.2.11": (GOOD, [workload(volumes=[{"hostPath": {"path": "/"}}])]),
    "CIS-K8S-5.2.12": (GOOD, [workload(**{f"{CONTAINER}__ports": [{"hostPort": 80}]})]),
    "CIS-K8S-5.6.2": (GOOD, [workload(securityContext__seccompProfile=REMOVED)]),
    "CIS-K8S-5.3.2-TYPES": (
        thing("NetworkPolicy", policyTypes=["Egress", "Ingress"]),
        [thing("NetworkPolicy"), thing("NetworkPolicy", policyTypes=["Ingress"])],
    ),
    "LOAD-01": (GOOD, [workload(**{f"{CONTAINER}__resources__{key}": REMOVED}) for key in ("requests", "limits")]),
    "LOAD-02": (GOOD, [workload(**{f"{CONTAINER}__livenessProbe": value}) for value in (REMOVED, {"a": 1})]),
    "LOAD-03": (GOOD, [workload(**{f"{CONTAINER}__image": image}) for image in ("a:2.0.0", "a@sha256:abc")]),
    "LOAD-04": (GOOD, [workload(**{f"{OWN}__readOnlyRootFilesystem": value}) for value in (False, REMOVED)]),
    "LOAD-05": (GOOD, [workload(topologySpreadConstraints=value) for value in ([], REMOVED)]),
    "LOAD-06": (thing("Service", type="ClusterIP"), [thing("Service", type="NodePort")]),
    "LOAD-07": (thing("Ingress", tls=[{}]), [thing("Ingress"), thing("Ingress", tls=[])]),
    "LOAD-08": (
        thing("PodDisruptionBudget", maxUnavailable="10%"),
        [thing("PodDisruptionBudget", maxUnavailable=value) for value in (0, "0%")],
    ),
    "LOAD-09": (thing("Job", activeDeadlineSeconds=1), [thing("Job"), thing("CronJob", jobTemplate={"spec": {}})]),
    "LOAD-10": (
        thing("ServiceAccount") | {"automountServiceAccountToken": False},
        [thing("ServiceAccount"), thing("ServiceAccount") | {"automountServiceAccountToken": True}],
    ),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_control_over_documents_passes_and_fails_by_one_value(name):
    control = controls()[name]
    good, bad = DOCUMENTS[name]
    made = [Manifest("x.j2", Place("x.yaml", 1, 1), document) for document in (good, *bad)]
    assert all(control.over.includes(manifest) for manifest in made)
    assert [meets(control, manifest) for manifest in made] == [True, *[False for _ in bad]]


def test_a_control_of_two_settings_needs_both():
    own = {
        "monitoring.jaeger.collector.host": "otel.spotify-ai-agent-prod.svc",
        "ml.registry.url": "https://mlflow.example",
    }
    assert passes("HARD-18", **own)
    assert not passes("HARD-18", **own | {"ml.registry.url": "http://mlflow.spotify-ai-agent-dev.svc:5000"})


def test_the_packs_are_there_with_enough_controls():
    assert list(packs()) == ["cis", "gdpr", "hardening", "hipaa", "pci-dss", "soc2", "workloads"]
    assert all(len(policy.controls) >= 8 for policy in packs().values())


def test_a_remedy_names_settings_that_exist():
    for control in controls().values():
        named = re.findall(r"\b[a-z]\w*(?:\.\w+)+\b", re.sub(r"https?://\S*|ref\+\S*", "", control.remedy))
        domains = [path for path in named if path.partition(".")[0] in reference.project().root.properties]
        for path in domains:
            setting_path(reference.project().root, paths.parse_dotted(path))


@pytest.mark.programs("python3")  # for minutes are few: it looks at every object of production
def test_production_passes_every_pack():
    assert whole_audit().problems == []
    assert whole_audit().unjudged == ()
    judged = {verdict.target for verdict in whole_audit().verdicts if verdict.status is Status.PASSED}
    assert {name for name in AUDITED if name.startswith("production")} <= judged


def test_every_waiver_of_the_reference_project_is_used():
    waived = {verdict.control.id for verdict in whole_audit().verdicts if verdict.status is Status.WAIVED}
    assert waived == {"PCI-8.2.8"}


def test_hardening_is_for_production_only():
    statuses = {
        verdict.status
        for verdict in whole_audit().verdicts
        if verdict.control.policy == "hardening" and not verdict.target.startswith("production")
    }
    assert statuses == {Status.NOT_APPLICABLE}


# --- a small project ---

SCHEMA = {
    "properties": {
        "app": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "tls": {"type": "boolean", "default": False},
                "port": {"type": "integer"},
                "name": {"type": "string"},
                "key": {"type": "string", "x-sensitive": True},
            },
        }
    },
    "additionalProperties": False,
}
PACK = """\
    title: House rules
    standard: House 1
    controls:
      - id: TLS
        title: TLS is on
        severity: error
        maps_to: {id: "1.1", title: Encryption}
        rule: self.app.tls
        message: TLS is <off>
        remedy: set app.tls to true
      - id: PORT
        title: The port is high
        severity: warning
        maps_to: {id: "1.2", title: Ports}
        when: has(self.app.port)
        rule: self.app.port >= 1024
        message: the port is low
        remedy: set app.port to 1024 or more
    """
DIMENSIONS = {"environment": {"values": ["dev", "prod"]}}


def small(folder, pack=PACK, waivers=(), dev=None, prod=None, **weft):
    """A project with the targets dev and prod, and a pack `house`."""
    made = {
        "schema.json": SCHEMA,
        "policies/house.policy.yaml": pack,
        "dev.yaml": {"app": {"tls": True}} if dev is None else dev,
        "prod.yaml": {"app": {"tls": True}} if prod is None else prod,
    }
    extra = {"waivers": list(waivers)} if waivers else {}
    return make_project(folder, made, **{"layers": ["{environment}"], "dimensions": DIMENSIONS, **extra, **weft})


def waiver(**changes):
    whole = {"policy": "house", "control": "TLS", "targets": ["dev"], "reason": "Soon gone", "expires": "2027-03-31"}
    return whole | changes


def judged(folder, *globs, names=("all",), today=DAY):
    project = load_project(folder)
    known = read_packs(project)
    return audit(project, project.targets(*globs), known, choose(known, names), today)


def told(problems):
    return [(problem.code, problem.severity.value, problem.message) for problem in problems]


def place(problem):
    return problem.place.file, problem.place.line, problem.place.column


OFF = {"app": {"tls": False, "port": 80}}


OVER = """\
    title: House rules
    standard: House 1
    controls:
      - id: NAMES
        title: Names are short
        severity: error
        maps_to: {id: "1.1", title: Names}
        over: %s
        rule: %s
        message: the name is long
        remedy: shorten it
    """
TEMPLATE = """\
# {{ target.name }}
apiVersion: v1
kind: Service
metadata: {name: short}
---
# another
apiVersion: v1
kind: Service
metadata: {name: "{{ app.name | default("long-name") }}"}
"""


def over(folder, what, rule):
    """A project that renders two Services in each target, and a pack whose control is over them."""
    pack = OVER % (what, json.dumps(rule))
    outputs = [{"template": "it.yaml.j2", "path": "{environment}/it.yaml"}]
    made = small(folder, pack, prod={"app": {"name": "prod"}}, outputs=outputs)
    write_files(made, {"templates/it.yaml.j2": TEMPLATE})
    return made


def test_a_control_over_documents_fails_at_the_line_of_the_output(tmp_path):
    found = judged(over(tmp_path, "{kinds: [Service]}", "size(object.metadata.name) <= 5"))
    assert [verdict.status for verdict in found.verdicts] == [Status.FAILED, Status.PASSED]
    (problem,) = found.problems
    assert place(problem) == ("dev/it.yaml", 7, 1)
    assert problem.message == "house NAMES: the name is long (Service long-name)"
    assert (problem.hint, problem.targets) == ("shorten it", ("dev",))


@pytest.mark.parametrize(
    ("what", "rule", "status"),
    [
        ("{kinds: [Deployment]}", "false", Status.NOT_APPLICABLE),
        ("pods", "false", Status.NOT_APPLICABLE),
        ("{outputs: [other.*]}", "false", Status.NOT_APPLICABLE),
        ("{outputs: ['it.yaml.*']}", "object.kind == 'Service'", Status.PASSED),
        ("{kinds: [Service]}", "object.spec.type == 'ClusterIP'", Status.FAILED),  # what is not there does not pass
        ("{kinds: [Service]}", "pod == null && size(containers) == 0", Status.PASSED),
    ],
)
def test_a_control_is_about_the_documents_that_it_names(tmp_path, what, rule, status):
    assert {verdict.status for verdict in judged(over(tmp_path, what, rule)).verdicts} == {status}


def test_a_mistake_in_a_rule_over_documents_is_told_with_its_place(tmp_path):
    with pytest.raises(WeftError) as caught:
        judged(over(tmp_path, "{kinds: [Service]}", "objct.spec"))
    (problem,) = caught.value.problems
    assert (problem.code, problem.place.file, problem.place.line) == ("rule-invalid", "policies/house.policy.yaml", 9)
    assert "objct" in problem.message
    assert "1:1 in the expression" in problem.message


def test_a_rule_over_documents_is_reported_as_it_is_written(tmp_path):
    found = judged(over(tmp_path, "pods", "pod == null"))
    assert as_data(found)["policies"][0]["controls"][0]["rule"] == "pod == null"


def test_a_failed_control_is_a_problem_at_the_setting_that_it_reads(tmp_path):
    write_files(small(tmp_path), {"dev.yaml": "app:\n  port: 8080\n  tls: false\n"})
    (problem,) = judged(tmp_path).problems
    assert told([problem]) == [("policy", "error", "house TLS: TLS is <off>")]
    assert place(problem) == ("dev.yaml", 3, 8)
    assert (problem.path, problem.hint, problem.targets) == ("/app/tls", "set app.tls to true", ("dev",))
    assert problem.schema == "policies/house.policy.yaml#/controls/0"


def test_where_no_layer_says_anything_the_nearest_place_is_told(tmp_path):
    project = small(tmp_path, dev={"app": {"name": "x"}}, prod={"other": {}})
    schema = SCHEMA | {"properties": SCHEMA["properties"] | {"other": {"type": "object"}}}
    above, nowhere = judged(write_files(project, {"schema.json": schema})).problems
    assert place(above)[0] == "dev.yaml"
    assert place(nowhere) == ("policies/house.policy.yaml", 4, 5)


def test_the_same_failure_in_two_targets_is_one_problem(tmp_path):
    write_files(small(tmp_path, layers=["base"]), {"base.yaml": OFF})
    tls, port = sorted(judged(tmp_path).problems, key=lambda problem: problem.message, reverse=True)
    assert (tls.targets, tls.severity) == (("dev", "prod"), Severity.ERROR)
    assert (port.targets, port.severity) == (("dev", "prod"), Severity.WARNING)


def test_a_target_whose_configuration_is_not_valid_is_not_judged(tmp_path):
    small(tmp_path, dev={"app": {"tls": "yes"}})
    found = judged(tmp_path)
    assert (found.unjudged, found.targets) == (("dev",), ("prod",))
    result = run("policy", "report", cwd=tmp_path)
    assert result.code == 1
    assert "not checked, because the configuration is not valid: dev" in result.out
    assert "wrong-type" in result.err


def test_a_rule_that_cannot_be_decided_is_told_with_its_place_in_the_pack(tmp_path):
    small(tmp_path, PACK.replace("rule: self.app.tls", "rule: self.app.port > 0"))
    (problem,) = judged(tmp_path).problems
    assert problem.code == "rule-undecided"
    assert place(problem) == ("policies/house.policy.yaml", 8, 11)
    assert "`port` is not set" in problem.message


def test_a_rule_that_is_no_truth_value_is_told(tmp_path):
    small(tmp_path, PACK.replace("rule: self.app.tls", "rule: size('abc')"))
    with pytest.raises(WeftError) as caught:
        judged(tmp_path)
    (problem,) = caught.value.problems
    assert "a whole number, neither true nor false" in problem.message


# --- packs that are wrong ---


@pytest.mark.parametrize(
    ("before", "after", "code", "line", "column", "message", "hint"),
    [
        ("rule: self.app.tls", "rule: self.app.tsl", "rule-invalid", 8, 20, "no `tsl` there", "did you mean `tls`?"),
        ("when: has(self.app.port)", "when: self.ap", "rule-invalid", 15, 16, "no `ap` there", "did you mean `app`?"),
        (
            "rule: self.app.tls",
            "rule: app.tls",
            "rule-invalid",
            8,
            11,
            "names `app`",
            "settings are reached through `self`",
        ),
        (
            "rule: self.app.tls",
            "rule: sise(self.app.name) > 0",
            "unsupported-function",
            8,
            11,
            "calls `sise`",
            "did you mean `size`?",
        ),
        ("rule: self.app.tls", "rule: self.app.tls == 'on'", "rule-invalid", 8, 24, "compares unlike types", None),
        ("rule: self.app.tls", "rule: self.app.tls &&", "rule-invalid", 8, 26, "does not compile", None),
        ("rule: self.app.tls", "rule: self == oldSelf", "rule-invalid", 8, 19, "one configuration", None),
        ("id: PORT", "id: TLS", "rule-invalid", 11, 9, "appears twice", "give each its own id"),
        ("severity: error", "severity: fatal", "not-allowed", 6, 15, "severity", None),
        ("severity: error", "severty: error", "unknown-key", 6, 5, "severty", "did you mean `severity`?"),
        ("    standard: House 1\n", "", "missing-required", 1, 1, "standard is required", None),
        (
            "title: House rules",
            "title: [",
            "syntax",
            3,
            9,
            "never closed",
            "write `,` between its items and `]` at its end",
        ),
    ],
)
def test_a_pack_that_is_wrong_is_told_with_line_and_column(tmp_path, before, after, code, line, column, message, hint):
    small(tmp_path, PACK.replace(before, after, 1))
    with pytest.raises(WeftError) as caught:
        read_packs(load_project(tmp_path))
    problem = next(problem for problem in caught.value.problems if problem.code == code)
    assert message in problem.message
    assert place(problem) == ("policies/house.policy.yaml", line, column)
    assert problem.hint == hint or hint is None
    result = run("validate", "--policy", "house", "--format", "json", cwd=tmp_path)
    assert result.code == 1
    assert (code, line) in [(problem["code"], problem["line"]) for problem in json.loads(result.out)["problems"]]


def test_a_pack_that_cannot_be_read_is_told(tmp_path):
    small(tmp_path)
    (tmp_path / "policies" / "house.policy.yaml").unlink()
    (tmp_path / "policies" / "house.policy.yaml").symlink_to("nowhere")
    with pytest.raises(WeftError, match="cannot be read"):
        read_packs(load_project(tmp_path))


def test_the_folder_of_the_packs_can_be_chosen(tmp_path):
    small(tmp_path, policies="rules")
    assert files(load_project(tmp_path)) == {}
    (tmp_path / "policies").rename(tmp_path / "rules")
    assert list(files(load_project(tmp_path))) == ["house"]


def test_an_unknown_policy_is_a_mistake_of_the_caller(tmp_path):
    small(tmp_path)
    with pytest.raises(UsageError, match="no policy `hose`") as caught:
        judged(tmp_path, names=("hose",))
    assert caught.value.problems[0].hint == "did you mean `house`?"
    result = run("validate", "--policy", "hose", cwd=tmp_path)
    assert (result.code, "did you mean `house`?" in result.err) == (2, True)


# --- waivers ---


def test_a_waiver_waives_for_its_targets_until_its_last_day(tmp_path):
    small(tmp_path, waivers=[waiver()], dev={"app": {"tls": False}}, prod={"app": {"tls": False}})
    found = judged(tmp_path, today=date(2027, 3, 1))
    assert [problem.targets for problem in found.problems if problem.code == "policy"] == [("prod",)]
    assert {verdict.target: verdict.status for verdict in found.verdicts if verdict.control.id == "TLS"} == {
        "dev": Status.WAIVED,
        "prod": Status.FAILED,
    }


@pytest.mark.parametrize(
    ("today", "codes", "severity"),
    [
        (date(2027, 2, 28), [], None),
        (date(2027, 3, 1), ["waiver-expiring"], Severity.WARNING),
        (date(2027, 3, 31), ["waiver-expiring"], Severity.WARNING),
        (date(2027, 4, 1), ["policy", "waiver-expired"], Severity.ERROR),
    ],
)
def test_a_waiver_is_warned_of_before_its_end_and_an_error_after_it(tmp_path, today, codes, severity):
    small(tmp_path, waivers=[waiver()], dev={"app": {"tls": False}})
    problems = judged(tmp_path, today=today).problems
    assert [problem.code for problem in problems] == codes
    for problem in problems[-1:]:
        assert problem.severity == severity
        assert problem.place.file == "weft.yaml"
        assert "2027-03-31" in problem.message


@pytest.mark.parametrize(
    ("changes", "told_as"),
    [
        ({"policy": "hose"}, ("waiver-invalid", "error", "there is no policy `hose`")),
        ({"control": "TLSS"}, ("waiver-invalid", "error", "the policy `house` has no control `TLSS`")),
        (
            {"targets": ["dev", "pord"]},
            ("waiver-unused", "warning", "no target matches `pord`, so the waiver has no effect"),
        ),
        (
            {"targets": ["prod"]},
            ("waiver-unused", "warning", "none of its targets fails house TLS, so this waiver is not used"),
        ),
    ],
)
def test_a_waiver_that_is_wrong_or_of_no_use_is_told_in_weft_yaml(tmp_path, changes, told_as):
    text = f"""\
version: 1
schema: schema.json
layers: ["{{environment}}"]
dimensions: {json.dumps(DIMENSIONS)}
waivers:
  - policy: {changes.get("policy", "house")}
    control: {changes.get("control", "TLS")}
    targets: {json.dumps(changes.get("targets", ["dev"]))}
    reason: Soon gone
    expires: 2027-03-31
"""
    write_files(small(tmp_path, dev={"app": {"tls": False}}), {"weft.yaml": text})
    problems = [problem for problem in judged(tmp_path).problems if problem.code.startswith("waiver")]
    assert told(problems) == [told_as]
    where = {"policy": (6, 13), "control": (7, 14), "targets": (8, 22)}[next(iter(changes))]
    where = (7, 14) if changes.get("targets") == ["prod"] else where
    assert place(problems[0]) == ("weft.yaml", *where)
    assert problems[0].hint


def test_a_waiver_is_not_called_useless_when_its_targets_were_not_judged(tmp_path):
    small(tmp_path, waivers=[waiver(targets=["*"])])
    assert judged(tmp_path, "prod").problems == []
    assert [problem.code for problem in judged(tmp_path).problems] == ["waiver-unused"]


def test_waivers_of_packs_that_were_not_asked_for_rest(tmp_path):
    small(tmp_path, waivers=[waiver(expires="2020-01-01")])
    write_files(tmp_path, {"policies/other.policy.yaml": PACK})
    assert judged(tmp_path, names=("other",)).problems == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"expires": "2027-02-30"}, "expires"),
        ({"expires": "next week"}, "expires"),
        ({"reason": " "}, "reason"),
        ({"targets": []}, "targets"),
        ({"until": "2027-01-01"}, "until"),
    ],
)
def test_a_waiver_needs_targets_a_reason_and_a_date(tmp_path, changes, message):
    small(tmp_path, waivers=[waiver(**changes)])
    with pytest.raises(WeftError, match=message) as caught:
        load_project(tmp_path)
    assert caught.value.problems[0].place.line


# --- the commands ---


def days(count):
    return (datetime.now(UTC).date() + timedelta(days=count)).isoformat()


def test_validate_reports_failed_controls_beside_other_problems(tmp_path):
    small(tmp_path, dev=OFF)
    result = run("validate", "--policy", "house", "--format", "json", cwd=tmp_path)
    problems = json.loads(result.out)["problems"]
    assert result.code == 1
    assert {(problem["code"], problem["severity"]) for problem in problems} == {
        ("policy", "error"),
        ("policy", "warning"),
    }
    assert run("validate", cwd=tmp_path).code == 0
    assert run("validate", "prod", "--policy", "all", cwd=tmp_path).code == 0
    assert "hint: set app.tls to true" in run("validate", "--policy", "house", cwd=tmp_path).out


def test_warnings_fail_only_a_strict_run(tmp_path):
    small(tmp_path, dev={"app": {"tls": True, "port": 80}})
    assert run("validate", "--policy", "house", cwd=tmp_path).code == 0
    assert run("validate", "--policy", "house", "--strict", cwd=tmp_path).code == 1


def test_an_expired_waiver_fails_the_run(tmp_path):
    small(tmp_path, waivers=[waiver(expires=days(-1))], dev={"app": {"tls": False}})
    result = run("policy", "report", cwd=tmp_path)
    assert result.code == 1
    assert "ended on" in result.err


def test_a_waiver_of_tomorrow_still_waives(tmp_path):
    small(tmp_path, waivers=[waiver(expires=days(2))], dev={"app": {"tls": False}})
    result = run("policy", "report", cwd=tmp_path)
    assert result.code == 0
    assert f"waived until {days(2)}: Soon gone" in result.out
    assert "waiver-expiring" in result.err


def test_list_shows_packs_and_of_the_named_ones_the_controls(tmp_path):
    small(tmp_path)
    assert run("policy", "list", cwd=tmp_path).out == "house   2 controls  House rules (House 1)\n"
    assert "PORT  warning  The port is high [1.2 Ports]" in run("policy", "list", "house", cwd=tmp_path).out
    (row,) = json.loads(run("policy", "list", "--format", "json", cwd=tmp_path).out)
    assert [control["id"] for control in row["controls"]] == ["TLS", "PORT"]
    assert run("policy", "list", "hose", cwd=tmp_path).code == 2


def test_the_text_report_counts_per_target_and_in_sum(tmp_path):
    small(tmp_path, dev=OFF)
    out = run("policy", "report", cwd=tmp_path).out
    assert "  dev       2 failed\n  prod      1 passed\n  in total  2 failed, 1 passed\n" in out
    assert "  failed TLS (error, 1.1 Encryption): TLS is <off>\n    --> dev.yaml" in out
    assert out.endswith("2 targets checked: 2 failed, 1 passed\n")


@pytest.mark.parametrize("format_", ["text", "json", "sarif", "html"])
def test_a_report_goes_to_a_file_whole(tmp_path, format_):
    small(tmp_path, dev=OFF)
    result = run("policy", "report", "--format", format_, "-o", "report.out", cwd=tmp_path)
    assert (result.code, result.out) == (1, "")
    assert (tmp_path / "report.out").read_text() == run("policy", "report", "--format", format_, cwd=tmp_path).out
    assert [path.name for path in tmp_path.glob("report*")] == ["report.out"]
    result = run("policy", "report", "-o", "no/such/folder", cwd=tmp_path)
    assert (result.code, "cannot-write" in result.err) == (3, True)


def test_the_shell_completes_the_names_of_packs(tmp_path):
    small(tmp_path)
    words = {"_WEFT_COMPLETE": "bash_complete", "COMP_WORDS": "weft validate --policy ", "COMP_CWORD": "3"}
    out = run(cwd=tmp_path, env=words).out
    assert [line.partition(",")[2] for line in out.splitlines()] == ["house", "all"]


# --- the formats ---


def test_the_data_say_per_target_what_passed_failed_and_was_waived(tmp_path):
    small(tmp_path, waivers=[waiver()], dev=OFF)
    data = as_data(judged(tmp_path))
    assert data["summary"] == {"passed": 1, "declared": 0, "failed": 1, "waived": 1, "not_applicable": 1}
    tls, port = data["targets"][0]["results"]
    assert (tls["status"], tls["waiver"]["reason"], tls["waiver"]["expires"]) == ("waived", "Soon gone", "2027-03-31")
    assert (port["status"], port["path"], port["file"], port["hint"]) == (
        "failed",
        "/app/port",
        "dev.yaml",
        "set app.port to 1024 or more",
    )
    json.dumps(data)


@cache
def sarif_validator():
    schema = json.loads(SARIF.read_text("utf-8"))
    return jsonschema.validators.validator_for(schema)(schema)


def valid(log):
    assert [error.message for error in sarif_validator().iter_errors(log)] == []
    return log["runs"][0]["results"]


def test_sarif_holds_all_kinds_of_results_and_is_valid(tmp_path):
    small(tmp_path, waivers=[waiver(), waiver(control="NONE")], dev=OFF)
    results = valid(as_sarif(judged(tmp_path)))
    kinds = {(result["ruleId"], result["kind"], result["level"], len(result["suppressions"])) for result in results}
    assert kinds == {
        ("house/TLS", "fail", "error", 1),
        ("house/TLS", "pass", "none", 0),
        ("house/PORT", "fail", "warning", 0),
        ("house/PORT", "notApplicable", "none", 0),
        ("waiver-invalid", "fail", "error", 0),
    }
    suppression = next(result["suppressions"][0] for result in results if result["suppressions"])
    assert (suppression["status"], suppression["justification"]) == ("accepted", "Soon gone (until 2027-03-31)")
    location = results[0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "dev.yaml"
    assert {"startLine", "startColumn"} == set(location["region"])


@pytest.mark.programs("python3")  # for minutes are few: it looks at every object of every target
def test_sarif_of_the_whole_reference_project_is_valid():
    results = valid(as_sarif(whole_audit()))
    assert len({result["ruleId"] for result in results}) == len(controls())
    assert sum(bool(result["suppressions"]) for result in results) >= 1


def test_sarif_takes_any_problem():
    problem = Problem(
        "rule",
        "something is odd",
        Severity.NOTE,
        path="/a",
        place=Place("a b.yaml", 2),
        related=(Place("c.yaml", 1, 1),),
        targets=("x",),
        hint="fix it",
    )
    (one, other) = valid(sarif.sarif(map(sarif.of_problem, (problem, Problem("git-failed", "nothing known")))))
    assert one["message"]["text"] == "something is odd (fix it)"
    assert one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b.yaml"
    assert one["locations"][0]["physicalLocation"]["region"] == {"startLine": 2}
    assert one["properties"] == {"targets": ["x"]}
    assert "suppressions" not in one
    assert "locations" not in other
    valid(sarif.sarif([]))


class Page(HTMLParser):
    """Whether elements are closed, what they refer to, and which attributes there are."""

    VOID = ("meta", "link", "br", "img")

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.tags, self.wrong = [], set(), [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        self.ids.add(attributes.get("id"))
        self.links += [attributes[name] for name in ("href", "src") if name in attributes]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_the_page_is_whole_accessible_and_escapes_what_it_shows(tmp_path):
    small(tmp_path, waivers=[waiver(control="PORT", reason="<script>alert(1)</script>")], dev=OFF)
    text = as_html(judged(tmp_path))
    page = Page(text)
    assert (page.open, page.wrong) == ([], [])
    assert "<script" not in text
    assert "TLS is &lt;off&gt;" in text
    assert ("html", {"lang": "en"}) in page.tags
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    tables = [tag for tag, _ in page.tags if tag in ("table", "caption")]
    assert tables.count("table") == tables.count("caption") == 3
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    assert "Waived until" in text


def test_the_page_of_the_reference_project_loads_nothing():
    page = Page(as_html(whole_audit()))
    assert (page.open, page.wrong) == ([], [])
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe"}


def test_no_report_shows_a_secret_reference_of_the_configuration(tmp_path):
    pack = PACK.replace("rule: self.app.tls", "rule: has(self.app.key) && self.app.key.startsWith('ref+vault://')")
    small(
        tmp_path, pack, dev={"app": {"tls": True, "key": "ref+env://CANARY"}}, prod={"app": {"key": "ref+env://CANARY"}}
    )
    for format_ in ("text", "json", "sarif", "html"):
        assert "CANARY" not in run("policy", "report", "--format", format_, cwd=tmp_path).out


# --- declared and enforced ---


def test_where_the_project_has_readers_only_what_something_reads_passes(tmp_path):
    """A setting that a program reads, one of a program that is planned, and one that nobody reads."""
    readers = {"proxy": {"outputs": ["out.j2"], "test": "test.py"}, "server": {"planned": "a server"}}
    names = {"port": "{{ app.port }}", "size": "", "level": ""}
    settings = {name: {"type": "integer", "default": 7} for name in names}
    settings["size"]["x-read-by"] = "server"
    controls = [
        {
            "id": name, "title": name, "severity": "error", "maps_to": {"id": "1", "title": "One"},
            "rule": f"self.app.{name} == 7", "message": "it is not 7", "remedy": "set it to 7",
        }
        for name in names
    ]  # fmt: skip
    files = {
        "schema.json": {"properties": {"app": {"type": "object", "default": {}, "properties": settings}}},
        "policies/house.policy.yaml": {"title": "House", "standard": "House 1", "controls": controls},
        "templates/out.j2": "first\n{{ app.port }}\n",
        "base.yaml": "{}",
    }
    make_project(tmp_path, files, outputs=[{"template": "out.j2", "path": "out"}], readers=readers)
    verdicts = {verdict.control.id: verdict for verdict in judged(tmp_path).verdicts}
    assert {name: verdict.status for name, verdict in verdicts.items()} == {
        "port": Status.PASSED, "size": Status.DECLARED, "level": Status.DECLARED
    }  # fmt: skip
    evidence = {name: [(one.reader, one.file, one.lines) for one in each.evidence] for name, each in verdicts.items()}
    assert evidence == {"port": [("proxy", "out", (2,))], "size": [("server", None, ())], "level": []}
