"""Neovim 0.11 and newer: `.nvim.lua`, which Neovim reads in a folder that the user trusts (`:set exrc`).

Weft's lines are between two marks; the lines outside belong to the user. A server that is also configured there keeps its settings:
`vim.lsp.config` merges them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from weft.derived.editors.association import Association
from weft.files.jsonc import SettingsError

_BEGIN: Final = "-- >>> weft ide"
_REMARK: Final = ": `weft ide` rewrites the lines between these marks"
_END: Final = "-- <<< weft ide"


def settings(text: str | None, associations: tuple[Association, ...]) -> str:
    """`.nvim.lua` with the schemas of YAML and of JSON files."""
    text = text or ""
    newline = "\r\n" if "\r\n" in text else "\n"
    block = newline.join((_BEGIN + _REMARK, *_lines(associations), _END))
    marks = _marks(text)
    if marks is None:
        gap = "" if not text else newline if text.endswith("\n") else newline * 2
        return f"{text}{gap}{block}{newline}"
    begin, end = marks
    return text[:begin] + block + text[end:]


def _marks(text: str) -> tuple[int, int] | None:
    """The start and end of Weft's lines in a text; None if there are none.

    Raises SettingsError if the marks are ambiguous.
    """
    begins, ends = (
        [match.start() for match in re.finditer(rf"^{re.escape(mark)}", text, re.MULTILINE)] for mark in (_BEGIN, _END)
    )
    if not begins and not ends:
        return None
    if len(begins) != 1 or len(ends) != 1 or ends[0] < begins[0]:
        line = text.count("\n", 0, min(begins + ends)) + 1
        raise SettingsError("the marks of `weft ide` must appear once, first `>>>`, then `<<<`", line, 1)
    return begins[0], ends[0] + len(_END)


def _lines(associations: tuple[Association, ...]) -> Iterator[str]:
    yield "if vim.lsp.config then"
    yield '  local root = vim.fs.dirname(vim.fs.normalize(vim.fn.fnamemodify(debug.getinfo(1, "S").source:sub(2), ":p")))'
    yield '  vim.lsp.config("yamlls", { settings = { yaml = { schemas = {'
    for association in associations:
        yield f"    [root .. {_text('/' + association.schema)}] = {_list(association.yaml)},"
    yield "  } } } })"
    yield "  local schemas = {"
    for association in associations:
        if association.json:
            place = f"vim.uri_from_fname(root .. {_text('/' + association.schema)})"
            yield f"    {{ url = {place}, fileMatch = {_list(association.json)} }},"
    yield "  }"
    yield '  vim.list_extend(schemas, vim.tbl_get(vim.lsp.config.jsonls or {}, "settings", "json", "schemas") or {})'
    yield '  vim.lsp.config("jsonls", { settings = { json = { schemas = schemas } } })'
    yield "end"


def _list(items: list[str]) -> str:
    return f"{{ {', '.join(map(_text, items))} }}"


def _text(value: str) -> str:
    """A text for Lua: like JSON, but without escapes for characters beyond ASCII."""
    return json.dumps(value, ensure_ascii=False)
