"""`weft new`: each part of a project is added in all its places, and `validate` and `render` are content at once.

The shapes are as unlike as projects are: one schema file or many, YAML or JSON, tenants as files or folders, other dimensions or none.
"""

import json
import os
import shutil
from pathlib import Path

import pytest
import yaml

import reference
from run import run
from scratch import write_files
from weft import load_project
from weft.base.problems import Severity
from weft.derived.overlay_schema import overlay_schema

CASES_BASE = Path(__file__).parents[1] / "cases" / "_base"


def starter(folder):
    assert run("init", folder / "demo", cwd=folder).code == 0
    return folder / "demo"


def shop(folder):
    """The project of the cases: environments and tenants in files, a schema a domain, references to shared definitions."""
    return Path(shutil.copytree(CASES_BASE, folder / "shop"))


def one_line(folder):
    """Everything in JSON, on one line; one schema file; no dimension."""
    app = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"name": {"type": "string"}, "size": {"type": "integer", "default": 1}},
    }
    files = {
        "weft.yaml": {
            "version": 1,
            "schema": "schema.json",
            "layers": ["base"],
            "outputs": [{"template": "x.j2", "path": "x"}],
        },
        "schema.json": {"type": "object", "additionalProperties": False, "properties": {"app": app}},
        "base.json": {"app": {"name": "x"}},
        "templates/x.j2": "{{ app.name }}\n",
    }
    return write_files(folder, files)


REGIONS = {
    "weft.yaml": """\
        version: 1
        schema: config.yaml   # here
        templates: tpl
        dimensions:
          region:
            values:
              - eu-west   # Ireland
              - us-east   # Virginia
            # more to come
            aliases: {ie: eu-west}
          cluster: {files: "clusters/*/cluster.json", optional: true}
          shape: {setting: app.shape}
        layers:
          - regions/{region}
          - clusters/{cluster}
          - shapes/{shape}
          - extra/{cluster}/{region}
        outputs:
          - template: x.j2
            path: "{region}/{cluster}/x"
            when: "self.app.replicas <= {'eu-west': 9, 'us-east': 8}[self.app.region]"
        """,
    "config.yaml": """\
        # the one schema
        type: object
        additionalProperties: false
        properties:
          app:
            type: object
            additionalProperties: false
            properties:
              region:
                oneOf:
                  - {const: eu-west, title: Ireland}
                  - {const: us-east, title: Virginia}
              backup: {enum: [us-east, eu-west]}
              cluster: {type: string}
              shape: {type: string}
              replicas: {type: integer, default: 2}
              host: {type: string}
            x-kubernetes-validations:
              # how many at most
              - rule: >-
                  self.replicas <=
                  {'eu-west': 3,
                   'us-east': {'us-east': 4}['us-east']}[self.region]
                message: too many
        """,
    "regions/eu-west/app.yaml": "app:\n  region: eu-west # itself\n  backup: us-east\n  host: a.eu-west.example.com\n",
    "regions/us-east/app.yaml": "app: {region: us-east, backup: eu-west, host: us-east-1}\n",
    "clusters/a1/cluster.json": '{\n\t"app": {"cluster": "a1", "shape": "small"}\n}',
    "clusters/b2/cluster.json": '{"app": {"cluster": "b2", "shape": "big"}}',
    "extra/a1/eu-west.json": '{"app": {"replicas": 3}}',
    "shapes/small.yml": "app: {replicas: 1}\r\n",
    "shapes/big.yml": "app: {replicas: 3}\n",
    "tpl/x.j2": "{{ app.replicas }}\n",
}


def regions(folder):
    """Other dimensions, layers that all depend on one, a schema in YAML, overlays in JSON, values as folders."""
    return write_files(folder, REGIONS)


FOLDERS = {
    "weft.yaml": """\
        version: 1
        schema: schemas/main.yaml
        dimensions: {customer: {files: "customers/*/"}, stage: {values: [live]}}
        layers: ["customers/{customer}", defaults, "stages/{stage}"]
        outputs: []
        """,
    "schemas/main.yaml": """\
        properties:
          web: {$ref: domains/web/schema.yaml}
          db: {$ref: domains/db/schema.yaml} # the store
        additionalProperties: false
        """,
    "schemas/domains/web/schema.yaml": """\
        type: object
        properties:
          customer: {$ref: "../names.yaml#/customer"}
          stage: {enum: [live]}
          key: {type: string, x-sensitive: true}
        """,
    "schemas/domains/db/schema.yaml": "{type: object, properties: {host: {type: string}}}\n",
    "schemas/domains/names.yaml": "customer:\n  type: string\n  enum:\n  - acme\n  # the second\n  - zeta\n",
    "customers/acme/web.yaml": "web: {customer: &name acme}\ndb: {host: *name}\n",
    "customers/zeta/all.json": '{"$schema": "../zeta.json", "web": {"customer": "zeta", "key": "ref+file:///zeta/key"}}',
    "defaults/web.yaml": "web: {}\n",
    "defaults/db.yaml": "# nothing yet\n{}\n",
}


