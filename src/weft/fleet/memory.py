"""The memory of a project: the door of this package. It is asked before the project is opened, and remembers what was found.

`run` gives the last run if nothing that it read has changed; otherwise it opens the project, renders what has changed, and remembers the run. `shard`
and `rendered` are other ways to run, `answer` is for commands about single targets, and `open` gives a project that remembers, for everything else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from weft.base import timing
from weft.base.problems import Problem, has_errors
from weft.base.watching import Watch, unwatched
from weft.files.reading import ProjectFiles
from weft.files.store import FOLDER, Store
from weft.files.trace import changes
from weft.fleet import unchanged
from weft.fleet.options import Options, installation
from weft.fleet.unchanged import Details, Earlier, Last
from weft.fleet.written import Written

if TYPE_CHECKING:
    import tempfile
    from concurrent.futures import Executor

    from weft.files.trace import Listed, Seen, Trace
    from weft.fleet.making import Maker
    from weft.fleet.remembering import Remembering
    from weft.fleet.shards import Shard
    from weft.fleet.workers import Crew
    from weft.project.project import Project
    from weft.project.result import Result
    from weft.project.runs import Run
    from weft.project.target import Target
    from weft.stages.write.record import Part

_RUNS: Final = 16
"""How many runs with other globs or options are remembered."""
_ANSWERS: Final = 64
"""How many answers of commands about single targets are remembered."""
_MANY: Final = 4
_FEW: Final = 1000
"""How many results are kept: those of four fleets like this one, and a thousand for small ones."""


@dataclass(frozen=True)
class Done:
    """A run: its problems, the number of its outputs, and how often each check ran or was skipped.

    The others are those of a run that was made now; one that is remembered has none of them. `state` is that of a folder into which it
    is written, `part` what is kept of a shard, `fresh` are the targets whose results were not at hand.
    """

    targets: int
    outputs: int
    problems: Sequence[Problem]
    asked: Counter[str]
    skipped: Counter[str]
    chosen: Sequence[Target] = ()
    run: Run | None = None
    project: Project | None = None
    state: str = ""
    part: Part | None = None
    fresh: Collection[str] = ()

    @classmethod
    def made(cls, run: Run, chosen: Sequence[Target], project: Project, common: str) -> Done:
        """A run that was made now; `common` is the key of what all targets have in common."""
        state = unchanged.state_of(common, run.digests, (one.path for one in run.files if one.secrets))
        asked, skipped = run.outcome.asked, run.outcome.skipped
        return cls(len(chosen), len(run.digests), run.problems, asked, skipped, chosen, run, project, state)

    def of(self, names: Collection[str]) -> Done:
        """The same run with the targets and outputs of these names only."""
        assert self.run is not None
        files = [one for one in self.run.files if one.target in names]
        chosen = [one for one in self.chosen if one.name in names]
        return replace(self, chosen=chosen, run=replace(self.run, files=files))


class Memory:
    """The memory of the project with these files, for runs with some options.

    `workers` is the number of processes, 0 for one on each processor. With an `executor`, its workers make the results, from an archive
    of the project instead of its folder; then it is their number, 0 for what the executor's attribute `workers` says. Without `keep`,
    nothing is remembered: results go through a temporary store, which is removed by `close`.
    """

    def __init__(
        self,
        files: ProjectFiles,
        options: Options,
        *,
        keep: bool = True,
        workers: int = 0,
        executor: Executor | None = None,
        ignored: Iterable[Path] = (),
    ) -> None:
        self._files = files
        self._options = options
        self._keep = keep
        self._wanted_workers = workers
        self._executor = executor
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._ignored = {str(files.folder / FOLDER), *(str(path.absolute()) for path in ignored)}
        self._earlier: Earlier | None = None
        self._last_renderer: Remembering

    @cached_property
    def store(self) -> Store:
        """The store of the project, or a temporary one if that is not wanted, or cannot be written."""
        store = Store(self._files.folder / FOLDER)
        if self._keep and store.can_write():
            return store
        import tempfile

        self._keep = False
        self._temporary = tempfile.TemporaryDirectory(prefix="weft-")
        return Store(Path(self._temporary.name) / FOLDER)

    @cached_property
    def _code(self) -> str:
        return installation().digest()

    def run(
        self,
        globs: Sequence[str],
        watch: Watch = unwatched,
        *,
        ask_programs: bool = False,
        enough: Callable[[Last], bool] = lambda _: True,
    ) -> Done:
        """The run of the targets that these globs name: the last one if nothing has changed, and its outputs are `enough`.

        With `ask_programs`, the checks that run a program are asked too; such a run is not remembered.
        """
        with timing.LOOK:
            last = None if ask_programs else self._last(globs, enough)
        if last is not None:
            return Done(last.targets, last.outputs, last.problems, Counter(last.asked), Counter(last.skipped))
        project, chosen, run = self._new(globs, watch, ask_programs=ask_programs)
        return Done.made(run, chosen, project, self._last_renderer.common)

    def _new(
        self, globs: Sequence[str], watch: Watch, *, ask_programs: bool = False
    ) -> tuple[Project, list[Target], Run]:
        """The project, opened, with the targets that these globs name, and their run, which is remembered."""
        project = self.open()
        chosen = project.targets(*globs)
        run = project.run(chosen, watch, ask_programs=ask_programs)
        if not ask_programs:
            with timing.REMEMBER:
                self.remember(globs, project, run)
        return project, chosen, run

    def shard(self, globs: Sequence[str], shard: Shard, watch: Watch = unwatched) -> Done:
        """The run of one shard of the targets that these globs name. Results are remembered one by one, not the run as a whole."""
        from weft.fleet.shards import Keeping

        project = self.open()
        every = project.targets(*globs)
        keeping = Keeping(self._renderer(project))
        chosen = shard.part(every)
        run = project.run(chosen, watch, renderer=keeping)
        part = keeping.kept(shard, globs, [target.name for target in every])
        return replace(Done.made(run, chosen, project, keeping.renderer.common), part=part)

    def _last(self, globs: Sequence[str], enough: Callable[[Last], bool]) -> Last | None:
        """The last run with these globs, if nothing that it read has changed since, and its outputs are `enough`."""
        key = unchanged.run_key(globs, self._options)
        last = unchanged.recall(self.store, key) if self._keep else None
        if last is None or last.code != self._code:
            return None
        if last.read.holds(str(self._files.folder)) and enough(last):
            return last
        self._earlier = earlier = self._compared(key, last)
        if earlier is None or not earlier.is_same or not enough(last):
            return None
        return unchanged.recall(self.store, key) or last  # which may have been stored again just now

    def _compared(self, key: str, last: Last) -> Earlier | None:
        """A run with what has changed since, found file by file; None if its details are gone.

        If nothing has, it is stored again, so that the next run need not look so closely.
        """
        home = self._files.folder
        details = unchanged.recall_details(self.store, key, last.token, home)
        if details is None:
            return None
        contents, names = changes(details.files, details.folders, self._ignored)
        earlier = Earlier(details.common, details.targets, details.files, details.folders, contents, names)
        read = unchanged.fingerprint(details.files, details.folders, home)
        if earlier.is_same and read.digest and read != last.read:
            unchanged.remember(self.store, key, replace(last, read=read), details, home)
        return earlier

    def answer(self, question: Sequence[str]) -> str | None:
        """What a command said to a question, if nothing that it read has changed since."""
        if not self._keep:
            return None
        key = self._question(question)
        known = unchanged.recall_printed(self.store, key)
        if known is None or known.code != self._code:
            return None
        if not known.read.holds(str(self._files.folder)):
            files, folders = unchanged.recall_read(self.store, key, known.token, self._files.folder)
            if not files or any(changes(files, folders, self._ignored)):
                return None
            self._keep_answer(key, known.text, files, folders)  # the next time, nobody need look so closely
        return known.text

    def remember_answer(self, question: Sequence[str], text: str) -> None:
        """Keep what a command says to a question; the project was opened for it."""
        trace = self._files.trace
        if self._keep and trace.lists_folders:
            self._keep_answer(self._question(question), text, trace.files, trace.folders)
            unchanged.ANSWERS.keep_newest(self.store, _ANSWERS)

    def _keep_answer(self, key: str, text: str, files: Mapping[str, Seen], folders: Mapping[str, Listed]) -> None:
        unchanged.remember_printed(self.store, key, self._code, text, files, folders, self._files.folder)

    def _question(self, words: Sequence[str]) -> str:
        return unchanged.run_key(words, self._options)

    def open(self) -> Project:
        """The project, which remembers. Raises what `load_project` raises."""
        with timing.OPEN:
            return self._opened()

    def _opened(self) -> Project:
        from weft.project.project import open_project

        self._files.trace.lists_folders = True
        self._files.trace.ignored |= self._ignored
        project = open_project(self._files, self._options.overrides, self._options.environment)
        common = cache(lambda: self.common(project))
        project.renderer = lambda: self._renderer(project, common())
        return project

    def opened_for(self, globs: Sequence[str], watch: Watch = unwatched, *, whole: bool = False) -> Project:
        """The project, with the run of the targets that these globs name: `targets` and `run` give it without making it again.

        If nothing has changed since the last such run, nothing is opened: the parts of the project are made when somebody asks for them, of
        files that may have changed by then. With `whole`, for those to whom this matters, it is opened. Raises what `load_project` raises.
        """
        from weft.project.project import Recalled

        with timing.LOOK:
            known = None if whole else self._recalled(globs)
        if known is not None:
            return known
        project, chosen, run = self._new(globs, watch)
        project.recalled = Recalled(tuple(globs), tuple(one.identity for one in chosen), run)
        return project

    def _recalled(self, globs: Sequence[str]) -> Project | None:
        """The project with the last run of the targets that these globs name, if nothing has changed and all results are there."""
        last = self._last(globs, lambda _: True)
        home = self._files.folder
        details = (
            None if last is None else unchanged.recall_details(self.store, self._question(globs), last.token, home)
        )
        if last is None or details is None:
            return None
        from weft.checks import Outcome
        from weft.project.project import Project, Recalled
        from weft.project.projectfile import read_project_file
        from weft.project.runs import Gathered
        from weft.project.targets import Identity

        project = Project(read_project_file(self._files), self._options.overrides, self._options.environment)
        named = [one.name for one in project.file.dimensions if one.setting is None]
        identities = [
            Identity(name, {one: known.values[one] for one in named if one in known.values})
            for name, known in details.targets.items()
        ]
        renderer = self._renderer(project, details.common)
        renderer.expect(details.targets)
        gathered = Gathered()
        for result in renderer.results(list(map(project.of, identities)), unwatched):
            gathered.add(result)
        outcome = Outcome([*last.problems], Counter(last.asked), Counter(last.skipped))
        project.recalled = Recalled(tuple(globs), tuple(identities), gathered.run(outcome, renderer))
        return project

    def open_again(self) -> Project:
        """The project as it is now, with nothing of what was read before."""
        from weft.files.reading import ProjectFiles

        self._files = ProjectFiles(self._files.folder, self._files.allowed)
        self._earlier = None
        return self.open()

    @property
    def trace(self) -> Trace:
        """What was read of the project since it was opened."""
        return self._files.trace

    def refreshed(self, project: Project, contents: set[str], names: set[str]) -> Project:
        """An open project after changes of overlays: those with another content, and those that came or went."""
        again = project.refreshed({Path(path) for path in (*contents, *names)})
        last, trace = self._last_renderer, self.trace
        self._earlier = Earlier(last.common, last.known, trace.files, trace.folders, contents, names)
        return again

    def rendered(self, globs: Sequence[str], project: Project, kept: dict[str, Result], watch: Watch) -> Done:
        """The run of the targets that these globs name; results are taken from those that are `kept`, and kept there."""
        renderer = self._renderer(project, self._last_renderer.common if kept else None)
        renderer.kept = kept
        chosen = project.targets(*globs)
        run = project.run(chosen, watch, renderer=renderer)
        return replace(Done.made(run, chosen, project, renderer.common), fresh=renderer.fresh)

    def written(self, folder: Path) -> Written:
        """The known digests of the files in an output folder."""
        return Written(self.store, folder)

    def remember(self, globs: Sequence[str], project: Project, run: Run) -> None:
        """Keep a run of all targets that these globs name, unless it has errors."""
        renderer = self._last_renderer
        if not self._keep or has_errors(run.problems) or len(renderer.known) != run.targets:
            return
        home, trace = project.folder, project.files.trace
        details = Details(renderer.common, trace.files, trace.folders, renderer.known)
        private = tuple(one.path for one in run.files if one.secrets)
        last = Last(
            self._code,
            unchanged.state_of(renderer.common, run.digests, private),
            run.targets,
            len(run.digests),
            private,
            tuple(run.problems),
            run.outcome.asked,
            run.outcome.skipped,
            unchanged.fingerprint(trace.files, trace.folders, home),
        )
        unchanged.remember(self.store, unchanged.run_key(globs, self._options), last, details, home)
        self._tidy(renderer)

    def _tidy(self, renderer: Remembering) -> None:
        """Remove results that no recent run has used, if there are many of them."""
        from weft.fleet.making import RESULT, TEXTS
        from weft.fleet.remembering import DOCUMENTS

        unchanged.RUNS.keep_newest(self.store, _RUNS)
        if self.store.count(RESULT) > _MANY * len(renderer.known) + _FEW:
            kinds = RESULT, TEXTS, DOCUMENTS
            self.store.age((kind, known.key) for known in renderer.known.values() for kind in kinds)

    def close(self) -> None:
        """Close the store."""
        if "store" in self.__dict__:
            self.store.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def common(self, project: Project) -> str:
        """The key of what all targets of the project have in common."""
        from weft.fleet.keys import common_key

        return common_key(project, self._options, self._code)

    def _renderer(self, project: Project, common: str | None = None) -> Remembering:
        from weft.fleet.affected import unaffected
        from weft.fleet.making import Maker
        from weft.fleet.remembering import Remembering

        maker = Maker(project, self.store, common or self.common(project))
        renderer = Remembering(maker, self.store, self._crew(maker))
        earlier = self._earlier
        if earlier is not None and earlier.common == maker.common:
            renderer.expect(dict(unaffected(project, earlier)))
            sources = {f"{project.folder}/{name}" for one in renderer.expected.values() for name in one.sources}
            project.files.trace.files |= {path: earlier.files[path] for path in sources if path in earlier.files}
            project.files.trace.folders |= earlier.folders
        self._last_renderer = renderer
        return renderer

    def _crew(self, maker: Maker) -> Crew:
        """Those who make the results of many targets."""
        from weft.fleet.workers import Local, Work, cores

        folder, allowed = maker.project.folder, self._files.allowed
        work = Work(folder, allowed, self._options, self.store.folder, maker.common, frozenset(self._ignored))
        number = 0 if self._executor else self._wanted_workers
        local = Local(number or cores(), work, maker)
        if self._executor is None:
            return local
        from weft.fleet.elsewhere import Elsewhere

        return Elsewhere(self._executor, self._wanted_workers, maker.project, self._options, maker.common, local)
