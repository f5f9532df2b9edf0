"""What changes while the application runs: gunicorn with two workers serves requests, its files are swapped as the kubelet does it.

Each worker sees the effect of another value of a setting that says `x-reload: live`, without a restart and without a request that fails.
"""

import http.client
import json
import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from test_effects import EFFECTS, WEBHOOKS, Around, effect

from application import Pod, read_by, rendered
from reference import project
from servers import HOST, free_port, until
from weft.schema.reload import LIVE as IS_LIVE
from weft.schema.reload import reload_of

pytestmark = pytest.mark.programs("application-python", "postgres", "psql", "redis-server")
T = "tenant."
F = "database.postgresql.failover."
STEMS = ("/v2/stems", {"tracks": [1, 2]})
TOGETHER = ("writes_while_away", "waits_for_a_worker", "waits_between_deliveries", "number_of_deliveries")
"""What both workers may be asked at a time, because it takes seconds."""
SAME = (
    *("application.build_date", "application.uploads.max_file_size", "application.uploads.allowed_file_types"),
    *("application.cache.enabled", "application.cache.ttl"),
    *("performance.cache.compression.enabled", "performance.cache.compression.threshold"),
    *("database.postgresql.read_replica.read_write_split", "database.postgresql.read_replica.max_lag"),
    *("ml.model.version", "ml.model.max_sequence_length", "ml.inference.batch_size"),
    *("ml.audio.sample_rate", "ml.audio.channels", "ml.audio.chunk_size", "ml.audio.format"),
    *("ml.spleeter.model", "ml.spleeter.max_duration", "ml.spleeter.cache_enabled"),
    *("performance.network.retry.attempts", "performance.network.retry.backoff_factor"),
    *("tenant.quotas.concurrent_jobs", "tenant.limits.max_batch_tracks"),
)
"""Settings whose effects are those of test_effects.py."""


def told(key, *values):
    """What the page about the tenant says."""
    return effect("told", *((value, value) for value in values), args=(key, "/v2/tenant"))


def contact(key, *values):
    """Whom the page about the tenant names."""
    return effect("contact", *((value, value) for value in values), args=(key,))


LIVE = {
    "application.search.timeout": effect("searched_for", (3, "3s"), (7, "7s"), args=("timeout",)),
    "security.api_keys.enabled": effect("counts_a_key", (True, True), (False, False), args=("X-API-Key",)),
    "security.api_keys.header": effect("counts_a_key", ("X-API-Key", True), ("X-Other", False), args=("X-API-Key",)),
    "performance.network.tcp.keepalive": effect("keeps_a_connection_alive", (True, True), (False, False)),
    "ml.inference.timeout": effect("waits_for_a_worker", (1, False), (2, True), args=(*STEMS, 1.5)),
    F + "retry_attempts": effect("writes_while_away", (1, [2, 1]), (2, [3, 2]), database__postgresql__failover__retry_interval=1),
    F + "retry_interval": effect("writes_while_away", (1, [2, 1]), (2, [2, 2]), database__postgresql__failover__retry_attempts=1),
    F + "timeout": effect(
        "writes_while_away",
        (2, [2, 2]),
        (9, [3, 4]),
        args=(0.6,),
        database__postgresql__failover__retry_attempts=2,
        database__postgresql__failover__retry_interval=1,
    ),
    T + "display_name": told("display_name", "Acme Records", "Acme"),
    T + "tier": told("tier", "enterprise", "premium"),
    T + "contact.name": contact("name", "Label operations", "Nobody"),
    T + "contact.email": contact("email", "ops@acme.example", "other@acme.example"),
    T + "contact.phone": contact("phone", "+4930123456", "+4930123457"),
    **{path: EFFECTS[path](None) for path in SAME},
}  # fmt: skip


