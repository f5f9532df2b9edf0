"""Targets: which there are, how they are named, and which layers make each."""

import json

import pytest

from run import run
from scratch import make_project, write_files
from weft import UsageError, WeftError, load_project

SCHEMA = {
    "properties": {
        "app": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "tier": {"type": "string", "default": "small"},
                "profile": {"type": "string"},
                "region": {"type": "string"},
                "flag": {"type": "boolean"},
                "level": {"type": "integer"},
                "seen": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            },
        },
        "tenant": {
            "type": "object",
            "properties": {"environments": {"type": "array", "items": {"type": "string"}}, "tier": {"type": "string"}},
        },
    }
}
ENVIRONMENT = {
    "values": ["local", "development", "production"],
    "aliases": {"dev": "development", "prod": "production"},
}
TENANT = {"files": "tenants/*.yaml", "optional": True}


def seen(*layers):
    """A file for each layer that notes its own name."""
    return {f"{layer}.yaml": f"app: {{seen: [{layer}]}}\n" for layer in layers}


def fleet(folder, files, dimensions, layers=("base", "environments/{environment}", "tenants/{tenant}"), **weft):
    return make_project(
        folder, {"schema.json": SCHEMA, **seen("base"), **files}, dimensions=dimensions, layers=list(layers), **weft
    )


def names(folder, *globs):
    return [target.name for target in load_project(folder).targets(*globs)]


@pytest.fixture
def shop(tmp_path):
    return fleet(
        tmp_path,
        seen("tenants/acme", "tenants/zen.io", "environments/local"),
        {"environment": ENVIRONMENT, "tenant": TENANT},
    )


EVERY = [f"{environment}{tenant}" for environment in ENVIRONMENT["values"] for tenant in ("", "/acme", "/zen.io")]

SELECTIONS = {
    (): EVERY,
    ("**",): EVERY,
    ("production",): ["production"],
    ("prod",): ["production"],
    ("prod", "dev"): ["development", "production"],
    ("*",): ["local", "development", "production"],
    ("*/acme",): ["local/acme", "development/acme", "production/acme"],
    ("**/acme",): ["local/acme", "development/acme", "production/acme"],
    ("prod/*",): ["production/acme", "production/zen.io"],
    ("prod/**",): ["production", "production/acme", "production/zen.io"],
    ("prod/a*", "local"): ["local", "production/acme"],
    ("*/*",): [name for name in EVERY if "/" in name],
    ("l*/*.io",): ["local/zen.io"],
    ("[lp]*",): ["local", "production"],
    ("prod/", "/local"): ["local", "production"],
    ("prod", "production", "prod*"): ["production"],
    ("**/**",): EVERY,
}


@pytest.mark.parametrize("globs", SELECTIONS, ids=" ".join)
def test_globs_select_targets_in_the_order_of_the_project(shop, globs):
    assert names(shop, *globs) == SELECTIONS[globs]


@pytest.mark.parametrize(
    ("glob", "hint"),
    [
        ("prodution", "production"),
        ("production/acmee", "acme"),
        ("developmnt/*", "development"),
        ("staging", "local"),
        ("production/x/y", None),
        ("production/acme/x", None),
        ("", None),
        ("*/nobody", "acme"),
        ("x*", None),
    ],
)
def test_a_glob_that_matches_nothing_is_an_error_with_a_hint(shop, glob, hint):
    with pytest.raises(UsageError) as caught:
        names(shop, "local", glob)
    (problem,) = caught.value.problems
    assert problem.code == "unknown-target"
    assert hint is None or hint in problem.hint


