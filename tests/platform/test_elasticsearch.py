"""What Elasticsearch is given for new indices: which of them it is for, how many copies they have, and how long they are kept."""

import json
from fnmatch import fnmatchcase

import pytest

import stores

pytestmark = pytest.mark.unmeasured("about the data of the reference project, not about code")


def applied(files, index):
    """The template that Elasticsearch takes for a new index: of those whose patterns fit, the one of the highest priority."""
    templates = [json.loads(files[f"elasticsearch/{name}-template.json"]) for name in ("index", "events")]
    fitting = [one for one in templates if any(fnmatchcase(index, pattern) for pattern in one["index_patterns"])]
    return max(fitting, key=lambda one: one["priority"], default=None)


@pytest.fixture(scope="module")
def files():
    return stores.rendered(
        "development",
        {
            "database.elasticsearch.index_prefix": "mine",
            "database.elasticsearch.shards": 3,
            "database.elasticsearch.replicas": 2,
            "database.elasticsearch.lifecycle.rollover_age": 7,
            "database.elasticsearch.lifecycle.rollover_size": "5gb",
            "security.compliance.data_retention_days": 90,
        },
    )[0]


def test_a_new_index_of_this_environment_has_the_shards_and_copies_of_the_settings(files):
    for index in ("mine-tracks", "mine-events-searches"):
        settings = applied(files, index)["template"]["settings"]
        assert (settings["number_of_shards"], settings["number_of_replicas"]) == (3, 2)
    assert applied(files, "yours-tracks") is None


def test_only_events_are_removed_after_the_time_of_the_settings(files):
    assert "index.lifecycle.name" not in applied(files, "mine-tracks")["template"]["settings"]
    assert applied(files, "mine-events-searches")["template"]["settings"]["index.lifecycle.name"] == "mine-events"
    phases = json.loads(files["elasticsearch/lifecycle.json"])["policy"]["phases"]
    assert phases["hot"]["actions"]["rollover"] == {"max_primary_shard_size": "5gb", "max_age": "7d"}
    assert phases["delete"] == {"min_age": "90d", "actions": {"delete": {}}}
