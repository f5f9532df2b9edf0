"""Feature flags as flagd's own provider reads them, and the checks `flagd` and `shell`."""

import json
import math
import re
import textwrap
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise

import pytest

import reference
import weft
from reference import facts
from rounds import share
from run import run
from scratch import make_project

try:
    from openfeature import api
    from openfeature.contrib.provider.flagd import FlagdProvider
    from openfeature.contrib.provider.flagd.config import ResolverType
    from openfeature.evaluation_context import EvaluationContext
except ModuleNotFoundError:
    pytest.skip("the provider of flagd is not installed: run `make setup`", allow_module_level=True)

FLAG = "ai.playlist_generation"  # internal_users, 25 %
OTHER = "ui.dark_mode"  # enabled for everybody
USERS = [f"user-{number}" for number in range(share(10_000))]
NEAR = 1 / math.sqrt(len(USERS))
"""How far the share of these users may be from the one that was asked for."""
EVERYTHING = {"plan": "premium", "beta": True, "internal": True, "role": "admin"}


def setting(name, flag=FLAG):
    return f'feature_flags.flags["{flag}"].{name}'


def day(distance):
    """A date so many days from now, in UTC."""
    return (datetime.now(UTC) + timedelta(days=distance)).date().isoformat()


def definitions(**overrides):
    """The flag file of production with some fields of FLAG set otherwise, as text."""
    return rendered({setting(name): value for name, value in overrides.items()})


def rendered(overrides):
    return flags_of(
        tuple((path, value if isinstance(value, str) else json.dumps(value)) for path, value in overrides.items())
    )


@cache
def flags_of(overrides):
    project = reference.changed(dict(overrides))
    target = project.target("production")
    assert target.problems() == []
    return target.render()["production/flags.json"]


@contextmanager
def provider(folder, text):
    """The real provider in its file mode, behind a client: `ask(key, user, **attributes)`."""
    file = folder / "flags.json"
    file.write_text(text, "utf-8")
    api.set_provider_and_wait(FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=str(file)))
    client = api.get_client()

    def ask(key, user="somebody", *, default=True, **attributes):
        details = client.get_boolean_details(key, default, EvaluationContext(user, attributes))
        assert details.error_code is None, details
        return details.value

    try:
        yield ask
    finally:
        api.clear_providers()


def asked(folder, text, key, *users, **attributes):
    with provider(folder, text) as ask:
        return [ask(key, user, **attributes) for user in users or ("somebody",)]


# --- shares ---


def having(folder, percentage, users=USERS):
    """The users who have FLAG at a percentage."""
    with provider(folder, definitions(percentage=percentage)) as ask:
        return {user for user in users if ask(FLAG, user, internal=True)}


@pytest.mark.soak
def test_a_quarter_of_the_users_have_a_flag_of_25_percent_and_keep_it_when_it_is_raised(tmp_path):
    quarter = having(tmp_path, 25)
    assert len(quarter) / len(USERS) == pytest.approx(0.25, abs=NEAR)
    assert having(tmp_path, 25) == quarter
    half = having(tmp_path, 50)
    assert len(half) / len(USERS) == pytest.approx(0.5, abs=2 * NEAR)
    assert quarter < half


@pytest.mark.soak
def test_shares_may_have_decimals_and_reach_from_nobody_to_everybody(tmp_path):
    some = USERS[: share(3000)]
    steps = [having(tmp_path, percentage, some) for percentage in (0, 25, 33.3, 50, 100)]
    assert all(less < more for less, more in pairwise(steps))
    assert (steps[0], steps[-1]) == (set(), set(some))
    assert len(steps[2]) / len(some) == pytest.approx(0.333, abs=1 / math.sqrt(len(some)))


