"""The Python API: projects and targets, and the façade for applications that want Kubernetes objects."""

import copy
import json
import pydoc

import pytest
import yaml

import reference
import weft
from reference import ENVIRONMENTS, ROOT, facts
from weft import ConfigMapManager, ConfigMapUtils, ConfigurationValidator, EnvironmentTier
from weft.checks import kubernetes

DOMAINS = ("application", "database", "security", "ml", "monitoring")


def manager(environment=EnvironmentTier.DEVELOPMENT, **options):
    return ConfigMapManager(environment=environment, **options)


def create(maker, domain):
    return getattr(maker, f"create_{domain}_config")()


def validate(domain, config):
    return getattr(ConfigurationValidator(), f"validate_{domain}_config")(config)


# --- projects and targets ---


def test_a_target_has_its_configuration_its_problems_its_origins_and_its_files():
    project = weft.load_project(str(ROOT))
    target = project.target("production", tenant="acme")
    assert target.name == "production/acme"
    assert target.config["database"]["postgresql"]["pool"]["size"] == 5
    assert target.problems() == []
    explanation = target.explain("application.autoscaling.max_replicas").as_dict()
    assert explanation["value"] == 150
    assert explanation["origin"]["file"] == "overlays/exceptions/production/acme.yaml"
    assert explanation["shadowed"][-1]["file"] == "overlays/environments/production.yaml"
    assert set(target.render()) >= {
        f"production/acme/{name}"
        for name in ("app.env", "app.sh", "config-files.yaml", "configmaps.yaml", "external-secrets.yaml", "flags.json")
    }


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("production/acme", {}),
        ("prod/acme", {}),
        ("prod", {"tenant": "acme"}),
        ("", {"environment": "production", "tenant": "acme"}),
    ],
)
def test_a_target_is_found_by_its_name_its_values_or_both(name, values):
    assert reference.project().target(name, **values).name == "production/acme"


def test_a_project_is_found_from_a_folder_inside_it():
    assert weft.load_project(ROOT / "overlays" / "base").folder == ROOT


def test_a_folder_without_a_project_cannot_be_loaded(tmp_path):
    with pytest.raises(weft.CannotRun) as caught:
        weft.load_project(tmp_path)
    assert [problem.code for problem in caught.value.problems] == ["no-project"]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("nowhere", {}),
        ("production", {"tenant": "nobody"}),
        ("production", {"tennant": "acme"}),
        ("local/velvet-static", {}),
        ("production/acme/more", {}),
        ("", {"tenant": "acme"}),
        ("*", {}),
        ("", {}),
    ],
)
def test_an_unknown_target_is_a_usage_error_with_a_hint(name, values):
    with pytest.raises(weft.UsageError) as caught:
        reference.project().target(name, **values)
    assert caught.value.problems[0].hint


def test_a_target_that_is_wrong_renders_nothing_and_says_why():
    target = weft.load_project(ROOT, overrides={"application.server.port": "70000"}).target("local")
    with pytest.raises(weft.WeftError) as caught:
        target.render()
    assert [problem.path for problem in caught.value.problems] == ["/application/server/port"]


def test_what_the_project_gives_does_not_depend_on_which_target_is_asked_first():
    one, other = weft.load_project(ROOT), weft.load_project(ROOT)
    first = [target.config for target in one.targets()]
    last = [target.config for target in reversed(other.targets())]
    assert first == last[::-1]


# --- ConfigMaps ---


