"""What other programs read: shells and dotenv files, YAML and JSON, Java properties. The readers are the real ones."""

import io
import json
import re
import subprocess

import pytest
import yaml
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

import weft
from reference import ROOT
from rounds import examples
from weft.files import formats, yaml12

pytestmark = pytest.mark.unmeasured("laws of many examples, whose code other tests run")

ODD = {
    "plain": "postgres.data.svc:5432/app?a=b,c=%20",
    "empty": "",
    "blank": " ",
    "blanks around": "  two words  ",
    "a quote": 'say "hello"',
    "an apostrophe": "it's",
    "both quotes": """it's "here\"""",
    "many quotes": """'"'"''\"\"""",
    "a newline": "first\nsecond\n",
    "blank lines": "\n\nthird\n\n",
    "a carriage return": "a\r\nb",
    "a tab": "\ta\tb",
    "a variable": "$HOME and ${HOME} and $(id)",
    "a variable and an apostrophe": "it's $HOME",
    "a backtick": "`id`",
    "a backtick and an apostrophe": "it's `id`",
    "a lone dollar": "5$ '$' \"$\" $",
    "a backslash": "C:\\new\\table",
    "a backslash at the end": "C:\\",
    "backslashes": "\\\\ \\' \\\" \\n \\$ \\`",
    "a backslash and a newline": "a\\\nb",
    "a comment": "# no comment",
    "a comment behind": "value # no comment",
    "an equals sign": "=a=b=",
    "a bang": "!x !! !$",
    "a tilde": "~root:~",
    "globs": "* ? [a-z] {a,b}",
    "operators": "a;b|c&d<e>f(g)",
    "an export": "export A=1",
    "unicode": "\u00e4\u00f6\u00fc \u65e5\u672c\u8a9e \N{PILE OF POO} e\u0301",
    "odd characters": "\x01\x7f\x85\xa0\u2028\u2029\ufeff",
    "a dotenv reference": "${UNSET_OF_WEFT:-x}",
}
assert ODD

# a shell and an environment cannot hold NUL; half a surrogate pair is not text
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
tricky = st.text(st.sampled_from("aZ0 \t\n'\"\\$`#=!~{}()*;&|<>[]?%\u00e4\U0001f4a9"), max_size=12)
SHELLS = ["sh", *(pytest.param(name, marks=pytest.mark.programs(name)) for name in ("bash", "dash", "busybox"))]


def sourced(shell, text, names):
    """What a real shell holds in some variables after it has read `text`."""
    command = [shell, "sh"] if shell == "busybox" else [shell]
    script = text + "".join(f"printf '%s\\0' \"${name}\"\n" for name in names)
    done = subprocess.run([*command], input=script.encode(), capture_output=True, check=True, env={"HOME": "/nowhere"})
    assert done.stderr == b""
    return done.stdout.decode().split("\0")[:-1]


def numbered(values):
    return {f"V{number}": value for number, value in enumerate(values)}


# --- shells ---


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("lines", [formats.env_lines, formats.export_lines])
def test_a_shell_reads_the_texts_that_were_written(shell, lines):
    pairs = numbered(ODD.values())
    assert dict(zip(pairs, sourced(shell, lines(pairs.items()), pairs), strict=True)) == pairs


@examples(40)
@given(st.lists(texts | tricky, min_size=1, max_size=30))
def test_a_shell_reads_any_text_that_was_written(values):
    pairs = numbered(values)
    for lines in (formats.env_lines, formats.export_lines):
        assert sourced("sh", lines(pairs.items()), pairs) == values


def test_exported_variables_reach_the_programs_that_the_shell_starts():
    script = formats.export_lines([("WEFT_ODD", ODD["both quotes"])]) + "exec printenv WEFT_ODD\n"
    done = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=True)
    assert done.stdout == ODD["both quotes"] + "\n"


@pytest.mark.parametrize("name", ["", "with-dash", "tls.crt", "1ST", "A B", "A=B", "A\n", "\u00c4", "$(id)"])
@pytest.mark.parametrize("lines", [formats.env_lines, formats.export_lines])
def test_a_name_that_no_shell_has_is_refused(name, lines):
    with pytest.raises(ValueError, match="shell variable"):
        lines([(name, "x")])


