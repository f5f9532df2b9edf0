"""What is known of a shape of manifests answers as the full check does, whatever is changed in a manifest."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rounds import examples
from weft.checks import kubernetes
from weft.checks.kubernetes.shapes import Shapes

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
QUOTED = ['"80"', '"v1"', "'80'", '"a b"', "'it''s'", '"it\\"s"', '"\\x41"', '"\\q"', '"\\ud800"', '"\\u0041"', '"\\0"']
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
    notes = []
    return list(kubernetes.complaints(text, namespace, notes.append)), notes


def full_answer(text, namespace=None):
    found = kubernetes._as_a_whole(text, namespace)
    return found.problems, found.notes


@given(st.data(), st.sampled_from(MANIFESTS), st.sampled_from([None, "music"]))
@examples(4000)
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
