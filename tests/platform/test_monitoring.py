"""Monitoring: alerts fire and clear where their thresholds say, and everything that is named exists."""

import base64
import configparser
import copy
import json
import re
import subprocess
import threading
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest
import yaml

import reference
import weft
from reference import ENVIRONMENTS, OF_THE_PROJECT, ROOT
from run import run
from scratch import make_project, write_files
from servers import find, until
from weft.base.problems import Severity
from weft.cluster import metrics

ALL_ON = {f"monitoring.{name}.enabled": "true" for name in ("prometheus", "grafana", "jaeger", "alerting.drift")}
"""Locally nothing is monitored; the tests turn it on there too."""


@cache
def everywhere():
    """The reference project with all of monitoring in every environment."""
    return reference.changed(ALL_ON)


@cache
def files_of(environment):
    """What is rendered for an environment."""
    return everywhere().target(environment).render()


def rendered(environment, name):
    """The text of a file of an environment's monitoring."""
    return files_of(environment)[f"{environment}/monitoring/{name}"]


@cache
def data(environment, name):
    return yaml.safe_load(rendered(environment, name))


@cache
def settings(environment):
    return everywhere().target(environment).config["monitoring"]


def rules(environment, file="alerts.yml"):
    return [rule for group in data(environment, file)["groups"] for rule in group["rules"]]


def alerts(environment):
    """The alerts that have a threshold."""
    return [rule for rule in rules(environment) if rule["alert"] != "Watchdog"]


