"""The inputs of the fuzzer that `make test` and the soak try, and whether its checks notice mistakes."""

import random
from unittest import mock

import pytest
from judge import CANARY, Judge, planted
from kinds import CASES, HERE, KINDS
from mutations import Mutations

from limited import limited
from rounds import share

OWN = [(path.parent.name, path.name) for path in sorted((HERE / "corpus").glob("*/*"))]
DRAWN = 200
"""How many mutations of each kind the soak tries."""
assert len(OWN) > 10


def finds(kind, folder, texts):
    judge = Judge(kind, folder)
    return [found for found in map(judge, texts) if found]


@pytest.mark.parametrize("name", KINDS)
def test_nothing_is_found_in_the_corpus(name, tmp_path):
    """All of `corpus/`, which holds what was found once, and some files of the cases; the soak tries all of those."""
    kind = KINDS[name]
    own = [path.read_bytes() for path in sorted((HERE / "corpus" / name).iterdir())]
    others = [text for text in kind.corpus if text not in own]
    some = others[:: max(1, len(others) // max(2, share(len(others) // 2)))]
    assert limited(finds, kind, tmp_path / "shop", own + some) == []


@pytest.mark.unmeasured("the same as above, with other inputs")
@pytest.mark.soak(few=0)
@pytest.mark.parametrize("part", range(10))
@pytest.mark.parametrize("name", KINDS)
def test_nothing_is_found_in_mutations(name, part, tmp_path):
    kind = KINDS[name]
    mutations = Mutations(name, kind.corpus, random.Random(f"{name} {part}"))
    assert limited(finds, kind, tmp_path / "shop", [mutations.draw() for _ in range(DRAWN // 10)]) == []


@pytest.mark.parametrize("name", KINDS)
def test_a_seed_draws_the_same_again(name):
    first, again, other = (Mutations(name, KINDS[name].corpus, random.Random(seed)) for seed in (1, 1, 2))
    drawn = [first.draw() for _ in range(50)]
    assert drawn == [again.draw() for _ in range(50)]
    assert drawn != [other.draw() for _ in range(50)]
    assert len(set(drawn)) > 40


def found(tmp_path, text, *patches, kind="overlay"):
    with mock.patch.multiple("weft.project.target.Target", **dict(patches)) if patches else mock.MagicMock():
        finding = Judge(KINDS[kind], tmp_path / "shop")(text)
    return finding and finding.what


def test_an_exception_is_found(tmp_path):
    assert found(tmp_path, b"shop: {}", ("result", lambda _target: {}["x"])) == "crash"


def test_a_secret_in_a_report_is_found(tmp_path):
    text = f"database:\n  passwort: {CANARY}\n".encode()
    assert found(tmp_path / "covered", text) is None
    assert found(tmp_path / "shown", text, ("own", lambda _target, problem: problem)) == "leak"


def test_what_validate_accepts_and_another_command_does_not_is_found(tmp_path):
    with mock.patch("weft.cli.config.report", return_value=1):
        assert Judge(KINDS["overlay"], tmp_path / "shop")(b"shop: {}").what == "not accepted"


def test_a_canary_is_planted_in_every_password():
    assert (
        planted(b"a:\n- password: x\n  'password' : [y]")
        == f"a:\n- password: {CANARY}\n  'password' : {CANARY}]".encode()
    )
    assert planted(b"a: 1").decode() == f"a: 1\ndatabase:\n  password: {CANARY}\n"


def test_the_cases_are_among_the_seeds():
    text = (CASES / "yaml-alias-bomb" / "overlays" / "environments" / "development.yaml").read_bytes()
    assert text in KINDS["overlay"].corpus
