"""Secrets by their form: Kingfisher's rules and Weft's own, `data/secret_rules.yml`, over the text of one file.

Kingfisher's library is called in this process with bytes. It opens no file, runs no Git and never uses the network: only a class that
Weft does not use checks whether a secret is still valid. The compiled rules are cached in the user's cache folder.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Final

from weft.base.extras import how_to_install
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
    """A probable secret: its kind, its position in the text (from 1), and the secret itself."""

    kind: str
    line: int
    column: int
    secret: str = field(repr=False)


class Detector:
    """The rules, compiled. Raises CannotRun if the package is not installed."""

    def __init__(self) -> None:
        try:
            import kingfisher_sdk  # noqa: PLC0415 - an extra
        except ImportError:
            package = "kingfisher-secret-scanner"
            install = how_to_install("scan", package)
            hint = f"{install}, or use `--schema-only` to search only for values of sensitive settings"
            message = f"the package {package} is not installed"
            raise CannotRun(Problem("not-installed", message, hint=hint)) from None
        self._input = kingfisher_sdk.ScanInput
        self._scanner = _compiled()

    def detect(self, name: str, text: str) -> Iterator[Detected]:
        """The probable secrets in the text of a file, in order; some rules apply only to files with certain names.

        Findings of two rules at the same place are one secret; its kind is that of the longer match.
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
    """A block of public or encrypted data, with its encoded content, and nothing else, replaced by blanks."""
    return _ENCODED_LINE.sub(lambda line: " " * len(line[0]), block[0])


@cache
def _compiled() -> Any:
    """The scanner with all rules, created once per process: building it takes seconds, reading it from the cache half a second."""
    import kingfisher_sdk  # noqa: PLC0415 - an extra

    with resources.as_file(shipped(_RULES)) as own:
        rules = kingfisher_sdk.Rules([own], confidence="low", cache_dir=cache_folder("secret-rules"))
    policy = kingfisher_sdk.DetectionPolicy(inline_ignores=False)  # Weft handles its own comments
    return kingfisher_sdk.Scanner(rules, policy=policy)
