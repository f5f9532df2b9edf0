"""The shortest input that is found to give the same find: lines are left out first, then pieces, in halves, quarters and so on."""

import re
import shutil
import time

from children import Child, limit_memory
from judge import Judge

SECONDS = 60
"""How long a find is made shorter."""


def shrunk(kind, finding, text, folder):
    """A shorter input with the same find; other files in `folder` are removed again."""
    ends = time.monotonic() + SECONDS
    scratch = folder / "scratch"

    def is_same(shorter):
        return _judged(kind, shorter, scratch) == (finding.what, finding.where)

    for pattern in (rb"[^\n]*\n|[^\n]+", rb"\s+|\w+|.", rb"(?s)."):
        parts = re.findall(pattern, text, re.DOTALL)
        text = b"".join(_without(parts, is_same, ends))
    shutil.rmtree(scratch, ignore_errors=True)
    return text


def _without(parts, is_same, ends):
    """The parts that are needed: ever smaller runs of them are left out, while there is time."""
    run = max(1, len(parts) // 2)
    while parts:
        start = 0
        while start < len(parts) and time.monotonic() < ends:
            fewer = parts[:start] + parts[start + run :]
            if is_same(b"".join(fewer)):
                parts = fewer
            else:
                start += run
        if run == 1:
            break
        run //= 2
    return parts


def _judged(kind, text, scratch):
    """What is found in an input by a process of its own, as (what, where)."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    child = Child(_judge, kind, text, scratch / "project", stack=scratch / "stack")
    try:
        return child.pipe.recv()
    except EOFError:
        finding = child.death()
        return finding.what, finding.where
    finally:
        child.end()


def _judge(pipe, kind, text, folder):
    judge = Judge(kind, folder, thorough=True)
    limit_memory()
    finding = judge(text)
    pipe.send((finding.what, finding.where) if finding else None)