@pytest.mark.soak
def test_flags_of_one_percentage_are_on_for_different_users(tmp_path):
    text = rendered({setting("percentage", OTHER): 25})
    with provider(tmp_path, text) as ask:
        both = sum(ask(FLAG, user, internal=True) and ask(OTHER, user) for user in USERS)
    assert both / len(USERS) == pytest.approx(0.25 * 0.25, abs=NEAR)


def test_without_a_user_id_a_share_is_off_and_a_whole_audience_on(tmp_path):
    assert asked(tmp_path, definitions(percentage=99), FLAG, None, "", internal=True) == [False, False]
    assert asked(tmp_path, definitions(percentage=100), FLAG, None, internal=True) == [True]


# --- audiences ---


@pytest.mark.parametrize(
    ("audience", "inside", "outside"),
    [
        ("all_users", {}, None),
        ("premium_users", {"plan": "premium"}, {"plan": "free"}),
        ("premium_users", {"plan": "enterprise"}, {}),
        ("beta_users", {"beta": True}, {"beta": False}),
        ("internal_users", {"internal": True}, {"beta": True}),
        ("admin_users", {"role": "admin"}, {"role": "administration"}),
    ],
)
def test_an_audience_is_told_by_an_attribute(tmp_path, audience, inside, outside):
    text = definitions(audience=audience, percentage=100)
    assert asked(tmp_path, text, FLAG, **inside) == [True]
    assert outside is None or asked(tmp_path, text, FLAG, **outside) == [False]


def test_who_belongs_to_an_audience_is_a_setting(tmp_path):
    place = "feature_flags.audiences.internal_users"
    text = rendered(
        {setting("percentage"): 100, f"{place}.attribute": "account.kind", f"{place}.values": ["staff", "guest"]}
    )
    assert asked(tmp_path, text, FLAG, account={"kind": "staff"}) == [True]
    assert asked(tmp_path, text, FLAG, account={"kind": "user"}) == [False]
    assert asked(tmp_path, text, FLAG, internal=True) == [False]


# --- dates ---


@pytest.mark.parametrize(
    ("dates", "on"),
    [
        ({"start_date": day(2)}, False),
        ({"start_date": day(-1)}, True),
        ({"end_date": day(-2)}, False),
        ({"end_date": day(1)}, True),
        ({"start_date": day(-1), "end_date": day(1)}, True),
        ({"start_date": day(2), "end_date": day(3)}, False),
        ({"start_date": day(-3), "end_date": day(-2)}, False),
    ],
    ids=str,
)
def test_a_flag_has_effect_between_its_dates(tmp_path, dates, on):
    text = definitions(audience="all_users", percentage=100, **dates)
    assert asked(tmp_path, text, FLAG) == [on]


def test_the_first_day_begins_and_the_last_day_ends_at_midnight_utc():
    text = definitions(audience="all_users", percentage=100, start_date="2026-01-15", end_date="2026-01-15")
    first, last = json.loads(text)["flags"][FLAG]["targeting"]["if"][0]["and"]
    now = {"var": "$flagd.timestamp"}
    assert first == {">=": [now, int(datetime(2026, 1, 15, tzinfo=UTC).timestamp())]}
    assert last == {"<": [now, int(datetime(2026, 1, 16, tzinfo=UTC).timestamp())]}


# --- status and dependencies ---


@pytest.mark.parametrize("status", ["enabled", "beta", "experimental", "deprecated", "disabled"])
def test_only_a_disabled_flag_is_off_and_then_whatever_the_caller_would_take_instead(tmp_path, status):
    text = definitions(status=status, audience="all_users", percentage=100)
    with provider(tmp_path, text) as ask:
        assert {ask(FLAG, default=True), ask(FLAG, default=False)} == {status != "disabled"}


