"""Laws of the rules and rule packs of the reference project: each decides, each can be broken, and only by what it reads."""

import copy
import itertools
import random
import re

import pytest

import reference
from weft.base.paths import get, has
from weft.lint.policies.packs import read_packs
from weft.rules import Undecided, holds
from weft.schema.node import MISSING

ROOT = reference.project().root
CHECK = reference.project().schemas.rule_check
PACKS = read_packs(reference.project())
TARGETS = ("local", "production", *sorted(name for name in reference.targets() if name.startswith("production/"))[:2])
TRIES = 3000


def places(node, value, path=()):
    """Every rule with a path in a configuration."""
    for schema in node.certain:
        for rule in CHECK._rules.get(id(schema), ()):
            yield rule.location, rule.expression, node, path
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in below:
        yield from places(node.child(step), child, (*path, step))


def everywhere():
    """Each rule and each control once, with the target and the path where it is asked first."""
    found = {}
    for name in TARGETS:
        config = reference.targets()[name].config
        for location, expression, node, path in places(ROOT, config):
            found.setdefault(location, (expression, node, path, name))
    for pack in PACKS.values():
        for control in (one for one in pack.controls if not one.over):
            found[control.location] = (control.rule, ROOT, (), "production")
    return found


EVERYWHERE = everywhere()


def others(node, value, written):
    """Values that a setting might have instead, of its own type; MISSING for none. `written` are texts of the rule itself."""
    if isinstance(value, bool) or (value is MISSING and "boolean" in node.types):
        return [not value, MISSING]
    if isinstance(value, int | float):
        return [0, 1, value + 1, value * 1000, 65535, MISSING]
    if isinstance(value, list) or (value is MISSING and "array" in node.types):
        return [[], ["*", "x"], [0.5, 0.1], *([text] for text in written), MISSING]
    if isinstance(value, dict):
        switches = ({**value, text: {"enabled": on}} for text in written for on in (True, False))
        return [
            {},
            {**value, **OF_MAPS},
            *({**value, key: below} for key, below in OF_MAPS.items()),
            *switches,
            MISSING,
        ]
    allowed = node.keyword("enum") or ()
    return [*allowed, *written, *TEXTS, *([{}, 1, True] if value is MISSING else []), MISSING]


TEXTS = ("", "x", "localhost", "1s", "999h", "64Gi", "1m", "0.0.0.0/0", "http://x.example/", "a-dev-b", "/etc/x")
DATES = ("2026-01-31", "2025-01-31")
OF_MAPS = {
    "x": {"dependencies": ["y", "z"], "status": "enabled"},
    "y": {"dependencies": ["y"], "status": "disabled"},
    "app.kubernetes.io/x": "x",
    "kubernetes.io/x": "x",
    "m": {"type": "histogram", "job": "nobody"},
    "a-dev-b": {},
}


def with_value(value, path, new):
    """A copy of a value with another one at a path."""
    if not path:
        return new
    result = copy.copy(value) if isinstance(value, dict) else {}
    below = with_value(result.get(path[0], {}), path[1:], new)
    if below is MISSING:
        result.pop(path[0], None)
    else:
        result[path[0]] = below
    return result


def says(expression, node, value):
    try:
        return holds(expression, node, value)
    except Undecided:
        return None


def varied(expression, node, value):
    """The value with other settings in place of those that the expression reads, one by one and then several at once."""
    options = []
    written = (*re.findall(r"'([^']*)'", expression.source), *DATES)
    for read in expression.reads:
        now = get(value, read) if has(value, read) else MISSING
        options.append([(read, now), *((read, new) for new in others(node.at(read), now, written))])
    alone = ([choice] for some in options for choice in some)
    chance = random.Random(1)
    together = ([chance.choice(some) for some in options] for _ in range(TRIES))
    alike = (  # settings that are the same, or as they are
        [some[chance.choice((0, index % len(some)))] for some in options] for index in range(40) for _ in range(40)
    )
    for choices in itertools.chain(alone, alike, together):
        changed = value
        for read, new in choices:
            changed = with_value(changed, read, new)
        yield changed


@pytest.mark.parametrize("location", EVERYWHERE)
def test_a_rule_holds_and_can_be_broken_by_what_it_reads(location):
    expression, node, path, target = EVERYWHERE[location]
    value = get(reference.targets()[target].config, path)
    said = set()
    for changed in itertools.chain([value], varied(expression, node, value)):
        said.add(says(expression, node, changed))
        if {True, False} <= said:
            return
    raise AssertionError(f"it only says {said}")


@pytest.mark.parametrize("target", TARGETS)
def test_every_rule_holds_where_the_project_is_valid(target):
    config = reference.targets()[target].config
    assert all(says(expression, node, get(config, path)) is True for _, expression, node, path in places(ROOT, config))


@pytest.mark.parametrize("location", EVERYWHERE)
def test_what_a_rule_does_not_read_changes_nothing(location):
    expression, node, path, target = EVERYWHERE[location]
    value = get(reference.targets()[target].config, path)
    if not isinstance(value, dict) or () in expression.reads:
        pytest.skip("it reads everything")
    bare = {}
    for chain in expression.chains:
        if has(value, chain.path):
            bare = with_value(bare, chain.path, get(value, chain.path))
    assert says(expression, node, bare) == says(expression, node, value)


def test_every_expression_of_the_project_is_typed_whole():
    expressions = [*reference.project().expressions, *(expression for expression, *_ in EVERYWHERE.values())]
    assert len(expressions) > 250
    assert [expression.source for expression in expressions if expression.dynamic] == []
