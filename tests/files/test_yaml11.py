"""YAML as Kubernetes and Helm read it: what Go's library (sigs.k8s.io/yaml) answered is written down here."""

import math

import pytest
import yaml

from weft.files import yaml11

READ = {
    "1_000": 1000, "1_": 1, "_1": "_1", "+1": 1, "-017": -15, "017": 15, "0o17": 15, "0O17": 15, "08": 8.0, "09e1": 90.0, "0x_1F": 31,
    "-0x1F": -31, "0b11": 3, "-0b11": -3, "0b12": "0b12", "0xfg": "0xfg", "0b" + "1" * 64: 2**64 - 1, "0b" + "1" * 65: "0b" + "1" * 65,
    "0xFFFFFFFFFFFFFFFFF": "0xFFFFFFFFFFFFFFFFF", "0777777777777777777777777": 777777777777777777777777.0,
    "9223372036854775808": 2**63, "-9223372036854775809": -9223372036854775809.0, "18446744073709551615": 2**64 - 1,
    "18446744073709551616": 18446744073709551616.0, "1e3": 1000.0, "1.e3": 1000.0, ".5e1": 5.0, "1e1_0": 1e10, "1e400": "1e400",
    "1" * 5000: "1" * 5000, "-1e400": "-1e400", "1e-400": 0.0, "1.": 1.0, ".": ".", "._1": "._1", ".5_0": ".5_0", "1__0.5": 10.5, "0x1p3": "0x1p3", "+": "+",
    "-": [None], "12:30": "12:30", "190:20:30.5": "190:20:30.5", "2001-01-01": "2001-01-01", "y": True, "off": False, "tRUE": "tRUE",
    "~": None, "nULL": "nULL", "<<": "<<", "=": "=", "+.inf": math.inf, "-.INF": -math.inf, ".iNF": ".iNF", "+.nan": "+.nan",
    "!!str 1": "1", "!!int 0o7": 7, "!!float 1": 1.0, "!!float '1'": 1.0, "!!bool 'yes'": True, "!!null ''": None, "!!binary aGk=": b"hi",
    "!!timestamp 2001-01-01": "2001-01-01", "!!timestamp 2020-1-2 10:20:30": "2020-1-2 10:20:30", "!!number [x]": ["x"], "!!number x": "x", "!other 1": "1", "!other [1]": [1], "!!set {a: }": {"a": None},
}  # fmt: skip


@pytest.mark.parametrize("text", READ)
def test_scalars_are_read_as_by_go(text):
    read, expected = yaml.load(f"k: {text}\n" if text != "-" else "k:\n- \n", Loader=yaml11.Loader)["k"], READ[text]
    assert (type(read), read) == (type(expected), expected)


@pytest.mark.parametrize(
    "text",
    ["!!int 1.5", "!!int x", "!!int __1", "!!float x", "!!float 9223372036854775808", "!!bool 1", "!!bool .inf", "!!null 0",
     "!!binary .", "!!timestamp x", "!!timestamp 2020-02-30", "!!timestamp 2020-1-2 10:99:00"],
)  # fmt: skip
def test_a_tag_that_does_not_fit_is_an_error_at_its_place(text):
    with pytest.raises(yaml.constructor.ConstructorError, match="does not have the type of its tag") as error:
        yaml.load(f"a: 1\nk: {text}\n", Loader=yaml11.Loader)
    assert (error.value.problem_mark.line, error.value.problem_mark.column) == (1, 3)


READERS = {
    "load": lambda text: yaml.load(text, yaml11.Loader),
    "load leniently": lambda text: yaml11.LenientLoader(text).get_single_data(),
    "compose": lambda text: yaml.compose(text, yaml11.Loader),
    "data": lambda text: yaml11.Documents(text).data,
    "scalars": lambda text: list(yaml11.plain_scalars(text)),
}


@pytest.mark.parametrize(
    "read", [*READERS.values(), lambda text: yaml11.Documents(text).find(0, ("a",))], ids=[*READERS, "find"]
)
def test_no_text_is_nested_deeper_than_libyaml_can_read(read):
    """It would end the process, without a message."""
    with pytest.raises(yaml.MarkedYAMLError, match="nested deeper than 100 levels"):
        read("a: " + "[" * 300 + "]" * 300)


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_aliases_that_expand_to_too_much_are_refused(read):
    levels = [f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]\n" for number in range(1, 9)]
    with pytest.raises(yaml.MarkedYAMLError, match="the aliases expand to more than"):
        read(f"a0: &a0 x\n{''.join(levels)}")
