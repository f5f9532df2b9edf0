"""The results of `make peers` are those of its situations, and some of them are tried again."""

import json
import sys

import peers
import pytest
from situations import SITUATIONS
from tools import TOOLS, ApplySet, Weft

from reference import ROOT

sys.path.insert(0, str(ROOT / "docs"))

import generated

FOUND = json.loads(peers.RESULTS.read_text("utf-8"))
TRIED = {one["situation"]: one for one in FOUND["tried"]}


def test_the_results_are_those_of_all_situations_and_tools():
    written = [(one["situation"], one["title"], one["criterion"]) for one in FOUND["tried"]]
    assert written == [(one.key, one.title, one.criterion) for one in SITUATIONS], "try them again with `make peers`"
    names = [tool.name for tool in TOOLS]
    assert list(FOUND["tools"]) == names
    assert all(list(one["outcomes"]) == names for one in FOUND["tried"])


@pytest.mark.parametrize("part", [generated.peers, generated.criteria_of_peers], ids=lambda part: part.__name__)
def test_the_page_has_the_results(part):
    page = ROOT / "docs" / "explanation" / "peers.md"
    assert part().strip() in page.read_text("utf-8"), "write it again with `make reference`"


@pytest.mark.cluster
@pytest.mark.programs("kubectl")
@pytest.mark.parametrize("tool", [Weft, ApplySet], ids=lambda tool: tool.__name__)
@pytest.mark.parametrize("key", ["removed-key", "refused", "two-at-once"])
def test_a_situation_has_the_outcome_of_the_results(shared_cluster, key, tool):
    situation = next(one for one in SITUATIONS if one.key == key)
    phrase, good = peers.outcome(situation, tool, shared_cluster)
    assert {"outcome": phrase, "good": good} == TRIED[key]["outcomes"][tool.name]
