"""An agent as a process: the main thread hears signals, and another one does the work."""

from __future__ import annotations

import signal
import threading
from queue import SimpleQueue
from typing import Final

from weft.agent.agent import Agent

_ENDING: Final = ("SIGTERM", "SIGINT", "SIGQUIT")
_OTHERS: Final = ("SIGHUP", "SIGUSR1", "SIGUSR2")


def run(agent: Agent, *, supervises: bool) -> int:
    """Run an agent, and hand it the signals of this process. Returns the exit code; raises what the agent raises.

    SIGUSR1 and SIGUSR2 are left as they are unless there is a program to pass them on to.
    """
    events: SimpleQueue[int | None] = SimpleQueue()
    ends = {getattr(signal, name) for name in _ENDING}
    heard = [*ends, *(getattr(signal, name) for name in (_OTHERS if supervises else _OTHERS[:1]))]
    before = {number: signal.signal(number, lambda found, _: events.put(found)) for number in heard}
    outcome: list[int | BaseException] = []

    def work() -> None:
        try:
            outcome.append(agent.run())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the main thread
            outcome.append(error)
        finally:
            events.put(None)

    thread = threading.Thread(target=work, name="weft-agent", daemon=True)
    thread.start()
    try:
        while (number := events.get()) is not None:
            agent.signal(number, ends=number in ends)
        thread.join()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]