def test_one_target_by_name_or_by_values(shop):
    project = load_project(shop)
    for target in (
        project.target("production/acme"),
        project.target("prod/acme"),
        project.target("prod", tenant="acme"),
        project.target(environment="prod", tenant="acme"),
        project.target(tenant="acme", environment="production"),
    ):
        assert target.name == "production/acme"
    assert project.target(environment="dev").name == "development"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("", {}),
        ("", {"tenant": "acme"}),
        ("prod", {"tenat": "acme"}),
        ("prod", {"tenant": "x"}),
        ("*", {}),
        ("prod", {"environment": "dev"}),
    ],
)
def test_a_target_that_does_not_exist_is_a_usage_error(shop, name, values):
    with pytest.raises(UsageError):
        load_project(shop).target(name, **values)


def test_layers_of_a_target_are_those_of_its_values(shop):
    project = load_project(shop)
    assert project.target("production").config["app"]["seen"] == ["base"]
    assert project.target("local").config["app"]["seen"] == ["base", "environments/local"]
    assert project.target("local/acme").config["app"]["seen"] == ["base", "environments/local", "tenants/acme"]


def test_a_project_without_dimensions_has_one_target(tmp_path):
    folder = make_project(tmp_path, {"schema.json": SCHEMA, **seen("base")})
    assert names(folder) == names(folder, "**") == names(folder, "default") == ["default"]
    assert load_project(folder).target().name == "default"
    assert run("targets", cwd=folder).out == "default\n"


def test_three_dimensions(tmp_path):
    dimensions = {
        "cloud": {"values": ["aws", "gcp"]},
        "environment": {"values": ["dev", "prod"]},
        "tenant": {"files": "tenants/*.yaml", "optional": True},
    }
    layers = ["base", "{cloud}", "{cloud}/{environment}", "tenants/{tenant}", "{tenant}/{cloud}/{environment}"]
    folder = fleet(tmp_path, seen("aws", "aws/prod", "tenants/a", "a/aws/prod"), dimensions, layers)
    assert names(folder, "aws/**") == ["aws/dev", "aws/dev/a", "aws/prod", "aws/prod/a"]
    assert names(folder, "**/prod/**") == ["aws/prod", "aws/prod/a", "gcp/prod", "gcp/prod/a"]
    # the layer `aws` is the file aws.yaml and the folder aws/
    assert load_project(folder).target("aws/prod/a").config["app"]["seen"][0] == "base"
    assert "a/aws/prod" in load_project(folder).target("aws/prod/a").config["app"]["seen"]
    assert "a/aws/prod" not in load_project(folder).target("gcp/prod/a").config["app"]["seen"]


def test_dimensions_that_are_all_optional(tmp_path):
    dimensions = {"environment": {"values": ["dev"], "optional": True}, "tenant": TENANT}
    folder = fleet(tmp_path, seen("tenants/a"), dimensions)
    assert names(folder) == ["default", "dev", "dev/a"]


def test_two_targets_never_have_one_name(tmp_path):
    folder = fleet(tmp_path, seen("tenants/default"), {"tenant": TENANT}, ["base", "tenants/{tenant}"])
    try:
        found = names(folder)
    except WeftError:
        return
    assert len(found) == len(set(found))


def test_a_link_to_nowhere_is_no_reason_to_forget_a_target(tmp_path):
    folder = fleet(tmp_path, seen("tenants/zen"), {"tenant": {"files": "tenants/*.yaml"}}, ["tenants/{tenant}"])
    (folder / "tenants/acme.yaml").symlink_to("nowhere.yaml")
    assert names(folder) == ["acme", "zen"]
    assert [problem.code for problem in load_project(folder).target("acme").problems()] == ["unreadable"]


def test_an_alias_is_no_value_of_files(tmp_path):
    files = {"files": "tenants/*.yaml", "aliases": {"zen": "acme"}}
    folder = fleet(tmp_path, seen("tenants/zen", "tenants/acme"), {"tenant": files}, ["tenants/{tenant}"])
    with pytest.raises(WeftError) as told:
        load_project(folder)
    assert "is a value and an alias" in str(told.value)


