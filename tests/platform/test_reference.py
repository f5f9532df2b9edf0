"""The reference project is valid, and holds exactly the facts of the platform."""

import copy
import fnmatch
import json
import re

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.validators import validator_for
from referencing import Registry, Resource

import reference
from reference import ENVIRONMENTS, OF_THE_PROJECT, ROOT, facts
from run import run
from weft.base.paths import get, has, parse_dotted, pointer
from weft.files import yaml12
from weft.project.settings import setting_path
from weft.schema import envvars
from weft.schema.node import MISSING

pytestmark = pytest.mark.unmeasured("about the data of the reference project, not about code")

DOMAINS = ("application", "database", "security", "ml", "monitoring")
PROFILES = ("balanced", "low_latency", "high_throughput", "memory_optimized", "cpu_optimized", "cost_optimized")
ABSENT = "(absent)"
DURATION = re.compile(r"(\d+) (hour|minute)s?")


def value_of(node, cell):
    """What a cell of the facts means where the schema expects what `node` says; a blank cell says nothing."""
    if cell == "":
        return ABSENT
    if "array" in node.types:
        return cell.split(",")
    if "boolean" in node.types:
        return {"true": True, "false": False}[cell.lower()]
    if "integer" in node.types:
        return int(cell)
    if "number" in node.types:
        return float(cell)
    return DURATION.sub(lambda match: match[1] + match[2][0], cell)


def differences(config, wanted):
    """Path to (actual, wanted) of the facts that a configuration does not hold; true is not 1."""
    found = {path: get(config, steps) if has(config, steps := parse_dotted(path)) else ABSENT for path in wanted}
    return {
        path: (found[path], value)
        for path, value in wanted.items()
        if (found[path], type(found[path]) is bool) != (value, type(value) is bool)
    }


def node_of(row):
    return reference.project().root.at(parse_dotted(row["path"]))


def wanted(rows, column):
    """Path to value of some rows; what a row leaves blank is the default."""
    return {row["path"]: value_of(node_of(row), row[column] or row.get("default", "")) for row in rows}


# --- valid ---


@pytest.mark.programs(*OF_THE_PROJECT)
def test_the_reference_project_is_valid_in_every_target_without_redundant_overrides():
    assert len(reference.targets()) > 4 * 6
    result = run("validate", "--strict", "--outputs", "--format", "json", cwd=ROOT)
    assert [problem for problem in json.loads(result.out)["problems"] if problem["severity"] != "note"] == []
    assert result.code == 0


def test_environments_and_tiers_and_tenants_are_as_many_as_promised():
    tenants = {name.partition("/")[2] for name in reference.targets()} - {""}
    tiers = {target.resolution.values.get("tier") for target in reference.targets().values()} - {None}
    assert [name for name in reference.targets() if "/" not in name] == list(ENVIRONMENTS)
    assert len(tenants) >= 6
    assert tiers == {"free", "standard", "premium", "enterprise"}


# --- the facts ---


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("domain", DOMAINS)
def test_every_setting_has_the_value_of_the_facts(domain, environment):
    rows = facts(f"settings-{domain}.csv")
    config = reference.project().target(environment).config
    assert differences(config, wanted(rows, environment)) == {}


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_setting_has_the_default_and_the_variable_of_the_facts(domain):
    rows = facts(f"settings-{domain}.csv")
    defaults = {row["path"]: node_of(row).default for row in rows if row["default"]}
    assert defaults == {path: value for path, value in wanted(rows, "default").items() if path in defaults}
    assert {row["path"]: node_of(row).env for row in rows} == {row["path"]: row["env_var"] for row in rows}
    assert {row["domain"] for row in rows} == {domain}


def test_every_given_variable_is_read_or_listed_with_the_reason():
    declared = {name for name, _, _ in envvars.declared(reference.project().root)}
    rows = [row for row in reference.given("settings-*.csv", "secrets-*.csv") if not reference.is_changed(row)]
    assert {row.get("env_var") or row["key"] for row in rows} - declared == set()
    listed = {
        name for cell, new, _ in reference.changes() if new != "none" for name in re.findall(r"`([A-Z_]+)`", cell)
    }
    assert listed - declared == set(), "what has a successor is still read"