def folders(folder):
    """Values that are folders, a layer for all in the middle, domains with folders of their own, definitions apart, an alias."""
    return write_files(folder, FOLDERS)


ADDED = [
    (folders, "customer bolt"),
    (folders, "customer bolt --like acme"),
    (folders, "customer bolt --like zeta"),
    (folders, "stage lab"),
    (folders, "domain mail"),
    (folders, "setting db.port --required --type integer --value 5432"),
    (folders, "setting web.token --required --sensitive"),
    (folders, "output x.json"),
    (starter, "environment qa"),
    (starter, "environment qa --like dev"),
    (starter, "domain billing --description All:of:it"),
    (starter, "setting app.limit --type integer --default 5 --env LIMIT --unit requests"),
    (starter, "setting app.token --sensitive --required"),
    (starter, "output settings.yaml"),
    (starter, "output extra/x.json --scope environment --when self.app.replicas.max>1"),
    (shop, "environment qa"),
    (shop, "environment qa --like development"),
    (shop, "tenant shoes"),
    (shop, "tenant shoes --like toys"),
    (shop, "tier huge --like large"),
    (shop, "setting shop.q --required --value 1 --type integer"),
    (shop, "setting database.pool.idle --type number --default 0.5"),
    (shop, "setting shop.group --type object --required"),
    (shop, "setting shop.names --type array --default a,b"),
    (shop, "rule self>1 --at shop.port --message m"),
    (shop, "output x.env"),
    (one_line, "setting app.port --type integer --default 80"),
    (one_line, "setting app.must --required --value no"),
    (one_line, "setting app.key --sensitive --required"),
    (one_line, "rule self.size>0 --at app --message m"),
    (one_line, "rule self.app.size>0 --message m"),
    (one_line, "domain db"),
    (one_line, "output a/b.env"),
    (regions, "region ap-south"),
    (regions, "region no"),
    (regions, "region 1.5 --like ie"),
    (regions, "cluster c3"),
    (regions, "shape huge"),
    (regions, "value shape small-2 --like big"),
    (regions, "setting app.must --required --value 1.5"),
    (regions, "domain net"),
    (regions, "rule self.app.replicas>0 --message m"),
    (regions, "output x.env --scope region"),
]


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def content_is(result):
    assert result.code == 0, result.out + result.err


@pytest.mark.soak(few=7)
@pytest.mark.parametrize(("shape", "words"), ADDED, ids=[f"{shape.__name__}-{words}" for shape, words in ADDED])
def test_a_project_with_a_new_part_is_valid_at_once(tmp_path, shape, words):
    folder = shape(tmp_path)
    content_is(run("render", cwd=folder))
    before = contents(folder)
    content_is(run("new", *words.split(" "), cwd=folder))
    after = contents(folder)
    assert before.keys() <= after.keys()
    assert before != after
    content_is(run("validate", cwd=folder))
    content_is(run("render", cwd=folder))
    if (folder / "schemas/generated").is_dir():
        content_is(run("schema", "overlay", "--check", cwd=folder))
    again = run("new", *words.split(" "), cwd=folder)
    assert again.code == 2, "the same part a second time"


@pytest.mark.parametrize(
    ("shape", "words"), ADDED[::3], ids=[f"{shape.__name__}-{words}" for shape, words in ADDED[::3]]
)
def test_a_dry_run_shows_the_same_and_writes_nothing(tmp_path, shape, words):
    folder = shape(tmp_path)
    before = contents(folder)
    dry = run("new", *words.split(" "), "--dry-run", cwd=folder)
    content_is(dry)
    assert contents(folder) == before
    assert run("new", *words.split(" "), cwd=folder).out == dry.out


