"""Options that all tests share, and which tests are measured for coverage."""

import atexit
import os
import re
import shutil
import tempfile

import pytest

if "PYTEST_XDIST_WORKER" not in os.environ:  # the workers share the cache of this run, and nobody that of the user
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="weft-tests-")
    atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)

# These drive programs, or repeat themselves for many targets and drawn values. Measuring makes them twice as slow and adds no
# line, but for those whose names match: they are about code of ours that nothing else runs.
UNMEASURED = {
    "test_cases.py": "report_is_as_expected",
    "test_consumers.py": "told|complaint|nonsense|hangs|nothing_is_left",
    "test_derived.py": "^test_(?!mypy|tsc|where_nothing|a_custom_resource_takes)",
    "test_editors.py": "",
    "test_envvars.py": "",
    "test_explain.py": "^test_(?!every_leaf|a_broken_value)",
    "test_facade.py": "^test_(?!a_validator_accepts)",
    "test_flags.py": "told|is_refused|checked_by",
    "test_kubernetes_objects.py": "the_check|kubectl_refuses",
    "test_formats.py": "",
    "test_kubernetes.py": "^test_(?!every_object_of_every|kubectl)",
    "test_merge.py": "contract",
    "test_monitoring.py": "programs_refuse|amtool",
    "test_providers.py": "^test_(?!no_)",
    "test_reference.py": "",
    "test_secrets.py": "",
    "test_third_party.py": "",
}


def pytest_addoption(parser):
    parser.addoption(
        "--update-expected", action="store_true", help="write tests/cases/*/expected.txt anew: read what changed"
    )


def pytest_ignore_collect(collection_path, config):
    """Do not even read the files of which nothing is wanted."""
    wanted = {"unmeasured": lambda name: name in UNMEASURED, "not unmeasured": lambda name: UNMEASURED.get(name) != ""}
    wants = wanted.get(config.option.markexpr, lambda _: True)
    return (collection_path.name.startswith("test_") and not wants(collection_path.name)) or None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        measured = UNMEASURED.get(item.path.name, ".")
        if not measured or not re.search(measured, item.name):
            item.add_marker("unmeasured")
