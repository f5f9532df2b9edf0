"""A plugin of pytest for `make mutants`: which tests run which lines of some files, and how long each test takes.

`RECORDED_FILES` are the files, one a line; each process of the run writes what it recorded into the folder `RECORDED_INTO`.
What runs in other threads is not recorded.
Contexts of pytest-cov do not serve: they write to the disk three times a test, also while a test is another user.
"""

import json
import os
import threading
import time
from collections import defaultdict
from pathlib import Path

import pytest
from coverage import Coverage

COVERAGE = Coverage(data_file=None, config_file=False, include=os.environ["RECORDED_FILES"].splitlines())
SECONDS = {}


def pytest_configure():
    COVERAGE.start()
    threading.settrace(
        None
    )  # threads that start at the same moment as another trace function fail (a race of Python 3.11)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    COVERAGE.switch_context(item.nodeid)
    started = time.perf_counter()
    result = yield
    SECONDS[item.nodeid] = time.perf_counter() - started
    COVERAGE.switch_context("")
    return result


def pytest_sessionfinish():
    COVERAGE.stop()
    if not SECONDS:  # the process that hands the tests out
        return
    data = COVERAGE.get_data()
    tests = defaultdict(dict)
    for file in data.measured_files():
        for line, names in data.contexts_by_lineno(file).items():
            tests[file][line] = sorted(filter(None, names))  # the empty name is the import
    name = f"{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}.json"
    Path(os.environ["RECORDED_INTO"], name).write_text(json.dumps({"tests": tests, "seconds": SECONDS}), "utf-8")
