"""`cluster` is an API server that a worker's tests share, and that is empty when a test begins; `shop` a project to deploy there."""

import contextlib

import pytest

import cluster as real
from shop import Shop


@pytest.fixture(scope="session")
def shared_cluster():
    with contextlib.closing(real.Cluster()) as started:
        yield started.start()


@pytest.fixture
def cluster(shared_cluster):
    shared_cluster.fresh()
    yield shared_cluster
    shared_cluster.relax()


@pytest.fixture
def shop(cluster, tmp_path):
    return Shop(tmp_path, cluster)