@pytest.mark.soak
def test_a_flag_is_off_for_whom_a_flag_that_it_needs_is_off(tmp_path):
    text = rendered(
        {setting("percentage"): 50, setting("dependencies", OTHER): [FLAG], setting("percentage", OTHER): 50}
    )
    with provider(tmp_path, text) as ask:
        answers = [(ask(FLAG, user, internal=True), ask(OTHER, user, internal=True)) for user in USERS]
        assert not any(ask(OTHER, user) for user in USERS)  # they are not in the audience of FLAG
    assert (False, True) not in answers
    assert answers.count((True, True)) / len(USERS) == pytest.approx(0.25, abs=2 * NEAR)
    assert answers.count((True, False)) / len(USERS) == pytest.approx(0.25, abs=2 * NEAR)


def test_a_flag_is_off_where_one_that_it_needs_through_another_is_disabled(tmp_path):
    text = rendered(
        {
            setting("dependencies", OTHER): ["ui.advanced_search"],
            setting("dependencies", "ui.advanced_search"): [FLAG],
            setting("status", OTHER): "deprecated",
            setting("status", "ui.advanced_search"): "deprecated",
            setting("status"): "disabled",
        }
    )
    with provider(tmp_path, text) as ask:
        assert not any(ask(key, **EVERYTHING) for key in (OTHER, "ui.advanced_search", FLAG))
        assert ask("ui.mobile_responsive")


def test_a_flag_that_needs_flags_that_everybody_has_is_on_for_everybody(tmp_path):
    text = rendered({setting("dependencies", OTHER): ["core.caching", "core.api_v2"]})
    assert "targeting" not in json.loads(text)["flags"][OTHER]
    assert asked(tmp_path, text, OTHER) == [True]


# --- the facts ---


def test_every_environment_has_the_same_flags_but_for_those_that_it_switches_off():
    wanted = json.loads(rendered({}))["flags"]
    for environment in reference.ENVIRONMENTS:
        text = reference.rendered(environment)[f"{environment}/flags.json"]
        flags = json.loads(text)["flags"]
        others = {name for name in flags if not name.startswith(("product.", "analytics.", "collaboration."))}
        assert list(flags) == list(wanted)
        assert {name: flags[name] for name in (others if environment == "local" else flags)} == {
            name: wanted[name] for name in (others if environment == "local" else flags)
        }


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """The share of users who have each flag, by the known attributes."""
    text = rendered({})
    kinds = {
        "all_users": {},
        "premium_users": {"plan": "premium"},
        "beta_users": {"beta": True},
        "internal_users": {"internal": True},
        "admin_users": {"role": "admin"},
    }
    keys = [row["key"] for row in facts("feature_flags.csv")]
    users = USERS[: share(1000)]
    assert set(json.loads(text)["flags"]) >= set(keys)
    with provider(tmp_path_factory.mktemp("facts"), text) as ask:
        return {
            (key, kind): sum(ask(key, user, **known) for user in users) / len(users)
            for kind, known in kinds.items()
            for key in keys
        }


@pytest.mark.soak
def test_every_flag_answers_as_the_facts_say(answers):
    wrong = {}
    for row in facts("feature_flags.csv"):
        for kind in ("all_users", "premium_users", "beta_users", "internal_users", "admin_users"):
            belongs = row["audience"] in ("all_users", kind) and row["status"] != "disabled"
            wanted = float(row["percentage"]) / 100 if belongs else 0.0
            part = answers[row["key"], kind]
            exact = wanted in (0.0, 1.0)
            if part != wanted if exact else abs(part - wanted) > 0.1:
                wrong[row["key"], kind] = (part, wanted)
    assert wrong == {}


# --- what the schema refuses ---

