"""Who reads the settings of security, machine learning, flags and tenants, and what became of given settings that were wrong."""

import json

import pytest

import reference
from reference import ENVIRONMENTS
from weft.base.paths import dotted, get, parse_dotted
from weft.project.readers import named_readers
from weft.schema.places import places

pytestmark = pytest.mark.unmeasured("about the data of the reference project, not about code")

OF_THE_SERVER = (
    "security.jwt",
    "security.oauth",
    "security.csrf",
    "security.cookies",
    "security.headers",
    "security.session",
    "security.password",
    "security.lockout",
    "security.two_factor",
    "security.audit",
)


def test_only_what_the_planned_server_is_about_is_left_to_it():
    root = reference.project().root
    every = [path for path, _ in places(root, root.catalog.reaching([id(one) for one in root.catalog.schemas()]))]
    left = {dotted(path) for path in every if path and "server" in named_readers(root, path)}
    assert left
    assert {path for path in left if not any(f"{path}.".startswith(f"{place}.") for place in OF_THE_SERVER)} == set()
    assert {place for place in OF_THE_SERVER if not any(path.startswith(place) for path in left)} == set()


GIVEN = {
    "API_RATE_LIMIT_REQUESTS": ("777", "application.rate_limit.requests", 777),
    "API_RATE_LIMIT_WINDOW": ("7200", "application.rate_limit.window", 7200),
    "API_RATE_LIMIT_ENABLED": ("false", "application.rate_limit.enabled", False),
    "SESSION_TIMEOUT": ("1234", "security.session.idle_timeout", 1234),
    "FEATURE_REAL_TIME_ENABLED": ("false", 'feature_flags.flags["product.real_time"].enabled', False),
    "AI_RECOMMENDATION_ENABLED": ("false", 'feature_flags.flags["ai.music_recommendation"].enabled', False),
}


def test_a_given_variable_of_a_renamed_setting_still_sets_it():
    project = reference.changed(environment={name: text for name, (text, _, _) in GIVEN.items()})
    config = project.target("development").config
    assert {name: get(config, parse_dotted(path)) for name, (_, path, _) in GIVEN.items()} == {
        name: value for name, (_, _, value) in GIVEN.items()
    }


def test_programs_that_read_an_old_variable_get_the_value_of_the_new_setting():
    project = reference.changed({'feature_flags.flags["ai.sentiment_analysis"].enabled': "false"})
    text = project.target("production").render()["production/app.env"]
    assert "\nAI_SENTIMENT_ANALYSIS_ENABLED=false\n" in text
    assert "\nAPI_RATE_LIMIT_REQUESTS=1000\n" in text


def test_a_flag_that_is_switched_off_is_off_with_all_that_depends_on_it():
    flags = json.loads(reference.rendered("local")["local/flags.json"])["flags"]
    off = {name for name, flag in flags.items() if flag["defaultVariant"] == "off" and "targeting" not in flag}
    assert {"product.analytics", "product.collaboration"} <= off
    assert {name for name in flags if name.startswith(("analytics.", "collaboration."))} <= off
    assert not {name for name in flags if name.startswith("ui.")} & off


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_secret_that_tokens_are_signed_with_is_only_where_it_signs(environment):
    jwt = reference.project().target(environment).config["security"]["jwt"]
    assert ("secret_key" in jwt) is jwt["algorithm"].startswith("HS")
    assert ("key_set" in jwt) is not jwt["algorithm"].startswith("HS")
