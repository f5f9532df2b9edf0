"""Expressions over places of the reference project: Weft and an API server accept, refuse, estimate and decide them alike."""

import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from definitions import define, definition_of, judge, refusals, spec_of
from reference import project
from weft.derived.crd import costs
from weft.derived.crd.admission import admitted
from weft.derived.crd.declared import DeclaredShapes, declared
from weft.derived.crd.structural import Structural
from weft.rules import Expression, Old, Request, Shapes, Undecided, compiled, holds, is_transition

pytestmark = pytest.mark.cluster
CASES = Path(__file__).with_name("expressions.cel")
TARGETS = ("production", "local", "development", "staging/acme")
KEYWORD = "x-kubernetes-validations"
AT_ONCE = 40
"""How many expressions share a definition: all rules of one have a limit, too."""
BARE = {
    "type",
    "format",
    "properties",
    "additionalProperties",
    "items",
    "nullable",
    "required",
    "maxItems",
    "maxLength",
    "maxProperties",
}
DIFFERENCES = {
    "'%d'.format([self.name]) == ''": "only the server reads the text of `format` before there is a value",
    "self.cors.allowed_methods.flatten().size() > 0": "`flatten` takes a list of lists there",
}
"""Expressions that one of the two refuses and the other accepts, with the reason in docs/reference/rules.md."""


@cache
def cases():
    """Each expression with its place."""
    found, place = [], None
    for line in CASES.read_text().splitlines():
        if line.startswith("// self: "):
            place = line.removeprefix("// self: ")
        elif line and not line.startswith("//"):
            found.append((place, line))
    return found


def bare(schema):
    """A structural schema without limits and defaults, so that all configurations have the place."""
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key in BARE or key.startswith("x-kubernetes-")}
    kept.pop(KEYWORD, None)
    if "properties" in kept:
        kept["properties"] = {name: bare(below) for name, below in kept["properties"].items()}
    return kept | {key: bare(kept[key]) for key in ("items", "additionalProperties") if key in kept}


@cache
def places():
    """The structural schema of each place."""
    whole = Structural().schema(project().root, ())["properties"]
    return {place: bare(whole[place]) for place, _ in cases()}


def definition(numbers, kind, around=None):
    """A definition with a property for each expression."""
    properties = {}
    for number in numbers:
        place, rule = cases()[number]
        schema = places()[place] | {KEYWORD: [{"rule": rule}]}
        properties[f"e{number}"] = around(number, schema) if around else schema
    return definition_of({"type": "object", "properties": properties}, kind)


def groups(numbers):
    numbers = sorted(numbers)
    return [numbers[start : start + AT_ONCE] for start in range(0, len(numbers), AT_ONCE)]


def number_in(place):
    match = re.search(r"properties\[e(\d+)\]|spec\.e(\d+)", place)
    return int(match[1] or match[2]) if match else None


@cache
def accepted_by_weft():
    """The numbers of the expressions that Weft writes into a definition."""
    refused = set()
    for numbers in groups(range(len(cases()))):
        schema = spec_of(definition(numbers, "Probe"))
        refused |= {
            int(rule.path[0][1:])
            for rule in admitted(schema)
            if rule.refused and "together" not in rule.refused["rule"]
        }
    return set(range(len(cases()))) - refused


@cache
def accepted_by_server(cluster):
    """The numbers of the expressions that the server takes."""
    said = [one for numbers in groups(range(len(cases()))) for one in refusals(cluster, definition(numbers, "Probe"))]
    refused = {number_in(place) for place, message in said if "total exceeding" not in message}
    return set(range(len(cases()))) - refused


def test_weft_writes_the_expressions_that_a_server_takes(cluster):
    assert len(cases()) >= 200
    different = accepted_by_weft() ^ accepted_by_server(cluster)
    assert {cases()[number][1] for number in different} == set(DIFFERENCES)


def compiled_for(place, rules, *, on_server):
    requests = [Old.VALUE if is_transition(rule) else Old.NONE for rule in rules]
    node, shapes = (
        (declared(places()[place]), DeclaredShapes()) if on_server else (project().root.child(place), Shapes())
    )
    return compiled([Request(rule, node, old=old) for rule, old in zip(rules, requests, strict=True)], shapes)


def test_an_expression_costs_what_the_server_estimates(cluster):
    """The server prints by how much a rule is too dear, so each is asked about for as many values as make it 50 times too dear."""
    estimates = {}
    for number in accepted_by_weft() & accepted_by_server(cluster):
        place, rule = cases()[number]
        (made,) = compiled_for(place, [rule], on_server=True)
        if not is_transition(rule):
            estimates[number] = costs.cost(made.checked(), declared(places()[place]))
    estimates = {number: cost for number, cost in estimates.items() if cost}
    values = {number: max(round(50 * costs.RULE / cost), 1) for number, cost in estimates.items()}
    found = {}
    for numbers in groups(estimates):
        made = definition(
            numbers, "Probe", lambda number, schema: {"type": "array", "maxItems": values[number], "items": schema}
        )
        for place, message in refusals(cluster, made):
            times = re.search(r"rule cost exceeds budget by factor of (?:more than )?([\d.]+)x", message)
            if times and number_in(place) is not None:
                found[number_in(place)] = float(times[1])
    wanted = {number: cost * values[number] / costs.RULE for number, cost in estimates.items()}
    assert {number for number in wanted if abs(found.get(number, 0) - wanted[number]) > 0.06} == set()


def by_weft(expression, node, value):
    try:
        return holds(expression, node, value)
    except Undecided:
        return None


def test_weft_and_a_server_decide_alike(cluster):
    numbers = [
        number for number in accepted_by_weft() & accepted_by_server(cluster) if not is_transition(cases()[number][1])
    ]
    different = {}
    decisions = defaultdict(set)
    made = {number: compiled_for(cases()[number][0], [cases()[number][1]], on_server=False)[0] for number in numbers}
    for part in groups(numbers):
        definition_ = definition(part, "Decision")
        define(cluster, definition_)
        for target in TARGETS:
            config = project().target(target).config
            _, said = judge(cluster, definition_, {f"e{number}": config[cases()[number][0]] for number in part})
            messages = {number_in(place): message for place, message in said}
            assert None not in messages, messages
            for number in part:
                place, rule = cases()[number]
                server = number not in messages or (None if "evaluating rule" in messages[number] else False)
                weft = by_weft(made[number], project().root.child(place), config[place])
                decisions[weft].add(number)
                if weft is not server:
                    different[rule] = (target, weft, server, messages.get(number))
    assert different == {}
    assert min(map(len, decisions.values())) > 5
    assert all(isinstance(one, Expression) for one in made.values())