MISTAKES = {
    "unknown": (
        "dependencies: [core.cachign]",
        f"flags depend on ones that do not exist: [{FLAG} on [core.cachign]]; correct the keys in dependencies or add the flags",
    ),
    "circle": (
        f"dependencies: [{OTHER}]\n    {OTHER}: {{dependencies: [{FLAG}]}}",
        "flags depend on each other in a circle: take one dependency out of it; these have some: ",
    ),
    "disabled": (
        f"dependencies: [{OTHER}]\n    {OTHER}: {{status: disabled}}",
        f"flags that are on depend on disabled ones: [{FLAG} on [{OTHER}]]; enable those, or disable these too",
    ),
    "percentage": ("percentage: 120", f"{setting('percentage')} must be at most 100 percent, not `120`"),
    "dates": ("start_date: 2026-05-02\n      end_date: 2026-05-01", "end_date must not be before start_date"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_flag_that_cannot_be_right_is_refused_at_its_line(tmp_path, name):
    mistake, message = MISTAKES[name]
    overlay = "overlays/exceptions/staging.yaml"
    project = reference.copy(tmp_path)
    weft_yaml = project / "weft.yaml"
    weft_yaml.write_text(weft_yaml.read_text("utf-8").replace("\noutputs:", f"\n  - {overlay}\noutputs:", 1), "utf-8")
    (project / overlay).write_text(f"feature_flags:\n  flags:\n    {FLAG}:\n      {mistake}\n", "utf-8")
    result = run("validate", "staging", "--format", "json", cwd=project)
    problems = [problem for problem in json.loads(result.out)["problems"] if problem["severity"] == "error"]
    (problem,) = [problem for problem in problems if problem["message"].startswith(message)]
    assert problem["file"] == overlay
    assert problem["line"] == {"dates": 5, "percentage": 4}.get(name, 3)  # 3 is the flag itself


# --- the check `flagd` ---

LOOSE = {"properties": {"app": {"type": "object", "properties": {"it": {}}, "additionalProperties": False}}}
FLAG_FILE = """\
    {
      "flags": {
        "ui.good": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"},
        "ui.odd": {
          "state": "ENABLED",
          "variants": {"on": true, "off": false},
          "defaultVariant": "off",
          %s
        }
      }
    }
    """


def complaints(folder, template, setting, *, check):
    """What a check reports for a small project whose template writes `app.it`: (line, message), and that each is placed well."""
    files = {"schema.json": LOOSE, "base.json": {"app": {"it": setting}}, "templates/it.j2": template}
    make_project(folder, files, outputs=[{"template": "it.j2", "path": "out/it.json", "check": check}])
    project = weft.load_project(folder)
    target = project.target()
    assert target.problems() == []
    report = project.check_outputs([target])
    assert {check: 1} == report.asked
    for problem in report.problems:
        assert (problem.code, problem.place.file) == (check, "out/it.json")
        assert [place.file for place in problem.related] == ["templates/it.j2"]
    return [(problem.place.line, problem.message) for problem in report.problems]


@pytest.mark.parametrize(
    ("line", "value", "place", "message"),
    [
        ('"state": {{ app.it | to_json }}', "ON", 8, "`state` twice, first on line 5"),
        ('"metadata": {{ app.it | to_json }}', [1], 8, "the flag ui.odd: metadata: \\[1\\] is not of type 'object'"),
        ('"metadata": {"owner": {{ app.it | to_json }}}', [], 8, "is not of type 'string', 'number', 'boolean'"),
        ('"targetting": {{ app.it | to_json }}', {}, 4, "the provider loads no flag:.*'targetting'"),
        (
            '"targeting": {{ app.it | to_json }}',
            {"iff": []},
            8,
            "the flag ui.odd: targeting: {'iff': \\[\\]} is not valid",
        ),
        (
            '"targeting": {"if": [true, {{ app.it | to_json }}, "off"]}',
            "no",
            4,
            "the flag ui.odd: Resolved variant no not in",
        ),
        ('"targeting": {"fractional": [["on", {{ app.it }}], ["off", 9]]}', 0.5, 4, "the flag ui.odd: Invalid .*0.5"),
        (
            '"targeting": {"if": [{"$ref": {{ app.it | to_json }}}, "on", "off"]}',
            "x",
            4,
            "the flag ui.odd: Invalid targeting",
        ),
        ('"targeting": {{ app.it }}', "{1}", 8, "the file cannot be read: not JSON: "),
    ],
)
def test_what_flagd_does_not_take_is_told_at_the_flag_that_has_it(tmp_path, line, value, place, message):
    template = textwrap.dedent(FLAG_FILE) % line
    (found,) = complaints(tmp_path, template, value, check="flagd")
    assert found[0] == place
    assert re.search(message, found[1])


def test_a_flag_that_serves_a_variant_that_it_has_not_is_told(tmp_path):
    template = (
        '{"flags": {"a.b": {"state": "ENABLED",\n"variants": {"on": true},\n"defaultVariant": {{ app.it | to_json }}}}}'
    )
    assert complaints(tmp_path, template, "off", check="flagd") == [(3, "the flag a.b: there is no variant off")]


@pytest.mark.parametrize("value", [[], {"flags": []}, {}])
def test_a_file_without_flags_is_told(tmp_path, value):
    message = "the file has no `flags`, a mapping of flags by their keys"
    assert complaints(tmp_path, "{{ app.it | to_json }}", value, check="flagd") == [(1, message)]


def test_flags_of_every_type_are_taken(tmp_path):
    kinds = {"text": ["a", "b"], "number": [1, 2.5], "object": [{"a": 1}, {}], "boolean": [True, False]}
    flags = {
        name: {"state": "ENABLED", "variants": {"x": one, "y": other}, "defaultVariant": "x"}
        for name, (one, other) in kinds.items()
    }
    assert complaints(tmp_path, "{{ app.it | to_json }}", {"flags": flags}, check="flagd") == []


# --- the check `shell` ---


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("plain", []),
        ("two words", [(2, "words: not found")]),
        ("$MISSING", [(2, "MISSING: parameter not set")]),
        ('"open', [(2, "Syntax error: Unterminated quoted string")]),
        ("x; echo printed", [(None, "the file prints `printed`, but must print nothing")]),
        ("x; exit 3", [(None, "the shell ends with exit code 3 without a message")]),
        ("$(ls)", [(2, "ls: not found")]),
    ],
)
def test_what_a_shell_does_not_take_in_silence_is_told_at_its_line(tmp_path, value, said):
    found = complaints(tmp_path, "A=1\nB={{ app.it }}\n", value, check="shell")
    assert [place for place, _ in found] == [place for place, _ in said]
    for (_, actual), (_, words) in zip(found, said, strict=True):
        assert actual == words or re.search(
            "not found|unbound|not set|EOF|quote", actual
        )  # shells differ in their words


