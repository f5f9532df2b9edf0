"""The tiers themselves (conftest.py): what a test may start, what a missing program does, and what a seed repeats."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reference import ROOT
from rounds import FEW
from scratch import write_files

OF_THIS_RUN = ("PYTEST", "STARTED_BY_TESTS", "XDG_CACHE_HOME", "COV")


def pytest_run(folder, text, *options):
    """What pytest reports for a test file under the rules of this repository's tests."""
    write_files(folder, {"test_it.py": text})
    env = {name: value for name, value in os.environ.items() if not name.startswith(OF_THIS_RUN)}
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-n", "0", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-c", ROOT / "pyproject.toml", "--rootdir", folder, *options, "test_it.py"],
        cwd=folder,
        env=env | {"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


STARTS = """
    import os, subprocess, sys
    from pathlib import Path
    import pytest

    def test_git(): subprocess.run(["git", "--version"], check=True)
    def test_python(): subprocess.run([sys.executable, "-c", ""], check=True)
    def test_shell(): subprocess.run("true", shell=True, check=True)

    def test_own_script(tmp_path):
        path = tmp_path / "sleep"
        path.write_text("#!/bin/sh\\n")
        path.chmod(0o755)
        subprocess.run([path], check=True)

    def test_sleep():
        try:
            subprocess.run(["sleep", "0"], check=True)
        except BaseException:
            pass

    def test_sleep_by_a_link(tmp_path):
        (tmp_path / "mine").symlink_to("/bin/sleep")
        subprocess.run([tmp_path / "mine", "0"], check=True)

    def test_sleep_in_a_python(): subprocess.run([sys.executable, "-c", "import subprocess; subprocess.run(['sleep', '0'])"])
    def test_sleep_by_spawn(): os.waitpid(os.posix_spawn("/bin/sleep", ["sleep", "0"], {}), 0)

    @pytest.mark.programs("sleep")
    def test_sleep_as_it_should_be(): subprocess.run(["sleep", "0"], check=True)

    @pytest.mark.programs("no-such-program")
    def test_missing(): pass

    @pytest.mark.programs("sleep", "no-such-program", "nor-this-one")
    def test_missing_too(): pass
"""


def test_a_test_that_starts_another_program_fails_and_one_whose_program_is_missing_is_skipped_by_name(tmp_path):
    said = pytest_run(tmp_path, STARTS, "-m", "programs or not programs")
    assert "9 passed, 2 skipped, 4 errors" in said
    for name in ("sleep", "sleep_by_a_link", "sleep_in_a_python", "sleep_by_spawn"):
        assert f"ERROR at teardown of test_{name} _" in said
    assert "not installed: no-such-program, nor-this-one; run `make setup-tools`" in said
    assert "no-such-program: 2 tests skipped" in said
    assert "nor-this-one: 1 tests skipped" in said


ASKS_A_CLUSTER = """
    import pytest

    @pytest.mark.cluster
    def test_cluster(): pass

    @pytest.mark.cluster
    @pytest.mark.programs("no-such-program")
    def test_more(): pass

    def test_neither(): pass
"""


def test_tests_of_the_cluster_have_their_own_tier_and_are_skipped_by_name_without_it(tmp_path, monkeypatch):
    monkeypatch.setenv("WEFT_CLUSTER_BIN", str(tmp_path))  # where it is not
    assert "1 passed, 2 deselected" in pytest_run(tmp_path, ASKS_A_CLUSTER)
    said = pytest_run(tmp_path, ASKS_A_CLUSTER, "-m", "cluster")
    assert "2 skipped, 1 deselected" in said
    for program in ("kube-apiserver", "kube-controller-manager"):
        assert f"{program}: 2 tests skipped; run `make setup-cluster`" in said
    assert "no-such-program: 1 tests skipped; run `make setup-tools`" in said
    assert "run `make setup-cluster` and `make setup-tools`" in said


DRAWS = """
    from pathlib import Path
    import pytest
    from hypothesis import given, strategies as st
    from rounds import examples, share

    def note(*said):
        with Path("drawn.txt").open("a") as file:
            print(*said, file=file)

    @given(st.integers())
    def test_law(number): note("law", number)

    @examples(200)
    @given(st.integers())
    def test_greater_law(number): note("greater", number)

    @pytest.mark.soak
    @pytest.mark.parametrize("case", range(50))
    def test_case(case, chance): note("case", case, chance.random())

    @pytest.mark.soak(few=20)
    @pytest.mark.parametrize("case", range(50))
    def test_other_case(case): note("other", case)
"""


def drawn(folder, *options):
    """What is drawn: how many of each, and all of it."""
    (folder / "drawn.txt").unlink(missing_ok=True)
    said = pytest_run(folder, DRAWS, *options)
    assert " passed" in said, said
    assert "failed" not in said, said
    lines = (folder / "drawn.txt").read_text("utf-8").splitlines()
    words = [line.split()[0] for line in lines]
    return [words.count(word) for word in ("law", "greater", "case", "other")], sorted(lines)


@pytest.mark.programs("sh")  # it starts whole runs of tests
def test_a_tier_tries_its_share_of_all_examples_and_a_seed_draws_them_again(tmp_path):
    counts, _ = drawn(tmp_path)
    assert counts == [FEW, 2 * FEW, FEW // 2, 20]
    counts, soaked = drawn(tmp_path, "-m", "soak", "--rounds=50", "--hypothesis-seed=7")
    assert counts == [50, 100, 25, 25]
    assert drawn(tmp_path, "-m", "soak", "--rounds=50", "--hypothesis-seed=7") == (counts, soaked)
    assert drawn(tmp_path, "-m", "soak", "--rounds=50", "--hypothesis-seed=8")[1] != soaked
