"""Every command and every block of code in the documentation is run (tests/support/pages.py says how)."""

import contextlib
from pathlib import Path

import pytest

from pages import blocks, matches, start

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "docs" / "settings"
PAGES = [
    page
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md")))
    if GENERATED not in page.parents
]
RUN = {"console", "python"}


def is_run(block):
    return block.language in RUN and not block.comments.keys() & {"not run", "cluster"}


def needs_programs(page):
    return any(block.programs for block in blocks(page.read_text("utf-8")))


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def follow(page, folder, *, with_programs):
    page_blocks = blocks(page.read_text("utf-8"))
    with contextlib.closing(start(page_blocks, folder)) as session:
        for block in page_blocks:
            if "cluster" in block.comments or (block.programs and not with_programs):
                continue
            try:
                session.follow(block)
            except AssertionError as wrong:
                pytest.fail(f"{name_of(page)}:{block.line}\n{wrong}", pytrace=False)


@pytest.mark.soak(few=3)
@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(map(is_run, blocks(page.read_text("utf-8"))))], ids=name_of
)
def test_a_page_shows_what_happens(page, tmp_path):
    follow(page, tmp_path, with_programs=False)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            marks=pytest.mark.programs(
                *sorted({name for block in blocks(page.read_text("utf-8")) for name in block.programs})
            ),
        )
        for page in PAGES
        if needs_programs(page)
    ],
    ids=name_of,
)
def test_a_page_with_other_programs_shows_what_happens(page, tmp_path):
    follow(page, tmp_path, with_programs=True)


@pytest.mark.parametrize(
    ("printed", "shown", "alike"),
    [
        ("a\nb\n", "a\nb", True),
        ("a\nb\n", "a", False),
        ("a\nb\nc\n", "a\n...", True),
        ("a\nb\nc\n", "...\nc", True),
        ("a\nb\nc\n", "...\nb", False),
        ("2 files, 0.3 s\n", "2 files, 1.25 s", True),
        ("3 files, 0.3 s\n", "2 files, 0.3 s", False),
        ("value 17 here\n", "value ... here", True),
        ("anything\n", "", True),
    ],
)
def test_what_a_page_shows_is_compared_with_what_is_printed(printed, shown, alike):
    assert matches(printed, shown) is alike
