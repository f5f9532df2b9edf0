"""A renderer that remembers: results of earlier runs are taken from the store, the others are made and kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from weft.base import timing
from weft.base.watching import Watch
from weft.files.store import Store
from weft.fleet.making import Made, Maker
from weft.fleet.packing import packed, unpacked
from weft.fleet.results import sharing
from weft.fleet.unchanged import Known
from weft.fleet.workers import CHUNK, Crew
from weft.project.result import Result
from weft.project.runs import Renderer
from weft.project.target import Target
from weft.stages.render.finished import Texts

DOCUMENTS: Final = "documents"


class Remembering(Renderer):
    """Renders the targets of one run with a store, from which the texts are read again when they are needed."""

    def __init__(self, maker: Maker, store: Store, crew: Crew) -> None:
        self.common = maker.common
        self.known: dict[str, Known] = {}
        self.expected: dict[str, Known] = {}
        self.kept: dict[str, Result] | None = None
        """The results of earlier runs of this process, if they are kept in memory: those that are expected are taken from here."""
        self.fresh: set[str] = set()
        """The targets whose results were not among these."""
        self._maker = maker
        self._store = store
        self._crew = crew
        self._targets: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        """The target of each output, and which one of the target's outputs it is, unless it is the first."""
        self._texts: dict[str, str] = {}
        self._last: tuple[str, tuple[str, ...]] = ("", ())
        self._last_documents: tuple[str, dict[str, list[Any]]] = ("", {})

    def expect(self, known: dict[str, Known]) -> None:
        """Take the results of these targets from the store without looking at their files, which are known to be the same."""
        self.expected = known

    def results(self, targets: Sequence[Target], watch: Watch) -> Iterator[Result]:
        """The results of these targets; only those that cannot be stored have their texts."""
        for done, (target, made) in enumerate(zip(targets, self._made(targets), strict=True)):
            watch("targets", done, len(targets))
            self._note(target, made.result, made.key)
            yield made.result

    @property
    def text(self) -> Texts:
        """Gives the text of an output by its path."""
        return self._text

    def documents(self, path: str) -> list[Any]:
        """The data of the YAML documents of an output, for reading only. Raises yaml.YAMLError."""
        name = self._targets.get(path)
        if name is None:
            return super().documents(path)
        last = self._last_documents  # which another thread may replace
        if last[0] != name:
            self._last_documents = last = name, self._documents(name, self.known[name].key)
        found = last[1].get(path)
        return super().documents(path) if found is None else found

    def _documents(self, name: str, key: str) -> dict[str, list[Any]]:
        """The documents of those outputs of a target that a cluster takes, by their paths; they are kept, because to parse them is slow."""
        kept = unpacked(self._store.get(DOCUMENTS, key))
        if isinstance(kept, dict):
            return kept
        stored = self._maker.stored(name, key)
        outputs = stored.result.outputs if stored is not None else ()
        applied = [one.path for one in outputs if self._maker.project.file.outputs[one.entry].apply]
        made = {path: super(Remembering, self).documents(path) for path in applied}
        with suppress(TypeError, ValueError):  # what JSON cannot say is parsed each time
            data = packed(made)
            if unpacked(data) == made:
                self._store.put([(DOCUMENTS, key, data)])
        return made

    def _made(self, targets: Sequence[Target]) -> Iterator[Made]:
        new = [target for target in targets if target.name not in self.expected]
        made = self._new(new)
        for target in targets:
            expected = self.expected.get(target.name)
            if expected is None:
                yield next(made)
            else:
                yield self._expected(target, expected)

    def _expected(self, target: Target, expected: Known) -> Made:
        """The result of a target whose files are known to be the same."""
        kept = self.kept.get(target.name) if self.kept else None
        if kept is not None:
            return Made(kept, expected.key)
        return _sharing(self._maker.stored(target.name, expected.key) or self._maker.make(target))

    def _new(self, targets: Sequence[Target]) -> Iterator[Made]:
        """The results of targets of which nothing is known, made by the crew if there are many."""
        if len(targets) <= self._crew.few:
            for start in range(0, len(targets), CHUNK):
                yield from self._stored(map(self._maker.make, targets[start : start + CHUNK]))
            return
        for made in self._crew.made([target.identity for target in targets]):
            yield from self._stored(made)

    def _stored(self, several: Iterable[Made]) -> list[Made]:
        made = list(several)
        with timing.REMEMBER:
            self._store.put([entry for one in made for entry in one.entries])
        return list(map(_sharing, made))

    def _note(self, target: Target, result: Result, key: str | None) -> None:
        name = target.name
        if self.kept is not None and self.kept.get(name) is not result:
            self.fresh.add(name)
        if key is None:
            self._texts.update((one.path, text) for one, text in zip(result.outputs, result.texts, strict=True))
            return
        same = target.identity.values  # which is there anyway
        self.known[name] = Known(key, same if result.values == same else result.values, result.sources)
        if self.kept is not None:
            self.kept[name] = result
        self._targets.update((one.path, name) for one in result.outputs)
        self._numbers.update((one.path, number) for number, one in enumerate(result.outputs) if number)

    def _text(self, path: str) -> str:
        if path in self._texts:
            return self._texts[path]
        name = self._targets[path]
        last = self._last  # which another thread may replace
        if last[0] != name:
            self._last = last = name, self._maker.texts(name, self.known[name].key)
        return last[1][self._numbers.get(path, 0)]


def _sharing(made: Made) -> Made:
    """A result without what was stored of it, whose short texts are shared with other results."""
    return Made(sharing(made.result), made.key)