@pytest.mark.soak(few=8)
@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("domain", DOMAINS)
def test_the_data_of_a_config_map_are_the_texts_of_the_facts(domain, environment):
    data = create(manager(environment), domain)["data"]
    cells = {row["env_var"]: row[environment] or row["default"] for row in facts(f"settings-{domain}.csv")}
    wanted = {name: text for name, text in cells.items() if text}
    assert {name: data.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("tier", EnvironmentTier)
def test_every_config_map_is_one_that_a_cluster_takes(tier, tmp_path):
    configs = manager(tier).generate_all_configs()
    assert [config["metadata"]["labels"]["app.kubernetes.io/component"] for config in configs] == list(DOMAINS)
    assert [config["metadata"]["name"] for config in configs] == [f"spotify-ai-agent-{name}-config" for name in DOMAINS]
    text = manager(tier).export_to_yaml(configs, tmp_path / "all.yaml").read_text("utf-8")
    assert list(kubernetes.complaints(text)) == []


@pytest.mark.parametrize("target", ["staging", "production/acme"])
def test_the_config_maps_are_those_that_render_writes(target):
    environment, _, tenant = target.partition("/")
    made = manager(environment, tenant=tenant or None).generate_all_configs()
    text = reference.rendered(target)[f"{target}/configmaps.yaml"]
    assert made == list(yaml.safe_load_all(text))


def test_a_config_map_that_is_named_by_its_content_has_a_name_that_stays():
    made = manager("development").create_database_config()
    (rendered,) = (
        one
        for one in yaml.safe_load_all(reference.rendered("development")["development/configmaps.yaml"])
        if one["metadata"]["name"].startswith("spotify-ai-agent-database-config-")
    )
    assert made["metadata"].pop("name") == "spotify-ai-agent-database-config"
    rendered["metadata"].pop("name")
    assert rendered.pop("immutable") is True
    assert made == rendered


def test_changing_a_config_map_does_not_change_the_next_one():
    maker = manager("staging")
    maker.create_database_config()["metadata"]["labels"].clear()
    assert maker.create_database_config()["metadata"]["labels"]


def test_changing_a_configuration_changes_nothing_that_is_rendered_or_reported():
    target = weft.load_project(ROOT).target("local")
    before = target.render()
    target.config["application"]["server"]["port"] = 70000
    target.config["kubernetes"]["labels"] = {"a": "b"}
    assert target.render() == before
    assert target.problems() == []


@pytest.mark.parametrize("namespace", ["Music Dev!", "", "-a", "a_b", "a" * 64, "a.b", "default\n", 5])
def test_what_cannot_be_a_namespace_is_a_usage_error(namespace):
    with pytest.raises(weft.UsageError, match="cannot be a namespace"):
        ConfigMapManager(namespace, "production")


def test_the_hint_says_how_a_namespace_could_be_called():
    with pytest.raises(weft.UsageError, match="write `music-dev`"):
        ConfigMapManager("Music Dev!", "prod")


def test_tiers_have_the_aliases_of_the_command_line():
    aliases = yaml.safe_load((ROOT / "weft.yaml").read_text("utf-8"))["dimensions"]["environment"]["aliases"]
    assert {alias: EnvironmentTier(alias).value for alias in aliases} == aliases


@pytest.mark.parametrize("name", ["prodction", "", "DEV", None])
def test_an_unknown_tier_is_an_error_that_lists_the_known_ones(name):
    with pytest.raises(ValueError, match=r"there is no environment `.*`: (did you mean|choose from) `"):
        EnvironmentTier(name)


def test_the_text_of_an_error_has_its_place_and_its_hint(tmp_path):
    with pytest.raises(weft.UsageError, match=r"did you mean `production`\?"):
        reference.project().target("prodction")
    with pytest.raises(weft.WeftError, match=r"overlays/.*\.yaml:\d+:\d+: |--set "):
        weft.load_project(ROOT, overrides={"application.server.port": "70000"}).target("local").render()


def test_what_people_look_at_says_what_it_is():
    project = reference.project()
    assert repr(project) == f"<Project spotify-ai-agent in {ROOT}>"
    assert repr(project.target("staging")) == f"<Target staging of {ROOT}>"
    assert repr(manager("prod", tenant="acme")) == (
        "<ConfigMapManager of production/acme in the namespace spotify-ai-agent-prod>"
    )
    assert repr(ConfigurationValidator()) == f"<ConfigurationValidator of {ROOT}>"


def test_help_leads_with_what_users_use():
    text = pydoc.plain(pydoc.render_doc(weft))
    inside = text.index("PACKAGE CONTENTS")
    for name in weft.__all__:
        if name not in ("Explanation", "Place", "Severity", "__version__", "Project", "Target"):
            assert text.index(name) < inside, name


def test_two_different_objects_do_not_merge():
    maker = manager("staging")
    for other in (maker.create_ml_config(), {**maker.create_database_config(), "kind": "Secret"}):
        with pytest.raises(ValueError, match="cannot be merged"):
            ConfigMapUtils.merge_configs(maker.create_database_config(), other)


@pytest.mark.soak(few=6)
@pytest.mark.parametrize("target", sorted(reference.targets()))
def test_no_config_map_holds_a_secret_or_a_reference_to_one(target):
    secret = {row["key"] for row in facts("secrets-*.csv")}
    made = manager(target.partition("/")[0], tenant=target.partition("/")[2])
    for config in [*made.generate_all_configs(), made.create_config("kubernetes")]:
        assert not secret & set(config["data"])
        assert "ref+" not in json.dumps(config)


def test_every_create_method_makes_the_config_map_that_generate_all_configs_makes():
    maker = manager("production", tenant="acme")
    assert [create(maker, domain) for domain in DOMAINS] == maker.generate_all_configs()
    assert maker.create_config("database") == maker.create_database_config()


def test_the_reference_project_is_the_default_and_development_the_default_of_its_environments():
    assert ConfigMapManager().target.name == "development"
    assert ConfigMapManager().target.schemas.folder == ROOT
    mine = ConfigMapManager(environment="production", project=ROOT)
    assert mine.generate_all_configs() == manager("production").generate_all_configs()


def test_another_project_makes_config_maps_of_its_own_domains(tmp_path):
    schema = {
        "properties": {"shop": {"properties": {"port": {"type": "integer", "default": 80, "x-env": "SHOP_PORT"}}}}
    }
    (tmp_path / "schema.json").write_text(json.dumps(schema), "utf-8")
    (tmp_path / "weft.yaml").write_text(
        "{version: 1, project: stall, schema: schema.json, layers: [base], dimensions: {environment: {values: [test]}}}"
    )
    mine = ConfigMapManager("ours", "test", project=tmp_path)
    config = mine.create_config("shop")
    assert config["metadata"]["name"] == "stall-shop-config"
    assert (config["metadata"]["namespace"], config["data"]) == ("ours", {"SHOP_PORT": "80"})
    assert ConfigurationValidator(tmp_path).validate_config("shop", config) == (True, [])
    assert ConfigurationValidator(tmp_path).validate_config("shop", {"SHOP_PORT": "x"})[0] is False


@pytest.mark.parametrize("name", ["production", "prod", EnvironmentTier.PRODUCTION])
def test_an_environment_may_be_a_text_an_alias_or_a_tier(name):
    assert manager(name).target.name == "production"


def test_a_namespace_of_ones_own_takes_the_place_of_the_configured_one():
    assert manager("staging").create_ml_config()["metadata"]["namespace"] == "spotify-ai-agent-staging"
    mine = ConfigMapManager("mine", EnvironmentTier.STAGING, project=ROOT)
    assert {config["metadata"]["namespace"] for config in mine.generate_all_configs()} == {"mine"}


def test_a_tenant_has_its_own_names_and_values():
    acme = manager("production", tenant="acme").create_application_config()
    plain = manager("production").create_application_config()
    assert acme["metadata"]["name"] == "spotify-ai-agent-acme-application-config"
    assert acme["metadata"]["labels"]["app.kubernetes.io/instance"] == "production-acme"
    assert (acme["data"]["MAX_REPLICAS"], plain["data"]["MAX_REPLICAS"]) == ("150", "100")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"environment": "prodction"}, "prodction"),
        ({"tenant": "acne"}, "acne"),
        ({"environment": "local", "tenant": "velvet-static"}, "velvet-static"),
    ],
)
def test_a_wrong_environment_or_tenant_is_a_usage_error_that_names_it(options, word):
    with pytest.raises(weft.UsageError, match=word):
        ConfigMapManager(project=ROOT, **options)


