"""Which settings running programs take by themselves: each says so, `x-reload: live`, or that a restart is needed."""

import json
from dataclasses import replace
from functools import cache

import pytest
import yaml

import reference
import weft.client
from mounted import Mount
from rounds import share
from weft.base.paths import dotted
from weft.lint.reach import Survey, setting_of
from weft.project.others import other_values, replaced
from weft.project.reach import settings_of
from weft.schema.reload import LIVE, RELOAD, RESTART, reload_of

pytestmark = pytest.mark.unmeasured("about the data of the reference project, not about code")


@cache
def every_setting():
    """All settings of the schemas, with or without a value."""
    project = reference.project()
    survey = Survey(project, about=())
    return [one.path for one in survey.reach(project.target("production"), project.target("production/acme"))]


def test_every_setting_says_whether_it_needs_a_restart():
    root, silent = reference.project().root, []
    for path in every_setting():
        nodes = (root.at(path[:length]) for length in range(len(path) + 1))
        if not any(node.keyword(RELOAD) for node in nodes):
            silent.append(dotted(path))
    assert silent == []


def test_a_secret_needs_a_restart_because_it_comes_in_a_variable():
    root = reference.project().root
    sensitive = [path for path in every_setting() if root.at(path).hidden]
    assert len(sensitive) > 30
    live = {dotted(path) for path in sensitive if reload_of(root, path) == LIVE}
    assert {path for path in live if not path.startswith(("monitoring.alerting.", "kubernetes."))} == set()


@pytest.mark.parametrize("target", ["local", "production", "production/acme"])
def test_there_are_settings_of_both_kinds(target):
    root = reference.project().root
    kinds = {reload_of(root, setting_of(path)) for path in settings_of(reference.targets()[target])}
    assert kinds == {LIVE, RESTART}


# --- pods ---


def template_of_pods(target, config=None):
    """The template of the pods in the Deployment of a target, with its own configuration or another one."""
    (output,) = [one for one in target.outputs.rendered(target.view)[0] if one.path.endswith("deployment.yaml")]
    text = output.text if config is None else target.outputs.text(replace(target.view, config=config), output)
    return text and yaml.load(text.partition("\n---")[0], Loader=yaml.CSafeLoader)["spec"]["template"]


@pytest.mark.parametrize("name", ["production", "staging/acme"])
def test_pods_are_restarted_for_what_needs_it_and_for_nothing_else(name, chance):
    target = reference.targets()[name]
    root, before, wrong = target.schemas.root, template_of_pods(target), []
    every = [path for path in settings_of(target) if path[0] != "kubernetes" and not root.at(path).hidden]
    for number, path in enumerate(chance.sample(every, min(len(every), share(600)))):
        value, *_ = other_values(root, target.shared_config, path, number)
        after = template_of_pods(target, replaced(target.shared_config, {path: value}))
        if after is not None and (after != before) != (reload_of(root, path) == RESTART):
            wrong.append(dotted(path))
    assert wrong == []


# --- the bundle ---


def config_files(name):
    """The files that are mounted for a target."""
    texts = reference.rendered(name)
    (config_map,) = [
        one
        for one in yaml.load_all(texts[f"{name}/config-files.yaml"], Loader=yaml.CSafeLoader)
        if one["metadata"]["name"].endswith("-config-files")
    ]
    return config_map["data"]


@pytest.mark.parametrize("name", [*reference.ENVIRONMENTS, "production/acme"])
def test_the_mounted_files_are_a_bundle_that_a_program_accepts(name, tmp_path):
    files = config_files(name)
    Mount(tmp_path).publish(files)
    config = weft.client.open(tmp_path, watch=False, require="valid")
    assert config["application.environment"] == name.split("/")[0]
    assert ("tenant.name" in config.snapshot) == ("/" in name)
    assert json.loads(files["flags.json"]) == json.loads(config.snapshot.files["flags.json"])
    assert sum(map(len, map(str.encode, files.values()))) < 2**19, "a ConfigMap may have 1 MiB"


@pytest.mark.parametrize("name", reference.ENVIRONMENTS)
def test_docker_compose_mounts_the_same_bundle(name):
    texts = reference.rendered(name)
    files = config_files(name)
    assert {file: texts[f"{name}/application/{file}"] for file in files} == files


def test_no_bundle_of_any_target_is_too_large():
    sizes = {name: sum(map(len, map(str.encode, config_files(name).values()))) for name in reference.targets()}
    assert max(sizes.values()) < 2**19, max(sizes, key=sizes.get)
