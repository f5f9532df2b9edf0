"""The tiers of the tests (CONTRIBUTING.md names them): what a test needs to run, and how many examples it tries.

`@pytest.mark.programs("promtool")` takes a test out of `make test`, and skips it where a program is missing.
`@pytest.mark.cluster` does the same for tests that ask a Kubernetes API server (tests/support/cluster.py).
`@pytest.mark.soak` on a parametrized test makes of its cases what examples are to a law: `make test` tries some of them, and at
least `few`. Laws (`@given`) are marked by themselves.
`@pytest.mark.unmeasured("why")` takes it out of what `make coverage` measures.
"""

import atexit
import contextlib
import gc
import os
import random
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import settings

import servers as real
from installed import found
from rounds import FEW, share

GUARD = Path(__file__).parent / "guard"

if "PYTEST_XDIST_WORKER" not in os.environ:  # the workers share the cache of this run, and nobody that of the user
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="weft-tests-")
    atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(GUARD), os.environ.get("PYTHONPATH"))))
    sys.path.insert(0, str(GUARD))
    sys.modules.pop("sitecustomize", None)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a hundred Pythons are started: modules are compiled once for all
    sys.dont_write_bytecode = False

STARTED = Path(os.environ["XDG_CACHE_HOME"], f"started-{os.environ.get('PYTEST_XDIST_WORKER', 'here')}")
os.environ["STARTED_BY_TESTS"] = str(STARTED)
import sitecustomize  # noqa: E402 - it begins to watch

sitecustomize.NOTES = str(STARTED)


def pytest_addoption(parser):
    parser.addoption(
        "--update-expected", action="store_true", help="rewrite tests/cases/*/expected.txt: review the changes"
    )
    parser.addoption(
        "--rounds",
        type=int,
        metavar="PERCENT",
        help="soak: this percentage of all examples, drawn by --hypothesis-seed",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    soak = config.option.rounds is not None
    if soak and config.option.hypothesis_seed is None:
        own = random.randrange(10**6)
        config.option.hypothesis_seed = getattr(config, "workerinput", {}).get("seed", own)
    percentage = config.option.rounds if soak else FEW
    settings.register_profile(
        "tier", max_examples=percentage, derandomize=not soak, database=None, deadline=None, print_blob=soak
    )
    settings.load_profile("tier")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """The processes that share the tests draw the same ones."""
    node.workerinput["seed"] = node.config.option.hypothesis_seed


def pytest_report_header(config):
    if config.option.rounds is None:
        return None
    return f"soak: ROUNDS={config.option.rounds} SEED={config.option.hypothesis_seed}"


@pytest.fixture
def servers():
    """Starts servers for a test, and ends them after it (tests/support/servers.py)."""
    with contextlib.closing(real.Servers()) as started:
        yield started


@pytest.fixture(scope="module")
def shared_servers():
    """The same for all tests of a module."""
    with contextlib.closing(real.Servers()) as started:
        yield started


@pytest.fixture
def chance(request):
    """Random numbers of a test: the same in every run of `make test`, others for every SEED of a soak."""
    return random.Random(f"{request.config.option.hypothesis_seed} {request.node.nodeid}")


# --- which tests run ---


def needed(item):
    """The programs that a test needs, by their names."""
    named = [name for marker in item.iter_markers("programs") for name in marker.args]
    return [*named, *(real.OF_A_CLUSTER if item.get_closest_marker("cluster") else ())]


def bringer(program):
    """The command that installs a program."""
    return "make setup-cluster" if program in real.OF_A_CLUSTER else "make setup-tools"


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config, items):
    """Mark what the markers imply, let pytest choose by `-m`, and take the share of this run of what is left."""
    for item in items:
        item.user_properties += [("missing", name) for name in needed(item) if not found(name)]
        missing = [name for _, name in item.user_properties]
        if missing:
            how = " and ".join(sorted({f"`{bringer(name)}`" for name in missing}))
            item.add_marker(pytest.mark.skip(f"not installed: {', '.join(missing)}; run {how}"))
        if getattr(item.obj, "is_hypothesis_test", False) and not item.get_closest_marker("soak"):
            item.add_marker(pytest.mark.soak(few=sys.maxsize))
    yield
    families = defaultdict(list)
    for item in items:
        if item.get_closest_marker("soak"):
            families[item.nodeid.partition("[")[0]].append(item)
    kept = {item for family in families.values() for item in chosen(family, config)}
    left_out = {item for family in families.values() for item in family if item not in kept}
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish():
    """What was collected stays to the end: the garbage collector need not look at it again and again, nor so often."""
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)


def chosen(family, config):
    """The cases of a parametrized test that this run tries: spread evenly, or drawn by the seed of a soak."""
    few = family[0].get_closest_marker("soak").kwargs.get("few", 0)
    number = min(max(share(len(family)), few), len(family))
    if config.option.rounds is None:
        return [family[index * len(family) // number] for index in range(number)]
    return random.Random(f"{config.option.hypothesis_seed} {family[0].nodeid}").sample(family, number)


def pytest_terminal_summary(terminalreporter):
    skipped = terminalreporter.stats.get("skipped", ())
    missing = Counter(name for report in skipped for key, name in report.user_properties if key == "missing")
    if missing:
        terminalreporter.section("PROGRAMS THAT ARE NOT INSTALLED", sep="!", red=True, bold=True)
        for name, tests in sorted(missing.items()):
            terminalreporter.line(f"{name}: {tests} tests skipped; run `{bringer(name)}`", red=True)


# --- which programs they start ---


@pytest.hookimpl(tryfirst=True)
def pytest_collection():
    """Forget what plugins of pytest started, coverage for one; importing the tests belongs to them."""
    STARTED.unlink(missing_ok=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item):
    """Fail a test of `make test` that started a program, itself or in a Python that it started (guard/sitecustomize.py)."""
    yield
    started = STARTED.read_text("utf-8").split("\n")[:-1] if STARTED.exists() else []
    STARTED.unlink(missing_ok=True)
    if started and not needed(item):
        pytest.fail(
            f"this test starts {', '.join(sorted(set(started)))}: mark it `programs`, with the names", pytrace=False
        )
