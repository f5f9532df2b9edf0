"""To which group a setting at the wrong level belongs."""

import pytest

from scratch import catalog_of
from weft.schema.levels import level_hint


def group(**settings):
    return {"type": "object", "properties": settings}


SETTING = {"type": "integer"}
POOL = group(size=SETTING, wait=SETTING)
SCHEMA = group(
    database=group(pool=POOL, replica=group(pool=POOL, lag=SETTING)),
    cache=group(pool=POOL, ttl=SETTING, tree={"$ref": "#/$defs/tree"}),
) | {"$defs": {"tree": group(leaf=SETTING, left={"$ref": "#/$defs/tree"}, right={"$ref": "#/$defs/tree"})}}


@pytest.mark.parametrize(
    ("path", "name", "meant"),
    [
        ((), "ttl", "`ttl` is a setting of cache"),
        (("cache",), "wait", "`wait` is a setting of cache.pool"),  # not in that of the database, which is equal
        (("database", "replica"), "size", "`size` is a setting of database.replica.pool"),
        (("database",), "cache", "`cache` belongs at the top level"),
        (("cache", "pool"), "lag", "`lag` is a setting of database.replica"),
        ((), "leaf", None),  # of trees at any depth
        ((), "wait", None),  # of several groups
        (("database",), "size", None),  # of two groups inside
        (("cache",), "ttl", None),  # it is there: another alternative allows it
        ((), "other", None),
    ],
)
def test_a_setting_at_the_wrong_level_belongs_to_the_nearest_group_that_has_it(tmp_path, path, name, meant):
    hint = level_hint(catalog_of(tmp_path, SCHEMA).root, path, name)
    assert hint == (meant and f"{meant}: check the indentation")
