"""Spelling and wording: `make prose` finds what it should, and the glossary says which words are used."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROSE = ROOT / "tests" / "prose"
sys.path.insert(0, str(PROSE))

import passages  # noqa: E402
import prose  # noqa: E402

PHRASES = prose.read_phrases()
MISSPELLED = re.findall(
    r"\w+",
    "configuraton validdate overlayes recieves enviroment dimensoin occured seperate tempalte refernce "
    "sensitve determin warnning permision anihilate resovled acommodate yeild brackket consistant",
)
"""Most of them are in lists of common typos, some are in none."""
PLACES = {
    "a.py": ('"""{}"""\n', "def f():\n    # {}\n    return 1\n", 'MESSAGE = f"see {{1}}: {}"\n'),
    "a.md": ("# A page\n\n{}\n", "| a | {} |\n"),
    "a.yaml": ("a: 1 # {}\n",),
    "a.j2": ("{{# {} #}}\n",),
    "a.json": ('{{"description": "{}"}}\n',),
    "Makefile": ("a: b ## {}\n",),
}
CODE = {
    "a.py": "import os\n\n\nA = os.path.join('reslover', 'x.yml')  # noqa: PTH118\n",
    "a.md": "Run `weft vaildate --otuput x`:\n\n```console\n$ weft vaildate\n```\n\nSee [here](vaildate.md), src/vaildate.py and --vaildate.\n",
    "a.yaml": "vaildate: told\n",
    "a.json": '{"vaildate": "told"}\n',
}


@pytest.fixture(scope="module")
def spelling():
    return prose.Spelling(prose.read_vocabulary())


def found_in(path, text, spelling):
    path.write_text(text, "utf-8")
    return [
        (passage.line_at(offset), advice)
        for passage in passages.of_file(path)
        for offset, advice in [*spelling.mistakes(passage.text), *prose.wording(passage.text, PHRASES)]
    ]


@pytest.mark.parametrize("word", MISSPELLED)
def test_a_misspelled_word_is_found(spelling, word):
    assert [advice.split("`")[1] for _, advice in spelling.mistakes(f"The {word} of a file.")] == [word]


@pytest.mark.parametrize("phrase", PHRASES, ids=[phrase.example for phrase in PHRASES])
def test_an_example_of_a_phrase_to_avoid_is_found(phrase):
    assert [advice for _, advice in prose.wording(phrase.example, [phrase])]
    broken = phrase.example.replace(" ", "\n")
    assert [advice for _, advice in prose.wording(broken, [phrase])], "a sentence may go on in the next line"


@pytest.mark.parametrize(("name", "template"), [(name, text) for name, texts in PLACES.items() for text in texts])
def test_every_text_that_people_read_is_read(tmp_path, spelling, name, template):
    line = template.partition("{}")[0].count("\n") + 1
    sentence = "The reslover is told the line."
    found = found_in(tmp_path / name, template.format(sentence), spelling)
    assert sorted((at, advice.split("`")[1]) for at, advice in found) == [(line, "reslover"), (line, "told")]


@pytest.mark.parametrize("name", CODE)
def test_code_is_not_prose(tmp_path, spelling, name):
    assert found_in(tmp_path / name, CODE[name], spelling) == []


def test_an_unused_word_of_the_vocabulary_is_known(spelling, monkeypatch):
    monkeypatch.setattr(spelling, "_words", frozenset({"kubectl", "nginx"}))
    monkeypatch.setattr(spelling, "_known", {})
    monkeypatch.setattr(spelling, "_used", set())
    assert list(spelling.mistakes("Run kubectl.")) == []
    assert spelling.unused() == ["nginx"]


def test_the_vocabulary_is_sorted_and_has_no_word_of_the_dictionary(spelling, monkeypatch):
    words = prose.read_vocabulary()
    assert words == sorted(words, key=str.lower)
    monkeypatch.setattr(spelling, "_words", frozenset())
    monkeypatch.setattr(spelling, "_known", {})
    assert [word for word in words if not list(spelling.mistakes(f"See {word} there."))] == []


def test_a_file_with_a_mistake_fails_the_program(tmp_path, monkeypatch, capsys, spelling):
    monkeypatch.setattr(prose, "Spelling", lambda _: spelling)
    monkeypatch.setattr(prose, "ROOT", tmp_path)
    (tmp_path / "a.md").write_text("# A page\n\nThe secret is in clear.\n", "utf-8")
    assert prose.main([str(tmp_path / "a.md")]) == 1
    assert capsys.readouterr().out == 'a.md:3: `in clear`: write "in plain text"\n'


# --- the glossary ---

GLOSSARY = (ROOT / "docs" / "explanation" / "glossary.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in GLOSSARY.splitlines() if line.startswith("| ")
][1:]
INSTEAD = [(row[0], word) for row in ROWS for word in re.findall(r"`([^`]+)`", row[3])]
TEXTS = "\n".join(path.read_text("utf-8") for path in ROOT.glob("docs/**/*.md") if path.name != "glossary.md").lower()


@pytest.mark.parametrize("word", [row[0] for row in ROWS])
def test_a_word_of_the_glossary_is_used(word):
    assert re.search(rf"\b{re.escape(re.sub(r' [(].*[)]$', '', word))}", TEXTS)


@pytest.mark.parametrize(("word", "instead"), INSTEAD)
def test_a_word_that_the_glossary_replaces_is_a_phrase_to_avoid(word, instead):
    sentence = f"They {instead} nothing of this {instead} of the {instead}."
    assert [advice for _, advice in prose.wording(sentence, PHRASES)], f"`{instead}` is not among the phrases of {word}"