def test_a_wrong_domain_is_a_value_error_with_a_suggestion():
    with pytest.raises(ValueError, match="did you mean `database`"):
        manager().create_config("databse")


def test_what_a_caller_does_to_a_config_map_does_not_come_back():
    maker = manager()
    config = maker.create_database_config()
    before = copy.deepcopy(config)
    config["data"]["DB_HOST"] = "changed"
    config["metadata"]["labels"].clear()
    assert maker.create_database_config() == before


# --- export ---


def test_exported_config_maps_are_read_back_as_they_were(tmp_path):
    configs = manager("production", tenant="acme").generate_all_configs()
    configs[0]["data"]["ODD"] = "no: 012 \"'$\n\t# \\ \N{PILE OF POO}\x85"
    path = manager().export_to_yaml(configs, tmp_path / "all-configs.yaml")
    assert path == tmp_path / "all-configs.yaml"
    assert list(yaml.safe_load_all(path.read_text("utf-8"))) == configs


def test_one_config_map_and_an_iterator_of_them_can_be_exported(tmp_path):
    maker = manager()
    one = maker.export_to_yaml(maker.create_ml_config(), str(tmp_path / "one.yaml"))
    same = maker.export_to_yaml(iter([maker.create_ml_config()]), tmp_path / "same.yaml")
    assert one.read_text("utf-8") == same.read_text("utf-8")
    assert yaml.safe_load(one.read_text("utf-8")) == maker.create_ml_config()


