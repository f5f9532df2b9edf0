"""Traces: which share is kept, and how spans travel from the application over the collector to Jaeger and the APM server."""

import gzip
import json
import re
import subprocess
import threading
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

import reference
import weft
from application import PYTHON
from authority import Authority
from reference import ENVIRONMENTS
from scratch import write_files
from servers import answers, free_port, until
from weft.files import yaml12

JAEGER = "monitoring.jaeger"


@cache
def loaded(overrides):
    return reference.changed(dict(overrides))


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


@pytest.mark.parametrize(("param", "sampler"), [("1", "parentbased_always_on"), ("0", "parentbased_always_off")])
def test_const_keeps_all_traces_or_none(param, sampler):
    changed = {f"{JAEGER}.sampler.type": "const", f"{JAEGER}.sampler.param": param}
    assert variables("development", **changed)["OTEL_TRACES_SAMPLER"] == sampler


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


# --- the real programs ---

SAMPLED = """
import json
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
tracer = TracerProvider().get_tracer("tests")
kept = sum(tracer.start_span("root").is_recording() for _ in range(10000)) / 10000
remote = lambda flags: trace.set_span_in_context(trace.NonRecordingSpan(trace.SpanContext(7, 7, True, trace.TraceFlags(flags))))
followed = [sum(tracer.start_span("child", remote(flags)).is_recording() for _ in range(100)) for flags in (0, 1)]
print(json.dumps([kept, followed]))
"""
SENT = """
import sys
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(headers={"authorization": f"Bearer {sys.argv[1]}"}, timeout=5)))
provider.get_tracer("tests").start_span("a span of the tests").end()
"""
PASSWORD, TOKEN = "password-of-the-collector", "token-of-the-apm-server"


def sdk(script, told, *arguments):
    """What a program of the application prints, whose OpenTelemetry is configured by variables only."""
    command = [PYTHON, "-B", "-c", script, *arguments]
    return subprocess.run(command, env=told, capture_output=True, text=True, check=True)


@pytest.mark.programs("application-python")
def test_the_sdk_keeps_the_share_of_production_and_follows_decisions_that_were_made_elsewhere():
    kept, followed = json.loads(sdk(SAMPLED, variables("production")).stdout)
    assert 0.005 < kept < 0.015
    assert followed == [0, 100]


class Posts:
    """An HTTP server that keeps what is posted to it: path, headers and body."""

    def __init__(self):
        kept = self.kept = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                packed = self.headers.get("Content-Encoding") == "gzip"
                kept.append((self.path, dict(self.headers), gzip.decompress(body) if packed else body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def posts():
    made = Posts()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def local(tmp_path, posts):
    """Settings by which the parts find each other on this machine, with certificates and secrets in files."""
    secrets = {"JAEGER_AGENT_PASSWORD": PASSWORD, "APM_SECRET_TOKEN": TOKEN, "APM_SERVER_URL": posts.url}
    write_files(tmp_path, {**Authority().files("localhost"), **secrets})
    ports = ("collector.port", "collector.health_port", "server.port", "server.query_port", "server.sampling_port")
    return {
        **{f"{JAEGER}.{port}": str(free_port()) for port in ports},
        f"{JAEGER}.collector.host": "localhost",
        f"{JAEGER}.collector.batch_timeout": "1s",
        f"{JAEGER}.server.folder": str(tmp_path / "spans"),
        f"{JAEGER}.tls.ca_file": str(tmp_path / "ca.crt"),
        f"{JAEGER}.tls.cert_file": str(tmp_path / "localhost.crt"),
        f"{JAEGER}.tls.key_file": str(tmp_path / "localhost.key"),
        "monitoring.alerting.alertmanager.secrets_path": str(tmp_path),
        "monitoring.prometheus.jobs.collector.port": str(free_port()),
        "monitoring.apm.sample_rate": "1",
        "monitoring.apm.service_name": "shop",
    }


def collector(servers, local):
    text = files_of("development", **local)["development/monitoring/otel-collector.yaml"]
    text = text.replace("jaeger.spotify-ai-agent-dev.svc", "localhost")
    health = local[f"{JAEGER}.collector.health_port"]
    files = {"collector.yaml": text}
    return servers.start("otelcol", "--config=collector.yaml", files=files, ready=f"http://127.0.0.1:{health}")


@pytest.mark.programs("otelcol", "application-python")
def test_the_collector_takes_spans_from_who_knows_its_password_and_sends_them_to_the_apm_server(servers, local, posts):
    collector(servers, local)
    told = variables("development", **local)
    refused = sdk(SENT, told, "another-password-of-the-collector")
    assert "UNAUTHENTICATED" in refused.stderr
    assert sdk(SENT, told, PASSWORD).stderr == ""
    until(lambda: posts.kept)
    ((path, headers, body),) = posts.kept
    assert (path, headers["Authorization"]) == ("/v1/traces", f"Bearer {TOKEN}")
    assert all(text in body for text in (b"shop", b"a span of the tests", b"deployment.environment.name"))


@pytest.mark.programs("otelcol", "application-python")
def test_the_application_trusts_only_the_authority_of_the_settings(servers, local, tmp_path):
    collector(servers, local)
    (tmp_path / "ca.crt").write_bytes(Authority().certificate)
    failed = sdk(SENT, variables("development", **local), PASSWORD)
    assert "UNAVAILABLE" in failed.stderr


@pytest.mark.programs("jaeger", "otelcol", "application-python")
def test_a_span_of_the_application_reaches_jaeger_which_serves_the_share_of_the_settings(servers, local):
    local |= {f"{JAEGER}.sampler.param": "0.25"}
    files = files_of("development", **local)
    mine = {name: files[f"development/monitoring/{name}"] for name in ("jaeger.yaml", "sampling.json")}
    query = f"http://127.0.0.1:{local[f'{JAEGER}.server.query_port']}"
    jaeger = servers.start("jaeger", "--config=jaeger.yaml", files=mine, ready=lambda: answers(query))
    jaeger.port = local[f"{JAEGER}.server.sampling_port"]
    strategy = jaeger.get("/api/sampling?service=shop")
    assert strategy["probabilisticSampling"] == {"samplingRate": 0.25}
    collector(servers, local)
    sdk(SENT, variables("development", **local) | {"OTEL_TRACES_SAMPLER": "always_on"}, PASSWORD)
    jaeger.port = local[f"{JAEGER}.server.query_port"]
    (trace,) = until(lambda: jaeger.get("/api/traces?service=shop")["data"])
    assert [span["operationName"] for span in trace["spans"]] == ["a span of the tests"]
