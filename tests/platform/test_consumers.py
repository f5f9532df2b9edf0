"""Data stores, application, machine learning: the programs that read the rendered files take them, and say what is wrong."""

import functools
import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

import reference
from reference import ENVIRONMENTS, OF_THE_PROJECT, ROOT
from scratch import make_project, write_files
from weft import Severity, checks, load_project
from weft.checks import programs, redis

COLLECTOR = """\
receivers:
  otlp: {protocols: {grpc: {}}}
processors:
  # it sends in batches
  batch: {timeout: 5s}
exporters:
  otlp: {endpoint: "127.0.0.1:4317"}
service:
  telemetry: {logs: {}}
  pipelines:
    traces: {receivers: [otlp], processors: [batch], exporters: [otlp]}
"""
FEAST = """\
project: it
provider: local
registry:
  path: registry.db
  cache_ttl_seconds: 9
online_store: {type: "redis", connection_string: "x:1"}
entity_key_serialization_version: 3
"""
SPLEETER = """\
{
  "train_csv": "t.csv", "validation_csv": "v.csv", "model_dir": "m", "training_cache": "c", "validation_cache": "d",
  "learning_rate": 1e-4, "batch_size": 4, "train_max_steps": 1000000, "throttle_secs": 300,
  "random_seed": 0, "save_checkpoints_steps": 150, "save_summary_steps": 5,
  "mix_name": "mix", "sample_rate": 44100, "frame_length": 4096, "frame_step": 1024, "T": 512, "F": 1024, "n_channels": 2,
  "instrument_list": ["vocals", "accompaniment"], "model": {"type": "unet.unet", "params": {}},
  "separation_exponent": 2, "mask_extension": "zeros"
}
"""
MINE = ("redis", "pgbouncer", "gunicorn", "dictconfig", "compose")
PROGRAMS = {
    "redis": "redis-server",
    "pgbouncer": "pgbouncer",
    "gunicorn": "gunicorn",
    "compose": "docker-compose",
    "otelcol": "otelcol",
    "jaeger": "jaeger",
}
OF_PACKAGES = ("feast", "mlflow", "spleeter")
"""Checks whose program belongs to a Python package, which is asked instead."""
LOGGING = '{"version": 1, "handlers": {"file": {"class": "%s", "formatter": "json", "filename": "/nowhere/app.log"}}}\n'


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """A cache folder of its own, without the results of earlier programs."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    programs.find.cache_clear()
    yield
    programs.find.cache_clear()


def asks(check):
    """The marks of a case that asks the program of a check."""
    program = check if check in OF_PACKAGES else PROGRAMS.get(check)
    return [pytest.mark.programs(program)] if program else []


@functools.cache
def rendered():
    """Every output of the environments, by its path."""
    targets = [reference.project().target(name) for name in ENVIRONMENTS]
    outputs, problems = reference.project().render(targets)
    assert [problem for problem in problems if problem.severity is not Severity.NOTE] == []
    return {one.path: one.text for one in outputs}


def small(folder, check, template, *, word="", path="it.txt", **more):
    """What one check reports for a template with one setting, whose schema is loose."""
    schema = {"properties": {"app": {"type": "object", "properties": {"word": {"type": "string", "default": word}}}}}
    files = {"schema.json": schema, "base.yaml": "{}", "templates/it.j2": template, "templates/other.j2": "x = 1\n"}
    outputs = [{"template": "it.j2", "path": path, "check": check}]
    make_project(folder, {**files, **more}, outputs=outputs)
    project = load_project(folder)
    return project.check_outputs(project.targets()).problems


def settings_of(environment, name):
    return reference.project().target(environment).config[name]


# --- the programs take what is rendered ---


@pytest.mark.programs(*OF_THE_PROJECT)
def test_the_programs_take_the_files_of_all_environments():
    """One test for all checks, so that the environments are rendered once."""
    targets = [reference.project().target(name) for name in ENVIRONMENTS]
    report = reference.project().check_outputs(targets)
    assert [problem for problem in report.problems if problem.code in MINE] == []
    files = {**dict.fromkeys(MINE, 1), "redis": 2}  # a cache and a store
    assert {check: report.asked[check] for check in MINE} == {
        check: number * len(ENVIRONMENTS) for check, number in files.items()
    }


def test_references_to_secrets_stand_only_in_the_files_of_users():
    mine = {path: text for path, text in rendered().items() if re.search(r"/(stores|application|ml)/|compose", path)}
    assert {path.rpartition("/")[2] for path, text in mine.items() if "ref+" in text} == {
        "users.acl", "replication.conf", "sentinel.conf", "userlist.txt",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ('"ref+env://NAME"', {"bind": "* -::*", "protected-mode": "no", "aclfile": '"/etc/redis/users.acl"'}),
        ("null", {"bind": "127.0.0.1 -::1", "protected-mode": "yes"}),
    ],
)
def test_redis_lets_in_who_names_a_user_and_without_users_only_its_own_machine(password, expected):
    loaded = reference.changed({"database.redis": f'{{"password": {password}}}'})
    text = loaded.target("staging").render()["staging/stores/redis.conf"]
    lines = dict(line.split(" ", 1) for line in text.splitlines() if " " in line and not line.startswith("#"))
    assert {name: lines[name] for name in ("bind", "protected-mode", "aclfile") if name in lines} == expected


def test_gunicorn_reads_the_settings_of_the_application():
    for environment in ENVIRONMENTS:
        namespace = {"__file__": "/etc/app/gunicorn.conf.py"}
        exec(rendered()[f"{environment}/application/gunicorn.conf.py"], namespace)
        server = settings_of(environment, "application")["server"]
        assert (namespace["workers"], namespace["timeout"]) == (server["max_workers"], server["worker_timeout"])
        assert namespace["bind"] == f"{server['host']}:{server['port']}"
        assert not (namespace["reload"] and namespace["preload_app"])


def test_compose_files_keep_to_the_specification():
    schema = json.loads((ROOT / "tests/third_party/schemas/compose-spec.json").read_text("utf-8"))
    for environment in ENVIRONMENTS:
        file = yaml.safe_load(rendered()[f"{environment}/docker-compose.override.yml"])
        jsonschema.validate(file, schema)
        for mount in (volume for service in file["services"].values() for volume in service.get("volumes", ())):
            source = mount.partition(":")[0]
            here = f"{environment}/{source.removeprefix('./')}"
            known = any(f"{path}/".startswith(f"{here}/") for path in rendered()) or source.startswith("./private/")
            assert known or source in file["volumes"], mount
        assert all(
            f"{environment}/{name.removeprefix('./')}" in rendered() for name in file["services"]["app"]["env_file"]
        )


# --- what the programs refuse ---


@pytest.mark.programs(*OF_THE_PROJECT)
def test_a_database_that_pgbouncer_keeps_for_itself_is_told_at_its_line():
    project = reference.changed({"database.postgresql.name": "pgbouncer"})
    problems = project.check_outputs([project.target("production")]).problems
    (problem,) = (one for one in problems if one.code == "pgbouncer")
    assert problem.message.startswith('pgbouncer: database name "pgbouncer" is reserved; invalid value')
    assert (problem.place.file, problem.place.line) == ("production/stores/pgbouncer.ini", 4)
    assert problem.place.text.startswith("pgbouncer = host=")
    assert [place.file for place in problem.related] == ["templates/stores/pgbouncer.ini.j2"]


REFUSED = [
    (
        "redis",
        "# head\nport 6379\nmaxmemory {{ app.word }}\n",
        "much",
        3,
        "redis-server: argument must be a memory value",
    ),
    (
        "redis",
        "port 6379\n{{ app.word }} 1\n",
        "maxclientz",
        2,
        "redis-server: Bad directive or wrong number of arguments",
    ),
    ("redis", "port {{ app.word }}\n", "0\nmaxmemory 1 2", 2, "redis-server: wrong number of arguments"),
    (
        "pgbouncer",
        "[databases]\nx = host=h\n[pgbouncer]\npool_mode = {{ app.word }}\n",
        "sometimes",
        4,
        'pgbouncer: invalid value "sometimes" for parameter pool_mode',
    ),
    ("pgbouncer", "[pgbouncer]\n{{ app.word }}\n", "no assignment", 2, "pgbouncer: syntax error"),
    (
        "pgbouncer",
        "[databases]\n\nx = host=h {{ app.word }}\n",
        "colour=red",
        3,
        "pgbouncer: unrecognized connection parameter: colour; invalid value",
    ),
    ("gunicorn", "bind = 'x:1'\nworkers = {{ app.word }}\n", "-4", 2, "gunicorn: invalid value for workers: "),
    ("gunicorn", "bind = 'x:1'\nworkers = {{ app.word }}\n", "4 +", 2, "gunicorn: SyntaxError: invalid syntax"),
    ("gunicorn", "a = 1\n\nworkers = {{ app.word }}\n", "four", 3, "gunicorn: NameError: name 'four' is not defined"),
    (
        "dictconfig",
        LOGGING.replace("%s", "{{ app.word }}"),
        "no.Such",
        1,
        "logging: Unable to configure handler 'file': ",
    ),
    (
        "dictconfig",
        '{"version": 1,\n "root": {"level": "{{ app.word }}"}}\n',
        "LOUD",
        2,
        "logging: Unable to configure root",
    ),
    ("dictconfig", '{"version": 1,\n{{ app.word }}\n', "}", 2, "the logging configuration is not JSON: "),
    (
        "compose",
        'services:\n  app:\n    image: "x"\n    {{ app.word }}: 3\n',
        "retriez",
        4,
        "docker-compose: services.app.retriez false schema",
    ),
    (
        "compose",
        "services:\n  app:\n    image: {{ app.word }}\n",
        "a: b",
        3,
        "docker-compose: line 3, column 13: mapping values are not allowed",
    ),
    (
        "compose",
        "services:\n  app:\n    image: x\n    deploy: {resources: {limits: {memory: {{ app.word }}}}}\n",
        "many",
        4,
        "docker-compose: 'services[app].deploy.resources.limits.memory' invalid size: 'many'",
    ),
    (
        "compose",
        "services:\n  app:\n    image: x\n  {{ app.word }}:\n    image: y\n    depends_on: [db]\n",
        "other",
        4,
        'docker-compose: service "other" depends on undefined service "db"',
    ),
    *(
        ("otelcol", COLLECTOR.replace(old, new), word, line, f"otelcol: {words}")
        for old, new, word, line, words in (
            ("batch:", "{{ app.word }}:", "batchy", 5, "'processors' unknown type: \"batchy\""),
            ("5s", "{{ app.word }}", "soon", 5, "'processors' error reading configuration for \"batch\": "),
            ("[batch]", "[{{ app.word }}]", "other", 11, 'service::pipelines::traces: references processor "other"'),
            ("127.0.0.1:4317", "{{ app.word }}", "", 7, 'exporters::otlp: requires a non-empty "endpoint"'),
            (
                "logs: {}",
                "metrics: {address: '{{ app.word }}'}",
                "x:1",
                9,
                "'service.telemetry.metrics' decoding failed",
            ),
            ("{timeout: 5s}", "{{ app.word }}", "a: b", 5, "yaml: line 5: mapping values are not allowed"),
        )
    ),
    (
        "jaeger",
        COLLECTOR.replace("[batch]", "[{{ app.word }}]"),
        "other",
        11,
        'jaeger: service::pipelines::traces: references processor "other"',
    ),
    ("feast", FEAST.replace('"redis"', '"{{ app.word }}"'), "redish", 6, "feast: Online Store Class 'redish' "),
    (
        "feast",
        FEAST.replace("cache_ttl_seconds: 9", "cache_ttl_seconds: {{ app.word }}"),
        "long",
        5,
        "feast: registry.cache_ttl_seconds: ",
    ),
    ("mlflow", "# its client\n\nMLFLOW_{{ app.word }}=http://x:1\n", "TRACKING_URL", 3, "mlflow: MLflow "),
    ("mlflow", "MLFLOW_TRACKING_URI={{ app.word }}\n", "gopher://x", 1, "mlflow: MLFLOW_TRACKING_URI: "),
    ("mlflow", "A=1\nMLFLOW_HTTP_REQUEST_TIMEOUT={{ app.word }}\n", "soon", 2, "mlflow: MLFLOW_HTTP_REQUEST_TIMEOUT: "),
    ("mlflow", "MLFLOW_RUN_CONTEXT='{{ app.word }}'\n", "{", 1, "mlflow: MLFLOW_RUN_CONTEXT: "),
    *(
        ("spleeter", SPLEETER.replace(old, "{{ app.word }}"), word, line, f"spleeter: {words}")
        for old, word, line, words in (
            (
                '"F": 1024',
                '"F": 2048',
                5,
                "F is 2048, but 1024 in spleeter:2stems, which is the nearest of spleeter:2stems, ",
            ),
            ("unet.unet", "unet.other", 6, 'model is {"type": "unet.other", '),
            ('"t.csv"', "null", 2, "train_csv is null, but must be a text"),
            ('"random_seed": 0', '"random_seed": 0, "seed": 0', 4, "seed is not a key of Spleeter's configurations"),
        )
    ),
]


@pytest.mark.parametrize(
    ("check", "template", "word", "line", "words"), [pytest.param(*case, marks=asks(case[0])) for case in REFUSED]
)
def test_a_complaint_names_the_line_and_the_template(tmp_path, check, template, word, line, words):
    (problem,) = small(tmp_path, check, template, word=word)
    assert (problem.code, problem.severity, problem.place.file) == (check, Severity.ERROR, "it.txt")
    assert problem.message.startswith(words)
    assert problem.place.line == line
    where = next(number for number, text in enumerate(template.splitlines(), 1) if "app.word" in text)
    assert [(place.file, place.line) for place in problem.related] == [("templates/it.j2", where)]
    assert not re.search(r"/tmp/|weft-", problem.message)


def test_a_formatter_that_breaks_lines_is_no_json_formatter(tmp_path):
    text = LOGGING % "logging.FileHandler"
    template = text.replace('"handlers"', '"formatters": {"json": {"format": "%(message)s"}}, "handlers"')
    (problem,) = small(tmp_path, "dictconfig", template)
    assert "the handler 'file' does not write one line of JSON per record, but: a \"b\" c" in problem.message


# --- programs that do not do what they should ---


def fake(folder, monkeypatch, program, script):
    """A program of this name that comes first on the path."""
    write_files(folder, {f"bin/{program}": f"#!/bin/sh\n{script}\n"})
    (folder / "bin" / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}/bin:/usr/bin:/bin")


@pytest.mark.parametrize(
    "script", ["printf '\\377\\000 at line x (:) services. Invalid'; exit 3", "exit 3", "kill -9 $$"]
)
@pytest.mark.parametrize("check", list(PROGRAMS))
def test_nonsense_is_a_problem(tmp_path, monkeypatch, check, script):
    fake(tmp_path, monkeypatch, PROGRAMS[check], script)
    (problem,) = small(tmp_path / "project", check, "a: 1\n")
    assert (problem.code, problem.severity) == (check, Severity.ERROR)
    assert len(problem.message) > len("redis-server: ")


ACCEPTED = {
    "compose": "services:\n  app: {image: x, restart: unless-stopped}\n",
    "otelcol": COLLECTOR,
    "jaeger": COLLECTOR,
    "feast": FEAST,
    "mlflow": 'MLFLOW_TRACKING_URI=http://x:1\nMLFLOW_RUN_CONTEXT=\'{"a": "b"}\'\nMLFLOW_HTTP_REQUEST_TIMEOUT=7\nOTHER=1\n',
    "redis": "include /etc/redis/replication.conf\nmaxmemory 10mb\n",
    "spleeter": SPLEETER,
}


@pytest.mark.parametrize("check", [pytest.param(check, marks=asks(check)) for check in ACCEPTED])
def test_what_is_right_is_accepted(tmp_path, check):
    assert small(tmp_path, check, ACCEPTED[check]) == []


def test_a_script_is_read_and_not_run(tmp_path):
    script = '#!/bin/sh\nset -eu\nfor host in a b; do\n  ping -c 1 "$host" | grep x || sleep 1\n%s\n'
    assert small(tmp_path / "right", "shell", script % "done") == []
    (problem,) = small(tmp_path / "wrong", "shell", script % "fi")
    assert (problem.code, problem.place.line) == ("shell", 5)


@pytest.mark.programs("otelcol")
@pytest.mark.parametrize("address", ["${file:/etc/secrets/NONE}", "${env:NONE}", "${NONE}", "${env:NONE:-127.0.0.1:1}"])
def test_an_address_that_only_the_host_knows_is_accepted(tmp_path, address):
    assert small(tmp_path, "otelcol", COLLECTOR.replace("127.0.0.1:4317", address)) == []


def test_docker_compose_of_version_1_is_too_old(tmp_path, monkeypatch):
    fake(tmp_path, monkeypatch, "docker-compose", 'test "$1" = version && echo 1.29.2; exit 0')
    (problem,) = small(tmp_path / "project", "compose", "services: {}\n")
    assert (problem.code, problem.severity) == ("check-failed", Severity.ERROR)
    assert problem.message == "docker-compose is version 1.29.2, but version 2 or newer is needed"


@pytest.mark.parametrize("check", OF_PACKAGES)
def test_a_command_that_belongs_to_no_python_package_is_reported(tmp_path, monkeypatch, check):
    fake(tmp_path, monkeypatch, check, "exit 0")
    (problem,) = small(tmp_path / "project", check, "a: 1\n")
    assert (problem.code, problem.message) == ("check-failed", f"{check} is not a command of a Python package")


@pytest.mark.soak(few=3)
@pytest.mark.parametrize("check", list(PROGRAMS))
def test_a_program_that_hangs_is_a_problem(tmp_path, monkeypatch, check):
    fake(tmp_path, monkeypatch, PROGRAMS[check], f"echo $$ > {tmp_path}/pid\nexec sleep 60")
    monkeypatch.setattr(redis, "PATIENCE", 0.3)
    monkeypatch.setattr(
        programs, "ask", functools.partial(programs.ask, limit=3.0 if check in ("redis", "pgbouncer") else 0.5)
    )
    (problem,) = small(tmp_path / "project", check, "a: 1\n")
    assert re.search("does not answer|gave no answer within", problem.message)
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


def test_a_logging_configuration_that_hangs_is_a_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "ask", functools.partial(programs.ask, limit=0.5))
    template = '{"version": 1, "handlers": {"it": {"()": "signal.pause"}}}'
    (problem,) = small(tmp_path, "dictconfig", template)
    assert (problem.code, "gave no answer" in problem.message) == ("check-failed", True), problem


@pytest.mark.programs("redis-server", "pgbouncer", "gunicorn")
def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "tmp").mkdir()
    tmp_path.chmod(0o755)
    for check, template, word, *_ in REFUSED[:12]:
        small(tmp_path / "project", check, template, word=word)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_every_check_of_ours_is_one_that_weft_knows():
    assert set(MINE) <= set(checks.names())