@pytest.mark.parametrize(
    ("aliases", "code", "words"),
    [
        ({"zen": "acme"}, "bad-name", "is a value and an alias"),
        ({"good": "acme", "wrong": "acmee"}, "project-invalid", "stands for `acmee`"),
    ],
)
def test_an_alias_that_is_wrong_is_reported_at_its_name(tmp_path, aliases, code, words):
    dimensions = {"tenant": {"files": "tenants/*.yaml", "aliases": aliases}}
    folder = fleet(tmp_path, seen("tenants/zen", "tenants/acme"), dimensions, ["tenants/{tenant}"])
    with pytest.raises(WeftError) as caught:
        load_project(folder)
    (problem,) = caught.value.problems
    column = (folder / "weft.yaml").read_text().index(f'"{list(aliases)[-1]}"') + 1
    assert (problem.code, problem.place.line, problem.place.column) == (code, 1, column)
    assert words in problem.message
    assert problem.hint == (None if code == "bad-name" else "did you mean `acme`?")


def test_a_dimension_of_files_may_be_folders(tmp_path):
    files = seen("tenants/acme/main", "tenants/acme/more", "tenants/zen/main", "tenants/empty/other")
    folder = fleet(tmp_path, files, {"tenant": {"files": "tenants/*/main.yaml"}}, ["base", "tenants/{tenant}"])
    assert names(folder) == ["acme", "zen"]
    assert load_project(folder).target("acme").config["app"]["seen"] == [
        "base",
        "tenants/acme/main",
        "tenants/acme/more",
    ]


def test_a_glob_that_ends_with_a_slash_means_folders(tmp_path):
    files = {
        **seen("tenants/acme/main", "tenants/zen/main"),
        "tenants/README.md": "x",
        "tenants/single.yaml": "app: {}\n",
    }
    folder = fleet(tmp_path, files, {"tenant": {"files": "tenants/*/"}}, ["base", "tenants/{tenant}"])
    assert names(folder) == ["acme", "zen"]


@pytest.mark.parametrize(
    ("glob", "files", "found"),
    [
        (
            "tenants/*.yaml",
            ["tenants/a.yaml", "tenants/b.yml", "tenants/c.json", "tenants/.d.yaml", "tenants/e/f.yaml"],
            ["a"],
        ),
        ("tenants/t-*.yaml", ["tenants/t-a.yaml", "tenants/b.yaml"], ["a"]),
        ("tenant-*/conf.yaml", ["tenant-a/conf.yaml", "tenant-b/other.yaml", "x/conf.yaml"], ["a"]),
        ("*.tenant.yaml", ["a.tenant.yaml", "b.yaml"], ["a"]),
        ("tenants/*", ["tenants/a", "tenants/b.c"], ["a", "b.c"]),
        ("deep/er/*.yaml", ["deep/er/a.yaml"], ["a"]),
    ],
)
def test_globs_of_files_give_values(tmp_path, glob, files, found):
    folder = fleet(tmp_path, dict.fromkeys(files, "app: {}\n"), {"tenant": {"files": glob}}, ["base"])
    assert names(folder) == found


def test_a_file_whose_name_no_target_can_have_is_told(tmp_path):
    folder = fleet(tmp_path, seen("tenants/a b", "tenants/ok"), {"tenant": TENANT}, ["base", "tenants/{tenant}"])
    with pytest.raises(WeftError) as caught:
        load_project(folder)
    assert [(problem.code, problem.place.file) for problem in caught.value.problems] == [
        ("bad-name", "tenants/a b.yaml")
    ]


def test_a_dimension_that_must_have_files_and_has_none_is_told(tmp_path):
    folder = fleet(tmp_path, {}, {"tenant": {"files": "tenants/*.yaml"}}, ["base", "tenants/{tenant}"])
    with pytest.raises(WeftError) as caught:
        load_project(folder)
    assert [problem.code for problem in caught.value.problems] == ["no-values"]


