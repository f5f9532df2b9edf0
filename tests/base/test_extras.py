"""How hints name optional packages."""

import re
import tomllib

import pytest

from reference import ROOT
from weft.base.extras import how_to_install, packages

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]


def parts(requirement):
    return set(re.split(r"(?=[<>=])(?<![<>])|,", requirement.replace(" ", "")))


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_is_installed_by_its_packages(extra):
    assert list(map(parts, packages(extra))) == list(map(parts, EXTRAS[extra]))
    assert all(f"'{requirement}'" in how_to_install(extra, "other") for requirement in packages(extra))


def test_a_package_of_no_extra_is_installed_by_its_name():
    assert how_to_install("keyring", "keyring") == "in the environment of Weft, run `pip install 'keyring'`"


def test_nobody_is_told_to_install_the_other_project_that_is_called_weft():
    texts = [path for folder in ("src", "docs") for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".md")]
    wrong = re.compile(r"pip install '?weft\b(?!['`]*, *is)")
    told = [path for path in (ROOT / "README.md", *texts) if wrong.search(path.read_text("utf-8"))]
    assert [path.name for path in told] == ["extras.py"]  # which says so
