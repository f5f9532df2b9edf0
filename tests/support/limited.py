"""A call in a child of this process that may use 10 s of CPU and 1 GB, as every answer of Weft may."""

import multiprocessing
import resource
import signal
import sys
from pathlib import Path

CPU = 10
MEMORY = 1 << 30
_FORK = multiprocessing.get_context("fork")


def limited(function, *args):
    """What the function returns, which has to be picklable; fails where it needs more, or where it raises."""
    here, there = _FORK.Pipe(duplex=False)
    child = _FORK.Process(target=_call, args=(there, function, args), daemon=True)
    child.start()
    there.close()
    try:
        answer = here.recv()
    except EOFError:
        child.join()
        killed = signal.Signals(-child.exitcode).name if child.exitcode < 0 else child.exitcode
        raise AssertionError(f"more than {CPU} s or {MEMORY >> 20} MB: ended by {killed}") from None
    child.join()
    assert not isinstance(answer, BaseException), repr(answer)
    return answer


def _call(pipe, function, args):
    sys.settrace(None)  # a recording of the lines that run (recording.py) takes several times as long as they do
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU,) * 2)
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + MEMORY,) * 2)
    try:
        answer = function(*args)
    except Exception as error:  # noqa: BLE001 - the parent shows it
        answer = RuntimeError(f"{type(error).__name__}: {error}"[:500])
    pipe.send(answer)
    pipe.close()


def _address_space():
    return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