def promtool_test(folder, rules, tests, name="alerts"):
    """What promtool reports for rules and their tests."""
    write_files(folder, {f"{name}.yml": rules.encode(), f"{name}_test.yml": tests.encode()})
    command = [find("promtool"), "test", "rules", f"{name}_test.yml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


# --- alerts fire and clear ---


@pytest.mark.programs("promtool")
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_alert_waits_fires_and_clears_around_its_threshold(environment, tmp_path):
    tests = rendered(environment, "alerts_test.yml")
    done = promtool_test(tmp_path, rendered(environment, "alerts.yml"), tests)
    assert (done.returncode, "SUCCESS" in done.stdout) == (0, True), done.stderr
    seen = {}
    for test in yaml.safe_load(tests)["tests"]:
        for case in test["alert_rule_test"]:
            seen.setdefault(case["alertname"], []).append(len(case["exp_alerts"]))
    assert seen == {alert["alert"]: [0, 1, 0] for alert in alerts(environment)} | {"Watchdog": [1]}
    assert len(seen) > 30


CHANGES = {
    "higher": lambda sign, value: f"{sign} {value * 1.03 if value and sign == '>=' else value + 2}",
    "lower": lambda sign, value: f"{sign} {value * 0.97 if sign == '>=' else value - 2}",
}


@pytest.mark.programs("promtool")
@pytest.mark.parametrize("change", CHANGES)
def test_a_threshold_that_is_changed_in_the_rules_alone_fails_the_test_of_each_alert(change, tmp_path):
    def changed(match):
        return CHANGES[change](match[1], float(match[2])) + '"'

    rules, count = re.subn(
        r'([<>]=|==|>) ([\d.]+)"$', changed, rendered("production", "alerts.yml"), flags=re.MULTILINE
    )
    assert count == len(alerts("production"))
    done = promtool_test(tmp_path, rules, rendered("production", "alerts_test.yml"))
    assert done.returncode != 0
    failed = set(re.findall(r"alertname: (\w+), time", done.stderr))
    assert failed == {alert["alert"] for alert in alerts("production")}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_thresholds_of_the_rules_are_the_settings(environment):
    found = {alert["alert"]: float(alert["expr"].split()[-1]) for alert in alerts(environment)}
    limits = settings(environment)["alerting"]["thresholds"]
    assert {name: found[f"{alert}High"] for name, alert in USES.items()} == {name: limits[name] for name in USES}
    assert {name: found[f"{alert}Critical"] for name, alert in USES.items()} == limits["critical"]
    for name, alert in {"connections": "Connections", "certificate": "CertificateExpiry"}.items():
        if name == "certificate" and environment == "local":
            continue  # nothing is public there
        pair = (found[f"{alert}High"], found[f"{alert}Critical"])
        assert pair == (limits[name]["warning"], limits[name]["critical"])


USES = {"cpu": "CpuUse", "memory": "MemoryUse", "disk": "DiskUse"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_alert_says_how_long_it_waits_how_bad_it_is_and_what_it_means(environment):
    patience = settings(environment)["alerting"]["patience"]
    for alert in alerts(environment):
        assert alert["for"] == patience[alert["labels"]["severity"]]
        assert set(alert["annotations"]) == {"summary", "description"}
        assert all(len(text) > 15 for text in alert["annotations"].values())


EDGES = {
    "short": {
        "monitoring.alerting.patience.critical": "70s",
        "monitoring.slo.availability": "0.99999",
        "monitoring.slo.latency.threshold": "0.025",
        "monitoring.slo.burn_rates": '[{"severity": "critical", "rate": 2.5, "long": "30m", "short": "1m"}]',
    },
    "long": {
        "monitoring.prometheus.scrape_interval": "1m",
        "monitoring.prometheus.evaluation_interval": "5m",
        "monitoring.slo.latency.objective": "0.95",
        "monitoring.alerting.thresholds.critical.cpu": "100",
    },
}


@pytest.mark.programs("promtool")
@pytest.mark.parametrize("edge", EDGES)
def test_the_tests_follow_the_settings_to_their_edges(edge, tmp_path):
    files = reference.changed(EDGES[edge]).target("production").render()
    for name in ("alerts", "slo"):
        texts = (files[f"production/monitoring/{file}.yml"] for file in (name, f"{name}_test"))
        done = promtool_test(tmp_path, *texts, name=name)
        assert done.returncode == 0, done.stderr


# --- objectives ---


@pytest.mark.programs("promtool")
def test_alerts_of_an_objective_fire_above_their_burn_rate_only_and_end_soon_after_it(tmp_path):
    tests = rendered("production", "slo_test.yml")
    done = promtool_test(tmp_path, rendered("production", "slo.yml"), tests, name="slo")
    assert (done.returncode, "SUCCESS" in done.stdout) == (0, True), done.stderr
    cases = [case for test in yaml.safe_load(tests)["tests"] for case in test.get("alert_rule_test", ())]
    wanted = {rule["alert"] for rule in rules("production", "slo.yml") if "alert" in rule}
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == wanted
    assert wanted == {f"{name}Burn{long}" for name in ("Errors", "Latency") for long in ("1h", "6h", "24h", "72h")}


@pytest.mark.programs("promtool")
@pytest.mark.parametrize("factor", [0.98, 1.02])
def test_another_burn_rate_in_the_rules_alone_fails_the_tests(factor, tmp_path):
    text, count = re.subn(
        r"(> )(0\.[\d]+)", lambda match: f"> {float(match[2]) * factor}", rendered("production", "slo.yml")
    )
    assert count == 4 * 2 * 2
    done = promtool_test(tmp_path, text, rendered("production", "slo_test.yml"), name="slo")
    failed = set(re.findall(r"alertname: (\w+), time", done.stderr))
    assert failed == {rule["alert"] for rule in rules("production", "slo.yml") if "alert" in rule}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_limits_of_the_objectives_are_rate_times_budget_over_both_windows(environment):
    slo = settings(environment)["slo"]
    budgets = {"Errors": 1 - slo["availability"], "Latency": 1 - slo["latency"]["objective"]}
    found = {rule["alert"]: rule for rule in rules(environment, "slo.yml") if "alert" in rule}
    assert len(found) == 2 * len(slo["burn_rates"])
    for burn in slo["burn_rates"]:
        for name, budget in budgets.items():
            rule = found[f"{name}Burn{burn['long']}"]
            pairs = re.findall(r"ratio_rate(\w+) > ([\d.]+)", rule["expr"])
            assert [window for window, _ in pairs] == [burn["long"], burn["short"]]
            assert [float(limit) for _, limit in pairs] == [pytest.approx(burn["rate"] * budget)] * 2
            assert (rule["labels"]["severity"], "for" in rule) == (burn["severity"], False)


# --- everything that is named exists ---

WORDS_OF_PROMQL = {"by", "without", "on", "ignoring", "and", "or", "unless", "bool", "offset"}


def selectors(expression):
    """Each metric of an expression with what its selector compares: ("up", {"job": "one|two"})."""
    texts = {}

    def aside(match):
        texts[f"T{len(texts)}T"] = json.loads(match[0])
        return list(texts)[-1]

    plain = re.sub(r"\b(by|without|on) \([^)]*\)|\[\w+\]", " ", re.sub(r'"(?:[^"\\]|\\.)*"', aside, expression))
    for name, block in re.findall(r"([a-zA-Z_:][\w:]*)\b(?!\s*\()(?:\{([^}]*)\})?", re.sub(r"\b\d[\d.e]*", " ", plain)):
        if name not in WORDS_OF_PROMQL:
            yield name, {label: texts[text] for label, text in re.findall(r"(\w+)\s*=?[=~!]+\s*(T\d+T)", block or "")}


def grouped(expression):
    return {label.strip() for labels in re.findall(r"\bby \(([^)]*)\)", expression) for label in labels.split(",")}


def undeclared(expression, declared, jobs):
    """What an expression names that no setting declares."""
    labels = {"job", "instance"}
    for name, compared in selectors(expression):
        family = re.sub(r"_(bucket|sum|count)$", "", name)
        histogram = family in declared and declared[family]["type"] == "histogram"
        if histogram != (family != name and name not in declared) or (family if histogram else name) not in declared:
            yield f"metric {name}"
            continue
        metric = declared[family if histogram else name]
        mine = {*metric["labels"], "job", "instance", *(("le",) if name.endswith("_bucket") else ())}
        labels |= mine
        yield from (f"label {label} of {name}" for label in set(compared) - mine)
        named = set(compared.get("job", "").split("|")) - {""}
        yield from (f"job {job}" for job in named - jobs)
        if "job" in metric and named != {metric["job"]}:
            yield f"{name} of job {metric['job']}, not {sorted(named)}"
    yield from (f"label {label}" for label in grouped(expression) - labels)


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ('sum by (job) (up{job=~"redis"}) == 0', []),
        ('rate(redis_up{job="redis"}[5m]) / 2e3', []),
        ('nothing{job="redis"}', ["metric nothing"]),
        ('redis_up{job="radis"}', ["job radis", "redis_up of job redis, not ['radis']"]),
        ('redis_up{job="redis",db="0"}', ["label db of redis_up"]),
        ('sum by (db) (redis_up{job="redis"})', ["label db"]),
        ("redis_up", ["redis_up of job redis, not []"]),
        ('took_bucket{job="app",le="1"}', []),
        ('took{job="app"}', ["metric took"]),
        ('redis_up_bucket{job="redis"}', ["metric redis_up_bucket"]),
    ],
)
def test_what_is_not_declared_is_found(expression, wrong):
    declared = {
        "up": {"type": "gauge", "labels": []},
        "redis_up": {"type": "gauge", "job": "redis", "labels": []},
        "took": {"type": "histogram", "job": "app", "labels": []},
    }
    assert list(undeclared(expression, declared, {"redis", "app"})) == wrong