def test_the_page_of_changed_settings_lists_given_settings_with_successors_that_exist():
    rows = reference.given("*.csv")
    names = {name for row in rows for name in (row.get("env_var"), row.get("key"), row["path"]) if name}
    for cell, new, reason in reference.changes():
        for pattern in re.findall(r"`([^`]+)`", cell):
            assert fnmatch.filter(names, pattern), pattern
        assert new == "none" or re.findall(r"`([^`]+)`", new), cell
        for path in re.findall(r"`([^`]+)`", new):
            setting_path(reference.project().root, parse_dotted(path))
        assert len(reason) > 20


def test_an_application_that_reads_the_environment_gets_the_values_of_the_facts():
    result = run("config", "production", "--format", "json", cwd=ROOT)
    config = json.loads(result.out)
    assert differences(config, wanted(facts("settings-*.csv"), "production")) == {}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_sets_what_the_facts_say_and_leaves_the_rest_balanced(profile):
    rows = [row for row in facts("performance_profiles.csv") if row["profile"] in ("balanced", profile)]
    assert any(row["profile"] == profile for row in rows)
    values = wanted(rows, "value")  # the balanced rows come first, those of the profile win
    project = reference.changed({"performance.profile": profile})
    for environment in ENVIRONMENTS:
        assert differences(project.target(environment).config, values) == {}


def test_the_balanced_profile_is_what_the_schema_says():
    rows = [row for row in facts("performance_profiles.csv") if row["profile"] == "balanced"]
    assert {row["path"]: node_of(row).default for row in rows} == wanted(rows, "value")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_security_policies_of_an_environment_are_those_of_the_facts(environment):
    rows = facts("security_policies.csv")
    mine = [row for row in rows if row["environment"] == "(default)"]
    mine += [row for row in rows if row["environment"] == environment]
    assert differences(reference.project().target(environment).config, wanted(mine, "value")) == {}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_feature_flags_are_those_of_the_facts(environment):
    flags = reference.project().target(environment).config["feature_flags"]["flags"]
    for row in facts("feature_flags.csv"):
        flag = flags[row["key"]]
        assert flag["enabled"]
        assert (flag["status"], flag["audience"], float(flag["percentage"])) == (
            row["status"],
            row["audience"],
            float(row["percentage"]),
        )
        needed = [name for name in flag.get("dependencies", []) if not name.startswith("product.")]
        assert needed == (row["dependencies"].split(",") if row["dependencies"] else [])


# --- secrets ---


