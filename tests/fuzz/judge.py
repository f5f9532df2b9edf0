"""Tries one input: runs the commands of `weft` on a project with it, in this process, and reports forbidden results.

What the input has no influence on is loaded once (`Kind.kept`), and the commands share one loaded project. `thorough` does without both.
"""

import contextlib
import json
import re
import resource
import shutil
import time
import traceback
import zlib
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from run import run
from weft.base.problems import WeftError
from weft.project.schemas import Schemas
from weft.project.target import Target

CPU = 10
CANARY = "canaryBird" + "42Sings"  # in two parts, as our own scan would take it for a secret
LONGEST = 4000
"""How many characters a line of a report may have."""
_SECRET = re.compile(rb"""(?m)^([ \t]*(?:- )?["']?password["']?[ \t]*:[ \t]*)[^\n,}\]]*""")


@dataclass(frozen=True)
class Finding:
    """An answer that is wrong: `what` in a word, `where` it came about, and `detail` for people. Two of one `what` and `where` are the same."""

    what: str
    where: str
    detail: str


class Judge:
    """A project in a new folder, and what is kept of it. `slowest` is the CPU time of the slowest command, in seconds, `accepted` the number of valid inputs."""

    def __init__(self, kind, folder, *, thorough=False):
        self.kind = kind
        self.folder = kind.project(folder)
        self.file = folder / kind.file
        self.output = folder.with_name(folder.name + "-out")
        self.thorough = thorough
        self.slowest = 0.0
        self.accepted = 0
        self._kept = {}

    def __call__(self, text):
        """What is wrong with the answers to an input; None where nothing is."""
        self.file.write_bytes(text)
        self._opened = {}
        try:
            with contextlib.ExitStack() as stack:
                for patch in () if self.thorough else self._patches():
                    stack.enter_context(patch)
                return next(self._wrong(text), None)
        except Exception as error:  # noqa: BLE001 - whatever the engine raises is what we look for
            return crash(error)

    # --- what is kept ---

    def _patches(self):
        from weft.project import project as module

        parts = {"file": "read_project_file", "schemas": "load_schemas", "outputs": "Outputs"}
        for part, name in parts.items():
            if part in self.kind.kept:
                yield mock.patch.object(module, name, self._once(getattr(module, name)))
        yield mock.patch.object(module, "load_project", self._shared(module.load_project))
        yield mock.patch.object(module.Project, "of", self._answered("target", module.Project.of))
        yield mock.patch.object(Target, "problems", self._answered("problems", Target.problems))

    def _once(self, function):
        """A part of the engine that gives for the same project file what it gave before."""

        def loaded(first, *others):
            key = function.__name__, getattr(first, "schema", None)
            if key not in self._kept:
                self._kept[key] = function(first, *others)
            kept = self._kept[key]
            if isinstance(kept, Schemas):
                kept.secret_lines._known.clear()  # the lines of the last input
            return kept

        return loaded

    def _answered(self, what, method):
        """A method that gives what it gave to the command before."""

        def answer(of, *identity):
            key = what, id(of), *identity
            if key not in self._opened:
                self._opened[key] = of, method(of, *identity)  # it is kept, so that no other one gets its id
            return self._opened[key][1]

        return answer

    def _shared(self, function):
        def load_project(folder, **options):
            if "project" not in self._opened:
                try:
                    self._opened["project"] = function(folder, **options)
                except WeftError as error:
                    self._opened["project"] = error
            if isinstance(self._opened["project"], WeftError):
                raise self._opened["project"]
            return self._opened["project"]

        return load_project

    # --- what is asked ---

    def _wrong(self, text):
        result = yield from self._asked(text, "validate")
        as_json = yield from self._asked(text, "validate", "--format", "json")
        if as_json.code != result.code:
            yield Finding("disagree", "json", f"as text it ends with {result.code}, as JSON with {as_json.code}")
        try:
            problems = json.loads(as_json.out)["problems"]
        except ValueError as error:
            yield Finding("disagree", "not json", str(error))
        if (result.code == 1) != any(problem["severity"] == "error" for problem in problems):
            yield Finding("disagree", "exit code", f"{result.code}: {result.out[:300]}")
        names = self._targets()
        accepted = result.code == 0
        self.accepted += accepted
        if accepted and names:
            shutil.rmtree(self.output, ignore_errors=True)
            yield from self._accepted(text, "render", "--no-sync", "-o", self.output)
        name = names[zlib.crc32(text) % len(names)] if names else None
        for command in (("config",), ("explain", "--all")) if name else ():
            ask = self._accepted if accepted else self._asked
            yield from ask(text, *command, "--", name)

    def _targets(self):
        from weft.project.project import load_project

        try:
            return [target.name for target in load_project(self.folder).targets()]
        except WeftError:
            return []

    def _accepted(self, text, *command):
        """Ask for what has to succeed."""
        result = yield from self._asked(text, *command)
        if result.code != 0:
            problem = re.search(r"\[([a-z-]+)\]", result.err)
            yield Finding(
                "not accepted",
                f"{command[0]} {problem[1] if problem else ''}",
                f"validate accepts it, but: {result.err[:500]}",
            )

    def _asked(self, text, *command):
        used = time.process_time()
        _allow(CPU + 1)
        result = run(*command, cwd=self.folder)
        _allow(3600)  # until the next command
        took = time.process_time() - used
        self.slowest = max(self.slowest, took)
        if took > CPU:
            yield Finding("slow", command[0], f"{took:.1f} s")
        for stream in (result.out, result.err):
            yield from self._told(text, command[0], stream)
        if result.code not in (0, 1) and (result.code, command[0]) != (2, "explain"):
            yield Finding("exit code", f"{command[0]} {result.code}", (result.out + result.err)[:500])
        return result

    def _told(self, text, command, told):
        if ("Traceback" in told and b"Traceback" not in text) or "internal error" in told:
            yield Finding("crash", "told", told[:500])
        if CANARY in told:
            at = told.index(CANARY)
            yield Finding("leak", command, told[max(0, at - 300) : at + 100])
        if command == "validate" and "{" not in told[:1]:
            longest = max(map(len, told.split("\n")))
            if longest > LONGEST:
                line = max(told.split("\n"), key=len)
                yield Finding(
                    "long", re.sub(r"[^a-z-]+", " ", line[:40]), f"{longest} characters in a line: {line[:200]}"
                )


def planted(text):
    """The input with a canary for every password, and one more in place of the last one."""
    found, number = _SECRET.subn(rb"\g<1>" + CANARY.encode(), text)
    return found if number else text + f"\ndatabase:\n  password: {CANARY}\n".encode()


def crash(error):
    """The finding of an exception: two are the same that come from the same line of the engine."""
    frames = traceback.extract_tb(error.__traceback__)
    of_weft = [frame for frame in frames if "/weft/" in frame.filename] or frames
    last = of_weft[-1]
    where = f"{type(error).__name__} {Path(last.filename).name}:{last.name}"
    told = "".join(traceback.format_exception(error, limit=-12))
    return Finding("crash", where, f"{told[-3000:]}")


def _allow(seconds):
    """Let this process use so much more CPU before it is ended."""
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    wanted = int(time.process_time()) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))