def overlay(around, ports, folder):
    """What somebody writes to run an environment on one machine: where everything is."""
    return {
        "application": {
            "server": {"host": HOST, "port": ports["api"], "max_workers": 2, "trusted_proxies": [f"{HOST}/32"]},
            "debug": False,
            "metrics": {"port": ports["metrics"]},
            "rate_limit": {"requests": 100000, "window": 60},
            "cors": {"allowed_headers": ["X-Other"]},
            "uploads": {"path": f"{folder}/uploads"},
        },
        "database": {
            "postgresql": {
                "host": HOST,
                "port": around.primary.port,
                "name": "postgres",
                "user": "postgres",
                "pooler": {"enabled": False},
                "read_replica": {"host": HOST, "port": around.replica.port},
                "tls": {"mode": "prefer"},
            },
            "redis": {
                "mode": "standalone",
                "host": HOST,
                "port": around.redis.port,
                "tls": {"enabled": False},
                "store": {"mode": "standalone", "host": HOST, "port": around.servers.redis().port},
            },
            "mongodb": {"host": HOST, "port": around.closed},
            "elasticsearch": {"host": HOST, "port": around.closed},
        },
        "ml": {"inference": {"timeout": 5}, "feature_store": {"extraction_timeout": 1}},
        "feature_flags": {"flags": {"tenant.white_label": {"enabled": False}}},  # sold with one tier only
        "monitoring": {"logging": {"folder": f"{folder}/logs"}},
        # an event that is posted again later would be counted by an observation of deliveries
        "performance": {"webserver": {"workers": {"max_requests": 1000000}}, "network": {"retry": {"attempts": 0}}},
        "tenant": {"webhooks": {"$replace": WEBHOOKS}, "quotas": {"requests_per_minute": 1000000}},
    }


def flags_of(pod, *, is_on):
    """The flags of a pod, all of them on or off."""
    state = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on" if is_on else "off"}
    return json.dumps({"flags": dict.fromkeys(json.loads(pod.files["flags.json"])["flags"], state)})


class Application:
    """A gunicorn of two workers that is asked all the time, and whose files are swapped."""

    def __init__(self, server, pod):
        self.server, self.pod = server, pod
        self.failures, self.answers = [], Counter()
        self._ended = threading.Event()
        self._to = {}
        until(lambda: len(self.workers()) == 2)
        self.first = sorted(self._to)
        self._load = [threading.Thread(target=self._ask_always, daemon=True) for _ in range(2)]
        for thread in self._load:
            thread.start()

    def workers(self):
        """The processes that answer, each with a connection to it."""
        connection = http.client.HTTPConnection(HOST, self.server.port, timeout=30)
        pid = self._observed(connection, "state")["pid"]
        if self._to.setdefault(pid, connection) is not connection:
            connection.close()
        return list(self._to)

    def _observed(self, connection, what, *arguments):
        body = json.dumps({"what": what, "arguments": arguments})
        connection.request("POST", "/observe", body, {"Content-Type": "application/json"})
        answer = json.load(connection.getresponse())
        assert "error" not in answer, answer.get("error", answer)
        return answer

    def see(self, what, *arguments):
        """What each worker sees; the one after the other where they would take each other's jobs."""
        with ThreadPoolExecutor(2 if what in TOGETHER else 1) as pool:
            found = [*pool.map(lambda pid: self._observed(self._to[pid], what, *arguments), self.first)]
        assert [one["pid"] for one in found] == self.first
        return [one["value"] for one in found]

    def swap(self, pod):
        """Mount the files of another pod."""
        self.server.mount.publish(pod.files)

    def becomes(self, pod):
        """The same, and wait until each worker has them."""
        self.swap(pod)
        digest = json.loads(pod.files["weft.json"])["digest"]
        end = time.monotonic() + 10
        while [one["digest"] for one in self.see("state")] != [digest] * 2:
            assert time.monotonic() < end, self.see("state")
            time.sleep(0.02)

    def _ask_always(self):
        while not self._ended.is_set():
            for path, good in (("/v2/about", 200), ("/v2/tracks", 200), ("/live", 200)):
                try:
                    connection = http.client.HTTPConnection(HOST, self.server.port, timeout=30)
                    connection.request("GET", path)
                    answer = connection.getresponse()
                    status, text = answer.status, answer.read()
                    connection.close()
                except OSError as error:
                    status, text = None, repr(error)
                self.answers[status] += 1
                if status != good:
                    self.failures.append((path, status, text))
            time.sleep(0.02)

    def close(self):
        """Ask no more."""
        self._ended.set()
        for thread in self._load:
            thread.join()
        for connection in self._to.values():
            connection.close()