def test_the_environment_files_of_the_reference_project_are_checked_by_a_shell():
    rendered, _ = reference.project().render([reference.project().target("local")])
    checked = [one.path for one in rendered if "shell" in one.checks]
    assert checked == ["local/app.env", "local/app.sh", "local/ml/mlflow.env"]


@pytest.mark.parametrize(
    ("variants", "targeting", "said"),
    [
        ({"on": True, "off": False}, {"if": [True, "on", "off"]}, False),
        ({"a": "x", "b": "y"}, {"fractional": [["a", 50], ["b", 50]]}, False),
        ({"a": 1, "b": 2}, None, False),
        ({"a": {"x": 1}, "b": {"x": 2}}, None, False),
        ({"on": True, "off": False}, {"if": [True, "nowhere", "off"]}, True),
    ],
)
def test_what_the_provider_says_of_a_flag_is_told_in_process_too(tmp_path, variants, targeting, said):
    evaluate = pytest.importorskip("weft.checks.flagd.evaluate")
    flag = {"state": "ENABLED", "variants": variants, "defaultVariant": next(iter(variants))}
    flag |= {"targeting": targeting} if targeting else {}
    file = tmp_path / "flags.json"
    file.write_text(json.dumps({"flags": {"one": flag}}))
    assert bool(list(evaluate.mistakes(file))) is said