@pytest.mark.programs("python3")  # for minutes are few: it renders the reference project several times
def test_the_reference_project_gets_an_environment(tmp_path):
    folder = reference.copy(tmp_path)
    content_is(run("new", "environment", "qa", "--like", "staging", cwd=folder))
    project = load_project(folder)
    assert [one for one in project.problems(project.targets("qa*")) if one.severity is not Severity.NOTE] == []
    config = project.target("qa").config
    assert config["application"]["environment"] == "qa"
    assert config["database"]["postgresql"]["host"] == "postgres-primary.spotify-ai-agent-qa.svc.cluster.local"
    assert config["kubernetes"]["namespace"] == "spotify-ai-agent-qa"
    assert project.target("qa").render()["qa/configmaps.yaml"]
    assert json.loads((folder / "schemas/generated/overlay.schema.json").read_text("utf-8")) == overlay_schema(
        project.root, project.name
    )


def test_every_place_of_a_region_is_found(tmp_path):
    folder = regions(tmp_path)
    content_is(run("new", "region", "ap-south", "--like", "eu-west", cwd=folder))
    schema = yaml.safe_load((folder / "config.yaml").read_text("utf-8"))["properties"]["app"]
    assert schema["properties"]["region"]["oneOf"][-1] == {"const": "ap-south", "title": "ap-south"}
    assert schema["properties"]["backup"]["enum"] == ["us-east", "eu-west", "ap-south"]
    assert "'ap-south': 3}[self.region]" in schema["x-kubernetes-validations"][0]["rule"]
    assert (folder / "regions/ap-south/app.yaml").read_text("utf-8") == (
        "# A copy of regions/eu-west/app.yaml: change what is different for ap-south.\n"
        "app:\n  region: ap-south # itself\n  backup: us-east\n  host: a.ap-south.example.com\n"
    )
    assert json.loads((folder / "extra/a1/ap-south.json").read_text("utf-8")) == {"app": {"replicas": 3}}
    weft = (folder / "weft.yaml").read_text("utf-8")
    assert "      - us-east   # Virginia\n      - ap-south\n    # more to come\n" in weft
    assert "'us-east': 8, 'ap-south': 9}[self.app.region]" in weft


def test_a_new_domain_lies_where_the_others_do(tmp_path):
    folder = folders(tmp_path)
    content_is(run("new", "domain", "mail", cwd=folder))
    content_is(run("new", "setting", "mail.host", "--required", "--value", "localhost", cwd=folder))
    assert (folder / "schemas/domains/mail/schema.yaml").is_file()
    assert (folder / "defaults/mail.yaml").read_text("utf-8") == "mail:\n  host: localhost\n"
    main = (folder / "schemas/main.yaml").read_text("utf-8")
    assert "  db: {$ref: domains/db/schema.yaml} # the store\n  mail:\n    $ref: domains/mail/schema.yaml\n" in main


def test_names_in_folders_aliases_and_references_are_replaced(tmp_path):
    folder = folders(tmp_path)
    content_is(run("new", "customer", "bolt", "--like", "acme", cwd=folder))
    assert "web: {customer: &name bolt}\ndb: {host: *name}\n" in (folder / "customers/bolt/web.yaml").read_text("utf-8")
    assert (folder / "schemas/domains/names.yaml").read_text("utf-8").endswith("  # the second\n  - zeta\n  - bolt\n")
    content_is(run("new", "customer", "cord", "--like", "zeta", cwd=folder))
    data = json.loads((folder / "customers/cord/all.json").read_text("utf-8"))
    assert data == {"$schema": "../zeta.json", "web": {"customer": "cord", "key": "ref+file:///cord/key"}}


@pytest.mark.parametrize("template", ["/etc/weft-x.j2", "../../x.j2"])
def test_nothing_outside_of_the_project_is_made(tmp_path, template):
    folder = shop(tmp_path)
    result = run("new", "output", "x.env", "--template", template, cwd=folder)
    assert (result.code, "error[cannot-edit]" in result.err) == (1, True)
    assert not Path("/etc/weft-x.j2").exists()


def test_warnings_from_before_are_not_repeated(tmp_path):
    folder = shop(tmp_path)
    (folder / "overlays/environments/production.yaml").write_text("shop:\n  labels: # to do\n", "utf-8")
    assert "warning[left-empty]" in run("validate", cwd=folder).out
    assert "warning" not in run("new", "output", "x.env", cwd=folder).err


