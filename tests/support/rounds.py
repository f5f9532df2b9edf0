"""How many examples a law is tried with: few in `make test`, as many as ROUNDS asks for in `make soak`.

A test says the full count, `@examples(200)`, and hypothesis's own 100 hold where it says nothing. conftest.py loads a profile
whose number of examples is the percentage of it that this run tries.
"""

from hypothesis import settings

FEW = 7
"""The percentage that `make test` tries."""


def share(full):
    """How many of so many examples this run tries, and never none."""
    return max(min(full, 3), full * settings.default.max_examples // 100)


def examples(full, **more):
    """The settings of a law that is tried with so many examples when ROUNDS is 100."""
    return settings(max_examples=share(full), **more)