def test_a_layer_that_waits_for_its_first_file_is_reported_only_when_asked(tmp_path):
    layers = ["base", "nothing", "tenants/{tenant}"]
    fleet(tmp_path, {}, {"environment": ENVIRONMENT, "tenant": TENANT}, layers=layers)
    found = {}
    for options in ((), ("--strict",)):
        problems = json.loads(run("validate", *options, "--format", "json", cwd=tmp_path).out)["problems"]
        found[options] = [problem["message"] for problem in problems if problem["code"] == "unused-layer"]
    nothing, waiting = (f"no target has a file for the layer `{layer}`" for layer in layers[1:])
    assert found == {(): [nothing], ("--strict",): [nothing, waiting]}


def test_an_optional_dimension_may_have_no_values(tmp_path):
    assert names(fleet(tmp_path, {}, {"environment": ENVIRONMENT, "tenant": TENANT})) == ENVIRONMENT["values"]


# --- where a value exists


@pytest.mark.parametrize(
    ("limit", "where"),
    [
        ("[production]", ["production"]),
        ("[prod, dev]", ["development", "production"]),
        ("[]", []),
        ("[local, development, production]", ["local", "development", "production"]),
    ],
)
def test_a_tenant_may_be_limited_to_environments(tmp_path, limit, where):
    files = {"tenants/acme.yaml": f"tenant: {{environments: {limit}}}\n"}
    folder = fleet(tmp_path, files, {"environment": ENVIRONMENT, "tenant": TENANT})
    assert names(folder) == [
        name
        for environment in ENVIRONMENT["values"]
        for name in ([environment, f"{environment}/acme"] if environment in where else [environment])
    ]


def test_values_that_weft_yaml_lists_may_be_limited_too(tmp_path):
    region = {"values": ["eu", "us"], "limits": {"environment": "tenant.environments"}}
    files = {"by/eu.yaml": "tenant: {environments: [prod]}\n"}
    folder = fleet(tmp_path, files, {"environment": ENVIRONMENT, "region": region}, ("base", "by/{region}"))
    assert names(folder) == ["local/us", "development/us", "production/eu", "production/us"]


def test_no_setting_limits_where_weft_yaml_says_so(tmp_path):
    files = {"tenants/acme.yaml": "tenant: {environments: [production]}\n"}
    folder = fleet(tmp_path, files, {"environment": ENVIRONMENT, "tenant": {**TENANT, "limits": {}}})
    assert names(folder, "*/acme") == ["local/acme", "development/acme", "production/acme"]
    (problem,) = load_project(folder).problems(load_project(folder).targets())
    assert (problem.code, problem.place.file, problem.path) == (
        "not-a-limit",
        "tenants/acme.yaml",
        "/tenant/environments",
    )


@pytest.mark.parametrize(
    ("name", "value", "warned"),
    [
        ("enviroments", "[production]", True),
        ("environment", "[dev]", True),
        ("places", "[production]", False),
        ("environments", "production", False),
        ("environment_names", "[here]", False),
    ],
)
def test_what_looks_like_a_limit(tmp_path, name, value, warned):
    files = {"tenants/acme.yaml": f"tenant: {{{name}: {value}}}\n", "schema.json": {"type": "object"}}
    folder = fleet(tmp_path, files, {"environment": ENVIRONMENT, "tenant": {**TENANT, "limits": {}}})
    project = load_project(folder)
    assert ["not-a-limit"] * warned == [problem.code for problem in project.problems(project.targets())]


def test_a_target_that_a_limit_takes_away_is_told_as_such(tmp_path):
    files = {"tenants/acme.yaml": "tenant: {environments: [production]}\n"}
    folder = fleet(tmp_path, files, {"environment": ENVIRONMENT, "tenant": TENANT})
    with pytest.raises(UsageError, match="limit"):
        load_project(folder).target("dev/acme")


