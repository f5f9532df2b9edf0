"""An agent as a process: the main thread hears signals, and another one does the work."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from typing import Final

from weft.agent.agent import Agent

_ENDING: Final = ("SIGTERM", "SIGINT", "SIGQUIT")
_OTHERS: Final = ("SIGHUP", "SIGUSR1", "SIGUSR2")
_REAPING: Final = 1.0
"""Seconds between two looks for processes that have ended and are waited for by nobody, if this is the first process."""
_DONE: Final = 0
"""The byte that says that the work is done: it is the number of no signal."""


def run(agent: Agent, *, supervises: bool) -> int:
    """Run an agent, and hand it the signals of this process. Returns the exit code; raises what the agent raises.

    SIGUSR1 and SIGUSR2 are left as they are unless there is a program to pass them on to.
    """
    ends = {getattr(signal, name) for name in _ENDING}
    heard = [*ends, *(getattr(signal, name) for name in (_OTHERS if supervises else _OTHERS[:1]))]
    outcome: list[int | BaseException] = []
    is_ending = False
    # a signal may interrupt any thread, so a lock for which the main thread waits would not tell it: a socket does
    here, there = socket.socketpair()
    there.setblocking(False)

    def work() -> None:
        try:
            outcome.append(agent.run())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the main thread
            outcome.append(error)
        finally:
            _tell(there)

    with here, there:
        before = {number: signal.signal(number, lambda *_: None) for number in heard}
        wakes = signal.set_wakeup_fd(there.fileno(), warn_on_full_buffer=False)
        thread = threading.Thread(target=work, name="weft-agent", daemon=True)
        thread.start()
        if os.getpid() == 1:
            threading.Thread(target=_reap, args=(agent,), name="weft-reaper", daemon=True).start()
        try:
            while _DONE not in (numbers := here.recv(64)):
                for number in numbers:
                    is_ending = is_ending or number in ends
                    agent.signal(number, ends=number in ends)
            thread.join()
        finally:
            signal.set_wakeup_fd(wakes)
            for number, handler in before.items():
                # who ends an agent twice still gets the exit code of its program
                signal.signal(number, signal.SIG_IGN if is_ending else handler)
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def _reap(agent: Agent) -> None:
    while True:
        time.sleep(_REAPING)
        agent.reap()


def _tell(there: socket.socket) -> None:
    """Say that the work is done, also where hundreds of signals were not read yet."""
    while True:
        try:
            there.send(bytes([_DONE]))
        except BlockingIOError:
            time.sleep(0.01)
        else:
            return