@pytest.mark.parametrize("shell", SHELLS)
def test_the_rendered_environment_of_production_is_what_the_configuration_says(shell):
    target = weft.load_project(ROOT).target("production", tenant="acme")
    files = target.render()
    for name in ("app.env", "app.sh"):
        text = files[f"production/acme/{name}"]
        assert sourced(shell, text, ["DB_PORT", "APPLICATION_NAME", "ALLOWED_HEADERS"]) == [
            "5432",
            "Spotify AI Agent",
            "Content-Type,Authorization,X-Requested-With,X-CSRF-Token,X-API-Key,X-Acme-Session",
        ]
    assert dotenv_values(stream=io.StringIO(files["production/acme/app.env"])) == dotenv_values(
        stream=io.StringIO(files["production/acme/app.sh"])
    )


# --- dotenv ---

# https://github.com/motdotla/dotenv, lib/main.js
NPM_LINE = re.compile(
    r"""^\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)(\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*`(?:\\`|[^`])*`|[^#\r\n]+)?\s*(?:\#.*)?$""",
    re.MULTILINE,
)


def read_by_python(text):
    return dotenv_values(stream=io.StringIO(text, newline=None))  # as a file is read


def read_by_npm(text):
    found = {}
    for match in NPM_LINE.finditer(re.sub("\r\n?", "\n", text)):
        value = (match[2] or "").strip()
        quote = value[:1]
        value = re.sub(r"^(['\"`])([\s\S]*)\1$", r"\2", value, flags=re.MULTILINE)
        found[match[1]] = value.replace("\\n", "\n").replace("\\r", "\r") if quote == '"' else value
    return found


DOTENV = {"python-dotenv": read_by_python, "npm's dotenv": read_by_npm}


def check_readers(value):
    text = formats.env_lines([("A", value), ("B", "b")])
    for name in DOTENV.keys() - set(formats.misread_by(value)):
        assert DOTENV[name](text) == {"A": value, "B": "b"}, name


@pytest.mark.parametrize("name", ODD)
def test_the_dotenv_libraries_read_what_was_written_or_are_named(name):
    check_readers(ODD[name])


@examples(300)
@given(texts | tricky)
def test_the_dotenv_libraries_read_any_text_or_are_named(value):
    check_readers(value)


@pytest.mark.parametrize("value", ["x", "it's", 'say "x"', "a b", "$HOME", "C:\\new", "a\nb", "#"])
def test_most_texts_are_read_by_all(value):
    assert formats.misread_by(value) == []


@pytest.mark.parametrize("value", ["${x}", "it's $x", "$\\\\", "a\r\nb"])
def test_who_is_named_does_read_another_text(value):
    text = formats.env_lines([("A", value)])
    assert any(DOTENV[name](text) != {"A": value} for name in formats.misread_by(value))


# --- YAML and JSON ---

ODD_TEXTS = [
    *ODD.values(),
    *("no", "No", "off", "y", "on", "true", "null", "~", "", "012", "0o14", "0x1F", "1:30", "1_000", "1e3", ".5", ".inf"),
    *("- a", "a: b", "# a", "a #b", "&a", "*a", "!a", "%a", "@a", "`a", "{", "[", "|", ">", "?", ":", "---", "...", "<<"),
    *("2001-01-01", "\x80", "\x9f", "\u2028", "\ufeff", "\ufffe", "\uffff", "\U0010ffff", "a\x00b", "x" * 1500, "=", "{{ a }}"),
]  # fmt: skip
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from(ODD_TEXTS),
)
keys = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(ODD_TEXTS)
json_values = st.recursive(
    scalars, lambda below: st.lists(below, max_size=4) | st.dictionaries(keys, below, max_size=4), max_leaves=12
)


def same(one, other):
    """Equal as JSON, types included: 1 is neither true nor 1.0."""
    return json.dumps(one) == json.dumps(other)


@examples(200)
@given(json_values)
def test_yaml_is_read_as_it_was_written_by_a_reader_of_yaml_1_1_and_by_ours(value):
    text = formats.to_yaml(value)
    assert same(yaml.safe_load(text), value)
    assert same(yaml12.parse(text), value)


@pytest.mark.parametrize("number", [1e16, 1e-05, 1.5e300, -2e-7, 0.1, 1.0, -0.0, 12345678901234567890])
def test_a_number_stays_a_number_in_every_version_of_yaml(number):
    text = formats.to_yaml({"n": number})
    assert same(yaml.safe_load(text), {"n": number})
    assert same(yaml12.parse(text), {"n": number})


@pytest.mark.parametrize("key", ODD_TEXTS, ids=lambda key: json.dumps(key)[:20])
def test_a_key_stays_the_same_text_in_every_version_of_yaml(key):
    for value in ({key: 1}, {"a": {key: {"b": [1]}}}, [{key: [{key: None}]}]):
        text = formats.to_yaml(value)
        assert same(yaml.safe_load(text), value)
        assert same(yaml12.parse(text), value)


