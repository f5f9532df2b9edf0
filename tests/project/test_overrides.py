"""The same project with other overrides."""

import pytest

import reference
import weft

BROKEN = {"application.server.port": "70000"}
OTHER = {"application.server.port": "8443", "database.postgresql.pool.size": "7"}


def test_other_overrides_give_what_a_project_that_is_loaded_with_them_gives():
    before = reference.project().target("local").render()
    assert reference.changed(OTHER).target("local").render() == (
        weft.load_project(reference.ROOT, overrides=OTHER).target("local").render()
    )
    assert reference.project().target("local").render() == before != reference.changed(OTHER).target("local").render()


def test_other_overrides_replace_those_of_the_project():
    assert (
        reference.changed(OTHER).with_overrides({}).target("local").config == reference.project().target("local").config
    )


def test_variables_are_overrides_too():
    assert (
        reference.changed(environment={"DB_PORT": "6543"}).target("local").config["database"]["postgresql"]["port"]
        == 6543
    )


def test_overrides_that_no_schema_knows_are_an_error_of_the_project():
    with pytest.raises(weft.WeftError, match="no_such") as found:
        reference.changed({"application.no_such": "1"})
    assert found.value.folder == reference.ROOT


def test_overrides_that_are_not_valid_are_a_problem_of_the_targets():
    assert [one.path for one in reference.changed(BROKEN).target("local").problems()] == ["/application/server/port"]
