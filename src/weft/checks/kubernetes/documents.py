"""A manifest, document by document.

A line `---` begins a document wherever it is, in quotes and in blocks, too; and a document depends on nothing that precedes this
line, if there is no directive. So what libyaml reads in each document alone is what it reads in the manifest, as long as it finds
just one document in each, without an error. Every doubt is for the manifest as a whole: other marks of documents, directives, line
ends that are not those of `---`, and a byte order mark, which only the first document may have.
"""

from __future__ import annotations

import re
from typing import Final

CHARACTER: Final = r" -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff"
"""What a text of YAML may contain in a line, as part of a class of characters; without tabs."""
_MARK: Final = "---\n"
_NOTHING = re.compile(rf"(?:#[{CHARACTER}]*\n|\n)*")
_UNCLEAR: Final = ("\n---", "\n...", "\n%", "\0", "\r", "\x85", "\u2028", "\u2029", "\ufeff")


def apart(text: str) -> tuple[int, list[str]]:
    """The number of lines before the first document of a manifest, and its documents without the lines that begin them."""
    texts = f"\n{text}".split(f"\n{_MARK}")
    last = len(texts) - 1
    texts = [one if number == last else f"{one}\n" for number, one in enumerate(texts)]
    first = texts[0][1:]  # it begins with the line end that was put before the text, or is the one before the mark
    if _NOTHING.fullmatch(first):
        return first.count("\n") + 1, texts[1:]
    return 0, [first, *texts[1:]]


def stands_alone(document: str) -> bool:
    """True if a document that `apart` gave is the same alone as in its manifest, when libyaml finds no fault with it."""
    lines = f"\n{document}"
    return not any(sign in lines for sign in _UNCLEAR)