def test_an_export_replaces_the_whole_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "all.yaml"
    path.write_text("x" * 100_000, "utf-8")
    manager().export_to_yaml(manager().create_ml_config(), path)
    assert yaml.safe_load(path.read_text("utf-8"))["kind"] == "ConfigMap"
    assert list(tmp_path.iterdir()) == [path]


def test_an_export_that_fails_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "all.yaml"
    path.write_text("old", "utf-8")
    config = manager().create_ml_config()
    config["data"]["HALF"] = "\ud83d"  # half a character: no encoding can write it
    with pytest.raises((weft.CannotRun, ValueError)):
        manager().export_to_yaml(config, path)
    assert path.read_text("utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", ["no/such/folder/all.yaml", "folder"])
def test_an_export_to_an_impossible_place_cannot_run_and_leaves_no_litter(tmp_path, place):
    (tmp_path / "folder").mkdir()
    with pytest.raises(weft.CannotRun) as caught:
        manager().export_to_yaml([], tmp_path / place)
    assert str(tmp_path / place) in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


# --- validation ---


@pytest.mark.soak(few=3)
@pytest.mark.parametrize("tier", EnvironmentTier)
@pytest.mark.parametrize("domain", DOMAINS)
def test_a_validator_accepts_what_create_made_its_data_and_the_settings_themselves(domain, tier):
    maker = manager(tier)
    config = create(maker, domain)
    assert validate(domain, config) == (True, [])
    assert validate(domain, config["data"]) == (True, [])
    assert validate(domain, maker.target.config[domain]) == (True, [])


@pytest.mark.soak(few=2)
@pytest.mark.parametrize("target", sorted(reference.targets()))
def test_a_validator_accepts_the_config_maps_of_every_target(target):
    made = manager(target.partition("/")[0], tenant=target.partition("/")[2])
    wrong = {domain: validate(domain, create(made, domain))[1] for domain in DOMAINS}
    assert wrong == {domain: [] for domain in DOMAINS}


@pytest.mark.parametrize("domain", DOMAINS)
def test_what_may_be_left_out_has_its_default_and_nothing_else_may(domain):
    valid, errors = validate(domain, {})
    required = [error for error in errors if "is required" in error]
    assert required == errors
    assert valid is not bool(errors)
    assert errors  # each domain has something that differs between environments


def test_what_is_required_and_left_out_is_missing():
    valid, errors = validate("application", {"DEBUG": "false"})
    assert valid is False
    assert "application.environment is required" in errors[0]