def test_a_variable_of_another_setting_is_pointed_at(tmp_path):
    result = run("new", "setting", "database.x", "--env", "SHOP_PORT", cwd=shop(tmp_path))
    assert "SHOP_PORT is also the variable of `shop.port`" in result.err


def test_what_must_be_done_by_hand_is_said(tmp_path):
    folder = regions(tmp_path)
    weft, schema = folder / "weft.yaml", folder / "config.yaml"
    before = contents(folder)
    schema.write_text(
        schema.read_text("utf-8").replace("{enum: [us-east, eu-west]}", "{enum: &all [us-east, eu-west]}"), "utf-8"
    )
    schema.write_text(schema.read_text("utf-8").replace("cluster: {type: string}", "other: {enum: *all}"), "utf-8")
    result = run("new", "region", "qa", cwd=folder)
    assert result.code == 1
    assert "error[cannot-edit]" in result.err
    assert "--> config.yaml:1" in result.err
    assert "add `qa` to properties.app.properties." in result.err
    assert contents(folder)["weft.yaml"] == before["weft.yaml"] == weft.read_bytes()


def test_the_name_of_the_folder_is_the_name_of_the_project(tmp_path):
    folder = starter(tmp_path)
    weft = folder / "weft.yaml"
    weft.write_text(weft.read_text("utf-8").replace("project: demo\n", ""), "utf-8")
    content_is(run("new", "setting", "app.x", cwd=folder))
    assert '"Overlay of demo"' in (folder / "schemas/generated/overlay.schema.json").read_text("utf-8")


def test_links_in_circles_and_to_nowhere_do_no_harm(tmp_path):
    folder = shop(tmp_path)
    (folder / "templates/loop").symlink_to(folder / "templates")
    (folder / "schemas/loop").symlink_to(folder)
    (folder / "templates/gone.j2").symlink_to(folder / "nothing")
    content_is(run("new", "environment", "qa", cwd=folder))
    assert run("new", "output", "gone", cwd=folder).code == 2


def test_a_folder_outside_of_the_project_is_not_searched(tmp_path, monkeypatch):
    folder = shop(tmp_path / "shop")
    outside = tmp_path / "outside/deep"
    outside.mkdir(parents=True)
    for place in ("templates/out", "overlays/environments/out"):
        (folder / place).symlink_to(outside.parent)
    searched = []
    walk = os.walk

    def record(*words, **options):
        for found in walk(*words, **options):
            searched.append(os.path.realpath(found[0]))
            yield found

    monkeypatch.setattr(os, "walk", record)
    content_is(run("new", "environment", "qa", cwd=folder))
    assert os.path.realpath(folder / "templates") in searched
    assert not [place for place in searched if place.startswith(str(tmp_path / "outside"))]


def test_an_overlay_that_is_no_text_is_not_copied(tmp_path):
    folder = shop(tmp_path)
    (folder / "overlays/environments/production.yaml").write_bytes(b"shop: {name: \xff}\n")
    result = run("new", "environment", "qa", cwd=folder)
    assert (result.code, "error[not-utf8]" in result.err) == (1, True)
    assert not (folder / "overlays/environments/qa.yaml").exists()


def test_a_value_that_needs_no_change(tmp_path):
    files = {
        "weft.yaml": {
            "version": 1,
            "schema": "s.json",
            "dimensions": {"size": {"setting": "app.size"}},
            "layers": ["base"],
        },
        "s.json": {"properties": {"app": {"properties": {"size": {"type": "string"}}}}},
        "base.yaml": "app: {size: big}\n",
    }
    result = run("new", "size", "small", cwd=write_files(tmp_path, files))
    assert (result.code, "no change is needed" in result.err) == (0, True)


def test_a_copy_of_json_and_of_other_line_ends_stays_what_it_is(tmp_path):
    folder = regions(tmp_path)
    content_is(run("new", "cluster", "c3", "--like", "a1", cwd=folder))
    assert (folder / "clusters/c3/cluster.json").read_bytes() == b'{\n\t"app": {"cluster": "c3", "shape": "small"}\n}'
    content_is(run("new", "shape", "tiny", "--like", "small", cwd=folder))
    assert (folder / "shapes/tiny.yml").read_bytes().count(b"\r\n") == 2
    assert (folder / "extra/c3/eu-west.json").is_file()