@given(json_values)
def test_yaml_can_be_indented_as_templates_do(value):
    text = "top:\n  " + formats.to_yaml({"value": value}).replace("\n", "\n  ")
    assert same(yaml.safe_load(text), {"top": {"value": value}})


@given(json_values)
def test_a_quoted_value_stands_on_one_line(value):
    text = formats.yaml_scalar(value)
    assert text.splitlines() == [text]


@pytest.mark.parametrize("indent", [None, 2])
@given(value=json_values)
def test_json_is_read_as_it_was_written(indent, value):
    assert json.dumps(json.loads(formats.to_json(value, indent))) == json.dumps(value)


def test_keys_keep_their_order():
    value = {"b": 1, "a": {"d": 1, "c": 2}}
    assert list(yaml.safe_load(formats.to_yaml(value))) == ["b", "a"]
    assert formats.to_json(value, None) == '{"b": 1, "a": {"d": 1, "c": 2}}'


def test_every_leaf_has_its_path():
    value = {"a": {"b": [1, {"c": None}]}, "d.e": {}, "f": []}
    assert list(formats.flatten(value)) == [("a.b[0]", 1), ("a.b[1].c", None), ('["d.e"]', {}), ("f", [])]


# --- Java properties ---

PROPERTIES = """
import java.io.*;
import java.nio.file.*;
import java.util.*;

public class Read {
    static String hex(String text) {
        StringBuilder hex = new StringBuilder("x");
        for (char unit : text.toCharArray()) hex.append(String.format("%04x", (int) unit));
        return hex.toString();
    }

    public static void main(String[] args) throws IOException {
        Properties properties = new Properties();
        try (InputStream file = Files.newInputStream(Path.of(args[0]))) { properties.load(file); }
        for (String key : properties.stringPropertyNames())
            System.out.println(hex(key) + " " + hex(properties.getProperty(key)));
    }
}
"""


def read_by_java(text, folder):
    """The properties that java.util.Properties finds in a file."""
    (folder / "Read.java").write_text(PROPERTIES, "utf-8")
    (folder / "all.properties").write_bytes(text.encode("latin-1"))
    command = ["java", "-XX:TieredStopAtLevel=1", folder / "Read.java", folder / "all.properties"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(map(unhex, line.split(" ")) for line in done.stdout.splitlines())


def unhex(word):
    return bytes.fromhex(word[1:]).decode("utf-16-be")


def read_by_the_rules(text, folder=None):
    """The same, by the description of java.util.Properties.load(Reader)."""
    found = {}
    lines = iter(re.split(r"\r\n|\r|\n", text))
    for line in lines:
        logical = line.lstrip(" \t\f")
        if logical[:1] in ("#", "!", ""):
            continue
        while len(re.search(r"\\*\Z", logical)[0]) % 2:
            logical = logical[:-1] + next(lines, "").lstrip(" \t\f")
        match = re.match(r"(?P<key>(?:\\.|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*(?P<value>.*)\Z", logical, re.DOTALL)
        found[unescaped(match["key"])] = unescaped(match["value"])
    return found


def unescaped(text):
    names = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
    plain = re.sub(
        r"\\(?:u([0-9a-fA-F]{4})|(.))",
        lambda match: chr(int(match[1], 16)) if match[1] else names.get(match[2], match[2]),
        text,
        flags=re.DOTALL,
    )
    return plain.encode("utf-16", "surrogatepass").decode("utf-16")


READERS = [read_by_the_rules, pytest.param(read_by_java, marks=pytest.mark.programs("java"))]


@pytest.mark.parametrize("read", READERS)
def test_properties_are_read_as_they_were_written(read, tmp_path):
    odd = [*ODD_TEXTS, "#a", "!a", " a", "\ta", "\fa", "a:b", "a=b", "a b", "a\\", "\\u0041", "a\\u0041"]
    pairs = {text: text for text in odd} | {f"key.{number}": text for number, text in enumerate(odd)}
    text = formats.properties_lines(pairs.items())
    assert text.isascii()
    assert read(text, tmp_path) == pairs


@given(st.dictionaries(keys, st.text(st.characters(exclude_categories=["Cs"])) | tricky))
def test_any_properties_are_read_as_they_were_written(pairs):
    assert read_by_the_rules(formats.properties_lines(pairs.items())) == pairs
