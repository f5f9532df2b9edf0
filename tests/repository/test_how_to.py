"""The how-to pages: every command in them is run, one after the other, and says what the page shows.

A page whose first command is `weft init` begins in an empty folder, another one in a copy of the reference project. After a change of wording,
`python -m pytest tests/repository/test_how_to.py --update-expected` writes the answers anew: read them.
"""

import re
import shlex
from pathlib import Path

import pytest

import reference
from run import run

PAGES = sorted((Path(__file__).parents[2] / "docs" / "how-to").glob("*.md"))
BLOCK = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
assert PAGES, "there are no how-to pages"


def answered(block, folder):
    """A block with what its commands say now; and the folder in which the next one runs."""
    text = ""
    for command in re.findall(r"^\$ (.*)\n", block, re.MULTILINE):
        text += f"$ {command}\n"
        program, *args = shlex.split(command)
        if program == "cd":
            folder /= args[0]
            continue
        assert program == "weft"
        result = run(*args, cwd=folder)
        text += re.sub(r", \d+\.\d s$", ", 0.3 s", result.out + result.err, flags=re.MULTILINE)
    return text, folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_its_commands_say(page, tmp_path, request):
    text = page.read_text("utf-8")
    blocks = BLOCK.findall(text)
    assert blocks, "a page without a command"
    folder = tmp_path if blocks[0].startswith("$ weft init") else reference.copy(tmp_path)
    made = text
    for block in blocks:
        now, folder = answered(block, folder)
        made = made.replace(f"```console\n{block}```", f"```console\n{now}```")
    if request.config.getoption("update_expected"):
        page.write_text(made, "utf-8")
    assert made == page.read_text("utf-8")