def test_a_limit_that_is_the_default_holds_too(tmp_path):
    schema = json.loads(json.dumps(SCHEMA))
    schema["properties"]["tenant"]["properties"]["environments"]["default"] = ["production"]
    files = {**seen("tenants/acme"), "tenants/zen.yaml": "tenant: {environments: [local]}\n", "schema.json": schema}
    folder = fleet(tmp_path, files, {"environment": ENVIRONMENT, "tenant": TENANT})
    assert names(folder, "*/*") == ["local/zen", "production/acme"]


def test_a_limit_that_names_no_environment_is_told_and_not_silently_obeyed(tmp_path):
    files = {"tenants/acme.yaml": "tenant: {environments: [prodution]}\n"}
    folder = fleet(tmp_path, files, {"environment": ENVIRONMENT, "tenant": TENANT})
    result = run("validate", cwd=folder)
    assert result.code == 1
    assert "prodution" in result.out + result.err


def test_which_tenants_exist_is_known_without_reading_them_where_no_setting_can_limit_them(tmp_path):
    closed = {"type": "object", "additionalProperties": False, "properties": {"tier": {"type": "string"}}}
    properties = {"app": SCHEMA["properties"]["app"], "tenant": closed}
    schema = {"type": "object", "additionalProperties": False, "properties": properties}
    dimensions = {"environment": ENVIRONMENT, "tenant": TENANT}
    folder = fleet(tmp_path, {"schema.json": schema, **seen("tenants/acme")}, dimensions)
    acme = load_project(folder).targets("local/*")[0]
    write_files(folder, {"tenants/acme.yaml": "tenant: {tier: written later}\n"})
    assert acme.config["tenant"] == {"tier": "written later"}


def test_a_tenant_whose_file_is_broken_is_told(tmp_path):
    folder = fleet(tmp_path, {"tenants/acme.yaml": "tenant: [\n"}, {"environment": ENVIRONMENT, "tenant": TENANT})
    assert [problem.code for problem in load_project(folder).target("prod/acme").problems()] == ["syntax"]


# --- dimensions read from settings


TIERED = {"environment": ENVIRONMENT, "tenant": TENANT, "tier": {"setting": "app.tier"}}
TIER_LAYERS = ("base", "tiers/{tier}", "environments/{environment}", "tenants/{tenant}")


def test_a_dimension_may_be_read_from_a_setting(tmp_path):
    files = {**seen("tiers/small", "tiers/large"), "tenants/acme.yaml": "app: {tier: large}\n"}
    project = load_project(fleet(tmp_path, files, TIERED, TIER_LAYERS))
    assert project.target("prod").config["app"]["seen"] == ["base", "tiers/small"]
    assert project.target("prod/acme").config["app"]["seen"] == ["base", "tiers/large"]
    assert project.target("prod/acme").resolution.values == {
        "environment": "production",
        "tenant": "acme",
        "tier": "large",
    }


def test_settings_are_read_one_after_the_other(tmp_path):
    dimensions = {**TIERED, "profile": {"setting": "app.profile"}}
    files = {
        "tiers/small.yaml": "app: {seen: [small]}\n",
        "tiers/large.yaml": "app: {profile: fast, seen: [large]}\n",
        **seen("profiles/fast"),
        "tenants/acme.yaml": "app: {tier: large}\n",
    }
    project = load_project(fleet(tmp_path, files, dimensions, (*TIER_LAYERS, "profiles/{profile}")))
    assert project.target("prod/acme").config["app"]["seen"] == ["base", "large", "profiles/fast"]
    assert project.target("prod").config["app"]["seen"] == ["base", "small"]


def test_a_setting_that_its_own_layers_change_is_told(tmp_path):
    files = {"tiers/small.yaml": "app: {tier: large}\n", **seen("tiers/large")}
    target = load_project(fleet(tmp_path, files, TIERED, TIER_LAYERS)).target("prod")
    (problem,) = target.problems()
    assert (problem.code, problem.path, problem.place.file, problem.place.line) == (
        "unstable-value",
        "/app/tier",
        "tiers/small.yaml",
        1,
    )


