"""A known shape of manifests answers as the full check does, whatever is changed in a manifest."""

import contextlib
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rounds import examples
from weft import checks
from weft.checks import kubernetes
from weft.checks.kubernetes import schemas
from weft.checks.kubernetes.noted import Noted, as_data, from_data
from weft.checks.kubernetes.shapes import Shapes
from weft.files import yaml11
from weft.files.lines import lines_of
from weft.stages.render.finished import Rendered

MAPS = """\
# Made from a template: "do not edit".
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: acme-application
  namespace: music
  labels:
    app.kubernetes.io/name: application
    app.kubernetes.io/instance: "acme"
    "example.com/team": 'platform'
  annotations:
    example.com/note: "made by: a tool"
data:
  # what is read at the start
  SIZE: "332"
  MODE: fast
  HOST: 'jade-54.svc'
  NOTE: "a \\"b\\" \\u00e9 \\\\ c: d # e"
  EMPTY: ""
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: acme-database
  namespace: music
data:
  SIZE: "445"
"""

FILES = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: "files"
data:
  app.yaml: |
    a: "b"
    c: word

    # no comment: "x"
      - deeper
  run.sh: |-
    echo "$HOME" && exit
  LAST: "1"
binaryData:
  icon: "AAEC"
"""

SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: "credentials"
type: Opaque
stringData:
  PASSWORD: "ref+env://PASSWORD"
  USER: 'app'
"""

ENCODED = """\
apiVersion: v1
kind: Secret
metadata:
  name: "encoded"
data:
  PASSWORD: "MTIz"
"""

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: "acme"
  namespace: "music"
  labels: {app: "acme"}
spec:
  replicas: 2
  selector:
    matchLabels:
      app: "acme"
  template:
    metadata:
      labels:
        app: "acme"
    spec:
      containers:
        - name: "app"
          image: "registry/app:1.2"
          ports:
            - containerPort: 8080
          resources: {limits: {memory: "1Gi", cpu: "500m"}}
---
apiVersion: v1
kind: Service
metadata:
  name: acme
  namespace: music
spec:
  type: ClusterIP
  selector:
    app: "acme"
  ports:
    - {name: "http", port: 80, targetPort: "http"}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: "system:Acme"
rules:
  - apiGroups: [""]
    resources: ["configmaps"]
    verbs: ["get"]
"""

LIST = """\
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ConfigMap
    metadata:
      name: "a"
    data:
      A: "1"
"""

ANCHORS = """\
apiVersion: v1
kind: ConfigMap
metadata: &m
  name: "anchors"
  labels: &l
    a: "x"
  annotations: *l
data:
  A: &a "1"
  B: *a
"""

OTHERS = """\
apiVersion: v1
kind: Namespace
metadata:
  name: music
---
apiVersion: v1
kind: ConfigMap
metadata:
  generateName: "app-"
data:
  A: "1"
---
apiVersion: example.com/v1
kind: Shop
metadata:
  name: "shop"
  labels:
    a: "b"
