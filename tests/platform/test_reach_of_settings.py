"""How far the settings of the reference project reach."""

import json
from fnmatch import fnmatchcase
from functools import cache

from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema

import reference
from rounds import examples, share
from weft.base.paths import dotted, get
from weft.base.problems import Severity, WeftError
from weft.lint.reach import Survey, setting_of
from weft.project.impact import uses_of
from weft.project.others import other_values, replaced
from weft.project.reach import read_by, settings_of, uses_of_all
from weft.project.readers import missing_files, named_readers
from weft.schema.equality import canonical
from weft.stages.render.filters import same_digests

OF_THE_SERVER = (
    "jwt", "oauth", "csrf", "session", "password", "lockout", "two_factor", "totp", "audit", "cookie", "headers"
)  # fmt: skip
"""What only a configuration server with accounts, sessions and tokens can read; it is planned."""


def plain_outputs(target):
    """The outputs without those that contain whole domains."""
    dumps = ("config-files.yaml", "configmaps.yaml", "secrets.yaml", "app.env", "app.sh")
    every = target.outputs.rendered(target.view)[0]
    return [one for one in every if not one.path.endswith(dumps) and one.template != "application/bundle.j2"]


def test_settings_at_once_reach_what_explain_says(chance):
    target = reference.project().target("production")
    outputs = plain_outputs(target)
    paths = {one.path for one in outputs}
    some = chance.sample(settings_of(target), share(1000))
    found = uses_of_all(target, outputs, some)
    checked = [*some[:3], *chance.sample([*found], 3)]
    with same_digests():
        alone = {
            path: {output: lines for output, lines in uses_of(target, path) if output in paths} for path in checked
        }
    assert {path: found.get(path, {}) for path in checked} == alone


def test_the_code_and_the_test_of_every_reader_exist():
    assert [problem.message for problem in missing_files(reference.project().file)] == []


def test_only_what_a_server_with_accounts_can_read_waits_for_it():
    project = reference.project()
    targets = [project.target(name) for name in ("local", "development", "staging", "production")]
    settings = {setting_of(path) for target in targets for path in settings_of(target)}
    waiting = [path for path in settings if "server" in named_readers(project.root, path)]
    others = [path for path in waiting if not any(word in str(step) for step in path for word in OF_THE_SERVER)]
    assert sorted(map(dotted, others)) == []


def test_dimensions_and_conditions_are_read_by_weft():
    found = {reach.name: reach for reach in Survey(reference.project(), about=()).reach()}
    assert "weft" in {reading.reader for reading in found["tenant.tier"].readings}
    assert "weft" in {reading.reader for reading in found["ml.training.enabled"].readings}


# --- another value ---

