"""What can be seen of the application in an environment; each function runs in a process of its own (zygote.py).

A function gives something that JSON can hold, which differs when the setting differs that it is about.
"""

import asyncio
import contextlib
import json
import logging
import re
import ssl
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def main():
    """The module of the application; importing it makes the application from the environment."""
    from application import main

    return main


def parts():
    """The parts, without the application around them."""
    from application.parts import Parts
    from application.settings import Settings

    return Parts(Settings())


class Caller:
    """Calls an application of ASGI without a server."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, path, method="GET", *, headers=None, body=b"", scheme="http", client="203.0.113.7"):
        """The status, the headers and the body of an answer."""
        path, _, query = path.partition("?")
        sent = []
        bodies = [body] if isinstance(body, bytes) else list(body)

        async def receive():
            if not bodies:
                return {"type": "http.disconnect"}
            part = bodies.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(bodies)}

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": scheme,
            "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": [(b"host", b"api.example"), *((k.lower().encode(), v.encode()) for k, v in (headers or {}).items())],
            "client": (client, 1000), "server": ("api.example", 80),
        }  # fmt: skip
        try:
            await self.app(scope, receive, send)
        except Exception:  # noqa: BLE001 - it was answered first, then raised for the server's log
            assert sent
        head = next(message for message in sent if message["type"] == "http.response.start")
        text = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
        return head["status"], {k.decode(): v.decode() for k, v in head["headers"]}, text


def running(work):
    """Run `work(call, app)` while the application runs."""

    async def together():
        app = main().app
        async with app.router.lifespan_context(app):
            return await work(Caller(app), app)

    return asyncio.run(together())


def call(path, method="GET", headers=None, body="", scheme="http"):
    """The status, the headers and the body of one answer."""

    async def work(call, _):
        status, answered, text = await call(path, method, headers=headers, body=body.encode(), scheme=scheme)
        return [status, answered, text.decode("utf-8", "replace")]

    return running(work)


def status(*arguments):
    """The status of one answer."""
    return call(*arguments)[0]


def header(name, *arguments):
    """One header of an answer."""
    return call(*arguments)[1].get(name)


def told(key, path):
    """One value of an answer in JSON."""
    return json.loads(call(path)[2]).get(key)


# --- the program itself ---


def trace_of_an_error():
    """Whether clients see where an error happened."""

    def broken():
        raise ValueError("this is broken")

    async def work(call, app):
        app.add_api_route("/broken", broken)
        return b"Traceback" in (await call("/broken"))[2]

    return running(work)


def title():
    """How the application is called."""
    return main().app.title


def threads():
    """How many requests a worker works on at a time."""

    async def work(_, __):
        from anyio.to_thread import current_default_thread_limiter

        return current_default_thread_limiter().total_tokens

    return running(work)


def compressed():
    """How a long answer is encoded, and how long it then is."""
    text = " ".join(str(number * number) for number in range(2000))

    async def work(call, app):
        app.add_api_route("/long", lambda: text)
        _, headers, body = await call("/long", headers={"Accept-Encoding": "gzip"})
        return [headers.get("content-encoding"), len(body)]

    return running(work)


def encoding():
    """How a long answer is encoded."""
    return compressed()[0]


def compressed_size():
    """How long a compressed answer is."""
    return compressed()[1]


def compressed_well():
    """Whether a compressed answer is as small as it can be, within a few bytes."""
    import gzip

    text = json.dumps(" ".join(str(number * number) for number in range(2000)), separators=(",", ":")).encode()
    return compressed()[1] <= len(gzip.compress(text, 9)) + 20


def preflight_status():
    """The status of the answer to the question of a browser."""
    headers = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "X-Api-Key",
    }
    return status("/v2/about", "OPTIONS", headers)


def preflight(name, origin="https://app.example", method="POST", asked="X-Api-Key"):
    """One header of the answer to the question of a browser."""
    headers = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": asked}
    return header(name, "/v2/about", "OPTIONS", headers)


# --- limits ---


def statuses(number, headers=None):
    """The statuses of requests in a row."""

    async def work(call, _):
        return [(await call("/v2/about", headers=headers))[0] for _ in range(number)]

    return running(work)


def accepted_requests(most):
    """How many requests are answered before one is turned away."""
    return statuses(most).index(429)


def turned_away():
    """For how many seconds a client is turned away."""

    async def work(call, _):
        while True:
            status, headers, _ = await call("/v2/about")
            if status == 429:
                return int(headers["retry-after"])

    return running(work)


def turned_away_for_minutes():
    """Whether a client is turned away for more than a minute; a fixed window may have begun long ago."""
    return turned_away() > 60


def of_two_keys(name):
    """The statuses of two clients at one address with two keys in a header, each with three requests."""

    async def work(call, _):
        return [(await call("/v2/about", headers={name: key}))[0] for key in ("one", "two") for _ in range(3)]

    return running(work)


def counters():
    """How many counters of rate limits are in the store."""

    async def work(call, _):
        await call("/v2/about")
        return len(parts().store.client.keys("LIMITS*"))

    return running(work)


def uploads():
    """The folder of uploads."""
    return Path(main().Settings().uploads.path)


def upload(kind, size, seconds=0):
    """The status after audio was sent."""
    body = wave_file(seconds) if seconds else b"x" * size

    async def work(call, _):
        return (await call(f"/v2/tracks/7/audio/{kind}", "PUT", body=[body[:100], body[100:]]))[0]

    return running(work)


def wave_file(seconds):
    """Silence."""
    import io
    import wave

    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(1)
        audio.setframerate(100)
        audio.writeframes(bytes(int(seconds * 100)))
    return file.getvalue()


def kept_upload():
    """Whether what was sent can be read in the file, and whether the same comes back."""
    sent = b"a secret song " * 200_000

    async def work(call, _):
        await call("/v2/tracks/7/audio/mp3", "PUT", body=sent)
        kept = (uploads() / "7").read_bytes()
        return [b"a secret song" in kept, (await call("/v2/tracks/7/audio"))[2] == sent]

    return running(work)


def folder_of_uploads():
    """The file that an upload is kept in."""

    async def work(call, _):
        await call("/v2/tracks/7/audio/mp3", "PUT", body=b"song")
        return str(next(uploads().iterdir()))

    return running(work)


def takes_key():
    """Whether the program starts with its key."""
    try:
        parts()
    except ValueError as error:
        return "needs" not in str(error)
    return True


# --- the cache ---


def made_answers():
    """How often an answer is made that is asked for twice."""
    made, answers = [], parts().answers
    for _ in range(2):
        answers.get("key", lambda: made.append(1) or "answer")
    return len(made)


def leaving_entries():
    """Which of two entries leaves for a third: when the older was used last, and when it was used more often but not last."""
    from application.caching import Answers

    class Nobody:
        def call(self, work):
            from application.redis_stores import AWAY

            raise AWAY

    found = []
    for uses in ("a", "aab"):
        made = parts()
        answers = Answers(made.settings.cache, 1, made.cache, Nobody())
        for key in ("a", "b", *uses, "c"):
            answers.get(key, lambda key=key: key)
        asked = []
        for key in ("a", "b"):
            answers.get(key, partial(asked.append, key))
        found.append(asked[:1])
    return [type(answers._near).__name__, *found]


def kept_for():
    """For how many seconds Redis keeps an answer."""
    made = parts()
    made.cache.client.flushall()
    made.answers.get("kept", lambda: "value")
    return made.cache.client.ttl("kept")


def near_entries():
    """How many answers a worker keeps."""
    answers = parts().answers
    for number in range(60):
        answers.get(f"key {number}", lambda: 1)
    return len(answers._near)


def compressed_value():
    """Whether Redis holds an answer of 500 letters in a compressed form."""
    made = parts()
    made.cache.client.flushall()
    made.answers.get("long", lambda: "x" * 500)
    text = made.cache.client.get("long")
    return len(text) < 500


# --- PostgreSQL ---


def dsn(server, key):
    """One of the parameters of a real connection to the primary or the replica."""
    made = parts().databases
    engine = made._primary if server == "primary" else made._replica
    with engine.connect() as connection:
        return connection.connection.driver_connection.info.get_parameters().get(key)


def asked_dsn(server, key):
    """One of the parameters with which a connection to the primary or the replica is tried."""
    from sqlalchemy import event

    made = parts().databases
    engine = made._primary if server == "primary" else made._replica
    seen = {}

    @event.listens_for(engine, "do_connect")
    def watch(_dialect, _record, _arguments, parameters):
        seen.update(parameters)

    with contextlib.suppress(Exception):  # nobody may listen there
        engine.connect().close()
    return seen.get(key)


def connections():
    """How many connections a worker can have at a time."""
    from sqlalchemy.exc import TimeoutError as Empty

    engine, held = parts().databases._primary, []
    try:
        while True:
            held.append(engine.connect())
    except Empty:
        return len(held)


def waits_for_a_connection(seconds):
    """Whether a request waits so many seconds for a connection while there is none."""
    from sqlalchemy.exc import TimeoutError as Empty

    engine, held, began = parts().databases._primary, [], time.monotonic()
    try:
        while True:
            began = time.monotonic()
            held.append(engine.connect())
    except Empty:
        return time.monotonic() - began > seconds


def survives_a_cut():
    """Whether a query works after the server has cut the connection that the pool holds."""
    from sqlalchemy import text

    engine = parts().databases._primary
    with engine.connect() as one, engine.connect() as other:
        victim = one.execute(text("SELECT pg_backend_pid()")).scalar_one()
        one.rollback()
        other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": victim})
    try:
        held = [engine.connect(), engine.connect()]
        for each in held:
            each.execute(text("SELECT 1"))
    except Exception as error:  # noqa: BLE001
        return type(error).__name__
    return True


def reconnects():
    """Whether the pool makes a new connection after a second."""
    from sqlalchemy import text

    engine, found = parts().databases._primary, []
    for _ in range(2):
        with engine.connect() as connection:
            found.append(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
        time.sleep(1.5)
    return found[0] != found[1]


def reads_where():
    """Which server answers reads."""
    from sqlalchemy import text

    replica = parts().databases.read(
        lambda connection: connection.execute(text("SELECT pg_is_in_recovery()")).scalar_one()
    )
    return "replica" if replica else "primary"


def read_error():
    """What a read gives."""
    try:
        return reads_where()
    except Exception as error:  # noqa: BLE001
        return type(error).__name__


def logged_by(name, work):
    """What a logger writes meanwhile."""
    lines = []

    class Handler(logging.Handler):
        def emit(self, record):
            lines.append(record.getMessage())

    logger = logging.getLogger(name)
    logger.addHandler(Handler())
    logger.setLevel(logging.DEBUG if name != "sqlalchemy.engine" else logging.NOTSET)
    work()
    return lines


def slow_queries():
    """How many of two queries, which take no time and a fifth of a second, are logged as slow."""
    from sqlalchemy import text

    def work():
        for seconds in (0, 0.2):
            parts().databases.read(lambda c, s=seconds: c.execute(text(f"SELECT pg_sleep({s})")).close())

    return len(logged_by("application.databases", work))


def echoed():
    """Whether queries are logged."""
    from sqlalchemy import text

    lines = logged_by(
        "sqlalchemy.engine.Engine", lambda: parts().databases.write(lambda c: c.execute(text("SELECT 42")).close())
    )
    return parts().databases._primary.echo is True and any("SELECT 42" in line for line in lines)


def attempts_to_write():
    """How often a write is tried while nobody listens, and for how many seconds."""
    from sqlalchemy import event, text
    from sqlalchemy.exc import OperationalError

    databases, tried = parts().databases, []
    event.listens_for(databases._primary, "do_connect")(lambda *_: tried.append(1))
    began = time.monotonic()
    with contextlib.suppress(OperationalError):
        databases.write(lambda connection: connection.execute(text("SELECT 1")))
    return [len(tried), time.monotonic() - began]


def number_of_attempts():
    """How often a write is tried."""
    return attempts_to_write()[0]


def is_tried_so_often(number):
    """Whether a write is tried so often."""
    return attempts_to_write()[0] == number


def is_tried_so_long(seconds):
    """Whether a write is tried for so many seconds."""
    return attempts_to_write()[1] > seconds


def dependency(name, field, wait=0.0):
    """The state of a server after a while; None where nobody asks it."""
    found = parts().watch
    found.start()
    time.sleep(wait)
    report = found.report()
    found.stop()
    return report.get(name, {}).get(field)


def problem_of_a_lag(seconds):
    """Whether a replica is up that is so many seconds behind."""

    class Behind:
        def execute(self, _):
            return self

        def scalar_one(self):
            return seconds

    from application.databases import TooFarBehind

    try:
        parts().databases._check_lag(Behind())
    except TooFarBehind:
        return False
    return True


def asked_often(name):
    """Whether a server is asked more than once in two seconds and a half."""
    return asked(name, 2.5) > 1


def asked(name, wait):
    """How often a server is asked in some seconds."""
    found, count = parts().watch, []
    each = next(each for each in found._all if each.name == name)
    each._ask = lambda: count.append(1)
    each.start()
    time.sleep(wait)
    each.stop()
    return len(count)


def patience(name):
    """Whether a server that takes a second and a half to answer counts as up."""
    each = next(each for each in parts().watch._all if each.name == name)
    each._ask = lambda: time.sleep(1.5)
    each.start()
    time.sleep(2.5)
    each.stop()
    return each.problem is None


def failures_until_down(name):
    """How often a server fails before it counts as down."""
    each, count = next(each for each in parts().watch._all if each.name == name), 0
    while not each.fails:
        count += 1
        each._failures += 1
    return count


# --- Redis ---


def redis_option(server, key):
    """One of the options of the connections to a Redis."""
    client = getattr(parts(), server).client
    pool = getattr(client, "connection_pool", None)
    found = pool.connection_kwargs.get(key) if pool else client.nodes_manager.connection_kwargs.get(key)
    return found if isinstance(found, str | int | float | bool | None) else type(found).__name__


def redis_port_of(server):
    """Where a Redis is asked: the port that it says itself."""
    return getattr(parts(), server).client.config_get("port")["port"]


def redis_database(server):
    """The number of the database of a Redis that is used."""
    client = getattr(parts(), server).client
    client.set("here", 1)
    return list(client.info("keyspace"))


def redis_connections(server):
    """How many connections a worker may have to a Redis."""
    return getattr(parts(), server).client.connection_pool.max_connections


def redis_user(server):
    """Who one is at a Redis, or the error."""
    try:
        return getattr(parts(), server).client.acl_whoami()
    except Exception as error:  # noqa: BLE001
        return type(error).__name__


def redis_retries(server):
    """How often a command is tried again."""
    return getattr(parts(), server).client.get_connection_kwargs()["retry"].get_retries()


def redis_kind(server):
    """The class of the client, and where `limits` finds the server."""
    found = getattr(parts(), server)
    try:
        kind = type(found.client.connection_pool).__name__
    except Exception as error:  # noqa: BLE001 - a client of a cluster asks it at once
        kind = type(error).__name__
    return [kind, re.sub(r"[0-9]+", "N", found.address)]


def redis_address(server):
    """Where `limits` finds the server."""
    return getattr(parts(), server).address


def redis_address_scheme(server):
    """How `limits` speaks with the server."""
    return redis_address(server).partition("://")[0]


# --- MongoDB ---


def mongodb(option):
    """One of the options that the driver has taken."""
    client = parts().plays.client
    options, pool = client.options, client.options.pool_options
    found = {
        "seeds": lambda: sorted(f"{host}:{port}" for host, port in client._topology_settings.seeds),
        "database": lambda: parts().plays._plays.full_name,
        "user": lambda: pool._credentials and pool._credentials.username,
        "password": lambda: pool._credentials and pool._credentials.password,
        "source": lambda: pool._credentials and pool._credentials.source,
        "replica set": lambda: options.replica_set_name,
        "read preference": lambda: options.read_preference.mongos_mode,
        "write concern": lambda: options.write_concern.document.get("w"),
        "retry writes": lambda: options.retry_writes,
        "retry reads": lambda: options.retry_reads,
        "min": lambda: pool.min_pool_size,
        "max": lambda: pool.max_pool_size,
        "selection": lambda: options.server_selection_timeout,
        "connect": lambda: pool.connect_timeout,
        "socket": lambda: pool.socket_timeout,
        "tls": lambda: pool._ssl_context is not None,
    }
    return found[option]()


def mongodb_starts():
    """Whether the driver takes the settings, or what it says."""
    try:
        parts().plays.ask()
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {str(error)[:60]}"
    return True


def mongodb_by_dns():
    """Whether the driver asks DNS for the servers, of which there are none."""
    try:
        client = parts().plays.client
        return bool(client._resolve_srv_info["is_srv"]) if hasattr(client, "_resolve_srv_info") else False
    except Exception as error:  # noqa: BLE001
        return "DNS" in str(error) or "nameserver" in str(error) or "SRV" in str(error)


def takes_files():
    """Whether the driver finds the certificates."""
    try:
        parts()
    except Exception:  # noqa: BLE001
        return False
    return True


def gives_up_after(seconds):
    """Whether the driver has given up finding a server after some seconds."""
    began = time.monotonic()
    mongodb_starts()
    return time.monotonic() - began < seconds


# --- Elasticsearch ---


class Engine(ThreadingHTTPServer):
    """Answers as Elasticsearch does, and notes what it is asked."""

    def __init__(self, port, *, files=None, delay=0.0):
        notes = self.notes = []

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                notes.append({"path": self.path, "authorization": self.headers.get("Authorization"), "body": body})
                time.sleep(delay)
                text = json.dumps({"hits": {"hits": []}, "timed_out": False, "version": {"number": "9.0.0"}}).encode()
                self.send_response(200)
                self.send_header("X-Elastic-Product", "Elasticsearch")
                self.send_header("Content-Type", "application/vnd.elasticsearch+json;compatible-with=9")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        for method in ("GET", "POST", "PUT", "HEAD"):
            setattr(Handler, f"do_{method}", Handler.answer)

        super().__init__(("127.0.0.1", port), Handler)
        if files:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*files)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def search_address():
    """Where the search engine is asked."""
    return next(str(node.base_url) for node in parts().search.client.transport.node_pool.all())


def search_fingerprint():
    """The fingerprint that the certificate of the search engine must have."""
    return next(node.config.ssl_assert_fingerprint for node in parts().search.client.transport.node_pool.all())


def searched(field, port, path="/v2/search?q=song", files=None, delay=0.0):
    """What the search engine saw of a search, or the status if it saw nothing."""
    engine = Engine(port, files=files, delay=delay)

    async def work(call, _):
        return (await call(path))[0]

    status = running(work)
    note = next((note for note in engine.notes if "_search" in note["path"]), None)
    if note is None or status != 200:
        return status
    found = {**note, **json.loads(note["body"] or "{}")}
    return found.get(field)


# --- jobs and accounts ---


def integration(name):
    """Whether a service outside is on."""
    return told(name, "/v2/integrations")


def job(key, path, body):
    """One value of the job that a worker gets for a request."""
    seen = []

    async def work(call, _):
        client = parts().store.client
        client.flushdb()

        def worker():
            taken = client.blpop(["jobs:stems", "jobs:playlist"], timeout=5)
            if taken:
                seen.append(json.loads(taken[1]))
                answer = [1] * len(seen[0].get("tracks", [1]))
                client.rpush(f"results:{seen[0]['job']}", json.dumps(answer))

        thread = threading.Thread(target=worker)
        thread.start()
        status = (
            await call(path, "POST", headers={"Content-Type": "application/json"}, body=json.dumps(body).encode())
        )[0]
        thread.join()
        return status

    status = running(work)
    return seen[0].get(key) if seen else status


def stem_job(key):
    """One value of the job that separates stems."""
    return job(key, "/v2/stems", {"tracks": [1]})


def contact(key):
    """One value of the contact of the tenant."""
    return told("contact", "/v2/tenant").get(key)


def job_status(path, body, waiting=0):
    """The status of a request while no worker answers, and so many jobs wait."""

    async def work(call, _):
        client = parts().store.client
        client.flushdb()
        for number in range(waiting):
            client.rpush("jobs:stems", str(number))
        sent = json.dumps(body).encode()
        return (await call(path, "POST", headers={"Content-Type": "application/json"}, body=sent))[0]

    return running(work)


def waits_for_a_worker(path, body, seconds):
    """Whether a request waits so many seconds for a worker."""

    async def work(call, _):
        parts().store.client.flushdb()
        sent, began = json.dumps(body).encode(), time.monotonic()
        status = (await call(path, "POST", headers={"Content-Type": "application/json"}, body=sent))[0]
        assert status == 504
        return time.monotonic() - began > seconds

    return running(work)


def jobs_for_two_requests(body):
    """How many jobs two equal requests make."""
    jobs = []

    async def work(call, _):
        client = parts().store.client
        client.flushdb()

        def worker():
            while taken := client.blpop(["jobs:stems"], timeout=1):
                jobs.append(json.loads(taken[1]))
                client.rpush(f"results:{jobs[-1]['job']}", json.dumps([1]))

        thread = threading.Thread(target=worker)
        thread.start()
        for _ in range(2):
            sent = json.dumps(body).encode()
            await call("/v2/stems", "POST", headers={"Content-Type": "application/json"}, body=sent)
        thread.join()

    running(work)
    return len(jobs)


# --- calls of others ---


def calls_until_open():
    """How often a failing server is called before it is left alone, of ten times."""
    made, breaker = [], parts()._breaker("test")
    for _ in range(10):
        with contextlib.suppress(Exception):
            breaker.call(lambda: made.append(1) or 1 / 0)
    return len(made)


def session(field):
    """How the client for webhooks is made."""

    async def work():
        hooks = parts().webhooks
        await hooks.start()
        connector, timeout = hooks._session.connector, hooks._session.timeout
        found = {
            "total": connector.limit,
            "per host": connector.limit_per_host,
            "connect": timeout.sock_connect,
            "read": timeout.sock_read,
            "dns": connector._cached_hosts._ttl,
        }
        await hooks.stop()
        return found[field]

    return asyncio.run(work())


def keeps_alive():
    """Whether the connections of webhooks find out about peers that vanished."""
    import socket

    async def work():
        hooks = parts().webhooks
        await hooks.start()
        address = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 1))
        with hooks._session.connector._socket_factory(address) as made:
            found = bool(made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
        await hooks.stop()
        return found

    return asyncio.run(work())


def deliveries(event, url):
    """How often an event is posted to a closed port, and for how many tenths of a second."""
    tried = []

    async def work():
        hooks = parts().webhooks
        await hooks.start()

        def post(*_, **__):
            from aiohttp import ClientError

            tried.append(time.monotonic())
            raise ClientError

        hooks._session.post = post
        hooks.tell(event, {"job": "1"})
        await asyncio.sleep(0.1)
        pending = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        if pending:
            await asyncio.wait(pending)
        await hooks.stop()

    asyncio.run(work())
    return [len(tried), round(10 * (tried[-1] - tried[0])) if tried else None]


def number_of_deliveries(event="job.completed"):
    """How often an event is posted."""
    return deliveries(event, "")[0]


def waits_between_deliveries(tenths):
    """Whether there are so many tenths of a second between two tries to post an event."""
    return deliveries("job.completed", "")[1] > tenths


# --- flags, metrics, traces ---


def is_on(feature):
    """Whether a feature is on."""

    async def work(_, __):
        from application import features

        return features.is_on(feature)

    return running(work)


def scrape(path="/metrics", authorization=None):
    """The status and the text that Prometheus gets after one request, from the port of the metrics."""
    import urllib.error
    import urllib.request

    from application.settings import Metrics

    from application import metrics

    async def work(call, _):
        await call("/v2/about")
        await asyncio.sleep(0.3)

    running(work)
    metrics.when_ready(None)
    request = urllib.request.Request(f"http://127.0.0.1:{Metrics().port}{path}")
    if authorization:
        request.add_header("Authorization", authorization)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return [answer.status, answer.read().decode()]
    except urllib.error.HTTPError as error:
        return [error.code, ""]
    except OSError:
        return [None, ""]


def scrape_status(*arguments):
    """The status that Prometheus gets."""
    return scrape(*arguments)[0]


def metrics_port():
    """The port on which metrics are found."""
    from application.settings import Metrics

    return Metrics().port if scrape()[0] == 200 else None


def metric_names():
    """The names of what Prometheus gets."""
    return sorted(set(re.findall(r"^# TYPE (\S+)", scrape()[1], re.MULTILINE)))


def has_metric(name):
    """Whether Prometheus gets a metric."""
    return name in metric_names()


def buckets():
    """The limits of the buckets of how long answers took."""
    text = scrape()[1]
    return re.findall(r'http_request_duration_seconds_bucket\{le="([^"]+)",method="GET"\}', text)


def tracing(field):
    """What the SDK of OpenTelemetry took from the environment."""

    async def work(_, app):
        from application.settings import Traces
        from application.traces import _exporter
        from opentelemetry import trace

        provider = trace.get_tracer_provider()
        if not hasattr(provider, "sampler"):
            return None
        exporter = _exporter(Traces())
        return {
            "sampler": provider.sampler.get_description(),
            **{str(key): value for key, value in provider.resource.attributes.items()},
            "endpoint": exporter._endpoint,
            "insecure": exporter._insecure,
        }.get(field)

    return running(work)


def trace_headers():
    """How the collector learns who sends."""
    from application.settings import Traces
    from application.traces import _exporter

    return str(dict(_exporter(Traces())._headers).get("authorization"))


def missing_certificate():
    """Whether the exporter logs an error about its certificate."""
    return bool(logged_by("opentelemetry.exporter.otlp.proto.grpc.exporter", trace_headers))


def setting(section, name):
    """A setting as the program reads it."""
    from application.settings import Settings

    found = getattr(getattr(Settings(), section), name)
    return found if isinstance(found, str | int | float | bool | None) else str(found)


# --- what changes while the program runs ---


def state():
    """The revision in force, what waits for a restart, and why something was refused."""
    from application.settings import configuration

    status = configuration().status
    return {
        "digest": status.digest,
        "pending": list(status.pending_restart),
        "problems": [problem.message for problem in status.problems],
    }


def searched_for(field):
    """One of the arguments of a search, without a search engine."""
    search, seen = parts().search, {}

    def answer(**asked):
        seen.update(asked)
        return {"hits": {"hits": []}, "timed_out": False}

    search.client.search = answer
    search.find("song", 1, 10)
    del search.client.search
    return seen[field]


def counts_a_key(name):
    """Whether a client is counted by the key that it sends in a header."""

    async def work(call, _):
        await call("/v2/about", headers={name: "a key"})
        return any(b"/key " in key for key in parts().store.client.keys("LIMITS*"))

    return running(work)


def is_now_on(feature):
    """Whether a feature is on for a program that runs already."""
    from application import features

    return features.is_on(feature)


def keeps_a_connection_alive():
    """Whether a new connection of webhooks finds out about a peer that vanished."""
    import socket

    address = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 1))
    with parts().webhooks._socket(address) as made:
        return bool(made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))


def writes_while_away(seconds=0):
    """How often a write is tried that fails after some seconds, and for how many seconds, to the nearest one."""
    from sqlalchemy.exc import OperationalError

    tried, began = [], time.monotonic()

    def fail(_):
        tried.append(1)
        time.sleep(seconds)
        raise OperationalError("", None, Exception())

    with contextlib.suppress(OperationalError):
        parts().databases.write(fail)
    return [len(tried), round(time.monotonic() - began)]