def test_a_value_that_no_layer_knows_is_told_where_it_was_set(tmp_path):
    files = {**seen("tiers/small", "tiers/large"), "tenants/acme.yaml": "# tenant\napp:\n  tier: lrage\n"}
    (problem,) = load_project(fleet(tmp_path, files, TIERED, TIER_LAYERS)).target("prod/acme").problems()
    assert (problem.code, problem.place.file, problem.place.line, problem.place.column) == (
        "unknown-value",
        "tenants/acme.yaml",
        3,
        9,
    )
    assert "large" in problem.hint


@pytest.mark.parametrize(("value", "hint"), [("lrage", "did you mean `large`?"), ("x", "choose from `large`, `small`")])
def test_a_value_that_no_layer_knows_is_reported_with_the_files_that_could_be_it(tmp_path, value, hint):
    layers = ("base", "tiers/{tier}", "{environment}/{tier}", "tenants/{tenant}")
    files = {**seen("tiers/small", "tiers/large", "local/huge"), "tenants/acme.yaml": f"app: {{tier: {value}}}\n"}
    (problem,) = load_project(fleet(tmp_path, files, TIERED, layers)).target("prod/acme").problems()
    could = f"no file `tiers/{value}.yaml` or `{{environment}}/{value}.yaml`"
    assert problem.message == f"app.tier is `{value}`, but there is no tier with that name: {could}"
    assert problem.hint == hint


@pytest.mark.parametrize("value", ["../base", "a/b", "..", ".", "/etc", "a b", "''"])
def test_a_value_cannot_lead_out_of_its_folder(tmp_path, value):
    files = {
        **seen("tiers/small"),
        "secret.yaml": "app: {name: leaked}\n",
        "environments/local.yaml": f"app: {{tier: {value}}}\n",
    }
    target = load_project(fleet(tmp_path, files, TIERED, TIER_LAYERS)).target("local")
    assert [problem.code for problem in target.problems()] == ["unknown-value"]


@pytest.mark.parametrize(
    ("setting", "value", "layer"), [("flag", "true", "true"), ("flag", "false", "false"), ("level", "3", "3")]
)
def test_a_value_that_is_no_text_is_named_as_it_is_written(tmp_path, setting, value, layer):
    files = {**seen(f"by/{layer}"), "environments/local.yaml": f"app: {{{setting}: {value}}}\n"}
    dimensions = {"environment": ENVIRONMENT, "by": {"setting": f"app.{setting}"}}
    target = load_project(fleet(tmp_path, files, dimensions, ("base", "by/{by}", "environments/{environment}"))).target(
        "local"
    )
    assert target.problems() == []
    assert target.config["app"]["seen"] == ["base", f"by/{layer}"]


def test_a_setting_that_nobody_sets_leaves_its_layers_out(tmp_path):
    dimensions = {"environment": ENVIRONMENT, "region": {"setting": "app.region"}}
    folder = fleet(tmp_path, seen("regions/eu"), dimensions, ("base", "regions/{region}"))
    target = load_project(folder).target("local")
    assert (target.problems(), target.config["app"]["seen"]) == ([], ["base"])


def test_set_decides_about_layers_too(tmp_path):
    folder = fleet(tmp_path, seen("tiers/small", "tiers/large"), TIERED, TIER_LAYERS)
    assert load_project(folder, overrides={"app.tier": "large"}).target("prod").config["app"]["seen"] == [
        "base",
        "tiers/large",
    ]


# --- weft.yaml


def test_the_project_is_found_from_a_folder_inside_it(shop):
    for folder in (shop, shop / "tenants", shop / "environments"):
        assert [target.name for target in load_project(folder).targets()] == EVERY
    assert run("targets", cwd=shop / "tenants").out.split() == EVERY


