"""The command line as people and scripts meet it: help, exit codes, what goes where, completion."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import yaml
from click.shell_completion import ShellComplete

import weft
from run import run
from weft.cli import cli

BASE = Path(__file__).parents[1] / "cases" / "_base"
WEFT = [sys.executable, "-m", "weft"]
COMMANDS = cli.list_commands(None)
READING = {  # one call of every command that needs a project
    "config": ["config", "production"],
    "diff": ["diff", "production", "development"],
    "explain": ["explain", "production", "shop.port"],
    "render": ["render"],
    "schema": ["schema", "overlay", "-o", "-"],
    "secrets": ["secrets", "scan", "--schema-only"],
    "targets": ["targets"],
    "validate": ["validate"],
}


@pytest.fixture
def shop(tmp_path):
    return Path(shutil.copytree(BASE, tmp_path / "shop"))


@pytest.fixture
def broken(shop):
    """A shop in which the development environment has a wrong port."""
    (shop / "overlays/environments/development.yaml").write_text("shop: {port: many}\n")
    return shop


def spoil(shop):
    """Make weft.yaml itself wrong."""
    file = shop / "weft.yaml"
    file.write_text(file.read_text().replace("layers:", "layer:"))


# help


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, option):
    result = run(command, option)
    first_line = cli.get_command(None, command).help.splitlines()[0]
    assert result.code == 0
    assert result.out.startswith(f"Usage: weft {command} ")
    assert first_line.split()[:4] == result.out.split("\n\n")[1].split()[:4]
    assert result.err == ""


def test_help_lists_every_command_with_what_it_does():
    lines = run("--help").out.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines] == COMMANDS
    assert all(len(line.split()) > 3 for line in lines)


def test_help_needs_no_project(tmp_path):
    assert run("render", "--help", cwd=tmp_path).code == 0


def test_version():
    result = run("--version")
    assert (result.code, result.err) == (0, "")
    assert result.out == f"weft, version {weft.__version__}\n"


def test_weft_is_a_module_to_run():
    ended = subprocess.run([*WEFT, "--version"], capture_output=True, text=True, check=True)
    assert ended.stdout == run("--version").out


# exit codes


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["validte"],
        ["--no-such-option"],
        ["render", "--no-such-option"],
        ["config"],
        ["config", "production", "shop.port", "more"],
        ["config", "production", "--format", "toml"],
        ["validate", "--format", "yaml"],
        ["diff", "production"],
        ["config", "prodution"],
        ["config", "production", "shop.prot"],
        ["explain", "production", "shop.prot"],
        ["explain", "production", "shop..port"],
        ["diff", "production", "stagin"],
        ["targets", "nowhere/*"],
        ["render", "nowhere"],
        ["render", "--set", "shop.port"],
        ["-C", "nowhere", "targets"],
        ["-C", "weft.yaml", "targets"],
    ],
    ids=" ".join,
)
def test_a_mistake_of_usage_ends_with_2_and_one_message(args, shop):
    result = run(*args, cwd=shop)
    assert result.code == 2
    assert result.out == ""
    assert result.err.strip()
    assert not (shop / "build").exists()


def test_a_misspelled_command_is_guessed():
    assert "validate" in run("validte").err


@pytest.mark.parametrize("args", READING.values(), ids=READING)
def test_outside_of_any_project_a_command_could_not_run(args, tmp_path):
    result = run(*args, cwd=tmp_path)
    assert result.code == 3
    assert f"there is no weft.yaml in {tmp_path.resolve()} or above it" in result.out + result.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("args", READING.values(), ids=READING)
def test_a_wrong_project_file_ends_every_command_with_1(args, shop):
    spoil(shop)
    result = run(*args, cwd=shop)
    assert result.code == 1
    assert "weft.yaml:8:1" in result.out + result.err


@pytest.mark.parametrize("command", ["config", "diff", "render", "validate"])
def test_a_target_with_problems_ends_with_1(command, broken):
    args = ["config", "development"] if command == "config" else READING[command]
    result = run(*args, cwd=broken)
    assert result.code == 1
    assert "overlays/environments/development.yaml:1:14" in result.out + result.err


def test_an_interrupted_command_says_so(shop):
    with mock.patch("weft.project.project.open_project", side_effect=KeyboardInterrupt):
        result = run("render", cwd=shop)
    assert (result.code, result.out) == (130, "")
    assert result.err.strip() == "interrupted"


def test_a_bug_is_one_polite_line(shop):
    with mock.patch("weft.project.project.open_project", side_effect=RuntimeError("secret detail")):
        result = run("render", cwd=shop, env={"WEFT_TRACEBACK": None})
    assert (result.code, result.out) == (3, "")
    assert result.err.count("\n") == 1
    assert "RuntimeError" in result.err
    assert "secret detail" not in result.err


def test_a_file_of_endless_brackets_does_not_take_the_process_down(shop):
    (shop / "overlays/environments/development.yaml").write_text("shop: " + "[" * 100_000 + "]" * 100_000 + "\n")
    ended = subprocess.run([*WEFT, "validate"], cwd=shop, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "development.yaml" in ended.stdout


# data to stdout, messages to stderr


@pytest.mark.parametrize("command", ["config", "explain", "schema", "targets"])
def test_data_goes_to_stdout_and_nothing_to_stderr(command, shop):
    result = run(*READING[command], cwd=shop)
    assert result.code == 0
    assert result.out
    assert result.err == ""


def test_what_a_render_did_goes_to_stderr(shop):
    result = run("render", cwd=shop)
    assert result.out == ""
    assert "5 targets, 12 files" in result.err


def test_problems_of_a_printed_configuration_leave_stdout_alone(broken):
    result = run("config", "development", "--format", "json", cwd=broken)
    assert json.loads(result.out)["shop"]["port"] == "many"
    assert "shop.port" in result.err


def test_a_report_as_json_is_json_also_when_nothing_is_wrong(shop):
    result = run("validate", "--format", "json", cwd=shop)
    assert json.loads(result.out) == {"problems": [], "summary": {"errors": 0, "warnings": 0, "notes": 0}}
    assert (result.code, result.err) == (0, "")


@pytest.mark.parametrize("args", [["validate"], ["diff", "production", "development"], ["render"]], ids=" ".join)
def test_colors_are_for_terminals_that_want_them(args, broken):
    def colored(**how):
        result = run(*args, cwd=broken, **how)
        return "\x1b[" in result.out + result.err

    assert colored(terminal=True)
    assert not colored(terminal=False)
    assert not colored(terminal=True, env={"NO_COLOR": "1"})
    assert colored(terminal=True, env={"NO_COLOR": ""})  # https://no-color.org: present and not empty


@pytest.mark.parametrize("args", READING.values(), ids=READING)
def test_no_color_holds_for_a_project_that_cannot_be_loaded(args, shop):
    spoil(shop)
    result = run(*args, cwd=shop, terminal=True, env={"NO_COLOR": "1"})
    assert "\x1b[" not in result.out + result.err


@pytest.mark.parametrize("command", ["config production", "config production --format json", "targets"])
def test_a_reader_that_goes_away_is_no_reason_to_complain(command, shop):
    weft_process = subprocess.Popen(
        [*WEFT, *command.split()], cwd=shop, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    weft_process.stdout.close()
    assert weft_process.stderr.read() == ""
    weft_process.stderr.close()
    assert weft_process.wait() == 1


def test_a_line_of_a_thousand_settings_is_not_repeated_whole(shop):
    settings = ", ".join(f'"label-{number}": "value"' for number in range(1000))
    file = shop / "overlays/environments/development.json"
    file.write_text(f'{{"shop": {{"labels": {{{settings}}}, "port": "many", "motto": "{"x" * 5000}"}}}}')
    result = run("validate", "development", cwd=shop)
    assert "development.json:1:" in result.out
    assert '"many"' in result.out
    assert max(map(len, result.out.splitlines())) < 300


# where a command runs


def test_a_project_is_found_from_below(shop):
    assert run("targets", cwd=shop / "overlays/tenants").out == run("targets", cwd=shop).out


@pytest.mark.parametrize("args", READING.values(), ids=READING)
def test_c_runs_as_if_started_there(args, shop, tmp_path):
    there, here = run(*args, cwd=shop), run("-C", "shop", *args, cwd=tmp_path)
    assert (here.code, here.out) == (there.code, there.out)


@pytest.mark.parametrize("mistake", ["weft.yaml", "overlay"])
@pytest.mark.parametrize("command", ["validate", "render"])
def test_a_report_shows_the_line_wherever_weft_was_started(command, mistake, broken, tmp_path):
    if mistake == "weft.yaml":
        spoil(broken)
    line = " 8 | layer:" if mistake == "weft.yaml" else " 1 | shop: {port: many}"
    for result in (run("-C", "shop", command, cwd=tmp_path), run(command, cwd=broken / "templates")):
        assert line in result.out + result.err


def test_an_output_folder_is_meant_from_where_weft_was_started(shop, tmp_path):
    assert run("render", "production", "-o", "../elsewhere", cwd=shop / "schemas").code == 0
    assert (shop / "elsewhere/production/configmap.yaml").is_file()
    assert run("-C", "shop", "render", "production", "-o", "out", cwd=tmp_path).code == 0
    assert (shop / "out/production/configmap.yaml").is_file()
    assert run("render", "production", "-o", tmp_path / "absolute", cwd=shop).code == 0
    assert (tmp_path / "absolute/production/configmap.yaml").is_file()


# completion


def complete(folder, *args):
    """What the shell offers for the last of these words."""
    completion = ShellComplete(cli, {}, "weft", "_WEFT_COMPLETE")
    return [item.value for item in completion.get_completions(["-C", str(folder), *args[:-1]], args[-1])]


def test_commands_and_options_complete(shop):
    assert complete(shop, "re") == ["render"]
    assert "--set" in complete(shop, "render", "--")
    assert complete(shop, "config", "production", "--format", "") == ["yaml", "json", "env", "export", "properties"]


@pytest.mark.parametrize("command", ["config", "diff", "explain", "render", "targets", "validate"])
def test_targets_complete(command, shop):
    assert complete(shop, command, "prod") == ["production", "production/books", "production/toys"]
    assert complete(shop, command, "development/") == ["development/books"]
    assert complete(shop, command, "nothing") == []


def test_settings_complete_one_step_at_a_time(shop):
    assert complete(shop, "config", "production", "") == ["shop", "database", "tenant"]
    assert complete(shop, "config", "production", "shop.p") == ["shop.port", "shop.payments"]
    assert complete(shop, "explain", "production", "database.pool.") == ["database.pool.min", "database.pool.max"]
    assert complete(shop, "render", "--set", "database.po") == ["database.port", "database.pool"]
    assert complete(shop, "config", "production", "nothing.") == []


def test_a_project_that_is_wrong_completes_nothing_and_says_nothing(shop, tmp_path, capfd):
    assert complete(tmp_path, "config", "") == []
    (shop / "weft.yaml").write_text("[")
    assert complete(shop, "config", "") == []
    assert complete(shop, "config", "production", "shop.") == []
    assert capfd.readouterr() == ("", "")


def test_a_shell_gets_its_completions(shop):
    words = {"_WEFT_COMPLETE": "bash_complete", "COMP_WORDS": "weft config production/", "COMP_CWORD": "2"}
    script = "import sys; sys.argv[0] = 'weft'; from weft.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=shop, env=os.environ | words, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines() == ["plain,production/books", "plain,production/toys"]
    assert ended.stderr == ""


# config


def test_yaml_and_json_say_the_same(shop):
    as_yaml = run("config", "production/books", cwd=shop).out
    as_json = run("config", "production/books", "--format", "json", cwd=shop).out
    assert yaml.safe_load(as_yaml) == json.loads(as_json)
    assert json.loads(as_json)["database"]["password"] == "ref+env://DB_PASSWORD"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("shop.port", 8080),
        ("/shop/port", 8080),
        ("shop.payments[0].name", "card"),
        ("/shop/payments/0/name", "card"),
        ("shop.labels", {"team": "web"}),
        ('shop["labels"].team', "web"),
        ("shop.languages", ["en", "de"]),
    ],
)
def test_a_part_of_a_configuration_is_named_by_its_path(path, value, shop):
    assert json.loads(run("config", "production", path, "--format", "json", cwd=shop).out) == value


def test_keys_with_dots_need_no_brackets(shop):
    (shop / "overlays/environments/production.yaml").write_text("shop: {labels: {example.com/team: night}}\n")
    for path in ("shop.labels.example.com/team", 'shop.labels["example.com/team"]', "/shop/labels/example.com~1team"):
        assert run("config", "production", path, cwd=shop).out == '"night"\n'


def test_variables_leave_out_what_is_secret_and_say_so(shop):
    plain, export = (run("config", "production", "--format", name, cwd=shop) for name in ("env", "export"))
    assert "SHOP_LANGUAGES=en,de\n" in plain.out
    assert "export SHOP_GUESTS=true\n" in export.out
    for result in (plain, export):
        assert result.code == 0
        assert "DB_PASSWORD" not in result.out
        assert "1 sensitive setting" in result.err


def test_properties_are_named_by_their_paths(shop):
    lines = run("config", "production", "--format", "properties", cwd=shop).out.splitlines()
    assert "shop.checkout.retries=5" in lines
    assert "shop.payments[0].name=card" in lines
    assert not [line for line in lines if "password" in line]


def test_a_part_without_variables_is_said_to_have_none(shop):
    result = run("config", "production", "shop.labels", "--format", "env", cwd=shop)
    assert (result.code, result.out) == (0, "")
    assert "x-env" in result.err


@pytest.mark.parametrize("format_", ["yaml", "json"])
def test_a_literal_secret_is_never_printed(format_, shop):
    (shop / "overlays/environments/development.yaml").write_text("database: {password: canary}\n")
    for args in (
        ["config", "development", "--format", format_],
        ["config", "development", "database.password", "--format", format_],
        ["diff", "development", "production"],
        ["diff", "development", "production", "--format", "json"],
        ["explain", "development", "database.password"],
        ["explain", "development", "database", "--format", "json"],
        ["validate"],
        ["validate", "--format", "json"],
        ["render"],
    ):
        result = run(*args, cwd=shop)
        assert "canary" not in result.out + result.err, args


# diff, targets, explain, render


def test_a_diff_as_json_leaves_out_the_side_that_has_nothing(shop):
    result = run("diff", "production", "production/toys", "--format", "json", cwd=shop)
    changes = {change["path"]: change for change in json.loads(result.out)}
    assert result.code == 1
    assert changes["shop.name"] == {"path": "shop.name", "before": "shop", "after": "toys"}
    assert changes["tenant"].keys() == {"path", "after"}
    back = run("diff", "production/toys", "production", "--format", "json", cwd=shop)
    assert {"path": "tenant", "before": changes["tenant"]["after"]} in json.loads(back.out)


def test_aliases_name_the_same_target(shop):
    result = run("diff", "prod", "production", cwd=shop)
    assert (result.code, result.out) == (0, "")
    assert result.err == "no setting differs between prod and production\n"


@pytest.mark.parametrize(
    ("globs", "names"),
    [
        ([], ["development", "development/books", "production", "production/books", "production/toys"]),
        (["*"], ["development", "production"]),
        (["*/*"], ["development/books", "production/books", "production/toys"]),
        (["**/toys"], ["production/toys"]),
        (["**"], ["development", "development/books", "production", "production/books", "production/toys"]),
        (["prod/**"], ["production", "production/books", "production/toys"]),
        (["production/[a-c]*", "dev"], ["development", "production/books"]),
        (["production", "production", "prod"], ["production"]),
    ],
)
def test_globs_choose_targets(globs, names, shop):
    assert run("targets", *globs, cwd=shop).out.splitlines() == names


def test_one_glob_that_matches_nothing_is_enough_to_refuse(shop):
    result = run("targets", "production", "production/x*", cwd=shop)
    assert (result.code, result.out) == (2, "")


def test_an_explanation_as_json_has_the_promised_shape(shop):
    data = json.loads(run("explain", "production/books", "database.pool.max", "--format", "json", cwd=shop).out)
    assert data["path"] == "database.pool.max"
    assert (data["value"], data["default"]) == (200, 20)
    large, production = "overlays/tiers/large", "overlays/environments/production"
    assert data["origin"] == {"layer": large, "file": f"{large}.yaml", "line": 2, "column": 24}
    assert data["shadowed"] == [
        {"layer": production, "file": f"{production}.yaml", "line": 2, "column": 15, "value": 100}
    ]
    assert len(data["rules"]) == 2


def test_an_explanation_names_the_option_that_won(shop):
    result = run("explain", "production", "shop.port", "--set", "shop.port=9000", cwd=shop)
    assert result.out.splitlines()[0].startswith("shop.port = 9000")
    assert "--set shop.port" in result.out


def test_a_check_says_what_a_render_would_do_and_does_nothing(shop):
    before = run("render", "--check", cwd=shop)
    assert before.code == 1
    assert not (shop / "build").exists()
    assert run("render", cwd=shop).code == 0
    written = {path.relative_to(shop / "build").as_posix() for path in (shop / "build").rglob("[!.]*.*")}
    assert set(before.out.splitlines()) == {f"create {path}" for path in written}
    after = run("render", "--check", cwd=shop)
    assert (after.code, after.out) == (0, "")


def test_a_check_names_what_changed_and_what_is_left_over(shop):
    run("render", cwd=shop)
    (shop / "overlays/tenants/toys.yaml").unlink()
    (shop / "overlays/tenants/books.yaml").write_text("tenant: {tier: small}\nshop: {name: other}\n")
    result = run("render", "--check", cwd=shop)
    assert result.code == 1
    assert "update development/books/configmap.yaml" in result.out.splitlines()
    assert "remove production/toys/secret.yaml" in result.out.splitlines()


def test_a_second_render_writes_nothing(shop):
    run("render", cwd=shop)
    assert "0 written, 12 unchanged" in run("render", cwd=shop).err


def test_the_list_of_commands_says_of_each_what_it_does_without_importing_it():
    listed = run("--help").out.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == cli.list_commands(None)
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)
    code = "import sys; sys.argv = ['weft', '--help']\nimport weft.cli\ntry: weft.cli.main()\nexcept SystemExit: pass\n"
    code += "print(*[name for name in sys.modules if name.startswith('weft.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.splitlines()[-1].split()) == {"weft.cli", "weft.cli.common", "weft.version"}