def database(**postgresql):
    """Settings of the domain `database` that are valid without an environment, but for those of PostgreSQL that are given."""
    return {
        "postgresql": {
            "host": "db.example",
            "name": "app",
            "pooler": {"host": "pooler.example"},
            "read_replica": {"host": "replica.example"},
            **postgresql,
        },
        "redis": {"host": "cache.example", "store": {"host": "store.example"}},
        "mongodb": {"host": "documents.example"},
        "elasticsearch": {"host": "search.example", "index_prefix": "app"},
    }


INVALID = {
    "a text where a number belongs": ("database", {"DB_PORT": "many"}, "DB_PORT"),
    "a number out of range": ("database", {"DB_PORT": "70000"}, "at most 65535"),
    "a number out of range, not as a text": ("database", {"DB_PORT": 70000}, "at most 65535"),
    "half a port": ("database", {"DB_PORT": 5432.5}, "DB_PORT"),
    "no truth value": ("database", {"DB_ECHO": "maybe"}, "DB_ECHO"),
    "nothing where something belongs": ("database", {"DB_PORT": None}, "DB_PORT"),
    "a word that is not allowed": ("ml", {"AUDIO_FORMAT": "ogg"}, "ml.audio.format"),
    "an item that is not allowed": ("security", {"OAUTH_PROVIDERS": "google,myspace"}, "myspace"),
    "an unknown variable": ("database", {"DB_HOTS": "db.example"}, "did you mean `DB_HOST`"),
    "a variable of another domain": ("database", {"DEBUG": "true"}, "DEBUG"),
    "a broken rule": ("application", {"ENVIRONMENT": "local", "MIN_REPLICAS": "9", "MAX_REPLICAS": "3"}, "9"),
    "a rule of production": ("application", {"ENVIRONMENT": "production", "DEBUG": "true"}, "debug"),
    "a rule, by settings": ("database", database(pool={"size": 900, "max_overflow": 900}), "1800"),
    "an unknown setting": ("database", {"postgresql": {"prot": 1}}, "did you mean `port`"),
    "a wrong type": ("database", {"postgresql": {"port": "5432"}}, "remove the quotes"),
    "a mapping that is none": ("database", {"postgresql": None}, "database.postgresql"),
    "a list that is none": ("database", {"postgresql": []}, "database.postgresql"),
    "a secret, by its variable": ("database", {"DB_PASSWORD": "hunter2"}, "database.postgresql.password"),
    "a secret, by settings": ("database", {"postgresql": {"password": "hunter2"}}, "database.postgresql.password"),
    "no data at all": ("database", None, ""),
    "a list as data": ("database", ["DB_PORT=5432"], ""),
    "a key that is not a text": ("database", {5432: "DB_PORT"}, "5432"),
}


@pytest.mark.parametrize("name", INVALID)
def test_a_validator_says_what_is_wrong_in_words(name):
    domain, config, words = INVALID[name]
    valid, errors = validate(domain, copy.deepcopy(config))
    assert valid is False
    assert errors
    assert words in " ".join(errors)
    assert "hunter2" not in " ".join(errors)


@pytest.mark.soak(few=3)
@pytest.mark.parametrize("name", [name for name, (_, config, _) in INVALID.items() if isinstance(config, dict)])
def test_wrong_data_are_as_wrong_inside_a_config_map(name):
    domain, config, words = INVALID[name]
    valid, errors = validate(domain, create(manager(), domain) | {"data": copy.deepcopy(config)})
    assert valid is False
    assert words in " ".join(errors)


def off(maker, domain, **data):
    """A ConfigMap with some variables set otherwise."""
    config = create(maker, domain)
    assert set(data) <= set(config["data"])
    config["data"] |= data
    return config


