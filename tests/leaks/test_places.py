"""No command shows a secret, at any place of a configuration and with any mistake in the file.

Every place of `places.yaml` is combined with every way of `breaks.py`; each combination is a project, and every command is run
there in every format. What the commands and the formats are is asked of the command line itself, so that a new one is missed here.
"""

import base64
import contextlib
import hashlib
import itertools
import json
import logging
import subprocess
from pathlib import Path
from unittest import mock
from urllib.parse import quote

import click
import pytest
import yaml
from breaks import OVERLAY, WAYS, Spot

import weft
import weft.project.project as project_module
from rounds import share
from run import run
from scratch import make_project
from weft.cli import cli

pytestmark = pytest.mark.unmeasured("whole runs of the command line, whose code other tests run")

PLACES = yaml.safe_load(Path(__file__).with_name("places.yaml").read_text("utf-8"))
SECRET = "Kx9vQ7Jz2LmW4T"  # pragma: allowlist secret
assert len(PLACES) >= 45
assert len(WAYS) >= 47

NOT_ASKED = {
    **dict.fromkeys(
        ("plan", "deploy", "drift", "history", "rollback", "rollout"),
        "it asks a cluster; tests/cluster/test_failures.py looks for canaries in all that it says and keeps",
    ),
    **dict.fromkeys(
        ("cache stat", "cache clear"),
        "it counts what is kept; tests/fleet/test_incremental.py looks for secrets in that",
    ),
    "agent": "it reads bundles, which have no secrets; tests/agent looks at what it says of those of a mounted Secret",
    "init": "it makes a project and reads none",
    "secrets edit": "it opens an editor with the secrets, which is its purpose; tests/secret_files looks at its messages",
    "secrets encrypt": "it reads a file of secrets and no overlay; tests/secret_files looks at its messages",
    "secrets decrypt": "it prints the secrets of an encrypted file, which is its purpose",
    "secrets rotate": "it reads an encrypted file and no overlay; tests/secret_files looks at its messages",
}
"""The commands that are not run here, and why."""

OF_VALUES = {
    "config": [["one"], ["one", "app"]],
    "diff": [["one", "two"]],
    "explain": [["one", "--all"], ["one", "app"], ["one", "PATH"], ["one", "KEY"], ["two", "app"]],
    "policy report": [[]],
    "render": [[], ["--check"], ["--shard", "1/1", "-o", "shards"]],
    "schema reach": [[], ["one"]],
    "secrets check": [[]],
    "targets": [[], ["--affected-by", OVERLAY]],
    "validate": [["--strict"], ["--outputs"]],
}
OF_FILES = {"secrets scan": [[OVERLAY, "top.yaml", "one.json", "one.yml", "weft.yaml"]]}
OF_PARTS = {
    "new domain": [["fresh", "--dry-run"]],
    "new output": [["fresh.yaml", "--dry-run"], ["fresh.env", "--dry-run"]],
    "new rule": [["true", "--message", "no", "--dry-run"]],
    "new setting": [["plain.fresh", "--value", "1", "--dry-run"], ["app.fresh", "--value", "x", "--dry-run"]],
    "new value": [["stage", "three", "--like", "one", "--dry-run"], ["stage", "three", "--dry-run"]],
}
"""The commands for a secret in the lowest layer, to which new settings are added."""
OF_SCHEMAS = {
    "ide": [[]],
    "policy list": [[]],
    "schema bundle": [[]],
    "schema check": [["--strict"]],
    "schema crd": [["--group", "example.com", "--kind", "App"]],
    "schema diff": [["schema.json", "schema.json"]],
    "schema docs": [["-o", "docs"]],
    "schema overlay": [["-o", "overlay.json"]],
    "schema types": [["-o", "types.txt"]],
}
"""What is run of each command, once for every format; these read no overlay, so that they are run once for each place."""

