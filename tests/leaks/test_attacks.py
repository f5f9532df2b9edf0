"""No template of an ordinary output makes a text of a secret, or of anything derived from it.

Every attack of `templates.yaml` is tried on secrets in different kinds of places. What is refused by the secret itself
names it; Jinja's sandbox and plain errors of types refuse the rest, and their words tell nothing either.
"""

from pathlib import Path

import pytest
import yaml
from test_places import shown

import weft
from rounds import share
from scratch import make_project

pytestmark = pytest.mark.unmeasured("whole renders, whose code other tests run")

ATTACKS = yaml.safe_load(Path(__file__).with_name("templates.yaml").read_text("utf-8"))
assert len(ATTACKS) >= 180
SECRET = {"type": "string", "x-sensitive": True, "x-env": "APP_SECRET"}
REFERENCE = "ref+env://KX9VQ7JZ2LMW4T"
APP = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "default": "demo"},
        "secret": SECRET,
        "keys": {"type": "array", "items": SECRET},
        "tokens": {"type": "object", "additionalProperties": SECRET},
        "vault": {
            "type": "object",
            "x-sensitive": True,
            "properties": {"deep": {"properties": {"word": {"type": "integer"}}}},
        },
        "list": {"$ref": "#/$defs/list", "x-sensitive": True},
        "either": {"anyOf": [SECRET, {"type": "integer"}]},
    },
}
SCHEMA = {"properties": {"app": APP}, "$defs": {"list": {"type": "array", "items": {"type": "string"}}}}
PLACES = {
    "app.secret": {"secret": REFERENCE},
    "app['keys'][0]": {"keys": [REFERENCE]},
    "app.tokens.github": {"tokens": {"github": REFERENCE}},
    "app.vault.deep.word": {"vault": {"deep": {"word": REFERENCE}}},
    "app.list[0]": {"list": [REFERENCE]},
    "app.either": {"either": REFERENCE},
}
OTHERWISE = ("template-unsafe", "template-failed", "undefined")
"""What a template is refused for that does not even reach the secret."""
REACHED = 0.9


def refusal(folder, attack, place="app.secret", **output):
    """The problems for which a template is refused that attacks the secret at a place."""
    text = "first\n" + ATTACKS[attack].replace("app.secret", place) + "\n"
    files = {"schema.json": SCHEMA, "base.yaml": {"app": PLACES[place]}, "templates/out.j2": text}
    make_project(folder, files, outputs=[{"template": "out.j2", "path": "out", **output}])
    with pytest.raises(weft.WeftError) as caught:
        pytest.fail(str(weft.load_project(folder).target().render()))
    told = [caught.value, *caught.value.problems, caught.value.__context__, getattr(caught.value, "__notes__", ())]
    assert not shown("\n".join(f"{one} {one!r}" for one in told), REFERENCE.removeprefix("ref+env://"))
    return caught.value.problems


@pytest.mark.soak
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_template_that_uses_a_secret_is_refused(attack, tmp_path):
    (problem,) = refusal(tmp_path, attack)
    assert problem.code in ("secret-exposed", *OTHERWISE)
    assert problem.place.file == "templates/out.j2"
    if problem.code == "secret-exposed":
        assert (problem.path, problem.place.line) == ("/app/secret", 2)
        assert "app.secret" in problem.message


@pytest.mark.soak
@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("place", [place for place in PLACES if place != "app.secret"])
def test_it_is_refused_wherever_the_secret_stands(attack, place, tmp_path):
    if "app.secret" not in ATTACKS[attack]:
        pytest.skip("this one looks at the whole configuration")
    assert {problem.code for problem in refusal(tmp_path, attack, place)} <= {"secret-exposed", *OTHERWISE}


def test_most_attacks_are_refused_by_the_secret_itself(tmp_path):
    tried = [*ATTACKS][:: len(ATTACKS) // share(len(ATTACKS))]
    codes = [refusal(tmp_path / str(number), attack)[0].code for number, attack in enumerate(tried)]
    assert codes.count("secret-exposed") >= REACHED * len(codes) - 1