OF_PRODUCTION = {
    "no second factor": ("security", {"TWO_FACTOR_ENABLED": "false"}, "two_factor"),
    "no CSRF protection": ("security", {"CSRF_PROTECTION": "false"}, "csrf"),
    "plain HTTP": ("security", {"HTTPS_ONLY": "false", "SECURE_COOKIES": "false"}, "https_only"),
    "a database of development": ("database", {"DB_HOST": "postgres.spotify-ai-agent-dev.svc.cluster.local"}, "host"),
    "a cache of development": ("database", {"REDIS_HOST": "redis.spotify-ai-agent-dev.svc.cluster.local"}, "host"),
    "a registry of development": ("ml", {"ML_REGISTRY_URL": "http://mlflow.spotify-ai-agent-dev.svc:5000"}, "url"),
}


@pytest.mark.parametrize("name", OF_PRODUCTION)
def test_rules_between_domains_hold_for_the_config_maps_of_an_environment(name):
    domain, data, words = OF_PRODUCTION[name]
    for maker in (manager("production"), manager("production", tenant="acme")):
        valid, errors = validate(domain, off(maker, domain, **data))
        assert valid is False
        assert words in " ".join(errors)
    check = ConfigurationValidator(environment="production")
    valid, errors = check.validate_config(domain, off(manager("production"), domain, **data)["data"])
    assert valid is False
    assert words in " ".join(errors)


def test_rules_between_domains_hold_for_settings_of_an_environment():
    settings = manager("production").target.config["security"]
    check = ConfigurationValidator(environment=EnvironmentTier.PRODUCTION, tenant="acme")
    assert check.validate_security_config(settings) == (True, [])
    settings["cookies"]["http_only"] = False
    assert "http_only" in " ".join(check.validate_security_config(settings)[1])


def test_a_config_map_of_production_does_not_belong_into_the_namespace_of_development():
    maker = ConfigMapManager("spotify-ai-agent-dev", "production", project=ROOT)
    valid, errors = validate("database", maker.create_database_config())
    assert valid is False
    assert "the namespace spotify-ai-agent-dev does not belong to production" in " ".join(errors)


def test_an_unknown_environment_of_a_validator_is_a_usage_error():
    with pytest.raises(weft.UsageError, match="production"):
        ConfigurationValidator(environment="prodction")


@pytest.mark.soak(few=3)
@pytest.mark.parametrize("target", sorted(reference.targets()))
def test_a_config_map_has_the_labels_and_annotations_of_the_rendered_one(target):
    environment, _, tenant = target.partition("/")
    text = reference.rendered(target)[f"{target}/configmaps.yaml"]
    rendered = {one["metadata"]["labels"]["app.kubernetes.io/component"]: one for one in yaml.safe_load_all(text)}
    maker = manager(environment, tenant=tenant or None)
    made = {domain: create(maker, domain) for domain in DOMAINS}
    other = maker.create_config("performance")["metadata"]  # which is not rendered
    assert set(other["labels"]) == set(made["ml"]["metadata"]["labels"])
    assert other.get("annotations") == made["ml"]["metadata"].get("annotations")
    for domain, config in made.items():
        metadata = rendered[domain]["metadata"]
        assert config["data"] == rendered[domain]["data"]
        assert {key: config["metadata"].get(key) for key in ("namespace", "labels", "annotations")} == {
            key: metadata.get(key) for key in ("namespace", "labels", "annotations")
        }


def test_a_config_map_without_data_is_as_valid_as_its_defaults_are():
    empty = {"apiVersion": "v1", "kind": "ConfigMap"}
    for config in (empty, empty | {"data": None}):
        # nothing there is required
        assert ConfigurationValidator().validate_config("performance", config) == (True, [])
        assert validate("database", config) == validate("database", {})


def test_every_error_is_told_once():
    _, errors = validate("database", {"DB_HOST": "", "DB_PORT": "0", "REDIS_PORT": "x"})
    assert len(errors) == len(set(errors)) >= 3


def test_a_validator_does_not_change_the_settings_that_it_is_given():
    settings = database(pool={"size": 7})
    before = copy.deepcopy(settings)
    assert validate("database", settings) == (True, [])
    assert settings == before


def test_an_unknown_domain_is_not_valid():
    valid, errors = ConfigurationValidator().validate_config("databse", {})
    assert valid is False
    assert "databse" in errors[0]