"""

MANIFESTS = [MAPS, FILES, SECRET, ENCODED, WEB, LIST, ANCHORS, OTHERS]
NAMES = ["acme-two", "A", "a.b", "1a", "a" * 63, "a" * 64, "a" * 253, "a" * 254, "a_b", "Music", "music", "", "None"]
WORDS = ["y", "n", "yes", "No", "on", "OFF", "true", "FALSE", "null", "Null", "NULL", "~", "<<", "=", "nul", "Yess"]
NUMBERS = ["0", "-1", "012", "0x1F", "1_000", "1e3", ".5", ".inf", ".NaN", "2001-01-01", "1:30", "80", "v1"]
QUOTED = [
    '"80"',
    '"v1"',
    "'80'",
    '"a b"',
    "'it''s'",
    "'a' 'b'",
    "'a' b'",
    '"it\\"s"',
    '"\\x41"',
    '"\\q"',
    '"\\ud800"',
    '"\\u0041"',
    '"\\0"',
]
QUOTED += ['"a\\\n  b"', '"a\n  b"', "'a\n  b'", '"a', "'a", 'a"', 'a "b"', '"a" b', '"a" # c', '"a": b', "'a\\'", '""']
QUOTED += [
    '"a\tb"',
    '"\x85"',
    '"\u2028"',
    '"\ufeff"',
    '"\x7f"',
    '"\ue000"',
    '"\U0001f3b5"',
    '"é"',
    '"\xa0"',
    '"\ufffe"',
]
QUOTED += [f'"{"x" * 64}"', f'"{"é" * 32}"', f'"{"a" * 1030}"']
ODD = [
    "a: b",
    "a #b",
    "a#b",
    "- a",
    "? a",
    "[a]",
    "{a: b}",
    "{a: 'b'}",
    "&x a",
    "*x",
    "*l",
    "!!str 1",
    "!!int 1",
    "!x a",
]
ODD += [
    "|",
    ">",
    "|\n    a",
    "|\n    a: 'b'\n\n    c",
    "|-\n    a\n   b",
    "|\n  a",
    "|\n     a\n    b",
    "|+\n    a\n\n",
    ">\n    a",
]
ODD += [
    "|\n    \n    a",
    "|\n    a\n    \tb",
    "|\n    a\n  \n    b",
    "|2\n    a",
    "|\n    \ta",
    "|\n    a\tb\n    \tc\n    \t",
    "%a",
    "@a",
    "`a",
    "a/b.c_d-e",
    "a,b",
    "é",
    "a\\n",
]
VALUES = [*NAMES, *(f'"{name}"' for name in NAMES), *WORDS, *NUMBERS, *QUOTED, *ODD]
HARMLESS = [
    *NAMES[:7],
    *QUOTED[:4],
    "word",
    '"word"',
    "'word'",
    '"1"',
    "a/b.c_d-e",
    '|\n    a: "b"\n\n      c',
    "|-\n    a",
]
HOSTILE = "\0\t\r\n\x01\x07\x1b\x7f\x85\xa0\u2028\ufeff\\\"'&*!|>%@`#:-?{}[], ~aé\U0001f3b5"
LINES = [
    "---",
    "--- # x",
    "--- {}",
    "...",
    "%YAML 1.1",
    "# c",
    "",
    "  ",
    "\t",
    "\t# c",
    '  # c: "x"',
    "metadata: {}",
    "<<: {data: {A: '1'}}",
]
LINES += [
    "    deeper",
    "  more: 1",
    "data:",
    "  A: yes",
    "immutable: true",
    "spec: 5",
    "---\n---",
    "kind: List",
    "kind: Secret",
]


@st.composite
def changed(draw, text):
    """A text with a few changes, most of them of values."""
    for _ in range(draw(st.sampled_from([1, 1, 1, 1, 2, 3]))):
        text = draw(st.sampled_from(CHANGES))(draw, text)
    return text


def with_a_value(draw, text):
    found = list(re.finditer(r": (.+)", text))
    if not found:
        return text
    match = draw(st.sampled_from(found))
    value = draw(
        st.sampled_from(VALUES) | st.sampled_from(HARMLESS) | st.text(max_size=4).map(lambda any_text: f'"{any_text}"')
    )
    return text[: match.start(1)] + value + text[match.end(1) :]


def with_quotes(draw, text):
    found = list(re.finditer(r": [\"']?([^\"'\n]*)[\"']?(?=\n)", text))
    if not found:
        return text
    match = draw(st.sampled_from(found))
    sign = draw(st.sampled_from(["", "'", '"']))
    return f"{text[: match.start()]}: {sign}{match[1]}{sign}{text[match.end() :]}"


def with_a_character(draw, text):
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.sampled_from(HOSTILE)) + text[at + draw(st.integers(0, 1)) :]


def with_other_lines(draw, text):
    lines = text.split("\n")
    at = draw(st.integers(0, len(lines) - 1))
    line = lines[at]
    new = draw(
        st.sampled_from(
            [[], [line, line], [f" {line}"], [f"  {line}"], [line[1:]], [line[2:]], [f"- {line}"], [line, "", line]]
        )
        | st.sampled_from(LINES).map(lambda other: [line, other])
        | st.sampled_from(LINES).map(lambda other: [other])
    )
    return "\n".join((*lines[:at], *new, *lines[at + 1 :]))


def with_another_key(draw, text):
    found = list(re.finditer(r"(?m)^ *(?:- )?([^\s:#]+):", text))
    if not found:
        return text
    match = draw(st.sampled_from(found))
    keys = [other[1] for other in found]
    key = draw(
        st.sampled_from([*keys, "a b", "y", "1", '"q"', "a/b", "?", "<<", "data", "labels", "stringData", "k" * 254])
    )
    return text[: match.start(1)] + key + text[match.end(1) :]


def with_a_document(draw, text):
    parts = text.split("---\n")
    other = draw(st.sampled_from([*parts, *MANIFESTS]))
    at = draw(st.integers(0, len(parts)))
    return "---\n".join((*parts[:at], other, *parts[at:]))


CHANGES = [with_a_value] * 8 + [
    with_quotes,
    with_quotes,
    with_a_character,
    with_other_lines,
    with_another_key,
    with_a_document,
]


@contextlib.contextmanager
def shapes(**options):
    """What knows nothing yet, in place of what this process knows."""
    known, kubernetes._SHAPES = kubernetes._SHAPES, Shapes(**options)
    try:
        yield kubernetes._SHAPES
    finally:
        kubernetes._SHAPES = known


def answer(text, namespace=None):
    """The answer of the check about a text that comes again, as a shape is remembered when it does."""
    first, again = [], []
    problems = list(kubernetes.complaints(text, namespace, first.append))
    assert (list(kubernetes.complaints(text, namespace, again.append)), again) == (problems, first)
    return problems, first


def full_answer(text, namespace=None):
    found = kubernetes._as_a_whole(text, namespace)
    return found.problems, found.notes


@given(st.data(), st.sampled_from(MANIFESTS), st.sampled_from([None, "music"]))
@examples(1500)
def test_a_known_shape_answers_as_the_full_check(data, manifest, namespace):
    one = data.draw(changed(manifest))
    texts = [manifest, one, data.draw(changed(manifest)), data.draw(changed(one)), data.draw(changed(one)), manifest]
    with shapes():
        for text in texts if data.draw(st.booleans()) else texts[1:]:
            assert answer(text, namespace) == full_answer(text, namespace)


def places():
    """Each place of a value in the manifests: the manifest, and the spans of its values."""
    return [(text, match.span(1)) for text in MANIFESTS for match in re.finditer(r": (.+)", text)]


@pytest.mark.soak(few=6)
@pytest.mark.parametrize("case", range(len(places())))
def test_anything_in_place_of_a_value_is_answered_as_by_the_full_check(case):
    text, (start, end) = places()[case]
    texts = [text, *(text[:start] + value + text[end:] for value in VALUES)]
    answers = [full_answer(one) for one in texts]
    with shapes():
        assert [answer(one) for one in texts] == answers
        assert [answer(one) for one in reversed(texts)] == answers[::-1]


# --- what could be wrong although the shape is known ---

A_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  A: x\n  B: z\n"
A_ROLE = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: a\n"
A_BLOCK = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  A: |\n    x\n  B: z\n"
DEEP_BLOCK = A_BLOCK.replace("  A:", "    A:").replace("  B:", "    B:").replace("    x", "     x")
WITH_TABS = A_MAP.replace("A: x\n", 'A: "x"\n\t\n')
ALIASED = 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData: &d\n  A: "QUFB"\ndata: *d\n'
BIG = "é" * 600_000
MIB = 1024 * 1024
PAIRS = {
    "two objects of one name": (A_MAP, f"{A_MAP}---\n{A_MAP}"),
    "another first line": (A_MAP, f"---\n---\n{A_MAP}"),
    "the end of a document": (A_MAP, f"{A_MAP}...\n---\n{A_MAP}"),
    "a directive": (A_MAP, f"%YAML 1.1\n---\n{A_MAP}"),
    "a byte order mark that begins another document": ("\ufeff" + A_MAP, f"{A_MAP}---\n\ufeff{A_MAP}"),
    "a comment with a character that is not YAML": (A_MAP, f"# \x01\n---\n{A_MAP}"),
    "the mark of a value": (A_MAP, A_MAP.replace(": x", "\0")),
    "a plain word before a tab": (WITH_TABS, WITH_TABS.replace('"x"', "x")),
    "a long value": (A_MAP, A_MAP.replace("x", "x" * MIB)),
    "a value of few characters and many bytes": (A_MAP, A_MAP.replace("x", f'"{BIG}"')),
    "an escape in a free name": (A_ROLE, A_ROLE.replace(": a", ': "a\\nb"')),
    "a value that goes on": (A_MAP, A_MAP.replace("x\n", "x\n    z\n")),
    "a block that ends early": (A_BLOCK, A_BLOCK.replace("    x\n", "    x\n   z\n")),
    "a block that is no deeper than its key": (DEEP_BLOCK, DEEP_BLOCK.replace("     x", "    x")),
    "a word of YAML 1.1": (A_MAP, A_MAP.replace(": x", ": yes")),
    "a plain word with a colon": (A_MAP, A_MAP.replace(": x", ": x: y")),
    "a number": (A_MAP, A_MAP.replace(": x", ": 80")),
    "quotes that an escape keeps open": (A_MAP, A_MAP.replace(": x", ': "x\\"')),
    "an escape that YAML has not": (A_MAP, A_MAP.replace(": x", ': "\\q"')),
    "half of a pair of surrogates": (A_MAP, A_MAP.replace(": x", ': "\\ud800"')),
    "two texts in quotes": (A_MAP, A_MAP.replace(": x", ": 'x' 'y'")),
    "quotes in quotes": (A_MAP, A_MAP.replace(": x", ': "x" "y"')),
    "a block that begins with a blank": (A_BLOCK, A_BLOCK.replace("    x", "     x\n    y")),
    "a flow mapping": (
        A_MAP.replace("\n  A: x\n  B: z", " {\n  A: x\n  }"),
        A_MAP.replace("\n  A: x\n  B: z", " {\n  A: yes\n  }"),
    ),
    "a value that an alias repeats": (ALIASED, ALIASED.replace("QUFB", "no base64")),
    "the kind": (A_MAP, A_MAP.replace("ConfigMap", "Secret")),
}


@pytest.mark.parametrize("name", PAIRS)
def test_what_a_known_shape_does_not_allow_is_found(name):
    known, text = PAIRS[name]
    with shapes():
        answer(known)
        assert answer(text) == full_answer(text)
        assert answer(known) == full_answer(known)


def test_an_object_elsewhere_is_found_in_a_known_shape():
    with shapes():
        assert answer(MAPS, "music") == full_answer(MAPS, "music")
        assert [problem.code for problem in answer(MAPS, "other")[0]] == ["other-namespace", "other-namespace"]


def test_the_schemas_ask_of_free_values_only_that_they_are_texts():
    definitions = json.loads(schemas._folder().joinpath("_definitions.json").read_text("utf-8"))["$defs"]

    def asked(definition, field):
        properties = definitions[f"io.k8s.{definition}"]["properties"]
        return {key: value for key, value in properties[field].items() if key != "description"}

    meta = "apimachinery.pkg.apis.meta.v1.ObjectMeta"
    texts = {"type": ["string", "null"]}
    assert asked(meta, "name") == asked(meta, "namespace") == texts
    entries = {"type": ["object", "null"], "additionalProperties": texts}
    assert asked(meta, "labels") == asked("api.core.v1.ConfigMap", "data") == entries
    assert asked("api.core.v1.Secret", "stringData") == entries


# --- what it is for ---


@pytest.fixture
def parsed(monkeypatch):
    """The texts that the full check parses."""
    texts = []

    class Documents(yaml11.Documents):
        def __init__(self, text):
            texts.append(text)
            super().__init__(text)

    monkeypatch.setattr(yaml11, "Documents", Documents)
    return texts


OTHERS_OF_A_SHAPE = {
    "names, labels and data": (
        MAPS,
        MAPS.replace("acme", "tin-pan").replace("445", "no \\\\ \\u00fc: #").replace("fast", "slow"),
    ),
    "quotes": (MAPS, MAPS.replace('"332"', "'yes'").replace("acme-application", '"b"')),
    "blocks": (
        FILES,
        FILES.replace("- deeper", '{"b": "c"}\n\n    &x *y "\\').replace('"1"', '"2"').replace("echo", "cat\t"),
    ),
    "texts of a Secret": (SECRET, SECRET.replace("env://PASSWORD", "file://x").replace("'app'", '"it\'s"')),
    "the name of a Deployment": (WEB, WEB.replace('name: "acme"', 'name: "b"', 1)),
    "more documents": (MAPS, f"{MAPS}---\n" + MAPS.partition("---\n")[2].replace("acme", "b")),
    "fewer documents": (MAPS, MAPS.rpartition("---\n")[2]),
}


@pytest.mark.parametrize("name", OTHERS_OF_A_SHAPE)
def test_another_manifest_of_a_known_shape_is_not_parsed(name, parsed):
    known, other = OTHERS_OF_A_SHAPE[name]
    assert known != other
    with shapes():
        assert answer(known)[0] == []
        parsed.clear()
        problems, notes = answer(other)
        assert (parsed, problems) == ([], [])
        assert notes == full_answer(other)[1]


def test_only_the_documents_of_an_unknown_shape_are_parsed(parsed):
    with shapes():
        answer(MAPS)
        parsed.clear()
        text = f"{MAPS}---\n{ENCODED}"
        assert answer(text) == ([], full_answer(text)[1])
        assert parsed[0] == ENCODED


def test_a_document_of_very_many_values_is_answered_as_by_the_full_check():
    text = A_MAP + "".join(f'  K{number}: "{number}"\n' for number in range(3000))
    with shapes():
        for one in (text, text.replace('"7"', '"8"'), text.replace('"2999"', "2999"), text.replace('"7"', "7")):
            assert answer(one) == full_answer(one)


def test_nothing_secret_is_kept():
    with shapes() as known:
        for text in (SECRET, ENCODED, SECRET.replace("stringData:\n", "stringData: {A: hunter2}\n#")):
            answer(text)
        kept = repr(known._shapes)
    assert "credentials" in kept
    assert not any(secret in kept for secret in ('PASSWORD"', "MTIz", "hunter2"))


def test_what_is_kept_has_a_limit():
    with shapes(budget=20_000) as known:
        for number in range(200):
            answer(A_MAP.replace("A:", f"A{number}:"))
            assert sum(map(len, known._shapes)) <= 20_000
        answer(A_MAP)


def test_threads_share_what_is_known():
    texts = [MAPS.replace("acme", f"t{number % 50}").replace("SIZE", f"S{number % 7}") for number in range(400)]
    with shapes(budget=10_000), ThreadPoolExecutor(4) as pool:
        assert list(pool.map(answer, texts)) == [full_answer(text) for text in texts]


@given(
    st.lists(
        st.builds(
            Noted,
            st.sampled_from(("v1", "apps/v1")),
            st.sampled_from(("ConfigMap", "Secret")),
            st.sampled_from("abc"),
            st.sampled_from((None, "shop")),
            st.integers(0, 3),
            st.sampled_from(((), ("items", 0), ("items", 1))),
        ),
        max_size=6,
    )
)
def test_what_is_noted_of_objects_is_plain_data(objects):
    entries = json.loads(json.dumps(as_data(objects)))
    assert [from_data(entry, number) for entry in entries for number in range(len(entry[5]))] == objects


def test_documents_of_one_kind_share_an_entry():
    objects = [Noted("v1", "ConfigMap", name, None, number, ()) for number, name in enumerate("abc")]
    assert as_data(objects) == [["v1", "ConfigMap", None, [], 0, ["a", "b", "c"]]]


# --- outputs of many objects ---


def told(outputs):
    """The problems of these outputs, each alone and together."""
    headers = [output.header for output in outputs]
    return checks.run(headers, checks.ask(outputs), checks.texts_of(outputs), ask_programs=False).problems


def test_places_are_looked_up_in_one_tree(parsed):
    text = "".join(f"---\n{A_MAP}".replace("name: a", f"name: a{number}") for number in range(20))
    outputs = [Rendered(path, "t", "t.j2", 0, ("kubernetes",), text=text) for path in ("a.yaml", "b.yaml")]
    with shapes():
        problems = told(outputs)
    assert [problem.code for problem in problems] == ["object-twice"] * 20
    assert [problem.place.line for problem in problems] == [5 + 8 * number for number in range(20)]
    assert parsed.count(text) == 1


def test_the_lines_of_an_output_are_counted_once_for_all_its_problems(monkeypatch):
    split = []
    monkeypatch.setattr(checks, "lines_of", lambda text: split.append(text) or lines_of(text))
    text = "".join(f"---\n{A_MAP}".replace("name: a", f"name: A{number}") for number in range(20))
    with shapes():
        problems = told([Rendered("a.yaml", "t", "t.j2", 0, ("kubernetes",), text=text)])
    assert [problem.place.text for problem in problems] == [f"  name: A{number}" for number in range(20)]
    assert len(split) == 1
