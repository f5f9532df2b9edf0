"""`cluster` is an API server that a worker's tests share, and that is empty when a test begins."""

import contextlib

import pytest

import cluster as real


@pytest.fixture(scope="session")
def shared_cluster():
    with contextlib.closing(real.Cluster()) as started:
        yield started.start()


@pytest.fixture
def cluster(shared_cluster):
    shared_cluster.fresh()
    yield shared_cluster
    shared_cluster.relax()