def test_without_a_project_nothing_can_run(tmp_path):
    result = run("targets", cwd=tmp_path)
    assert (result.code, result.out) == (3, "")
    assert "no-project" in result.err


@pytest.mark.parametrize(
    ("weft", "code", "line"),
    [
        ("version: 2\nschema: schema.json\nlayers: [base]\n", "not-allowed", 1),
        ("version: 1\nschema: schema.json\nlayers: []\n", "wrong-size", 3),
        ("version: 1\nschema: schema.json\n", "missing-required", 1),
        ("version: 1\nschema: schema.json\nlayers: [base]\nlayer: x\n", "unknown-key", 4),
        (
            "version: 1\nschema: schema.json\nlayers: ['{enviroment}']\ndimensions:\n  environment: {values: [a]}\n",
            "project-invalid",
            3,
        ),
        ("version: 1\nschema: schema.json\nlayers: [base, base]\n", "project-invalid", 3),
        (
            "version: 1\nschema: schema.json\nlayers: [base]\ndimensions:\n  e: {values: [a], aliases: {x: b}}\n",
            "project-invalid",
            5,
        ),
        (
            "version: 1\nschema: schema.json\nlayers: [base]\ndimensions:\n  e: {values: [a, b], aliases: {a: b}}\n",
            "project-invalid",
            5,
        ),
        (
            "version: 1\nschema: schema.json\nlayers: [base]\ndimensions:\n  e: {values: [a], optional: true}\n  f: {values: [b]}\n",
            "project-invalid",
            6,
        ),
        (
            "version: 1\nschema: schema.json\nlayers: [base]\ndimensions:\n  e: {setting: 'a..b'}\n",
            "project-invalid",
            5,
        ),
        ("version: 1\nschema: schema.json\nlayers: [base]\ndimensions:\n  e: {values: ['a/b']}\n", "wrong-format", 5),
        ("version: 1\nschema: schema.json\nlayers: [base]\ndimensions:\n  e: {files: 'x.yaml'}\n", "wrong-format", 5),
        ("version: 1\nschema: schema.json\nlayers: [base]\ndimensions:\n  e: {}\n", None, 5),
        ("version: 1\nschema: schema.json\nlayers: [base]\ndimensions: [e]\n", "wrong-type", 4),
        ("[1]\n", "wrong-type", 1),
        ("version: 1\n\tx: 1\n", "tab-indentation", 2),
        ("", "empty-file", 1),
    ],
)
def test_a_project_file_that_is_wrong_is_told_with_its_line(tmp_path, weft, code, line):
    write_files(tmp_path, {"weft.yaml": weft, "schema.json": SCHEMA, **seen("base")})
    with pytest.raises(WeftError) as caught:
        load_project(tmp_path)
    found = [(problem.code, problem.place.file, problem.place.line) for problem in caught.value.problems]
    assert found[0] == (code or found[0][0], "weft.yaml", line)


def test_the_name_of_a_target_tells_it_from_all_others(shop):
    project = load_project(shop)
    identities = list(project.fleet.identities())
    assert len({*identities, *load_project(shop).fleet.identities()}) == len(identities) == len(EVERY)


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("local/nobody", "there is no tenant `nobody`", "choose from `acme`, `zen.io`"),
        ("local/acmee", "there is no tenant `acmee`", "did you mean `acme`?"),
        ("local/acme/x", "there is no target `local/acme/x`", "did you mean `local/acme`?"),
    ],
)
def test_a_target_that_does_not_exist_is_named_with_its_step(shop, name, message, hint):
    with pytest.raises(UsageError) as caught:
        load_project(shop).target(name)
    (problem,) = caught.value.problems
    assert (problem.message, problem.hint) == (message, hint)


