"""Making the result of one target, or finding it in the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from weft import checks
from weft.base import timing
from weft.base.problems import has_errors
from weft.files.store import Store
from weft.fleet import results
from weft.fleet.keys import target_key
from weft.project.project import Project
from weft.project.result import Result
from weft.project.target import Target

RESULT: Final = "result"
TEXTS: Final = "texts"


@dataclass(frozen=True, slots=True)
class Made:
    """A result, its key, and the entries to be stored. One with errors has no key, and keeps its texts."""

    result: Result
    key: str | None = None
    entries: tuple[tuple[str, str, bytes], ...] = ()


class Maker:
    """Makes results of one project, or finds them in the store; `common` is the part of their keys that all have in common.

    `root` is the folder below which an archive of the project was unpacked; it is in no result.
    """

    def __init__(self, project: Project, store: Store, common: str, root: str = "") -> None:
        self.project = project
        self._store = store
        self.common = common
        self._root = root
        self._knows_checks = False

    def make(self, target: Target) -> Made:
        """The result of a target."""
        target = target.again()  # which the caller does not keep
        with timing.MERGE:
            key = target_key(self.project, target, self.common)
        if key is None:
            return Made(self._result(target))
        return self.stored(target.name, key) or self._new(target, key)

    def stored(self, name: str, key: str) -> Made | None:
        """The result with a key from the store."""
        with timing.REMEMBER:
            data = self._store.get(RESULT, key)
            known = results.decoded(data) if data is not None else None
            if known is None and data is not None and not self._knows_checks:
                self._knows_checks = True
                for output in self.project.file.outputs:
                    checks.register(output.checks)  # problems may have their codes
                known = results.decoded(data)
        return Made(known, key) if known is not None and known.target == name else None

    def texts(self, name: str, key: str) -> tuple[str, ...]:
        """The texts of a stored result, which is made again if the store has lost them."""
        data = self._store.get(TEXTS, key)
        found = results.texts(data) if data is not None else None
        return found if found is not None else self.project.target(name).result().texts

    def _result(self, target: Target) -> Result:
        result = target.result()
        return results.without_root(result, self._root) if self._root else result

    def _new(self, target: Target, key: str) -> Made:
        result = self._result(target)
        if has_errors(result.problems) or any(has_errors(answer.problems) for answer in result.answers):
            return Made(result)
        try:
            with timing.REMEMBER:
                header, texts = results.encoded(result)
        except (TypeError, ValueError):  # a check of another package noted something that is not JSON data
            return Made(result)
        return Made(results.without_texts(result), key, ((RESULT, key, header), (TEXTS, key, texts)))
