"""`world` is a mounted bundle, and what a program has besides it."""

import pytest

from world import World


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()