NOT_USED = {
    "--reveal": "it prints secrets, which is its purpose",
    "--set": "test_no_command_shows_a_secret_from_its_own_options",
    "--from-env": "test_no_command_shows_a_secret_from_its_own_options",
    "--since": "test_no_command_shows_a_secret_of_an_earlier_revision",
    "--history": "test_no_command_shows_a_secret_of_an_earlier_revision",
    "--staged": "test_no_command_shows_a_secret_of_an_earlier_revision",
    "--allow-read": "no file of these projects is outside, and files there are read like all others",
    "--executor": "it only says where the work is done; tests/fleet/test_elsewhere.py looks for secrets in what is sent",
    "--jobs": "it only says how many processes work",
    "--no-cache": "it leaves out what is remembered; tests/fleet/test_incremental.py looks for secrets in that",
    "--wait": "it only waits for another run to end",
    "--join": "it reads what `render --shard` has written, which is searched here, and writes what `render` does",
    "--watch": "it renders until somebody ends it, and says what `render` says",
    "--timings": "it says how long stages took",
    "--no-programs": "no output of these projects has a check that runs a program",
    "--no-sync": "it only says how files are written",
    "--schema-only": "it leaves out a part of what is said without it",
    "--write-baseline": "it writes hashes of what was found, salted; tests/secret_files looks at them",
    "--max-problems": "it shows fewer of the same problems",
    "--output": "that of `explain` names settings, and prints of them what `explain` prints",
    "--policy": "it reads one more pack of rules",
    "--revision": "it asks a cluster, which holds references only; tests/cluster/test_failures.py looks into revisions",
    "--context": "it names a cluster",
    "--plural": "it names a part of the schema that is written",
    "--version": "it names a part of the schema that is written",
    **dict.fromkeys(
        ("--description", "--default", "--allow", "--env", "--unit", "--sensitive", "--required"),
        "it says what a schema will hold",
    ),
    **dict.fromkeys(("--template", "--scope", "--when", "--check", "--at", "--field"), "it says what will be written"),
}
"""The options that are not used here, and why, or the test that uses them."""


