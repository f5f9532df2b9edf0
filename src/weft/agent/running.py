"""An agent as a process: the main thread hears signals, and another one does the work."""

from __future__ import annotations

import signal
import socket
import threading
from typing import Final

from weft.agent.agent import Agent

_ENDING: Final = ("SIGTERM", "SIGINT", "SIGQUIT")
_OTHERS: Final = ("SIGHUP", "SIGUSR1", "SIGUSR2")
_DONE: Final = 0
"""What the work writes where signals are written, as it is the number of none."""


def run(agent: Agent, *, supervises: bool) -> int:
    """Run an agent, and hand it the signals of this process. Returns the exit code; raises what the agent raises.

    SIGUSR1 and SIGUSR2 are left as they are unless there is a program to pass them on to.
    """
    ends = {getattr(signal, name) for name in _ENDING}
    heard = [*ends, *(getattr(signal, name) for name in (_OTHERS if supervises else _OTHERS[:1]))]
    outcome: list[int | BaseException] = []
    # a signal may interrupt any thread, so a lock for which the main thread waits would not tell it: a socket does
    here, there = socket.socketpair()
    there.setblocking(False)

    def work() -> None:
        try:
            outcome.append(agent.run())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the main thread
            outcome.append(error)
        finally:
            there.send(bytes([_DONE]))

    with here, there:
        before = {number: signal.signal(number, lambda *_: None) for number in heard}
        wakes = signal.set_wakeup_fd(there.fileno(), warn_on_full_buffer=False)
        thread = threading.Thread(target=work, name="weft-agent", daemon=True)
        thread.start()
        try:
            while _DONE not in (numbers := here.recv(64)):
                for number in numbers:
                    agent.signal(number, ends=number in ends)
            thread.join()
        finally:
            signal.set_wakeup_fd(wakes)
            for number, handler in before.items():
                signal.signal(number, handler)
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]
