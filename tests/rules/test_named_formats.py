"""The named formats of Kubernetes: what each takes, at the edges of each."""

import pytest

from weft.rules.named_formats import FORMATS, named, validate

LABELS = {"good": ["a", "0", "a-b", "a" * 63], "bad": ["", "-a", "a-", "A", "a.b", "a_b", "a\n", "é"]}
TAKEN = {
    "dns1123Label": LABELS,
    "dns1123LabelPrefix": {"good": ["a", "a-", "a--", "a" * 62 + "-"], "bad": ["-", "-a", "A-", "a" * 63 + "-"]},
    "dns1123Subdomain": {"good": ["a", "a.b", "0.0", "a" * 253], "bad": ["", ".a", "a.", "a..b", "a.-b", "A.b"]},
    "dns1123SubdomainPrefix": {"good": ["a.b", "a.b-"], "bad": ["a.", "-a"]},
    "dns1035Label": {"good": ["a", "a-0", "a" * 63], "bad": ["", "0a", "a-", "A"]},
    "dns1035LabelPrefix": {"good": ["a", "a-"], "bad": ["0-", "-"]},
    "qualifiedName": {
        "good": ["a", "A.b_c-d", "a.b/Name", "a/0", "a" * 63, "x/" + "a" * 63],
        "bad": ["", "-a", "a-", "/a", "a/", "a/b/c", "A/b", "a..b/c", "a/-b"],
    },
    "labelValue": {"good": ["", "a", "A.b_c-d", "a" * 63], "bad": ["-a", "a-", "a/b"]},
    "uri": {"good": ["https://a.example/b", "/a"], "bad": ["a", ""]},
    "uuid": {
        "good": ["123e4567-e89b-12d3-a456-426614174000", "123E4567E89B12D3A456426614174000"],
        "bad": ["", "123e4567-e89b-12d3-a456-42661417400", "g23e4567-e89b-12d3-a456-426614174000"],
    },
    "byte": {"good": ["", "YWI="], "bad": ["YWI", "%%%%"]},
    "date": {"good": ["2026-01-31"], "bad": ["2026-02-31", "31.1.2026", "20260131", "2026-W01-1", ""]},
    "datetime": {
        "good": ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00+02:00"],
        "bad": ["2026-01-31T25:00:00Z", "20260131T120000Z", ""],
    },
}
LONGEST = {"dns1123Label": 63, "dns1123Subdomain": 253, "dns1035Label": 63, "labelValue": 63}


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_takes_these_texts_and_refuses_those(name):
    assert {text: len(validate(name, text)) for text in TAKEN[name]["good"]} == dict.fromkeys(TAKEN[name]["good"], 0)
    assert {text: len(validate(name, text)) for text in TAKEN[name]["bad"]} == dict.fromkeys(TAKEN[name]["bad"], 1)


@pytest.mark.parametrize("name", LONGEST)
def test_a_text_that_is_too_long_is_wrong_for_that_alone(name):
    longest = LONGEST[name]
    assert validate(name, "a" * longest) == []
    assert validate(name, "a" * (longest + 1)) == [f"must be no more than {longest} characters"]
    assert len(validate(name, "-" * (longest + 1))) == 2
    assert validate("qualifiedName", "a" * 254 + "/b") == ["must be no more than 253 characters"]


def test_a_format_is_known_by_its_name():
    assert [named(name) for name in FORMATS] == list(FORMATS)
    assert named("nothing") == ""
