"""The documentation as a site, made by Sphinx: `make docs`.

The pages are plain Markdown that a forge shows as well, so they hold no directives. What a site needs beyond that is
added here as they are read: navigation is what the lists of the index pages name, and an anchor `<a id="app.name"></a>`
in a heading becomes a target that links are checked against.
"""

from __future__ import annotations

import posixpath
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from pygments.lexers.special import TextLexer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FOLDER = Path(__file__).resolve().parent
PYPROJECT = tomllib.loads(FOLDER.with_name("pyproject.toml").read_text("utf-8"))

project = "Weft"
html_title = "Weft"
html_short_title = PYPROJECT["project"]["description"]
extensions = ["myst_parser"]
exclude_patterns = ["_static"]
nitpicky = True
smartquotes = False  # `--set` keeps its hyphens
myst_heading_anchors = 6
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["copy.js"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_use_index = False
html_domain_indices = False
html_theme_options = {"top_of_page_buttons": []}

_INDEXES = {"index", "README"}
_ENTRY = re.compile(r"^\s*[-*|] (?:\d+\. )?\*{0,2}\[(?P<title>[^]]+)\]\((?P<page>[^)#:]+)\.md\)", re.MULTILINE)
_ANCHOR = re.compile(r'^(?P<level>#+) <a id="(?P<name>[^"]+)"></a>', re.MULTILINE)


def entries(name: str, text: str) -> dict[str, str]:
    """What an index page lists, and what it calls it: pages of its folder, and the indexes of other folders.

    An entry is a link with which an item of a list or a row of a table begins.
    """
    folder = posixpath.dirname(name)
    listed = {posixpath.normpath(posixpath.join(folder, one["page"])): one["title"] for one in _ENTRY.finditer(text)}
    return {
        page: title.replace("`", "")
        for page, title in listed.items()
        if (posixpath.dirname(page) == folder) != (posixpath.basename(page) in _INDEXES)
    }


def as_sphinx_reads_it(_: Sphinx, name: str, source: list[str]) -> None:
    """A page with what a forge does not need: targets for its anchors and, if it is an index, the navigation."""
    text = _ANCHOR.sub(r"(\g<name>)=\n\g<level> ", source[0])
    if posixpath.basename(name) in _INDEXES:
        lines = (f"{title} </{page}>\n" for page, title in entries(name, text).items())
        text += f"\n```{{toctree}}\n:hidden:\n\n{''.join(lines)}```\n"
    source[0] = text


def setup(app: Sphinx) -> None:
    """What Sphinx calls."""
    app.connect("source-read", as_sphinx_reads_it)
    for language in ("cue", "kcl"):  # Pygments does not know them
        app.add_lexer(language, TextLexer)