def test_only_of_a_target_that_a_limit_takes_away_a_limit_is_reported(tmp_path):
    files = {"tenants/a.yaml": "tenant: {environments: [production]}\n"}
    dimensions = {"environment": {"values": ["staging", "production"]}, "tenant": TENANT}
    with pytest.raises(UsageError) as caught:
        load_project(fleet(tmp_path, files, dimensions)).target("staging/a")
    (problem,) = caught.value.problems
    assert problem.message == "there is no target `staging/a` (its settings limit where it exists)"
    with pytest.raises(UsageError) as caught:
        load_project(tmp_path).targets("staging/*")
    assert caught.value.problems[0].message == "there is no target `staging/*`"


def test_one_target_is_not_named_by_a_glob(shop):
    with pytest.raises(UsageError) as caught:
        load_project(shop).target("production/*")
    (problem,) = caught.value.problems
    assert problem.message == "`production/*` is a glob, but one target is expected here"
    assert "`production/acme`" in problem.hint


def test_a_dimension_that_does_not_exist_is_named(shop):
    with pytest.raises(UsageError) as caught:
        load_project(shop).target("production", tenat="acme")
    (problem,) = caught.value.problems
    assert (problem.message, problem.hint) == ("targets have no dimension `tenat`", "did you mean `tenant`?")


@pytest.mark.parametrize(
    ("aliases", "files", "messages"),
    [
        ({"a": "acme"}, ["acme"], []),
        ({"a": "acme"}, [], []),
        ({"a": "acmee"}, ["acme"], ["alias `a` stands for `acmee`, which is not a value of `tenant`"]),
        ({"acme": "zen"}, ["acme", "zen"], ["`acme` is a value and an alias of `tenant`"]),
    ],
)
def test_an_alias_stands_for_a_file_that_is_there(tmp_path, aliases, files, messages):
    tenant = TENANT | {"aliases": aliases}
    fleet(tmp_path, seen(*(f"tenants/{name}" for name in files)), {"environment": ENVIRONMENT, "tenant": tenant})
    found = []
    try:
        load_project(tmp_path)
    except WeftError as error:
        found = [problem.message for problem in error.problems]
    assert found == messages


# --- one target of many


@pytest.mark.parametrize("optional", [(False, False), (False, True), (True, True)])
@pytest.mark.parametrize("limited", [False, True])
def test_a_target_is_found_by_its_steps_as_it_is_among_all(tmp_path, optional, limited):
    dimensions = {
        "environment": {**ENVIRONMENT, "optional": optional[0]},
        "tenant": {"files": "tenants/*.yaml", "optional": optional[1]},
    }
    files = seen("tenants/a", "tenants/b")
    if limited:
        files["tenants/a.yaml"] = "tenant: {environments: [prod]}\n"
    project = load_project(fleet(tmp_path, files, dimensions))
    every = {identity.name: dict(identity.values) for identity in project.fleet.identities()}
    steps = ["", "local", "prod", "production", "a", "b", "default", "*", "nothing"]
    for name in {"/".join(filter(None, (one, two, three))) for one in steps for two in steps for three in ("", "b")}:
        canonical = project.fleet._dimensions.canonical(name) or "default"
        try:
            found = project.fleet.identity(name, {})
        except UsageError:
            assert "*" in name or canonical not in every
            continue
        assert (found.name, dict(found.values)) == (canonical, every[canonical])
        assert [one.name for one in project.fleet.select([name or "default"])] == [canonical]


@pytest.mark.parametrize("limits", [{}, {"limits": {}}])
def test_only_the_files_of_a_target_decide_whether_it_exists(tmp_path, limits):
    files = {f"tenants/t{number}.yaml": "tenant: {environments: [local]}\n" for number in range(50)}
    folder = fleet(tmp_path, files, {"environment": ENVIRONMENT, "tenant": {**TENANT, **limits}})
    for find in (lambda project: project.target("local/t7"), lambda project: project.targets("local/t7")[0]):
        project = load_project(folder)
        assert find(project).config["tenant"]["environments"] == ["local"]
        assert sorted(path.name for path in project.layering.overlays._sources._known) == ["base.yaml", "t7.yaml"]
