"""The pages about clusters: their blocks with a comment `cluster` are run on a real API server, and print what the pages show.

The kubeconfig has the contexts `development` and `production`, both of the same server, which is empty when a page begins.
"""

from pathlib import Path

import pytest

from pages import blocks, start

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parents[2]
PAGES = [
    page
    for page in (ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")))
    if any("cluster" in block.comments for block in blocks(page.read_text("utf-8")))
]


@pytest.fixture
def variables(cluster, tmp_path, monkeypatch):
    """The variables of a person who has the two contexts."""
    path = tmp_path / "kubeconfig"
    path.write_text(cluster.config_text("admin", contexts=["development", "production"]))
    known = {"KUBECONFIG": str(path), "DATABASE_PASSWORD": "correct-horse-battery"}
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    return known


def programs(page):
    """The mark of a page that runs kubectl."""
    return [pytest.mark.programs("kubectl")] if "\n$ kubectl" in page.read_text("utf-8") else []


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=programs(page), id=page.relative_to(ROOT).as_posix()) for page in PAGES]
)
def test_a_page_shows_what_a_cluster_does(page, variables, tmp_path):
    folder = tmp_path / "page"
    folder.mkdir()
    known = blocks(page.read_text("utf-8"))
    session = start(known, folder)
    session.variables |= variables
    for block in known:
        try:
            session.follow(block)
        except AssertionError as wrong:
            pytest.fail(f"{page.name}:{block.line}\n{wrong}", pytrace=False)