# --- utilities ---


@pytest.mark.parametrize(
    ("base", "override", "merged"),
    [
        ({}, {}, {}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}, "d": 4}, {"a": {"b": 1, "c": 3}, "d": 4}),
        ({"list": [1, 2]}, {"list": [3]}, {"list": [3]}),
        ({"a": "1"}, {"a": 1}, {"a": 1}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"A": "no", "B": ""}, {"B": "x=y"}, {"A": "no", "B": "x=y"}),
    ],
)
def test_configs_merge_deeply_with_the_override_on_top(base, override, merged):
    before = copy.deepcopy((base, override))
    assert ConfigMapUtils.merge_configs(base, override) == merged
    assert (base, override) == before


def test_config_maps_merge_as_objects():
    one, other = manager().create_ml_config(), manager("production").create_ml_config()
    merged = ConfigMapUtils.merge_configs(one, {"data": {"ML_CPU_THREADS": "1"}, "metadata": {"labels": {"a": "b"}}})
    assert merged["data"] == one["data"] | {"ML_CPU_THREADS": "1"}
    assert merged["metadata"]["labels"] == one["metadata"]["labels"] | {"a": "b"}
    assert ConfigMapUtils.merge_configs(one, other) == other


def test_changing_what_was_merged_changes_neither_input():
    base, override = {"a": {"b": [1]}}, {"c": {"d": [2]}}
    merged = ConfigMapUtils.merge_configs(base, override)
    merged["a"]["b"].append(3)
    merged["c"]["d"].append(3)
    assert (base, override) == ({"a": {"b": [1]}}, {"c": {"d": [2]}})


@pytest.mark.parametrize("override", [{"a": {"b": 1}}, {"a": [1]}])
def test_a_mapping_or_list_over_a_plain_value_is_a_value_error_that_names_it(override):
    with pytest.raises(ValueError, match=r"\ba is"):
        ConfigMapUtils.merge_configs({"a": 1}, override)


def test_entries_are_filtered_by_prefix_in_a_config_map_or_a_mapping():
    config = manager().create_database_config()
    kept = ConfigMapUtils.filter_by_prefix(config, "DB_READ_")
    assert set(kept) == {f"DB_READ_{name}" for name in ("ENABLED", "HOST", "MAX_LAG", "PORT", "WRITE_SPLIT")}
    assert ConfigMapUtils.filter_by_prefix(config["data"], "DB_READ_") == kept
    assert ConfigMapUtils.filter_by_prefix(config, "") == config["data"]
    assert ConfigMapUtils.filter_by_prefix(config, "NO_SUCH_") == {}
    assert config == manager().create_database_config()


def test_a_config_map_becomes_the_text_of_an_env_file():
    text = ConfigMapUtils.transform_to_env_format(
        {"A": "b c", "B": True, "C": ["x", "y"], "D": None, "E": 1.5, "F": ""}
    )
    assert text.splitlines() == ["A='b c'", "B=true", "C=x,y", "E=1.5", "F=''"]
    config = manager().create_database_config()
    assert ConfigMapUtils.transform_to_env_format(config) == ConfigMapUtils.transform_to_env_format(config["data"])
    assert "DB_PORT=5432\n" in ConfigMapUtils.transform_to_env_format(config)


def test_a_name_that_no_shell_variable_has_is_a_value_error():
    with pytest.raises(ValueError, match="with-dash"):
        ConfigMapUtils.transform_to_env_format({"with-dash": "x"})


# --- the package itself ---


def test_the_package_offers_what_it_lists_and_lists_what_it_offers():
    assert sorted(weft.__all__) == list(weft.__all__) == dir(weft)
    assert all(getattr(weft, name) is not None for name in weft.__all__)
    assert {"load_project", "Project", "Target", "ConfigMapManager", "ConfigurationValidator"} < set(weft.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = weft.no_such_name


def test_config_maps_are_plain_json_data():
    configs = manager().generate_all_configs()
    assert json.loads(json.dumps(configs)) == configs
