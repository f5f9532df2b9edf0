"""Notes every program that is started and that `make test` does without, here and in every Python that is started from here.

tests/conftest.py imports this module and puts its folder on PYTHONPATH, where each Python looks for a module of this name.
"""

import os
import sys

PLAIN = {"git", "make", "sh", "weft"}
"""What `make test` may start besides Python and besides scripts that a test wrote into its temporary folder."""
NOTES = os.environ.get("STARTED_BY_TESTS")
NAMED_BY = {"subprocess.Popen": 0, "os.exec": 0, "os.posix_spawn": 0, "os.spawn": 1, "os.system": 0}
"""Which argument of an audit event names the program."""


def belongs_to_every_tier(program, environment):
    """Whether a program may be started by any test."""
    if os.sep not in program:
        import shutil  # not above: every Python that a test starts imports this module

        program = shutil.which(program, path=(environment or os.environ).get("PATH"))
        if program is None:
            return True  # nothing is started
    place = os.path.realpath(program)
    scratch = os.path.realpath(f"{NOTES}/../..")
    written = place.startswith(f"{scratch}/") and not place.startswith(f"{os.path.realpath(sys.prefix)}/")
    return written or place == os.path.realpath(sys.executable) or program.rpartition("/")[2] in PLAIN


def note(event, arguments):
    """The audit hook: Python calls it before anything is started, and nobody can take it away again."""
    if event in NAMED_BY:
        program = os.fsdecode(arguments[NAMED_BY[event]])
        environment = arguments[3] if event == "subprocess.Popen" else None
        if not belongs_to_every_tier(program, environment):
            notes = os.open(NOTES, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(notes, f"{program}\n".encode())
            os.close(notes)


if NOTES:
    sys.addaudithook(note)
