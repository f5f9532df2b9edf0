"""No message of an agent has a secret: neither one of the revision that is tried, nor one that a program had before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from weft.agent.revisions import Revision
from weft.base.problems import Problem, WeftError

_SHORTEST: Final = 3
"""The length of a secret that is looked for in what a program says; shorter ones are in every text."""
_REMEMBERED: Final = 8
"""How many revisions' secrets are looked for: a program may print one that it had some time ago."""


class Masking:
    """The secrets of the last revisions."""

    def __init__(self) -> None:
        self._known: list[frozenset[str]] = []

    def learn(self, *revisions: Revision | None) -> None:
        """Look for the secrets of these revisions from now on."""
        for revision in revisions:
            self.learn_texts(revision.settled.pinned.secrets.values() if revision else ())

    def learn_texts(self, texts: Iterable[str]) -> None:
        """Look for these secrets from now on."""
        found = frozenset(texts)
        if found:
            self._known = [*(one for one in self._known if one != found), found][-_REMEMBERED:]

    def text(self, text: str, *, is_cut: bool = False) -> str:
        """A text without secrets; one that `is_cut` may end inside of one."""
        shapes = sorted(set(self._shapes()), key=len, reverse=True)
        for shape in shapes:
            text = text.replace(shape, "***")
        if is_cut:
            lengths = ((shape, range(len(shape) - 1, 0, -1)) for shape in shapes)
            half = max((next((n for n in some if text.endswith(shape[:n])), 0) for shape, some in lengths), default=0)
            text = text[: len(text) - half]
        return text

    def problem(self, problem: Problem) -> Problem:
        """A problem without secrets."""
        message, hint, path = (one and self.text(one) for one in (problem.message, problem.hint, problem.path))
        return replace(problem, message=message or "", hint=hint, path=path)

    def error(self, error: WeftError) -> WeftError:
        """The same error without secrets."""
        return type(error)(*map(self.problem, error.problems))

    def _shapes(self) -> Iterator[str]:
        for secret in frozenset().union(*self._known):
            for shape in (
                secret,
                json.dumps(secret)[1:-1],
                json.dumps(secret, ensure_ascii=False)[1:-1],
                *secret.split("\n"),
            ):
                if len(shape) >= _SHORTEST:
                    yield shape
