"""Traces: which share is kept, and how spans travel from the application over the collector to Jaeger and the APM server."""

import re
from functools import cache

import pytest
import yaml

import reference
import weft
from reference import ENVIRONMENTS, ROOT
from weft.files import yaml12

JAEGER = "monitoring.jaeger"


@cache
def loaded(overrides):
    return weft.load_project(ROOT, overrides=dict(overrides))


def project(**overrides):
    """The reference project with tracing on everywhere."""
    return loaded(tuple({f"{JAEGER}.enabled": "true", **overrides}.items()))


def files_of(environment, **overrides):
    return project(**overrides).target(environment).render()


def data(environment, name, **overrides):
    return yaml.safe_load(files_of(environment, **overrides)[f"{environment}/monitoring/{name}"])


def variables(environment, **overrides):
    """The variables of OpenTelemetry's SDK in the ConfigMap, which the environment file of one process repeats."""
    files = files_of(environment, **overrides)
    documents = [yaml12.parse(text) for text in files[f"{environment}/configmaps.yaml"].split("---\n")[1:]]
    (held,) = [one["data"] for one in documents if "JAEGER_ENABLED" in one["data"]]
    found = {name: text for name, text in held.items() if name.startswith("OTEL_")}
    lines = dict(
        line.split("=", 1) for line in files[f"{environment}/app.env"].splitlines() if line.startswith("OTEL_")
    )
    assert lines == found
    return found


# --- which share is kept ---


def wrong(environment, **settings):
    """Which settings of an environment are refused when some of tracing have other values."""
    changed = project(**{f"{JAEGER}.{name}": value for name, value in settings.items()})
    return {problem.path for problem in changed.problems([changed.target(environment)]) if problem.path}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_share_of_the_settings_is_the_share_that_clients_keep(environment):
    share = {"local": 1, "development": 1, "staging": 0.1, "production": 0.01}[environment]
    assert data(environment, "sampling.json") == {"default_strategy": {"type": "probabilistic", "param": share}}
    told = variables(environment)
    assert told["OTEL_TRACES_SAMPLER"] == "parentbased_traceidratio"
    assert float(told["OTEL_TRACES_SAMPLER_ARG"]) == share


def test_production_cannot_keep_more_than_a_tenth_by_any_setting():
    share = {"/monitoring/jaeger/sampler/param"}
    assert wrong("production", **{"sampler.param": "0.11"}) == share
    assert wrong("production", **{"sampler.type": "const", "sampler.param": "1"}) == share
    # `const` takes every share above 0 for all traces
    assert wrong("production", **{"sampler.type": "const"}) == share
    assert wrong("production", **{"sampler.type": "const", "sampler.param": "0"}) == set()


def test_nothing_is_sent_where_tracing_is_off():
    files = files_of("production", **{f"{JAEGER}.enabled": "false"})
    assert variables("production", **{f"{JAEGER}.enabled": "false"}) == {"OTEL_SDK_DISABLED": "true"}
    assert [path for path in files if re.search("otel|jaeger|sampling", path)] == []


# --- where spans go ---


def test_every_environment_has_a_collector_of_its_own():
    hosts = {variables(environment)["OTEL_EXPORTER_OTLP_ENDPOINT"] for environment in ENVIRONMENTS}
    assert len(hosts) == len(ENVIRONMENTS)
    other = {"collector.host": "otel-collector.spotify-ai-agent-dev.svc.cluster.local"}
    assert wrong("production", **other) == wrong("staging", **other) == {"/monitoring/jaeger/collector/host"}


def test_an_environment_that_forgets_the_collector_or_its_own_name_is_refused(tmp_path):
    copy = reference.copy(tmp_path)
    overlay = copy / "overlays/environments/staging.yaml"
    text = overlay.read_text("utf-8")
    forgotten = re.sub(r"\n    collector:\n      host: .*|\n  apm:\n    environment: .*", "", text)
    assert len(text.splitlines()) - len(forgotten.splitlines()) == 4
    overlay.write_text(forgotten, "utf-8")
    changed = weft.load_project(copy)
    problems = changed.problems([changed.target("staging")])
    assert {problem.path for problem in problems} == {
        "/monitoring/jaeger/collector/host",
        "/monitoring/apm/environment",
    }


def test_a_password_does_not_travel_in_plain_text():
    assert wrong("production", **{"tls.enabled": "false"}) == {"/monitoring/jaeger/tls/enabled"}


def test_spans_carry_the_names_of_the_settings():
    told = variables("staging", **{"monitoring.apm.service_name": "shop", "monitoring.apm.environment": "rehearsal"})
    attributes = dict(pair.split("=") for pair in told["OTEL_RESOURCE_ATTRIBUTES"].split(","))
    assert told["OTEL_SERVICE_NAME"] == "shop"
    assert attributes["deployment.environment.name"] == "rehearsal"
    assert attributes["service.namespace"] == "spotify-ai-agent-staging"
