"""Pages of the documentation as sessions: their commands are run, and print what the page shows.

A page is run from its top to its end, as a reader would follow it: in an empty folder if its first command is `weft init` or comes after
files, else in a copy of this repository.

- A block `console` holds commands after `$ `, each with what it prints. A line `...` stands for any lines, `...` in a line
  for any text, and a number of seconds for any other. A command that shows no `error` must succeed; `$ echo $?` shows how the
  command before it ended.
- A block whose introduction ends with the name of a file, as "Write `overlays/base.yaml`:", is what is written to that file.
- A block `python` is run, together with those above it; `>>>` shows what an expression gives.
- A comment before a block changes how it is run: `<!-- not run: why -->`, `<!-- programs: kubectl -->` (run where they are),
  `<!-- cluster: ... -->` (run on a real API server, by tests/cluster/test_cluster_pages.py), `<!-- background: 8000 -->`.
- A block `background` is one command in a terminal of its own. The page goes on when it has printed what the block shows. Ctrl-C ends it
  before the next such block, and at the end of the page. Meanwhile, `curl`, `cat` and `redis-cli` are repeated until they print what the page shows. The
  ports that the comment names are replaced by free ones on the whole page.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shlex
import signal
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path

from reference import ROOT, copy
from run import run
from servers import free_port

_BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<language>[\w-]*)[^\n]*\n(?P<text>.*?)^(?P=indent)```", re.DOTALL | re.MULTILINE
)
_COMMENT = re.compile(r"<!--\s*(?P<key>not run|programs|cluster|background)\s*:\s*(?P<value>.*?)\s*-->", re.DOTALL)
_FILE = re.compile(r"`([^`\s]+)`[^`\n]*:\s*(?:<!--.*?-->\s*)?\Z", re.DOTALL)
_WRITTEN = {"yaml", "json", "jinja", "text", "toml", "ini", "python", "sh", "js"}
_SHELL = set("|&;<>$`*?~#(){}'\"\\\n=")
_ASKS = {"curl", "cat", "redis-cli"}
"""Programs that may be asked again until they show what a page shows."""
_PATIENCE = 60
"""Seconds until something has happened that a page shows; usually it takes less than one."""


@dataclass(frozen=True)
class Block:
    """A fenced block, with the line at which it begins and the comments before it."""

    line: int
    language: str
    text: str
    file: str | None = None
    comments: dict[str, str] = field(default_factory=dict)

    @property
    def programs(self) -> list[str]:
        """The programs that its commands need."""
        return self.comments.get("programs", "").split()


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page."""
    found = []
    end = 0
    for match in _BLOCK.finditer(text):
        before = text[end : match.start()]
        end = match.end()
        comments = {one["key"]: one["value"] for one in _COMMENT.finditer(before)}
        named = _FILE.search(before.rstrip())
        file = named[1] if named and match["language"] in _WRITTEN else None
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(line, match["language"], textwrap.dedent(match["text"]), file, comments))
    return found


def start(page: list[Block], folder: Path) -> Session:
    """A session for the blocks of a page, in an empty folder."""
    first = next((one for one in page if one.language in ("console", "python") and not one.file), None)
    files_first = any(one.file for one in page[: page.index(first)]) if first else True
    alone = first is None or first.text.startswith("$ weft init") or (first.language == "console" and files_first)
    ports = {port: str(free_port()) for one in page for port in one.comments.get("background", "").split()}
    return Session(folder if alone else copy(folder), ports=ports)


