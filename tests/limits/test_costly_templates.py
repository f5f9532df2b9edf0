"""No template takes more than its steps: each of these names the limit and the line, soon, and in little memory."""

import pytest

from costly_templates import COSTLY, TOO_DEEP, TOO_LONG
from limited import limited
from weft.files.reading import ProjectFiles
from weft.stages.render.templates import Templates


def answer(folder, text):
    found = render(folder, f"first\n{text}", {"project": "shop"})
    return found[:80] if isinstance(found, str) else found


def render(folder, text, context):
    return written(folder, text).render("a.j2", context)


def written(folder, text):
    (folder / "templates").mkdir(exist_ok=True)
    (folder / "templates/a.j2").write_text(text, "utf-8")
    return Templates(ProjectFiles(folder), "templates")


@pytest.mark.soak(few=8)
@pytest.mark.parametrize("name", COSTLY)
def test_a_costly_template_is_stopped(name, tmp_path):
    problem = limited(answer, tmp_path, COSTLY[name])
    assert problem.code == "template-too-costly"
    assert any(limit in problem.message for limit in ("2,000,000 steps", "16,384 bits", "100,000 numbers"))
    assert problem.place.file == "templates/a.j2"
    assert problem.place.line in (2, 3)
    assert problem.place.column is not None


@pytest.mark.soak(few=6)
@pytest.mark.parametrize("name", [*TOO_DEEP, *TOO_LONG])
def test_a_template_that_python_could_not_compile_is_a_mistake_in_it(name, tmp_path):
    problem = limited(answer, tmp_path, (TOO_DEEP | TOO_LONG)[name])
    assert problem.code == "template-syntax"
    assert problem.place.file == "templates/a.j2"
    assert problem.place.line is not None


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("{{ '%5d|%(a)s' % {'a': 1} if false else '%5d' % 1 }}", "    1"),
        ("{{ '100%% of %s in 3000000000 bytes' % 'x' }}", "100% of x in 3000000000 bytes"),
        ("{{ '{:>5}|{!r}|{a}'.format(1, 'b', a=2) }}", "    1|'b'|2"),
        ("{{ 'x'.center(5) ~ 'y' | center(5) }}", "  x    y  "),
        ("{{ range(5) | map('string') | join(',') }}", "0,1,2,3,4"),
        ("{{ range(9) | batch(4, '-') | map('join') | list }}", '["0123", "4567", "8---"]'),
        ("{{ dict(a=1, b=2) | items | list }}", '[["a", 1], ["b", 2]]'),
        ("{% for i in range(5) if i % 2 %}{{ loop.index }}{{ i }} {% endfor %}", "11 23 "),
        ("{{ 'abc'[1:] }}{{ 2 ** 10 }}{{ 7 // 2 }}{{ 'a' in 'abc' }}{{ 1 < 2 < 3 }}", "bc10243truetrue"),
        ("{{ 'x y' | indent(width=2, first=true) }}{{ 1.25 | round(1) }}", "  x y1.2"),
        ("{% macro m(a) %}[{{ a }}{{ caller() }}]{% endmacro %}{% call m(1) %}c{% endcall %}", "[1c]"),
    ],
)
def test_what_ordinary_templates_do_is_as_before(text, rendered, tmp_path):
    assert answer(tmp_path, text) == f"first\n{rendered}"


def test_many_steps_are_allowed(tmp_path):
    text = "{% for i in range(99999) %}{{ i }}{{ 'x' * 50 }}\n{% endfor %}"
    assert answer(tmp_path, text).startswith("first\n0xxxxx")


def test_an_output_has_a_length(tmp_path):
    problem = limited(answer, tmp_path, "{{ 'x' * 10000001 }}")
    assert problem.code == "template-too-costly"
    assert "10,000,000 characters" in problem.message


def test_a_template_is_not_costly_for_each_target_that_has_a_setting_unset(tmp_path):
    templates = written(
        tmp_path, "{{ absent }}{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}"
    )
    first = templates.render("a.j2", {})
    problems = limited(templates.unset, "a.j2", {})
    assert first.code == "undefined"
    assert [problem.code for problem in problems] == ["template-too-costly", "undefined"]


def test_what_the_printing_of_lists_makes_is_paid_for(tmp_path):
    text = "{% set a = ['x' * 100000] * 100 %}{% for i in range(99999) %}PRINT{% endfor %}"
    for printing in ("{% set b = a ~ '' %}", "{% set b = a | string %}", "{% set b = [a] | join %}", "{{ a }}"):
        problem = limited(answer, tmp_path, text.replace("PRINT", printing))
        assert problem.code == "template-too-costly"


def test_the_configuration_stays_as_it_is(tmp_path):
    for text in ("{{ dict.update(c, {'b': 2}) }}", "{{ dict.clear(c) }}", "{% set f = dict.setdefault %}{{ f(c, 1) }}"):
        context = {"c": {"a": 1}}
        assert render(tmp_path, text, context).code in ("undefined", "template-unsafe")
        assert context == {"c": {"a": 1}}


def test_a_text_that_is_a_million_spaces_is_no_limit(tmp_path):
    assert limited(answer, tmp_path, " " * 1_000_000 + "x").startswith("first\n ")


def missing(folder, text):
    return len(written(folder, text).unset("a.j2", {"app": {}}))


def test_thousands_of_missing_settings_are_found_soon(tmp_path):
    lines = "".join(f"{{{{ app.x{number} }}}} on a line of its own\n" for number in range(6000))
    assert limited(missing, tmp_path, lines) == 6000


def test_a_missing_setting_is_found_once_however_often_it_is_used(tmp_path):
    text = "{% for a in range(100000) %}{{ app.x }}{% endfor %}"
    assert limited(missing, tmp_path, text) == 1