def test_what_must_live_in_a_secret_is_sensitive_and_has_the_key_of_the_facts():
    rows = facts("secrets-*.csv")
    assert {row["path"]: (node_of(row).env, node_of(row).sensitive) for row in rows} == {
        row["path"]: (row["key"], True) for row in rows
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_secret_is_a_reference_in_every_target(environment):
    for name, target in reference.targets().items():
        if name.split("/")[0] == environment:
            paths = {path for _, path, node in envvars.declared(reference.project().root) if node.sensitive}
            values = {path: get(target.config, path) for path in paths if has(target.config, path)}
            assert len(values) > len(facts("secrets-*.csv")) - 5
            assert {path for path, value in values.items() if not value.startswith("ref+")} == set()


def test_production_keeps_its_secrets_in_a_vault_of_its_own():
    config = reference.project().target("production").config
    values = {row["path"]: get(config, parse_dotted(row["path"])) for row in facts("secrets-*.csv")}
    assert {path: value for path, value in values.items() if not re.match(r"ref\+vault://.*/production/", value)} == {}


@pytest.mark.parametrize("target", ["development", "production", "production/acme"])
def test_each_secret_is_rendered_under_its_key_in_the_secret_of_the_facts(target):
    project = reference.changed({"kubernetes.external_secrets.enabled": "false"})
    text = project.target(target).render()[f"{target}/secrets.yaml"]
    objects = [yaml12.parse(document) for document in text.split("---\n")[1:]]
    held = {(one["metadata"]["name"], key) for one in objects for key in one["stringData"]}
    prefix = f"spotify-ai-agent{target.removeprefix(target.split('/')[0]).replace('/', '-')}-"
    assert held >= {(prefix + row["secret"], row["key"]) for row in facts("secrets-*.csv")}


# --- schemas ---

SCHEMAS = {path.name: json.loads(path.read_text("utf-8")) for path in sorted((ROOT / "schemas").glob("*.schema.json"))}
assert SCHEMAS
REGISTRY = Registry().with_resources([(name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items()])


def settings(schema, where=()):
    """Every named setting of a schema file with its place: everything in `properties`, at any depth."""
    if isinstance(schema, dict):
        for name, below in schema.get("properties", {}).items():
            yield (*where, "properties", name), below
            yield from settings(below, (*where, "properties", name))
        for keyword in ("items", "additionalProperties"):
            yield from settings(schema.get(keyword), (*where, keyword))


def resolved(schema, name):
    """A setting's schema with what its `$ref` adds."""
    if "$ref" not in schema:
        return schema
    file, _, fragment = schema["$ref"].partition("#")
    target = SCHEMAS[file or name]
    return get(target, fragment.split("/")[1:]) | schema


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_valid_2020_12(name):
    assert SCHEMAS[name]["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_setting_has_a_title_and_a_description(name):
    every = [(pointer(where), resolved(schema, name)) for where, schema in settings(SCHEMAS[name])]
    assert [where for where, schema in every if not (schema.get("title") and schema.get("description"))] == []
    assert len(SCHEMAS[name]["description"]) > 20


@pytest.mark.parametrize("name", SCHEMAS)
def test_examples_and_defaults_are_valid_and_those_of_secrets_are_references(name):
    wrong = []
    for where, schema in settings(SCHEMAS[name]):
        checker = {"registry": REGISTRY, "format_checker": Draft202012Validator.FORMAT_CHECKER}
        check = Draft202012Validator({"$ref": f"{name}#{pointer(where)}"}, **checker).is_valid
        if schema.get("x-sensitive"):
            check = re.compile(r"ref\+[a-z]+://.+").fullmatch
        values = [*schema.get("examples", ()), *([schema["default"]] if "default" in schema else ())]
        wrong += [(pointer(where), value) for value in values if not check(value)]
    assert wrong == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_no_setting_takes_keys_that_nobody_described(name):
    every = [(pointer(where), resolved(schema, name)) for where, schema in settings(SCHEMAS[name])]
    objects = [(where, schema) for where, schema in every if schema.get("type") == "object"]
    assert [where for where, schema in objects if schema.get("additionalProperties", True) is True] == []


# --- overlays and what editors get ---

OVERLAYS = sorted((ROOT / "overlays").rglob("*.yaml"))
assert OVERLAYS
MODELINE = re.compile(r"# yaml-language-server: \$schema=(\S+)\n")


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_an_overlay_begins_with_a_modeline_whose_schema_accepts_it(path):
    text = path.read_text("utf-8")
    modeline = MODELINE.match(text)
    assert modeline
    schema = (path.parent / modeline[1]).resolve()
    assert schema == ROOT / "schemas/generated/overlay.schema.json"
    errors = Draft7Validator(json.loads(schema.read_text("utf-8"))).iter_errors(yaml12.parse(text))
    assert [error.message for error in errors] == []


def test_the_project_file_begins_with_a_modeline_whose_schema_accepts_it():
    text = (ROOT / "weft.yaml").read_text("utf-8")
    schema = json.loads((ROOT / MODELINE.match(text)[1]).read_text("utf-8"))
    validator_for(schema)(schema).validate(yaml12.parse(text))


def test_the_schema_of_overlays_is_a_valid_draft_7_schema_without_references_to_files():
    schema = json.loads((ROOT / "schemas/generated/overlay.schema.json").read_text("utf-8"))
    Draft7Validator.check_schema(schema)
    assert set(re.findall(r'"\$ref": "(.)', json.dumps(schema))) == {"#"}


def test_the_generated_schemas_are_fresh():
    result = run("schema", "overlay", "--check", cwd=ROOT)
    assert result.code == 0, "run `weft schema overlay`"


# --- tenants ---


def tenant_files():
    files = {path.stem: yaml12.parse(path.read_text("utf-8")) for path in (ROOT / "overlays/tenants").glob("*.yaml")}
    assert files
    return files


def test_a_tenant_has_targets_in_the_environments_that_it_names_and_nowhere_else():
    limits = {name: data["tenant"].get("environments", list(ENVIRONMENTS)) for name, data in tenant_files().items()}
    assert any(len(limit) < len(ENVIRONMENTS) for limit in limits.values())
    expected = {f"{environment}/{name}" for name, limit in limits.items() for environment in limit}
    assert {name for name in reference.targets() if "/" in name} == expected


def test_an_exception_holds_in_its_target_and_nowhere_else():
    files = sorted((ROOT / "overlays/exceptions").rglob("*.yaml"))
    layers = {name: {layer.name for layer in target.resolution.layers} for name, target in reference.targets().items()}
    assert any(path.parent.name == "production" for path in files)
    for path in files:
        layer = path.relative_to(ROOT).with_suffix("").as_posix()
        owners = {name for name, names in layers.items() if layer in names}
        assert owners == {f"{path.parent.name}/{path.stem}"}


def test_the_production_exception_of_acme_changes_production_only():
    limits = {
        environment: reference.targets()[f"{environment}/acme"].config["application"]["autoscaling"]["max_replicas"]
        for environment in ENVIRONMENTS
    }
    assert limits["production"] == 150
    assert 150 not in [limits[environment] for environment in ENVIRONMENTS if environment != "production"]


# --- rules that read several settings ---

FLAG = 'feature_flags.flags["core.api_v2"].dependencies'
OTHER_FLAG = 'feature_flags.flags["core.caching"].dependencies'
BROKEN = {
    "fewer replicas at most than at least": (
        "production",
        {"application.autoscaling.min_replicas": "9", "application.autoscaling.max_replicas": "3"},
        {"/application/autoscaling/min_replicas"},
    ),
    "a replica range without autoscaling": (
        "production",
        {"application.autoscaling.enabled": "false"},
        {"/application/autoscaling/max_replicas"},
    ),
    "a pool and its overflow above 1000": (
        "development",
        {"database.postgresql.pool.size": "600", "database.postgresql.pool.max_overflow": "600"},
        {"/database/postgresql/pool/max_overflow"},
    ),
    "pools above what the server takes without a pooler": (
        "local",
        {"database.postgresql.pooler.enabled": "false", "database.postgresql.pool.size": "181"},
        {"/database/postgresql/pool/max_overflow"},
    ),
    "pools of all workers of all pods above what the poolers accept": (
        "production",
        {"database.postgresql.pool.size": "16"},
        {"/database/postgresql/pool/max_overflow"},
    ),
    "poolers above what the server takes": (
        "production",
        {"database.postgresql.pooler.replicas": "10"},
        {"/database/postgresql/pooler/max_overflow"},
    ),
    "pods above what Redis accepts": (
        "production",
        {"database.redis.max_connections": "800"},
        {"/database/redis/max_connections"},
    ),
    "no address of PostgreSQL": ("local", {"database.postgresql": '{"host": null}'}, {"/database/postgresql/host"}),
    "a pooler without an address": (
        "local",
        {"database.postgresql.pooler": '{"host": null}'},
        {"/database/postgresql/pooler/host"},
    ),
    "TLS that the pooler does not speak": (
        "local",
        {"database.postgresql.tls.mode": "require"},
        {"/database/postgresql/pooler/tls"},
    ),
    "cache and store in one server": ("local", {"database.redis.store.port": "6379"}, {"/database/redis/store/host"}),
    "a numbered database of a cluster": ("staging", {"database.redis.database": "1"}, {"/database/redis/database"}),
    "a cluster of too few nodes": (
        "staging",
        {"database.redis.cluster.replication_factor": "2"},
        {"/database/redis/cluster/nodes"},
    ),
    "Sentinels that nobody can ask": (
        "local",
        {"database.redis.mode": "sentinel"},
        {"/database/redis/sentinel/addresses"},
    ),
    "a lock that is waited for until the statement ends": (
        "local",
        {"database.postgresql.lock_timeout": "60"},
        {"/database/postgresql/lock_timeout"},
    ),
    "debug in production": ("production", {"application.debug": "true"}, {"/application/debug"}),
    "plain HTTP in production": (
        "production",
        {"security.https_only": "false"},
        {"/security/https_only", "/security/cookies/secure"},
    ),
    "open cookies in production": (
        "production",
        {"security.cookies.secure": "false"},
        {"/security/cookies/secure", "/security/cookies/session_name"},
    ),
    "no CSRF protection in production": ("production", {"security.csrf.enabled": "false"}, {"/security/csrf/enabled"}),
    "no second factor in production": (
        "production",
        {"security.two_factor.enabled": "false"},
        {"/security/two_factor/enabled"},
    ),
    "short passwords in production": (
        "production",
        {"security.password.min_length": "11"},
        {"/security/password/min_length"},
    ),
    "tracing much in production": (
        "production",
        {"monitoring.jaeger.sampler.param": "0.11"},
        {"/monitoring/jaeger/sampler/param"},
    ),
    "any origin in production": (
        "production",
        {"application.cors.allowed_origins": '["*"]', "application.cors.allow_credentials": "false"},
        {"/application/cors/allowed_origins"},
    ),
    "a read replica without a host": (
        "production",
        {"database.postgresql.read_replica.host": ""},
        {"/database/postgresql/read_replica/host"},
    ),
    "a flag that depends on none that exists": ("local", {FLAG: '["core.no_such"]'}, {"/feature_flags/flags"}),
    "flags that depend on each other": (
        "local",
        {FLAG: '["core.caching"]', OTHER_FLAG: '["core.api_v2"]'},
        {"/feature_flags/flags"},
    ),
    "a file type that the audio pipeline cannot read": (
        "local",
        {"application.uploads.allowed_file_types": "exe"},
        {"/application/uploads/allowed_file_types/0"},
    ),
    "a sample rate of nothing": ("local", {"ml.audio.sample_rate": "44000"}, {"/ml/audio/sample_rate"}),
    "a model that separates three stems": (
        "local",
        {"ml.spleeter.model": "spleeter:3stems-16kHz"},
        {"/ml/spleeter/model"},
    ),
    "a model that Spleeter does not bring": (
        "local",
        {"ml.spleeter.model": "spleeter:2stems-44.1kHz"},
        {"/ml/spleeter/model"},
    ),
    "a session that is never idle for long enough": (
        "local",
        {"security.session.idle_timeout": "28800", "security.session.absolute_timeout": "28799"},
        {"/security/session/idle_timeout"},
    ),
    "a token that anybody who verifies it can sign": (
        "production",
        {"security.jwt.algorithm": "HS256", "security.jwt.secret_key": "ref+env://JWT_SECRET_KEY"},
        {"/security/jwt/algorithm"},
    ),
    "a key pair without a key": ("local", {"security.jwt.algorithm": "ES256"}, {"/security/jwt/key_set"}),
    "RS256 with a shared secret": ("local", {"security.jwt.algorithm": "RS256"}, {"/security/jwt/key_set"}),
    "an overlap shorter than a token": (
        "local",
        {"security.jwt.overlap": "3599", "security.jwt.access_token_expire_minutes": "60"},
        {"/security/jwt/overlap"},
    ),
    "a hash that is too cheap": (
        "local",
        {"security.password.argon2id.memory": "19455"},
        {"/security/password/argon2id/memory"},
    ),
    "leaked passwords in production": (
        "production",
        {"security.password.breach_check": "false"},
        {"/security/password/breach_check"},
    ),
    "a cookie of every host in production": (
        "production",
        {"security.cookies.session_name": "session"},
        {"/security/cookies/session_name"},
    ),
    "a cookie that no browser takes": (
        "local",
        {"security.cookies.session_name": "__Host-session"},
        {"/security/cookies/session_name"},
    ),
    "HTTPS that browsers forget": (
        "production",
        {"security.headers.hsts.max_age": "86400"},
        {"/security/headers/hsts/max_age"},
    ),
    "scripts from anywhere": (
        "production",
        {"security.headers.content_security_policy.script_src": "'unsafe-inline'"},
        {"/security/headers/content_security_policy/script_src"},
    ),
    "CORS without the CSRF token": (
        "production",
        {"application.cors.allowed_headers": "Content-Type,x-api-key"},
        {"/application/cors/allowed_headers"},
    ),
    "CORS without API keys": (
        "production",
        {"security.api_keys.header": "X-Other-Key"},
        {"/application/cors/allowed_headers"},
    ),
    "a model registry of another environment": (
        "production",
        {"ml.registry.url": "http://mlflow.spotify-ai-agent-dev.svc.cluster.local:5000"},
        {"/ml/registry/url"},
    ),
    "a model registry without authentication in production": (
        "production",
        {"ml.registry.username": "", "ml.registry.password": ""},
        {"/ml/registry/username", "/ml/registry/password"},
    ),
    "features in a folder of one pod": (
        "staging",
        {"ml.feature_store.offline_path": "/var/lib/features"},
        {"/ml/feature_store/offline_path"},
    ),
    "an audit log that PCI DSS finds too short": (
        "local",
        {"security.compliance.mode": "PCI_DSS", "security.audit.retention_days": "364"},
        {"/security/audit/retention_days"},
    ),
    "an unknown OAuth provider": ("local", {"security.oauth.providers": "myspace"}, {"/security/oauth/providers/0"}),
    "a JWT key that is not a reference": ("local", {"security.jwt.secret_key": "short"}, {"/security/jwt/secret_key"}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_a_problem_at_its_setting(name):
    target, overrides, paths = BROKEN[name]
    problems = reference.changed(overrides).target(target).problems()
    assert {problem.path for problem in problems} == paths
    assert all(problem.targets == (target,) and problem.schema and problem.place for problem in problems)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000, 96000, 192000])
def test_every_usual_sample_rate_is_allowed(rate):
    schema = Draft202012Validator(
        {"$ref": "ml.schema.json#/properties/audio/properties/sample_rate"}, registry=REGISTRY
    )
    assert schema.is_valid(rate)
    assert not schema.is_valid(rate + 1)


def test_a_read_replica_that_is_enabled_has_a_host():
    config = copy.deepcopy(reference.project().target("production").config)
    replica = config["database"]["postgresql"]["read_replica"]
    assert replica["enabled"]
    del replica["host"]
    problems = reference.project().schemas.rule_check.problems(config)
    assert "/database/postgresql/read_replica/host" in {problem.path for problem in problems}


@pytest.mark.parametrize(
    "path",
    [
        "security.jwt.issuer",
        "security.oauth.redirect_uri",
        "ml.registry.url",
        "ml.registry.experiment_name",
        "ml.feature_store.offline_path",
    ],
)
def test_what_differs_between_environments_is_required_and_differs(path):
    steps = parse_dotted(path)
    assert reference.project().root.at(steps).default is MISSING
    configs = {name: copy.deepcopy(reference.project().target(name).config) for name in ENVIRONMENTS}
    assert len({get(config, steps) for config in configs.values()}) == len(ENVIRONMENTS)
    for config in configs.values():
        del get(config, steps[:-1])[steps[-1]]
        problems = reference.project().schemas.schema_check.problems(config)
        assert [(problem.code, problem.path) for problem in problems] == [("missing-required", pointer(steps))]


def test_a_jwt_signing_key_has_at_least_32_characters():
    jwt = SCHEMAS["security.schema.json"]["properties"]["jwt"]["properties"]
    assert jwt["secret_key"]["minLength"] == 32
