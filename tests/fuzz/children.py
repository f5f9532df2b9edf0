"""Processes in which inputs are tried: they may use 1 GB more than this one does now, and what ends them early is a find."""

import faulthandler
import multiprocessing
import re
import resource
import signal
from pathlib import Path

from judge import Finding

MEMORY = 1 << 30
_FORK = multiprocessing.get_context("fork")


def limit_memory():
    """Let this process have 1 GB more; each command sets its own limit of CPU time."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Child:
    """A process that calls `function` with a pipe and the arguments; `pipe` is the other end, and `stack` the file for its last words."""

    def __init__(self, function, *arguments, stack):
        self.pipe, there = _FORK.Pipe(duplex=False)
        self._stack = stack
        self._process = _FORK.Process(target=_call, args=(function, there, arguments, stack), daemon=True)
        self._process.start()
        there.close()

    def end(self):
        """Wait until it has ended, and forget it."""
        self._process.join()
        self.pipe.close()

    def death(self):
        """The find of a child that did not come to its end: by what signal, and where in the engine."""
        self._process.join()
        code = self._process.exitcode
        name = signal.Signals(-code).name if code < 0 else f"exit {code}"
        told = self._stack.read_text("utf-8", "replace")
        frame = re.search(r'/src/weft/(\S+)", line \d+ in (\S+)', told)
        where = f"{frame[1]}:{frame[2]}" if frame else "no line of the engine"
        return Finding("slow" if name == "SIGXCPU" else "crash", f"{name} {where}", told[-3000:])


def _call(function, pipe, arguments, stack):
    with stack.open("w") as file:
        faulthandler.enable(file, all_threads=False)
        faulthandler.register(signal.SIGXCPU, file, all_threads=False, chain=True)
        function(pipe, *arguments)