SHAPE = (
    *("enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "pattern"),
)
"""What a schema says about one text or number."""
OFF = {
    "application.backup.*": {"application.backup.enabled": True},
    "kubernetes.storage.backups": {"application.backup.enabled": True},
    "ml.compute.gpu_*": {"ml.compute.gpu_enabled": True},
    "database.redis.tls.*": {"database.redis.tls.enabled": True},
    "database.postgresql.server.min_tls_version": {
        "database.postgresql.server": {"certificate_file": "/tls.crt", "key_file": "/tls.key"}
    },
    "*.sentinel[.[]*": {
        "database.redis.store.mode": "sentinel",
        "database.redis.sentinel.addresses": [f"sentinel-{number}.data.svc:26379" for number in range(3)],
    },
    "database.redis.cluster.*": {
        "database.redis.mode": "cluster",
        "database.redis.cluster.nodes": [f"redis-{number}:6379" for number in range(9)],
    },
    "performance.cache.persistence.*": {"performance.cache.persistence.enabled": True},
    "performance.webserver.workers.preload_app": {"application.debug": False},
    "monitoring.*.drift.*": {"monitoring.alerting.drift.enabled": True},
    "monitoring.alerting.watchdog.*": {"monitoring.alerting.watchdog.url": "https://watchdog.example.com"},
    "database.*.image": {"database.redis.host": "localhost"},  # what a compose file runs
}
"""Parts of the platform that development does not use, and the settings that bring each of them in."""
ABOUT_TENANTS = "kubernetes.ingress.hosts[0].shared"
"""What only the outputs of a tenant show."""
TIED = {
    "application.environment": "the hosts of every environment are its own",
    "application.autoscaling.enabled": "without it, the least and the most pods are the same number",
    "application.rate_limit.storage": "several pods cannot count in their own memory",
    "database.redis.mode": "the others need addresses of nodes or of Sentinels",
    "database.redis.store.mode": "the other one needs addresses of Sentinels",
    "security.api_keys.header": "CORS allows it by its name",
    "security.csrf.token_header": "CORS allows it by its name",
    "security.cookies.secure": "it needs https_only",
    "monitoring.prometheus.enabled": "Grafana has no other source",
    "monitoring.jaeger.tls.enabled": "a password does not travel in plain text",
    "monitoring.metrics.http_request_duration_seconds.type": "only a histogram has buckets",
    "kubernetes.image.pin": "it needs a digest",
}
"""Settings without any other valid value while all others stay as they are, and what ties them."""


@cache
def unchanged(name="development", more=()):
    """A target with more settings, and what its programs read: the outputs, and by path the settings that each of them shows."""
    target = reference.changed(dict(more)).target(name)
    with same_digests():
        outputs = [one for one in target.outputs.rendered(target.view)[0] if is_read(one)]
    return target, outputs, read_by(target, outputs)


def written(value):
    """A value as overrides give it."""
    return value if isinstance(value, str) else json.dumps(value)


def is_read(output):
    """Whether a program reads an output."""
    return any(reader.reads(output.template) for reader in reference.project().file.readers.values())


def shape(node):
    """A schema that values can be drawn from: what is said about one text or number, or about a list of them."""
    said = {word: node.keyword(word) for word in SHAPE if node.keyword(word) is not None} | {"type": sorted(node.types)}
    if "array" in node.types:
        said |= {"items": shape(node.child(0)), "minItems": 1, "maxItems": 3, "uniqueItems": True}
    return said


def same(node, value):
    """A text that values share if they mean the same: a set has no order."""
    if node.list_type == "set" and isinstance(value, list):
        return json.dumps(sorted(map(canonical, value)))
    return canonical(value)


def near(value):
    """Values close to another one, which break fewer rules than those from far away."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + 1, value - 1, value * 2, value / 2]
    if isinstance(value, str):
        return [f"{value}-x", f"x-{value}", "2"]
    if isinstance(value, list):
        return [*([one for one in value if one != other] for other in value), value[:1]]
    return []


def candidates(path):
    """Values that a setting could have instead: its schema allows each of them, and rules need not."""
    target = unchanged()[0]
    config, root = target.shared_config, target.schemas.root
    now, node = get(config, path), root.at(path)
    alike = [get(config, other) for other in settings_of(target) if other[-1] == path[-1] and len(other) == len(path)]
    every = [*near(now), *other_values(root, config, path), *node.keyword("examples", ()), *alike]
    by_text = {same(node, value): value for value in every if node.accepts(value)}
    return [value for text, value in by_text.items() if text != same(node, now)]


def others(path):
    """Candidates, and values that are drawn from the schema."""
    target = unchanged()[0]
    now, node = get(target.shared_config, path), target.schemas.root.at(path)
    known, one = candidates(path), node.child(0) if "array" in node.types else node
    if not one.types or not one.types <= {"string", "integer", "number", "boolean"}:
        return st.sampled_from(known)
    drawn = from_schema(shape(node)).filter(lambda value: same(node, value) != same(node, now))
    return (st.sampled_from(known) | drawn) if known else drawn


def with_other(path, value, name, more):
    """A target with another value of a setting, or None where that is a mistake."""
    config = unchanged(name, more)[0].shared_config
    steps = next((index for index, step in enumerate(path) if isinstance(step, int)), len(path))
    whole = replaced(get(config, path[:steps]), {path[steps:]: value})
    try:
        target = reference.changed({**dict(more), dotted(path[:steps]): written(whole)}).target(name)
        is_so = canonical(get(target.shared_config, path)) == canonical(value)
    except (WeftError, LookupError):
        return None
    return target if is_so and not any(one.severity is Severity.ERROR for one in target.problems()) else None


def is_read_by_code(path):
    """Whether the schemas name a program that reads a setting in its own code, or will do so."""
    readers = (reference.project().file.readers[name] for name in named_readers(reference.project().root, path))
    return any(reader.code or reader.planned for reader in readers)


def changes_an_output(path, value, name="development", more=()):
    """Whether programs read something else with another value, in an output that there was or in another one; None if it is a mistake."""
    _, outputs, shown = unchanged(name, more)
    other = with_other(path, value, name, more)
    if other is None:
        return None
    with same_digests():
        told = [one for one in outputs if any(read[: len(path)] == path for read in shown[one.path])]
        if any(other.outputs.text(other.view, one) != one.text for one in told):
            return True
        now = {one.path: one.text for one in other.outputs.rendered(other.view)[0] if is_read(one)}
    return now != {one.path: one.text for one in outputs}


def brought_in(path, value):
    """The settings that bring in the part of the platform to which a setting belongs."""
    if path[-1] == "dependencies":  # which a flag that is on would not notice, and one that is off neither
        now = get(unchanged()[0].shared_config, path)
        off = [name for name in now if name not in value] or [name for name in value if name not in now]
        flags = dict.fromkeys(off, False) | {path[-2]: True}
        return {dotted((*path[:-2], name, "enabled")): on for name, on in flags.items()} | {
            dotted((*path[:-1], "status")): "enabled"
        }
    return next((settings for pattern, settings in OFF.items() if fnmatchcase(dotted(path), pattern)), {})


def acts(path, value):
    """Whether another value of a setting does anything, in development or where its part of the platform is used; None if it is a mistake."""
    found = changes_an_output(path, value)
    if found is not False or is_read_by_code(path):
        return found if found is None else True
    more = tuple((name, written(setting)) for name, setting in brought_in(path, value).items())
    place = "development/acme" if dotted(path) == ABOUT_TENANTS else "development"
    return changes_an_output(path, value, place, more) if more or "/" in place else False


def test_only_what_a_rule_ties_to_others_has_no_other_valid_value(chance):
    every = settings_of(unchanged()[0])
    for path in chance.sample(every, min(len(every), share(100))):
        valid = any(with_other(path, value, "development", ()) for value in candidates(path))
        assert valid != (dotted(path) in TIED), dotted(path)


@examples(150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_another_valid_value_of_any_setting_changes_what_a_program_reads(data):
    """An output with a reader, or the schemas say which program reads it in its own code."""
    path = data.draw(st.sampled_from([path for path in settings_of(unchanged()[0]) if dotted(path) not in TIED]))
    value = data.draw(others(path))
    found = acts(path, value)
    assume(found is not None)
    assert found, f"{dotted(path)}: {value!r}"
