"""Check the spelling and the wording of everything that people read in this repository (`make prose`).

A word is English (the Hunspell dictionary en_US) or one of `vocabulary.txt`; no sentence contains a phrase of `phrases.toml`, which
says what to write instead. Without arguments every file of the repository is checked. Why it is not another program:
docs/decisions/0015-prose.md.
"""

import argparse
import gc
import re
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import passages
from spylls.hunspell import Dictionary

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NOT_OURS = (
    "tests/cases/",
    "tests/merge_cases/",
    "tests/limits/",
    "tests/third_party/",
    "docs/settings/",
    "examples/application/configuration.py",
    "schemas/generated/",
)
"""Folders whose files are data of the tests, texts of other people, or generated from texts that are checked."""
_CODE = re.compile(
    r"`[^`]*`|https?://\S+|\$?\{[^{}\n]*\}|<[a-z/][^<>\n]*>|&[a-z]+;|\\[a-z]|%[a-z]|[\w.+-]+@[\w.-]+|\*\.\w+"
)
"""Text that is not prose: code in backquotes, placeholders, tags, entities, escapes, addresses."""
_TOKEN = re.compile(r"[^\s,;:!?()\[\]\"<>|=+&\u2010-\u2018\u201a-\u22ff\u00b7]+")
_WORD = re.compile(r"[A-Za-z\u00c0-\u00ff]+(?:['\u2019][a-z]+)?")


@dataclass(frozen=True)
class Phrase:
    """A phrase that is not used here: the pattern that finds it, what to write instead, and a sentence that contains it."""

    pattern: re.Pattern[str]
    instead: str
    example: str


class Spelling:
    """English and the words of the project."""

    def __init__(self, words: Sequence[str]) -> None:
        with warnings.catch_warnings(
            action="ignore", category=ResourceWarning
        ):  # spylls leaves its files to the collector
            self._english = Dictionary.from_files("en_US")
            gc.collect()
        self._words = frozenset(words)
        self._known: dict[str, bool] = {}
        self._used: set[str] = set()

    def mistakes(self, text: str) -> Iterator[tuple[int, str]]:
        """Each misspelled word, with its position in the text."""
        for start, word in _words(_CODE.sub(lambda match: "_" * len(match[0]), text)):
            if word not in self._known:
                self._known[word] = self._is_word(word)
            if not self._known[word]:
                yield (
                    start,
                    f"`{word}` is not a word: correct it, put code into backquotes, or add it to tests/prose/vocabulary.txt",
                )

    def unused(self) -> list[str]:
        """The words of the vocabulary that no text has needed so far."""
        return sorted(self._words - self._used)

    def _is_word(self, word: str) -> bool:
        root = re.sub(r"'s?$", "", word)
        for form in (word, root):
            if self._english.lookup(form):
                return True
        singular = re.sub(r"s$", "", root)
        listed = {root, root.lower(), singular, singular.lower()} & self._words
        self._used |= listed
        return bool(listed)


def _words(text: str) -> Iterator[tuple[int, str]]:
    """The words of a text with their positions: no names of files, options and variables, no abbreviations in capitals."""
    for token in _TOKEN.finditer(text):
        bare = token[0].strip(".'\u2019*_/~#$-")
        if token[0].startswith(("-", "$", "@", "/", ".", "~", "#")) or re.search(r"[_/.\\$@{}#*%~^0-9]", bare):
            continue
        for word in _WORD.finditer(token[0]):
            if len(word[0]) > 1 and not re.search(r"[A-Z]s?$|[a-z][A-Z]", word[0]):
                yield token.start() + word.start(), word[0].replace("\u2019", "'")


def read_phrases() -> list[Phrase]:
    """The phrases that are not used; a space in a pattern also stands for the end of a line."""
    table = tomllib.loads((HERE / "phrases.toml").read_text(encoding="utf-8"))
    return [
        Phrase(re.compile(entry["avoid"].replace(" ", r"\s+"), re.IGNORECASE), entry["write"], entry["example"])
        for entry in table["phrase"]
    ]


def read_vocabulary() -> list[str]:
    """The words of the project that the dictionary does not have, one a line."""
    lines = (HERE / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def wording(text: str, phrases: Sequence[Phrase]) -> Iterator[tuple[int, str]]:
    """Each phrase to avoid that a text contains, with its position."""
    plain = re.sub(r"`[^`\n]*`|\b\w+(?:\.\w+)+", lambda match: "x" * len(match[0]), text)
    for phrase in phrases:
        for match in phrase.pattern.finditer(plain):
            yield match.start(), f"`{' '.join(match[0].split())}`: write {phrase.instead}"


def tracked() -> list[Path]:
    """The files of the repository with prose of the project."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    names = [name for name in listed.stdout.split("\0") if name and not name.startswith(NOT_OURS)]
    return [ROOT / name for name in sorted(set(names)) if (ROOT / name).is_file()]


def main(arguments: list[str]) -> int:
    """Print each mistake as `file:line: what to write`; 1 if there is any."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="default: all of the repository")
    files = parser.parse_args(arguments).files
    spelling, phrases, found = Spelling(read_vocabulary()), read_phrases(), 0
    for path in files or tracked():
        for passage in passages.of_file(path, messages=not path.resolve().is_relative_to(ROOT / "tests")):
            for offset, advice in sorted([*spelling.mistakes(passage.text), *wording(passage.text, phrases)]):
                found += 1
                print(f"{path.resolve().relative_to(ROOT)}:{passage.line_at(offset)}: {advice}")
    for word in [] if files else spelling.unused():
        found += 1
        print(f"tests/prose/vocabulary.txt: nothing uses `{word}`: remove it")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