def test_a_word_that_the_schema_refuses_stays_and_is_reported(tmp_path):
    folder = regions(tmp_path)
    schema = folder / "config.yaml"
    schema.write_text(
        schema.read_text("utf-8").replace("host: {type: string}", "host: {type: string, maxLength: 22}"), "utf-8"
    )
    result = run("new", "region", "ap-southeast-long", "--like", "eu-west", cwd=folder)
    content_is(result)
    assert "which stays in app.host" in result.err
    assert "a.eu-west.example.com" in (folder / "regions/ap-southeast-long/app.yaml").read_text("utf-8")


def test_a_list_that_is_not_that_of_the_values_stays(tmp_path):
    files = {
        "weft.yaml": {
            "version": 1,
            "schema": "s.json",
            "dimensions": {"environment": {"values": ["live", "test", "lab"]}},
            "layers": ["{environment}"],
        },
        "s.json": {"properties": {"pay": {"properties": {"mode": {"enum": ["live", "test"]}}}}},
        "live.yaml": "pay: {mode: live}\n",
        "test.yaml": "pay: {mode: test}\n",
        "lab.yaml": "pay: {mode: test}\n",
    }
    folder = write_files(tmp_path, files)
    result = run("new", "environment", "qa", "--like", "live", cwd=folder)
    content_is(result)
    assert "qa" not in (folder / "s.json").read_text("utf-8")
    assert "mode: live" in (folder / "qa.yaml").read_text("utf-8")
    assert "stays in pay.mode" in result.err


def test_a_rule_that_names_the_other_value_is_pointed_at(tmp_path):
    folder = regions(tmp_path)
    content_is(
        run("new", "rule", "self.region != 'eu-west' || self.replicas < 9", "--at", "app", "--message", "m", cwd=folder)
    )
    result = run("new", "region", "ap-south", "--like", "eu-west", cwd=folder)
    line = next(
        number
        for number, line in enumerate((folder / "config.yaml").read_text("utf-8").split("\n"), 1)
        if "!= 'eu-west'" in line
    )
    assert f"config.yaml:{line}:" in result.err


REFUSED = [
    (shop, "environment production", 2, "name-taken"),
    (shop, "environment prod", 2, "name-taken"),
    (shop, "environment PRODUCTION", 2, "name-taken"),
    (shop, "environment ../x", 2, "bad-name"),
    (shop, "environment qa --like stagin", 2, "unknown-value"),
    (shop, "environment .qa", 2, "bad-name"),
    (shop, f"environment {'x' * 201}", 2, "bad-name"),
    (shop, "tenant toys", 2, "name-taken"),
    (shop, "value tenat x", 2, "unknown-key"),
    (shop, "enviroment x", 2, "Did you mean `environment`?"),
    (one_line, "environment x", 2, "No such command"),
    (shop, "setting shop.prot.x", 2, "did you mean `port`?"),
    (shop, "setting shpo.x", 2, "did you mean `shop`?"),
    (shop, "setting mail.host", 2, "create it with `weft new domain mail`"),
    (shop, "setting shop.mail.out.host", 2, "create it with `weft new setting shop.mail --type object`"),
    (shop, "colour red", 2, "or a dimension of weft.yaml: `environment`, `tenant`"),
    (shop, "setting x", 2, "is the path of a domain"),
    (shop, "setting shop.port", 2, "name-taken"),
    (shop, "setting shop.PORT", 2, "name-taken"),
    (shop, "setting shop.port.x", 2, "not a group"),
    (shop, "setting shop.$patch", 2, "bad-name"),
    (shop, "setting shop.", 2, "bad-path"),
    (shop, "setting shop.labels.x.y", 2, "not a group"),
    (shop, "setting shop.q --type integer --default x", 2, "must be a whole number"),
    (shop, "setting shop.q --allow a --default b", 2, "not one of the allowed values"),
    (shop, "setting shop.q --required", 2, "needs a value"),
    (shop, "setting shop.q --sensitive --default x", 2, "cannot have a default"),
    (shop, "setting shop.q --sensitive --value hunter2", 2, "never the secret"),
    (shop, "setting shop.q --env A/B", 1, "schema-invalid"),
    (shop, "domain shop", 2, "name-taken"),
    (shop, "domain a.b", 2, "bad-name"),
    (shop, "rule self.prt>1 --at shop --message m", 1, "did you mean `port`?"),
    (shop, "rule self.port --at shop --message m", 1, "rule-invalid"),
    (shop, "rule self.shop.port>100000 --message m", 1, "error[rule]"),
    (shop, "rule self>1 --at shop.prt --message m", 2, "did you mean `port`?"),
    (shop, "output {environment}/shop.ini", 2, "name-taken"),
    (shop, "output ../x", 1, "output-outside"),
    (shop, "output x/", 2, "bad-name"),
    (shop, "output x.txt --scope tenat", 1, "project-invalid"),
    (shop, "output x.env --when self.shp", 1, "did you mean `shop`?"),
    (shop, "output x/configmap.yaml", 2, "file-exists"),
    (shop, "output {environment}/x.json", 1, "same-path"),
]