@dataclass
class Session:
    """A reader who follows a page: where they are, and what Python knows."""

    folder: Path
    code: int = 0
    names: dict[str, object] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    ports: dict[str, str] = field(default_factory=dict)
    background: subprocess.Popen[bytes] | None = None

    def follow(self, block: Block) -> None:
        """Do what a block says. Raises AssertionError where something else comes than the page shows."""
        if "not run" in block.comments:
            return
        text = self._with_free_ports(block.text)
        if block.file:
            path = self.folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        elif "background" in block.comments:
            [(command, shown)] = _commands(text)
            self._start(command, shown)
        elif block.language == "console":
            for command, shown in _commands(text):
                self._check(command, shown)
        elif block.language == "python":
            self._python(text)

    def close(self) -> None:
        """End what runs in the background."""
        process, self.background = self.background, None
        if process and process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(_PATIENCE)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def _with_free_ports(self, text: str) -> str:
        return re.sub(r"\b\d+\b", lambda number: self.ports.get(number[0], number[0]), text) if self.ports else text

    def _start(self, command: str, shown: str) -> None:
        """Run a command in the background, and wait until it has printed what the page shows."""
        self.close()
        with tempfile.TemporaryFile("w+b") as said:
            self.background = process = subprocess.Popen(
                ["sh", "-c", f"exec {command}"],
                cwd=self.folder,
                env=self._joint_environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
            end = time.monotonic() + _PATIENCE
            while True:
                said.seek(0)
                printed = said.read().decode("utf-8", "replace")
                if matches(printed, shown):
                    return
                goes_on = process.poll() is None and time.monotonic() < end
                assert goes_on, f"$ {command}\n{printed}\n--- the page shows:\n{shown}"
                time.sleep(0.05)

    def _check(self, command: str, shown: str) -> None:
        """Run a command, and compare what it prints with what the page shows."""
        if command == "echo $?":
            printed = f"{self.code}\n"
        elif command.startswith("cd "):
            self.folder = (self.folder / command[3:]).resolve()
            printed = ""
        else:
            self.code, printed = self.run(command)
            end = time.monotonic() + _PATIENCE
            asks = self.background and command.split(maxsplit=1)[0] in _ASKS
            while asks and not matches(printed, shown) and time.monotonic() < end:
                time.sleep(0.05)
                self.code, printed = self.run(command)
            if "error" not in shown and "$?" not in shown:
                assert self.code in (0, 1 if re.search("diff|drift|--check", command) else 0), f"$ {command}\n{printed}"
        assert matches(printed, shown), f"$ {command}\n{printed}\n--- the page shows:\n{shown}"

    def run(self, command: str) -> tuple[int, str]:
        """Run a command where the reader is; gives its exit status and what it printed."""
        words = shlex.split(command, comments=True)
        if words[0] == "weft" and not _SHELL & set(command.partition("#")[0].replace("'", "").replace("=", "")):
            result = run(*words[1:], cwd=self.folder, env={"WEFT_TRACEBACK": None, **self.variables})
            return result.code, result.err + result.out if result.code else result.out + result.err
        done = subprocess.run(
            ["sh", "-c", command],
            check=False,
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        return done.returncode, done.stdout

    @property
    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(Path(sys.prefix, "bin")), os.environ["PATH"]])
        return {**os.environ, "PATH": path, **self.variables}

    @property
    def _joint_environment(self) -> dict[str, str]:
        """That of a reader who has Weft and the packages of the reference application in one environment: the tests have two."""
        known = self._environment
        path = os.pathsep.join([str(Path(sys.prefix, "application", "bin")), known["PATH"]])
        return {
            **known,
            "PATH": path,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), sysconfig.get_path("purelib")]),
        }

    def _python(self, text: str) -> None:
        with contextlib.chdir(self.folder):
            if ">>>" not in text:
                exec(compile(text, "<page>", "exec"), self.names)
                return
            flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            test = doctest.DocTestParser().get_doctest(text, self.names, "page", None, 0)
            said = io.StringIO()
            outcome = doctest.DocTestRunner(optionflags=flags).run(test, out=said.write, clear_globs=False)
            self.names = test.globs
            assert not outcome.failed, said.getvalue()


def _commands(text: str) -> list[tuple[str, str]]:
    """The commands of a block, each with what the page shows of its output."""
    found: list[tuple[str, list[str]]] = []
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("$ "):
            command = line[2:]
            while command.endswith("\\"):
                command = command[:-1] + next(lines).removeprefix("> ")
            found.append((command, []))
        elif line.startswith("> ") and found and not found[-1][1]:
            found[-1] = (f"{found[-1][0]}\n{line[2:]}", [])
        else:
            assert found, f"a block console begins with a command after `$ `, not with {line!r}"
            found[-1][1].append(line)
    return [(_without_comment(command), "\n".join(shown)) for command, shown in found]


def _without_comment(command: str) -> str:
    return re.sub(r"\s{2,}#.*", "", command)


def matches(printed: str, shown: str) -> bool:
    """Whether a page shows what was printed."""
    if not shown.strip():
        return True  # a page need not show the output
    pattern = ""
    for line in shown.strip("\n").splitlines():
        if line.strip() == "...":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            exact = re.escape(line.rstrip()).replace(r"\.\.\.", "[^\n]*")
            pattern += re.sub(r"\d+(?:\\\.\d+)?\\ s\b", r"\\d+(?:\\.\\d+)?\\ s", exact) + r"[ \t]*\n"
    return re.fullmatch(r"\n*" + pattern + r"\n*", printed.rstrip("\n") + "\n") is not None