def expressions(environment):
    """The position of an expression or a series, and the text itself."""
    for rule in (*rules(environment), *rules(environment, "slo.yml")):
        yield rule.get("alert") or rule["record"], rule["expr"]
    for panel in json.loads(rendered(environment, "grafana/dashboards/platform.json"))["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel["targets"])
    for test in (*data(environment, "alerts_test.yml")["tests"], *data(environment, "slo_test.yml")["tests"]):
        yield from ((test["name"], series["series"]) for series in test["input_series"])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_alerts_panels_and_tests_name_only_metrics_labels_and_jobs_that_are_declared(environment):
    declared, jobs = settings(environment)["metrics"], settings(environment)["prometheus"]["jobs"]
    recorded = {rule["record"] for rule in rules(environment, "slo.yml") if "record" in rule}
    declared = declared | {name: {"type": "gauge", "labels": ["namespace"]} for name in recorded}
    every = list(expressions(environment))
    assert len(every) > 40
    assert [(where, wrong) for where, text in every for wrong in undeclared(text, declared, set(jobs))] == []
    used = {re.sub("(?<=seconds)_(bucket|count)$", "", name) for _, text in every for name, _ in selectors(text)}
    assert used - {"kube_horizontalpodautoscaler_spec_max_replicas"} <= set(declared)
    if environment == "production":
        assert used == set(declared)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_prometheus_scrapes_exactly_the_declared_jobs(environment):
    config, jobs = data(environment, "prometheus.yml"), settings(environment)["prometheus"]["jobs"]
    idle = {"application", "public"} if environment == "local" else set()  # no metrics, no ingress
    assert [job["job_name"] for job in config["scrape_configs"]] == [job for job in jobs if job not in idle]
    for job in config["scrape_configs"]:
        (service,) = job.get("static_configs") or job["dns_sd_configs"]
        assert service.get("targets") or service["names"]
    assert config["global"]["scrape_interval"] == settings(environment)["prometheus"]["scrape_interval"]
    assert "ref+" not in rendered(environment, "prometheus.yml")


def test_the_service_of_the_application_has_the_port_that_is_scraped():
    service, config = data("production", "services.yaml"), data("production", "prometheus.yml")
    (found,) = config["scrape_configs"][0]["dns_sd_configs"]
    metadata = service["metadata"]
    assert found["names"] == [f"{metadata['name']}.{metadata['namespace']}.svc"]
    assert found["port"] == service["spec"]["ports"][0]["port"]


def test_the_operator_gets_the_same_rules_and_finds_the_application_with_its_password():
    files = files_of("production")
    (rule,) = yaml.safe_load_all(rendered("production", "rules.yaml"))
    own = data("production", "alerts.yml")["groups"] + data("production", "slo.yml")["groups"]
    assert rule["spec"]["groups"] == own
    monitor, service = data("production", "service-monitor.yaml"), data("production", "services.yaml")
    labels, (endpoint,) = service["metadata"]["labels"], monitor["spec"]["endpoints"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert monitor["spec"]["namespaceSelector"]["matchNames"] == [service["metadata"]["namespace"]]
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    secret = next(text for path, text in files.items() if re.search("secrets.yaml$", path) and "PROMETHEUS_" in text)
    for key in endpoint["basicAuth"].values():
        assert {key["name"], key["key"]} <= set(re.findall(r"[\w-]+", secret))
    applied = yaml.safe_load(files["production/kustomization.yaml"])["resources"]
    assert {f"monitoring/{name}.yaml" for name in ("services", "service-monitor", "rules")} <= set(applied)
    without = reference.changed({"monitoring.prometheus.operator.enabled": "false"})
    mine = without.target("production").render()
    assert not {f"production/monitoring/{name}.yaml" for name in ("service-monitor", "rules")} & set(mine)
    assert "monitoring/rules.yaml" not in mine["production/kustomization.yaml"]


def test_what_prometheus_keeps_is_told_by_flags():
    flags = [line for line in rendered("production", "prometheus.args").splitlines() if not line.startswith("#")]
    retention = settings("production")["prometheus"]["retention"]
    assert flags[-2:] == [f"--storage.tsdb.retention.{name}={retention[name]}" for name in ("time", "size")]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_dashboards_have_unique_panels_that_read_the_provisioned_source(environment):
    board = json.loads(rendered(environment, "grafana/dashboards/platform.json"))
    source, traces = data(environment, "grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    jaeger = settings(environment)["jaeger"]["server"]
    assert (traces["type"], traces["url"].rpartition(":")[2]) == ("jaeger", str(jaeger["query_port"]))
    (provider,) = data(environment, "grafana/provisioning/dashboards/platform.yaml")["providers"]
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 10
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)
    assert {target["datasource"]["uid"] for panel in panels for target in panel["targets"]} == {source["uid"]}
    assert provider["options"]["path"] == settings(environment)["grafana"]["dashboards_path"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_grafana_takes_port_and_administrator_from_the_settings(environment):
    grafana = settings(environment)["grafana"]
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(rendered(environment, "grafana/grafana.ini"))
    assert parser["server"]["http_port"] == str(grafana["port"])
    assert parser["security"]["admin_user"] == grafana["admin_user"]
    assert parser["security"]["admin_password"] == "$__file{/etc/monitoring-secrets/GRAFANA_ADMIN_PASSWORD}"


# --- who is notified ---

CHANNELS = {
    "monitoring.alerting.channels": "slack,email,pagerduty,opsgenie,teams,webhook",
    "monitoring.alerting.pagerduty.routing_key": "ref+env://PAGERDUTY_ROUTING_KEY",
    "monitoring.alerting.opsgenie.api_key": "ref+env://OPSGENIE_API_KEY",
    "monitoring.alerting.teams.bridge_url": "http://bridge/teams",
    "monitoring.alerting.webhook.url": "https://alerts.example.com/hook",
}


@pytest.mark.programs(*OF_THE_PROJECT)
def test_every_channel_is_a_receiver_that_amtool_takes_and_pagers_are_for_what_is_critical():
    project = reference.changed(CHANNELS)
    target = project.target("production")
    report = project.check_outputs([target])
    assert [one for one in report.problems if one.severity is not Severity.NOTE] == []
    assert report.asked["amtool"] == 1
    config = yaml.safe_load(target.render()["production/monitoring/alertmanager.yml"])
    kinds = {one["name"]: {key.removesuffix("_configs") for key in one if key != "name"} for one in config["receivers"]}
    assert kinds["warning"] == {"slack", "email", "webhook"}
    assert kinds["critical"] == kinds["warning"] | {"pagerduty", "opsgenie"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_severity_has_a_route_to_a_receiver(environment):
    config = data(environment, "alertmanager.yml")
    routes = {matcher: route["receiver"] for route in config["route"]["routes"] for matcher in route["matchers"]}
    severities = {f'severity="{alert["labels"]["severity"]}"' for alert in alerts(environment)}
    assert set(routes) == severities | {'alertname="Watchdog"'}
    assert {config["route"]["receiver"], *routes.values()} == {one["name"] for one in config["receivers"]}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_secrets_are_files_whose_names_are_keys_of_the_platforms_secrets(environment):
    files = files_of(environment)
    secrets = "".join(text for path, text in files.items() if re.search("secrets.yaml$", path))
    held = set(re.findall(r"\b[A-Z][A-Z_]+\b", secrets))
    folder = settings(environment)["alerting"]["alertmanager"]["secrets_path"]
    texts = [text for path, text in files.items() if "/monitoring/" in path]
    named = {key for text in texts for key in re.findall(rf"{folder}/(\w+)", text)}
    scraping = set() if environment == "local" else {"PROMETHEUS_USERNAME", "PROMETHEUS_PASSWORD"}
    assert (
        named >= {"SLACK_WEBHOOK_URL", "JAEGER_AGENT_PASSWORD", "APM_SERVER_URL", "GRAFANA_ADMIN_PASSWORD"} | scraping
    )
    assert named <= held


@pytest.mark.programs("amtool")
def test_alertmanager_sends_what_is_critical_to_a_pager_and_the_watchdog_out_of_the_cluster(tmp_path):
    write_files(tmp_path, {"alertmanager.yml": rendered("production", "alertmanager.yml")})

    def receiver_of(**labels):
        pairs = [f"{name}={value}" for name, value in labels.items()]
        command = [
            find("amtool"),
            "config",
            "routes",
            "test",
            "--config.file",
            str(tmp_path / "alertmanager.yml"),
            *pairs,
        ]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    kinds = {one["name"]: set(one) - {"name"} for one in data("production", "alertmanager.yml")["receivers"]}
    critical, warning = receiver_of(alertname="X", severity="critical"), receiver_of(alertname="X", severity="warning")
    assert kinds[critical] - kinds[warning] == {"pagerduty_configs"}
    watchdog = receiver_of(alertname="Watchdog", severity="none")
    assert (watchdog, kinds[watchdog]) == ("watchdog", {"webhook_configs"})


def test_production_pages_somebody_and_is_watched_from_outside():
    target = reference.project().target("production")
    quiet, unwatched = copy.deepcopy(target.config), copy.deepcopy(target.config)
    quiet["monitoring"]["alerting"]["channels"] = ["slack", "email"]
    del unwatched["monitoring"]["alerting"]["watchdog"]["url"]
    for config, wrong in ((quiet, "channels"), (unwatched, "watchdog")):
        problems = target.schemas.rule_check.problems(config)
        assert {problem.path for problem in problems} == {f"/monitoring/alerting/{wrong}"}


# --- thresholds that make no sense ---

SENSELESS = {
    "an objective of everything": ("slo.availability", "1"),
    "an objective that cannot be missed so fast": ("slo.availability", "0.9"),
    "a latency that no bucket measures": ("slo.latency.threshold", "0.7"),
    "a short window that is longer": ("slo.burn_rates.0.short", "2h"),
    "a short window of two scrapes": ("slo.burn_rates.0.short", "30s"),
    "a certificate that is critical before a warning": ("alerting.thresholds.certificate.critical", "30"),
    "more than all of the CPU": ("alerting.thresholds.critical.cpu", "101"),
    "no memory at all": ("alerting.thresholds.memory", "0"),
    "a negative duration": ("alerting.patience.warning", "-5m"),
    "no duration": ("alerting.window", "0s"),
    "a warning above critical: CPU": ("alerting.thresholds.cpu", "96"),
    "a warning above critical: memory": ("alerting.thresholds.memory", "96"),
    "a warning that is critical: disk": ("alerting.thresholds.disk", "95"),
    "a warning above critical: connections": ("alerting.thresholds.connections.warning", "91"),
    "a window of two scrapes": ("alerting.window", "30s"),
    "a window of two hours": ("alerting.window", "2h"),
    "patience of less than an evaluation": ("alerting.patience.critical", "10s"),
    "patience of more than a day": ("alerting.patience.critical", "25h"),
    "a scrape longer than its interval": ("prometheus.scrape_timeout", "16s"),
    "repeats more often than looks": ("alerting.grouping.repeat", "1m"),
    "a pager without a key": ("alerting.pagerduty", "{}"),
    "another pager without a key": ("alerting.channels", "[opsgenie]"),
    "Teams without a bridge": ("alerting.channels", "[teams]"),
    "a metric of a job that is not there": ("metrics.redis_up.job", "radis"),
    "a gauge with buckets": ("metrics.redis_up.buckets", "[1, 2]"),
    "a histogram without buckets": ("metrics.redis_up.type", "histogram"),
    "buckets that fall": ("metrics.http_request_duration_seconds.buckets", "[30, 1]"),
    "a service without a port": ("prometheus.jobs.more", '{"discover": "service", "service": "more"}'),
    "a service that is not asked for": ("prometheus.jobs.prometheus.service", "more"),
}
WHERE = {
    "an objective that cannot be missed so fast": "slo.burn_rates",
    "a short window of two scrapes": "slo.burn_rates",
    "a metric of a job that is not there": "metrics",
    "patience of less than an evaluation": "alerting.patience",
    "patience of more than a day": "alerting.patience",
    "a pager without a key": "alerting.pagerduty",
    "another pager without a key": "alerting.opsgenie",
    "Teams without a bridge": "alerting.teams",
    "a gauge with buckets": "metrics.redis_up.buckets",
    "a histogram without buckets": "metrics.redis_up.buckets",
    "a service without a port": "prometheus.jobs.more.service",
}


def problems_with(path, value):
    """What is wrong with production's configuration when one setting is changed; rules are asked when the schema is content."""
    target = reference.project().target("production")
    config = copy.deepcopy(target.config)
    *above, last = path.split(".")
    place = config["monitoring"]
    for step in above:
        place = place[int(step)] if step.isdigit() else place.setdefault(step, {})
    place[last] = yaml.safe_load(value)
    return target.schemas.schema_check.problems(config) or target.schemas.rule_check.problems(config)


@pytest.mark.parametrize("name", SENSELESS)
def test_a_setting_that_makes_no_sense_is_refused_where_it_stands(name):
    path, value = SENSELESS[name]
    problems = problems_with(path, value)
    assert f"/monitoring/{WHERE.get(name, path).replace('.', '/')}" in {problem.path for problem in problems}


def test_what_is_just_short_of_senseless_is_taken():
    for path, value in (
        ("alerting.thresholds.cpu", "94"),
        ("alerting.window", "1m"),
        ("prometheus.scrape_timeout", "15s"),
    ):
        assert problems_with(path, value) == []


def test_locally_nothing_is_monitored():
    assert [path for path in reference.rendered("local") if "/monitoring/" in path] == []


# --- Prometheus itself ---

USER, PASSWORD = "scraper", "password-of-the-scraper"
SERVED = """\
# TYPE http_requests_total counter
http_requests_total{method="GET",status="200"} 7
"""


class Metrics(BaseHTTPRequestHandler):
    """An application that shows its metrics to one user only."""

    def do_GET(self):
        wanted = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"
        known = self.headers.get("Authorization") == wanted and self.path == "/figures"
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(SERVED.encode() if known else b"")

    def log_message(self, *_):
        pass


@pytest.fixture
def application():
    """A server whose metrics ask for a user and a password."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Metrics) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.programs("prometheus")
def test_prometheus_scrapes_with_the_user_and_password_of_the_mounted_secret(servers, tmp_path, application):
    write_files(tmp_path, {"PROMETHEUS_USERNAME": USER, "PROMETHEUS_PASSWORD": PASSWORD})
    changed = {
        "monitoring.alerting.alertmanager.secrets_path": str(tmp_path),
        "monitoring.prometheus.metrics_path": "/figures",
        "monitoring.prometheus.scrape_interval": "1s",
        "monitoring.prometheus.scrape_timeout": "1s",
        "monitoring.prometheus.retention.time": "45d",
    }
    files = reference.changed(changed).target("production").render()
    texts = {name: files[f"production/monitoring/{name}"] for name in ("prometheus.yml", "prometheus.args")}
    config = yaml.safe_load(texts["prometheus.yml"])
    (job,) = [job for job in config["scrape_configs"] if job["job_name"] == "application"]
    del job["dns_sd_configs"]  # no cluster, no names
    job["static_configs"] = [{"targets": [f"127.0.0.1:{application.server_port}"]}]
    config["scrape_configs"] = [job]
    flags = [line for line in texts["prometheus.args"].splitlines() if line.startswith("--storage")]
    rules = {name: files[f"production/monitoring/{name}"] for name in config["rule_files"]}
    prometheus = servers.prometheus(yaml.safe_dump(config), files=rules, options=flags)

    def found(query):
        return prometheus.get(f"/api/v1/query?query={quote(query)}")["data"]["result"]

    (series,) = until(lambda: found("http_requests_total"))
    assert series["value"][1] == "7"
    assert series["metric"].items() >= {"job": "application", "namespace": "spotify-ai-agent-prod"}.items()
    assert [one["value"][1] for one in found('up{job="application"}')] == ["1"]
    kept = prometheus.get("/api/v1/status/flags")["data"]
    assert (kept["storage.tsdb.retention.time"], kept["storage.tsdb.retention.size"]) == ("45d", "50GiB")
    groups = prometheus.get("/api/v1/rules")["data"]["groups"]
    assert {group["name"] for group in groups} == {"spotify-ai-agent", "objectives", "watchdog"}
    # what panels ask can be asked
    board = json.loads(files["production/monitoring/grafana/dashboards/platform.json"])
    for panel in board["panels"]:
        for target in panel["targets"]:
            found(target["expr"])
    # a wrong password is refused
    (tmp_path / "PROMETHEUS_PASSWORD").write_text("another")
    until(lambda: [one["value"][1] for one in found('up{job="application"}')] == ["0"])
    application.shutdown()


# --- the checks ---


@pytest.mark.programs(*OF_THE_PROJECT)
def test_amtool_refuses_an_address_that_is_none_and_names_its_line():
    wrong = {"monitoring.alerting.channels": "pagerduty,webhook", "monitoring.alerting.webhook.url": "http://%zz"}
    project = reference.changed(wrong)
    target = project.target("production")
    problems = project.check_outputs([target]).problems
    (problem,) = [one for one in problems if one.code == "amtool"]
    assert (problem.code, problem.place.file) == ("amtool", "production/monitoring/alertmanager.yml")
    assert problem.message == 'parse "http://%zz": invalid URL escape "%zz"'
    assert "http://%zz" in problem.place.text
    (origin,) = problem.related
    assert origin.file == "templates/monitoring/alertmanager.yml.j2"
    assert "alerting.webhook.url" in (ROOT / origin.file).read_text().splitlines()[origin.line - 1]


SCHEMA = {"properties": {"text": {"type": "string", "default": "good"}}}
RULES = """\
groups:
  - name: all
    rules:
      - alert: Low
        expr: level < 5
"""
TESTS = """\
rule_files: [rules.yml]
tests:
  - interval: 1m
    input_series: [{series: level, values: "9 1"}]
    alert_rule_test:
      - {eval_time: 0m, alertname: Low}
      - {eval_time: 60s, alertname: Low, exp_alerts: [{exp_labels: {}}]}
"""
CONFIG = """\
global:
  scrape_interval: 10s
rule_files: [rules.yml]
scrape_configs:
  - job_name: one
    authorization:
      credentials_file: /var/run/nowhere/token
    static_configs: [{targets: ["one:1"]}]
"""
ALERTMANAGER = """\
route:
  receiver: people
receivers:
  - name: people
"""
FILES = {"rules.yml": RULES, "tests.yml": TESTS, "config.yml": CONFIG, "people.yml": ALERTMANAGER}
WRONG = {
    "an expression": ("rules.yml", "level < 5", 5, "could not parse expression"),
    "a field of a rule": ("rules.yml", "expr", 5, "field wrong not found"),
    "a threshold": ("tests.yml", "9 1", 7, "the test of Low at 1m fails"),
    "a test that expects nothing": ("tests.yml", "9 1", 6, "the test of Low at 0s fails"),
    "a field of a configuration": ("config.yml", "job_name", 5, "field wrong not found"),
    "a rule file that is not there": ("config.yml", "[rules.yml]", 3, "does not point to an existing file"),
    "a target": ("config.yml", "one:1", 8, "is not a valid hostname"),
    "a configuration that is not YAML": ("config.yml", "10s", 2, "mapping values are not allowed"),
    "a receiver": ("people.yml", "people", 2, "undefined receiver"),
    "a field of a route": ("people.yml", "receiver", 2, "field wrong not found"),
}
VALUES = {
    "an expression": "level < < 5",
    "a threshold": "9 9",
    "a test that expects nothing": "1 1",
    "a rule file that is not there": "[nowhere.yml]",
    "a target": "http://one/path",
    "a configuration that is not YAML": "a: b",
}


def checked_project(folder, name=None):
    """A project that renders the files above; of one, a setting takes the place of a text."""
    files = dict(FILES)
    if name:
        file, text, *_ = WRONG[name]
        assert text in files[file]
        files[file] = files[file].replace(text, "{{ text }}", 1)
    outputs = [
        {"template": f"{file}.j2", "path": file, "check": "amtool" if file == "people.yml" else "promtool"}
        for file in files
    ]
    base = {"text": WRONG[name][1]} if name else {}
    templates = {f"templates/{file}.j2": text.encode() for file, text in files.items()}
    return make_project(folder, {"schema.json": SCHEMA, "base.yaml": base, **templates}, outputs=outputs)


@pytest.mark.programs("promtool", "amtool")
@pytest.mark.parametrize("name", WRONG)
def test_what_the_programs_refuse_is_told_with_its_line_and_the_line_of_the_template(name, tmp_path):
    file, _, line, words = WRONG[name]
    checked_project(tmp_path, name)
    right = weft.load_project(tmp_path)
    assert right.check_outputs(right.targets()).problems == []
    wrong = weft.load_project(tmp_path, overrides={"text": VALUES.get(name, "wrong")})
    problems = [one for one in wrong.check_outputs(wrong.targets()).problems if one.place.file == file]
    problem = problems[0]
    assert (problem.code, problem.place.line) == ("amtool" if file == "people.yml" else "promtool", line)
    assert words in problem.message
    assert "/tmp" not in problem.message
    assert [place.file for place in problem.related] == [f"templates/{file}.j2"]


@pytest.mark.programs("promtool", "amtool")
def test_a_wrong_file_is_an_error_of_validate_and_is_not_written(tmp_path):
    checked_project(tmp_path, "a threshold")
    result = run("validate", "--outputs", "--set", "text=9 9", cwd=tmp_path)
    assert result.code == 1
    assert "tests.yml:7" in result.out + result.err


@pytest.mark.programs(*OF_THE_PROJECT)
def test_the_checks_say_nothing_of_what_is_rendered_for_every_environment():
    project = everywhere()
    report = project.check_outputs([project.target(environment) for environment in ENVIRONMENTS])
    assert [problem for problem in report.problems if problem.code in ("promtool", "amtool", "check-skipped")] == []
    assert (report.asked["promtool"], report.asked["amtool"]) == (5 * len(ENVIRONMENTS), len(ENVIRONMENTS))


def test_the_metrics_of_drift_are_those_that_weft_writes_and_documents():
    written = set(re.findall(r"^# TYPE (\w+) gauge$", metrics.text([]), re.MULTILINE))
    page = ROOT.joinpath("docs", "reference", "clusters.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(weft_\w+)\{", page, re.MULTILINE)) == written
    read = {name for name in settings("production")["metrics"] if name.startswith("weft_")}
    assert read
    assert read < written


def test_drift_is_not_watched_where_nothing_compares():
    off = reference.changed(ALL_ON | {"monitoring.alerting.drift.enabled": "false"}).target("staging").render()
    text = "".join(one for path, one in off.items() if "/monitoring/" in str(path))
    assert "weft_" not in text
    assert "drift-exporter" not in text