@pytest.fixture(scope="module")
def around():
    found = Around()
    yield found
    found.servers.close()


@pytest.fixture(scope="module")
def running(around, tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    ports = {"api": free_port(), "metrics": free_port()}
    outputs = rendered(folder / "project", "development/acme", overlay(around, ports, folder))
    pod = Pod.of(outputs, DB_PASSWORD="postgres")  # pragma: allowlist secret
    pod.files["flags.json"] = flags_of(pod, is_on=True)
    pod = pod.given({"database.redis.username": None, "database.redis.password": None})
    pod.environment["OTEL_SDK_DISABLED"] = "true"
    pod.run(around.servers, "migrate")
    found = Application(pod.serve(around.servers, "observed:app"), pod)
    yield found
    found.close()


def test_the_settings_that_are_tried_here_are_those_that_the_application_takes_live():
    root = project().root
    assert sorted(LIVE) == sorted(
        path for path in read_by("application") if reload_of(root, tuple(path.split("."))) == IS_LIVE
    )


@pytest.mark.parametrize("path", LIVE)
def test_another_value_has_its_effect_in_each_worker_without_a_restart(path, running):
    one = LIVE[path]
    (first, seen), (other, then) = one.seen
    pod = running.pod.given(one.given or {})
    running.becomes(pod.given({path: first}))
    assert running.see(one.look_at, *one.arguments) == [seen, seen]
    before = running.answers[200]
    running.becomes(pod.given({path: other}))
    assert running.see(one.look_at, *one.arguments) == [then, then]
    until(lambda: running.answers[200] > before)
    assert running.failures == []


def test_what_needs_a_restart_waits_for_it_and_the_rest_of_the_revision_does_not(running):
    running.becomes(running.pod)
    pod = running.pod.given({"application.search.max_results": 999, "application.search.timeout": 9})
    running.becomes(pod)
    assert [one["pending"] for one in running.see("state")] == [["application.search.max_results"]] * 2
    assert running.see("searched_for", "timeout") == ["9s"] * 2
    assert running.see("status", "/v2/tracks?size=1000") == [200] * 2
    assert "a restart is needed for the new values of application.search.max_results" in running.server.log
    assert running.failures == []


def test_a_revision_that_is_wrong_changes_nothing(running):
    good = running.pod.given({"application.search.timeout": 8})
    running.becomes(good)
    running.swap(good.given({"application.search.timeout": 0}))
    until(lambda: all(one["problems"] for one in running.see("state")), 10)
    assert running.see("searched_for", "timeout") == ["8s"] * 2
    running.becomes(running.pod)
    assert running.failures == []


@pytest.mark.parametrize("preload", [True, False])
def test_each_worker_follows_whether_it_was_forked_before_or_after_the_code_was_loaded(preload, running, around):
    pod = running.pod.given({"application.server.port": free_port(), "application.metrics.port": free_port()})
    port = json.loads(pod.files["application.json"])["server"]["port"]
    text = pod.files["gunicorn.conf.py"]
    text = re.sub(r"(?m)^preload_app = .*$", f"preload_app = {preload}", text)
    pod.files["gunicorn.conf.py"] = re.sub(r"(?m)^bind = .*$", f'bind = "{HOST}:{port}"', text)
    other = Application(pod.serve(around.servers, "observed:app"), pod)
    try:
        for seconds in (3, 7):
            other.becomes(pod.given({"application.search.timeout": seconds}))
            assert other.see("searched_for", "timeout") == [f"{seconds}s"] * 2
        assert other.failures == []
    finally:
        other.close()
        other.server.stop()


def test_flags_change_with_the_same_files(running):
    running.becomes(running.pod)
    for state in (False, True):
        pod = running.pod.given({})
        pod.files["flags.json"] = flags_of(pod, is_on=state)
        running.becomes(pod.given({}))
        until(lambda state=state: running.see("is_now_on", "product.ai") == [state] * 2, 20)
    assert running.failures == []
