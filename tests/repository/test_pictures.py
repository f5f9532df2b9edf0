"""The pictures of the documentation show what Weft says and what it is made of today."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

import pictures  # noqa: E402


@pytest.mark.parametrize("name", pictures.DRAWN)
def test_a_picture_is_fresh(name):
    kept = (ROOT / "docs" / "images" / name).read_text("utf-8")
    assert kept == pictures.DRAWN[name](), "run `make pictures`, and look at what changed"


def test_every_picture_is_shown_somewhere():
    pages = "".join(page.read_text("utf-8") for page in (ROOT / "README.md", *ROOT.glob("docs/**/*.md")))
    assert [path.name for path in ROOT.glob("docs/images/*") if path.name not in pages] == []