@pytest.mark.parametrize(("shape", "words", "code", "says"), REFUSED, ids=[words[:60] for _, words, _, _ in REFUSED])
def test_what_cannot_be_added_changes_nothing(tmp_path, shape, words, code, says):
    folder = shape(tmp_path)
    before = contents(folder)
    result = run("new", *words.split(" "), cwd=folder)
    assert (result.code, says in result.err) == (code, True), result.out + result.err
    assert contents(folder) == before
    assert "hunter2" not in result.out + result.err


def test_a_project_that_cannot_be_loaded_is_reported(tmp_path):
    folder = shop(tmp_path)
    (folder / "weft.yaml").write_text("version: [1\n", "utf-8")
    result = run("new", "environment", "qa", cwd=folder)
    assert (result.code, "error[syntax]" in result.err) == (1, True)


def test_errors_from_before_do_not_stop_a_part(tmp_path):
    folder = shop(tmp_path)
    (folder / "overlays/environments/development.yaml").write_text("shop: {port: x}\n", "utf-8")
    result = run("new", "environment", "qa", cwd=folder)
    content_is(result)
    assert "the project already had 1 error" in result.err
    assert run("new", "environment", "lab", "--like", "development", cwd=folder).code == 1, "which copies the error"


def test_a_line_that_may_hold_a_secret_is_not_shown(tmp_path):
    folder = shop(tmp_path)
    path = folder / "overlays/base/database.yaml"
    path.write_text("database:\n  host: x\n  password: hunter2\n", "utf-8")
    result = run("new", "setting", "database.x", "--required", "--value", "1", cwd=folder)
    assert "hunter2" not in result.out + result.err
    assert 'x: "1"' in path.read_text("utf-8")


@pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")
def test_a_write_protected_file_is_left_alone(tmp_path):
    folder = shop(tmp_path)
    (folder / "weft.yaml").chmod(0o444)
    before = contents(folder)
    result = run("new", "environment", "qa", cwd=folder)
    assert (result.code, "write-protected" in result.err) == (3, True)
    assert contents(folder) == before


@pytest.mark.parametrize("inside", [True, False])
def test_a_symbolic_link_is_written_through_within_the_project_only(tmp_path, inside):
    folder = shop(tmp_path)
    real = folder / "real.yaml" if inside else tmp_path / "real.yaml"
    (folder / "weft.yaml").rename(real)
    (folder / "weft.yaml").symlink_to(real)
    before = contents(tmp_path)
    result = run("new", "environment", "qa", cwd=folder)
    assert (folder / "weft.yaml").is_symlink()
    assert result.code == (0 if inside else 1)
    assert (contents(tmp_path) == before) is not inside


@pytest.mark.parametrize("linked", [True, False])
def test_schemas_outside_of_the_project_are_not_edited(tmp_path, linked):
    folder = shop(tmp_path)
    (folder / "schemas").rename(tmp_path / "schemas")
    if linked:
        (folder / "schemas").symlink_to(tmp_path / "schemas")
    else:
        weft = (folder / "weft.yaml").read_text("utf-8")
        (folder / "weft.yaml").write_text(weft.replace("schema: schemas/", "schema: ../schemas/"), "utf-8")
    allowed = ("--allow-read", tmp_path / "schemas")
    result = run(*allowed, "new", "setting", "shop.x", "--default", "1", cwd=folder)
    assert (result.code, "error[cannot-edit]" in result.err) == (1, True)
    content_is(run(*allowed, "new", "environment", "qa", cwd=folder))


def test_an_overlay_outside_of_the_project_is_copied_only_if_it_may_be_read(tmp_path):
    folder = shop(tmp_path)
    overlay = folder / "overlays/environments/production.yaml"
    (tmp_path / "outside").mkdir()
    overlay.rename(tmp_path / "outside/real.yaml")
    overlay.symlink_to(tmp_path / "outside/real.yaml")
    words = ("new", "environment", "qa", "--like", "production")
    before = contents(folder)
    result = run(*words, cwd=folder)
    assert (result.code, "error[outside-project]" in result.err) == (1, True)
    assert contents(folder) == before
    content_is(run("--allow-read", tmp_path / "outside", *words, cwd=folder))


