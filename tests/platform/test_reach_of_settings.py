"""How far the settings of the reference project reach."""

import reference
from weft.base.paths import dotted
from weft.lint.reach import Survey, setting_of
from weft.project.impact import uses_of
from weft.project.reach import settings_of, uses_of_all
from weft.project.readers import missing_files, named_readers
from weft.stages.render.filters import same_digests

OF_THE_SERVER = (
    "jwt", "oauth", "csrf", "session", "password", "lockout", "two_factor", "totp", "audit", "cookie", "headers"
)  # fmt: skip
"""What only a configuration server with accounts, sessions and tokens can read; it is planned."""


def plain_outputs(target):
    """The outputs without those that contain whole domains."""
    dumps = ("config-files.yaml", "configmaps.yaml", "secrets.yaml", "app.env", "app.sh")
    return [one for one in target.outputs.rendered(target.view)[0] if not one.path.endswith(dumps)]


def test_settings_at_once_reach_what_explain_says(chance):
    target = reference.project().target("production")
    outputs = plain_outputs(target)
    paths = {one.path for one in outputs}
    some = chance.sample(settings_of(target), 8)
    found = uses_of_all(target, outputs, some)
    with same_digests():
        alone = {
            path: {output: lines for output, lines in uses_of(target, path) if output in paths} for path in some[:3]
        }
    assert {path: found.get(path, {}) for path in some[:3]} == alone


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