def commands(command=cli, name=()):
    """Every command by its name, with the options that choose a format and their choices, and the names of all options."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        fixed = sorted(command.commands) if name == ("new",) else None  # the others are dimensions, as in `new value`
        for below in fixed or command.list_commands(context):
            yield from commands(command.get_command(context, below), (*name, below))
        return
    choosing = [option for option in command.params if isinstance(option.type, click.Choice)]
    formats = [[(option.opts[0], choice) for choice in option.type.choices] for option in choosing]
    yield " ".join(name), formats, [option.opts for option in command.params if isinstance(option, click.Option)]


COMMANDS = {name: formats for name, formats, _ in commands()}
OPTIONS = {name: options for name, _, options in commands()}


def runs(table):
    """Every run of some commands: the arguments, once for each format."""
    for name, several in table.items():
        for chosen in itertools.product(*COMMANDS[name]):
            yield from ([*name.split(), *args, *itertools.chain(*chosen)] for args in several)


def forms(secret):
    """The texts that reveal the secret if one is in an output: its first six characters, also encoded."""
    inside = [base64.b64encode((" " * shift + secret).encode()).decode()[4:-4] for shift in range(3)]
    hashes = [getattr(hashlib, name)(secret.encode()).hexdigest() for name in ("md5", "sha1", "sha256", "sha512")]
    whole = {
        "plain": secret,
        "reversed": secret[::-1],
        "hex": secret.encode().hex(),
        "URL": "".join(f"%{byte:02x}" for byte in secret.encode()),
        "JSON": "".join(f"\\u{ord(one):04x}" for one in secret),
        "HTML": "".join(f"&#{ord(one)};" for one in secret),
    }
    width = {"hex": 12, "URL": 18, "JSON": 36, "HTML": 30}
    found = {name: text[: width.get(name, 6)].lower() for name, text in whole.items()}
    found |= {"quoted": quote(secret)[:6].lower()}
    found |= {f"base64 {shift}": text[:8].lower() for shift, text in enumerate(inside)}
    return found | {f"hash {number}": text[:8] for number, text in enumerate(hashes)}


def shown(text, secret):
    """The forms in which a text reveals the secret."""
    lower = text.lower()
    return [name for name, form in forms(secret).items() if form in lower]


def test_a_secret_is_found_in_every_form():
    told = [SECRET[:6], SECRET[::-1], SECRET.upper(), SECRET.encode().hex(), json.dumps(SECRET), quote(SECRET)]
    told += [base64.b64encode(f"{before}{SECRET}\n".encode()).decode() for before in ("", "a", "ab")]
    told += [
        hashlib.sha256(SECRET.encode()).hexdigest(),
        " ".join(f"\\u{ord(one):04x}" for one in SECRET).replace(" ", ""),
    ]
    assert all(shown(text, SECRET) for text in told)
    assert not shown(SECRET[:5] + " " + SECRET[6:], SECRET)


def test_every_command_is_run_in_every_format():
    tables = (OF_VALUES, OF_FILES, OF_PARTS, OF_SCHEMAS, NOT_ASKED)
    assert sorted(itertools.chain(*tables)) == sorted(COMMANDS)
    asked = [args for table in tables[:-1] for args in runs(table)]
    for name in COMMANDS.keys() - NOT_ASKED.keys():
        here = [args for args in asked if args[: len(name.split())] == name.split()]
        assert all(
            [*pair] in [args[i : i + 2] for args in here for i in range(len(args))]
            for option in COMMANDS[name]
            for pair in option
        )


def test_every_option_is_used_or_it_is_said_why_not():
    asked = {arg for table in (OF_VALUES, OF_FILES, OF_PARTS, OF_SCHEMAS) for args in runs(table) for arg in args}
    options = {max(names, key=len): names for name in COMMANDS.keys() - NOT_ASKED.keys() for names in OPTIONS[name]}
    assert sorted(one for one, names in options.items() if not asked & {*names} and one not in NOT_USED) == []
    assert NOT_USED.keys() <= options.keys()


TEMPLATE = """colour: {{ plain.colour }}
{{ config | public | to_yaml }}
{{ app | public | to_json if app is mapping else 'none' }}
{{ app | env if app is mapping else 'none' }}
"""


def names_in(schema):
    """The names of all properties in a schema."""
    if isinstance(schema, dict):
        yield from schema.get("properties", ())
    for below in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from names_in(below)


def made(folder, place, way):
    """The project of a place and a way, and the secret in it."""
    at = PLACES[place]
    secret = at.get("canary", SECRET)
    spot = Spot(
        at["overlay"].replace("CANARY", secret), secret, frozenset(names_in(at) if at.get("named", True) else ())
    )
    files = {
        "schema.json": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "app": at["schema"],
                "plain": {"type": "object", "properties": {"colour": {"type": "integer"}}},
            },
            "$defs": at.get("defs", {}),
            **at.get("root", {}),
        },
        **at.get("files", {}),
        "base.yaml": "plain: {colour: 1}\n",
        "templates/a.j2": TEMPLATE,
        "templates/b.j2": "{{ config | to_json }}\n",
    }
    outputs = [
        {"template": "a.j2", "path": "{stage}/a.txt"},
        {"template": "b.j2", "path": "{stage}/b.txt", "secrets": True},
    ]
    stages = {"stage": {"values": ["one", "two"]}}
    make_project(folder, files, layers=["base", "{stage}", "top"], dimensions=stages, outputs=outputs)
    (folder / "top.yaml").write_text("plain: {}\n", "utf-8")
    changed = WAYS[way](spot)
    for name, content in (changed if isinstance(changed, dict) else {OVERLAY: changed}).items():
        _write(folder / name, content)
    if not isinstance(changed, dict) or OVERLAY not in changed:
        _write(folder / OVERLAY, spot.text if isinstance(changed, dict) else changed)
    return spot


def _write(path, content):
    if callable(content):
        content = content(path.read_text("utf-8"))
    if content is None:
        path.unlink(missing_ok=True)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def written(folder, before):
    """What was written below a folder since, file by file; the files that have the secret are those that were there before."""
    for path in folder.rglob("*"):
        if path.is_file() and path not in before and path.name != "b.txt":  # which is declared to contain secrets
            yield path.name, f"{path.name}\n{path.read_bytes().decode('utf-8', 'replace')}"


def steps_of(data, secret):
    """The path to the secret in an overlay."""
    if isinstance(data, dict | list):
        for step, below in data.items() if isinstance(data, dict) else enumerate(data):
            found = steps_of(below, secret)
            if found is not None:
                return (step, *found)
        return None
    return () if str(data) == secret else None


def told_by(folder, spot, tables, caplog):
    """The output of commands and of the Python facade for a project, as pairs of source and text."""
    before = set(folder.rglob("*"))
    names = {"PATH": weft.base.paths.dotted(steps_of(spot.data, spot.secret)), "KEY": spot.key}
    for general in itertools.chain(*map(runs, tables)):
        named = [names.get(arg, arg) for arg in general]
        scans = named[:2] == ["secrets", "scan"]
        args = [arg for arg in named if not scans or "." not in arg or (folder / arg).exists()]
        result = run(*args, cwd=folder)
        yield " ".join(args), f"{result.out}\n{result.err}"
    yield from facade(folder)
    yield from written(folder, before)
    yield "logging", caplog.text


def facade(folder):
    """The texts of the objects and exceptions of the Python facade."""
    try:
        project = weft.load_project(folder)
        things = [project, project.schemas, project.layering, project.file]
        for target in project.targets():
            explained = target.explain("")
            things += [target, target.view, target.resolution, explained, explained.as_dict(), *target.problems()]
            things += [problem.as_dict() for problem in target.problems()]
            with contextlib.suppress(ValueError, AttributeError):
                things += [weft.ConfigMapManager(environment=None, project=folder)]
            things += [rendered_or_refused(target), target.layering.fold(target.resolution.layers)]
    except weft.WeftError as error:
        things = [error, error.problems, error.__cause__, error.__context__, getattr(error, "__notes__", ())]
    yield "the facade", "\n".join(f"{one}\n{one!r}" for one in things)


def rendered_or_refused(target):
    try:
        return {path: text for path, text in target.render().items() if path.endswith("a.txt")}
    except weft.WeftError as error:
        return [error, error.args, error.problems, error.__context__, getattr(error, "__notes__", ())]


def leaks_of(folder, place, way, tables, caplog, *, lowest=False):
    """The outputs that reveal the secret at a place if the file is broken in a way: how, and in which lines.

    The secret is in a layer that sets it above others, or also in the `lowest`.
    """
    caplog.set_level(logging.DEBUG)
    folder.mkdir(parents=True, exist_ok=True)
    spot = made(folder, place, way)
    if lowest and (folder / OVERLAY).exists():
        (folder / "base.yaml").write_bytes((folder / OVERLAY).read_bytes())
    with loaded_once(folder):
        found = [(who, shown(what, spot.secret), what) for who, what in told_by(folder, spot, tables, caplog)]
    return {who: (how, _around(what, spot.secret)) for who, how, what in found if how}


@contextlib.contextmanager
def loaded_once(home):
    """Within it, commands that ask for the project of a folder get the same: hundreds of thousands of runs load it half as often.

    A module that is imported within it keeps what it found here, so that every other folder is loaded as ever.
    """
    known = []
    load = project_module.load_project

    def remembered(folder=".", **options):
        if any(options.values()) or options.get("environment") is not None or Path(folder).resolve() != home.resolve():
            return load(folder, **options)
        known.extend([] if known else [load(folder)])
        return known[0]

    with mock.patch.object(project_module, "load_project", remembered):
        yield


def _around(text, secret):
    """The lines that reveal a secret, for the message of a failed test."""
    return [line for line in text.split("\n") if shown(line, secret)][:3] or text[:500]


def some_of(names, number):
    """As many of some names as this run tries, others for every number."""
    several = share(len(names))
    several = several if several == len(names) else 1  # a combination is a project and some fifty runs
    start = number * several % len(names)
    return [*names, *names][start : start + several]


@pytest.mark.soak
@pytest.mark.parametrize("way", WAYS)
def test_no_command_shows_a_secret(way, tmp_path, caplog):
    places = some_of([*PLACES], [*WAYS].index(way))
    found = {
        place: leaks_of(tmp_path / str(number), place, way, (OF_VALUES, OF_FILES), caplog)
        for number, place in enumerate(places)
    }
    assert {place: leaks for place, leaks in found.items() if leaks} == {}


@pytest.mark.soak
@pytest.mark.parametrize("place", PLACES)
def test_a_new_part_shows_no_secret_of_the_files_that_it_changes(place, tmp_path, caplog):
    ways = some_of([*WAYS], [*PLACES].index(place))
    found = {
        way: leaks_of(tmp_path / str(number), place, way, (OF_PARTS,), caplog, lowest=True)
        for number, way in enumerate(ways)
    }
    assert {way: leaks for way, leaks in found.items() if leaks} == {}


@pytest.mark.programs("node", "json2ts")
@pytest.mark.soak
@pytest.mark.parametrize("place", PLACES)
def test_what_is_made_of_the_schemas_has_no_values(place, tmp_path, caplog):
    assert leaks_of(tmp_path, place, "not at all", (OF_SCHEMAS,), caplog) == {}


ASKING = (
    ["validate", "--format", "json"],
    ["config", "one"],
    ["explain", "one", "--all"],
    ["render"],
    ["diff", "one", "two"],
    ["targets"],
)


@pytest.mark.soak
@pytest.mark.parametrize("place", PLACES)
def test_no_command_shows_a_secret_from_its_own_options(place, tmp_path):
    spot = made(tmp_path, place, "a reference with a comment")
    path = weft.base.paths.dotted(steps_of(spot.data, spot.secret))
    options = [
        ["--set", text + spot.secret]
        for text in (f"{path}=", f"{path}:", "=", f"{path}x=", f"{spot.key}=", "app=", f"{path}={{")
    ]
    for option in (*options, ["--from-env"]):
        for command in ASKING:
            result = run(*command, *option, cwd=tmp_path, env={"APP_PASSWORD": spot.secret})
            assert not shown(result.out + result.err, spot.secret), (command, option, result)


@pytest.mark.programs("git")
@pytest.mark.parametrize("place", PLACES)
def test_no_command_shows_a_secret_of_an_earlier_revision(place, tmp_path):
    spot = made(tmp_path, place, "not at all")
    for args in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "a"],
    ):
        subprocess.run(["git", *args], cwd=tmp_path, check=True, capture_output=True)
    for after in (spot.text, spot.value("ref+env://NAME"), "plain: {colour: 2}\n"):
        (tmp_path / OVERLAY).write_text(after, "utf-8")
        subprocess.run(["git", "add", "."], cwd=tmp_path, check=True, capture_output=True)
        since = (["diff"], ["diff", "--format", "json"], ["validate"], ["secrets", "scan"])
        scans = (["secrets", "scan", "--history"], ["secrets", "scan", "--staged"])
        for command in (*([*one, "--since", "HEAD"] for one in since), *scans):
            result = run(*command, cwd=tmp_path)
            assert not shown(result.out + result.err, spot.secret), (command, after, result)
