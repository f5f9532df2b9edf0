"""Secrets by their form: Kingfisher's rules and Weft's own, `data/secret_rules.yml`, over the text of one file.

Kingfisher's library is called in this process and given bytes. It opens no file, runs no git and never uses the network: whether
a secret is still valid is asked only by a class of it that is not used here. The compiled rules are kept in the user's cache folder.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Final

from weft.base.problems import CannotRun, Problem
from weft.files.cache import cache_folder
from weft.files.shipped import shipped

_RULES: Final = "secret_rules.yml"
_VENDOR: Final = re.compile(r"\A(?:[\w.]+/|[a-z]+\.)|\.\d+\Z")
_PUBLIC: Final = re.compile(
    r"-----BEGIN (?P<kind>AGE ENCRYPTED FILE|PGP MESSAGE|PGP SIGNATURE|SSH SIGNATURE|CERTIFICATE|CERTIFICATE REQUEST|X509 CRL"
    r"|(?:[A-Z]+ )?PUBLIC KEY(?: BLOCK)?)-----(?:[^-]|-(?!----))*+-----END (?P=kind)-----"
)
_ENCODED_LINE: Final = re.compile(r"^[ \t]*[A-Za-z0-9+/=]+[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Detected:
    """What looks like a secret: the kind of it, where it begins in the text (from 1), and the secret itself."""

    kind: str
    line: int
    column: int
    secret: str = field(repr=False)


class Detector:
    """The rules, compiled. Raises CannotRun when the package is not installed."""

    def __init__(self) -> None:
        try:
            import kingfisher_sdk  # noqa: PLC0415 - an extra
        except ImportError:
            hint = "pip install 'weft[scan]', or give `--schema-only` to look only for what the schema knows"
            message = "the package kingfisher-secret-scanner is not installed"
            raise CannotRun(Problem("not-installed", message, hint=hint)) from None
        self._input = kingfisher_sdk.ScanInput
        self._scanner = _compiled()

    def detect(self, name: str, text: str) -> Iterator[Detected]:
        """What looks like a secret in the text of a file, in its order; some rules read only files of certain names.

        What two rules find at one place is one secret, of the kind that the rule says which sees more of it.
        """
        data = _PUBLIC.sub(_without_content, text).encode()
        findings = [one for one in self._scanner.scan_input(self._input(path=name, data=data)) if one.visible]
        spans = [(one.location["start_offset"], one.location["end_offset"], one) for one in findings]
        starts = [0, *(match.end() for match in re.finditer(b"\n", data))] if spans else []
        end = 0
        for first, last, one in sorted(spans, key=lambda span: (span[0], -span[1], span[2].rule_id)):
            if first >= end:
                end = last
                line = bisect_right(starts, first)
                column = len(data[starts[line - 1] : first].decode()) + 1
                yield Detected(_VENDOR.sub("", one.rule_id), line, column, one.secret)


def _without_content(block: re.Match[str]) -> str:
    """A block of what is public or encrypted, with blanks in the place of what is encoded in it, and of nothing else."""
    return _ENCODED_LINE.sub(lambda line: " " * len(line[0]), block[0])


@cache
def _compiled() -> Any:
    """The scanner with all rules, once in a process: it takes seconds to make, and half a second to read from the cache."""
    import kingfisher_sdk  # noqa: PLC0415 - an extra

    with resources.as_file(shipped(_RULES)) as own:
        rules = kingfisher_sdk.Rules([own], confidence="low", cache_dir=cache_folder("secret-rules"))
    policy = kingfisher_sdk.DetectionPolicy(inline_ignores=False)  # Weft reads its own comments
    return kingfisher_sdk.Scanner(rules, policy=policy)