def test_a_trial_reads_nothing_outside_of_the_project_either(tmp_path):
    folder = shop(tmp_path)
    overlay = folder / "overlays/base/database.yaml"
    overlay.unlink()
    (tmp_path / "outside.yaml").write_text("canary-7f3a: [\n", "utf-8")
    overlay.symlink_to(tmp_path / "outside.yaml")
    assert "outside-project" in run("validate", cwd=folder).out
    result = run("new", "output", "x.env", cwd=folder)
    assert (result.code, "canary" in result.out + result.err) == (0, False)


def test_an_edit_reads_nothing_outside_of_the_project_either(tmp_path):
    folder = one_line(tmp_path / "project")
    overlay = folder / "base.json"
    overlay.rename(tmp_path / "outside.json")
    overlay.symlink_to(tmp_path / "outside.json")
    result = run("new", "setting", "app.x", "--value", "1", "--dry-run", cwd=folder)
    assert (result.code, "error[outside-project]" in result.err) == (1, True)


def test_a_byte_order_mark_and_line_ends_stay(tmp_path):
    folder = shop(tmp_path)
    path = folder / "weft.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    before = path.read_bytes()
    content_is(run("new", "environment", "qa", cwd=folder))
    content_is(run("new", "output", "x.env", cwd=folder))
    after = path.read_bytes()
    assert after.startswith(b"\xef\xbb\xbfversion")
    assert after.count(b"\n") == after.count(b"\r\n")
    assert after.startswith(before.partition(b"dimensions")[0])


def test_the_first_tenant_and_the_first_overlay_are_made_from_nothing(tmp_path):
    files = {
        "weft.yaml": {
            "version": 1,
            "schema": "s.json",
            "dimensions": {"environment": {"values": ["live"]}, "tenant": {"files": "t/*.yaml", "optional": True}},
            "layers": ["base", "e/{environment}", "t/{tenant}"],
        },
        "s.json": {"properties": {"app": {"type": "object", "properties": {}}}},
        "base.yaml": "app: {}\n",
    }
    folder = write_files(tmp_path, files)
    content_is(run("new", "tenant", "acme", cwd=folder))
    assert (folder / "t/acme.yaml").read_text("utf-8") == "# Differences for acme.\n{}\n"
    content_is(run("new", "environment", "qa", cwd=folder))
    assert (folder / "e/qa.yaml").is_file()
    assert run("targets", cwd=folder).out.split() == ["live", "live/acme", "qa", "qa/acme"]


def test_a_dimension_that_is_called_like_a_part(tmp_path):
    files = {
        "weft.yaml": {
            "version": 1,
            "schema": "s.json",
            "dimensions": {"rule": {"values": ["a"]}},
            "layers": ["{rule}"],
        },
        "s.json": {"properties": {"app": {"type": "object"}}},
        "a.yaml": "app: {}\n",
    }
    folder = write_files(tmp_path, files)
    content_is(run("new", "value", "rule", "b", cwd=folder))
    assert "no schema describes `nowhere`" in run("new", "setting", "nowhere.x", cwd=folder).err
    assert run("targets", cwd=folder).out.split() == ["a", "b"]


def test_the_help_lists_the_dimensions_and_needs_no_project(tmp_path):
    assert "Add a value to the dimension `tenant`." in run("new", "--help", cwd=shop(tmp_path)).out
    result = run("new", "--help", cwd=tmp_path)
    assert (result.code, "setting" in result.out) == (0, True)


def test_names_are_completed(tmp_path):
    folder = shop(tmp_path)

    def completed(*words):
        env = {
            "_WEFT_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(["weft", *words]),
            "COMP_CWORD": str(len(words)),
        }
        return {line.partition(",")[2] for line in run(cwd=folder, env=env).out.split()}

    assert {"environment", "tenant", "setting"} <= completed("new", "")
    assert completed("new", "tenant", "x", "--like", "") == {"books", "toys"}
    assert completed("new", "value", "t") == {"tenant", "tier"}
    assert completed("new", "output", "x", "--scope", "") == {"environment", "tenant"}
    assert completed("new", "rule", "x", "--at", "sho") == {"shop"}
