"""`weft ide`: editors learn which schema is for which files, and existing settings of users stay."""

import json
import re
import tomllib
import uuid
from xml.etree import ElementTree as ET

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from rounds import examples
from run import run
from scratch import make_project, write_files
from weft.cli.ide import _EDITORS
from weft.derived.editors import helix, jetbrains, neovim, settings_files, vscode, zed
from weft.derived.editors.association import Association
from weft.files import jsonc
from weft.files.reading import ProjectFiles
from weft.project.projectfile import read_project_file

OVERLAY = "schemas/generated/overlay.schema.json"
PROJECT = "schemas/generated/weft.schema.json"
ASSOCIATIONS = (
    Association("Weft overlays", OVERLAY, ("overlays/base.yaml", "overlays/*/a.yml", "overlays/base.json")),
    Association("Weft project", PROJECT, ("weft.yaml",)),
)
YAML, JSON = ["overlays/base.yaml", "overlays/*/a.yml"], ["overlays/base.json"]
EVERY = [option for editor in settings_files.EDITORS for option in ("--editor", editor)]


@pytest.fixture
def project(tmp_path):
    """A project with a layer of each kind, and the schemas for editors."""
    layers = ["overlays/base", "overlays/{environment}/{tenant}", "values.yaml"]
    dimensions = {"environment": {"values": ["dev", "prod"]}, "tenant": {"files": "tenants/*.yaml", "optional": True}}
    files = {"schema.json": {"properties": {"a": {"type": "integer"}}}, OVERLAY: "{}", PROJECT: "{}"}
    return make_project(tmp_path, files, layers=layers, dimensions=dimensions)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_command_names_the_editors_that_there_are():
    assert tuple(settings_files.EDITORS) == _EDITORS  # spelled out there, so that --help imports nothing heavy


# --- the command ---


def test_without_any_settings_those_of_vscode_are_written(project):
    before = contents(project)
    result = run("ide", cwd=project)
    assert (result.code, result.out) == (0, "")
    assert result.err == "wrote .vscode/settings.json\nwrote .vscode/extensions.json\n"
    new = contents(project)
    assert {name: new[name] for name in before} == before
    assert new.keys() - before.keys() == {".vscode/settings.json", ".vscode/extensions.json"}
    assert json.loads(new[".vscode/extensions.json"]) == {"recommendations": ["redhat.vscode-yaml"]}
    written = json.loads(new[".vscode/settings.json"])
    assert written["yaml.schemas"]["./" + PROJECT] == ["weft.yaml"]
    assert written["yaml.schemas"]["./" + OVERLAY] == [
        *("overlays/base.yaml", "overlays/base.yml", "overlays/base/*.yaml", "overlays/base/*.yml"),
        *("overlays/*/*.yaml", "overlays/*/*.yml", "overlays/*/*/*.yaml", "overlays/*/*/*.yml"),
        "values.yaml",
    ]
    json_globs = ["overlays/base.json", "overlays/base/*.json", "overlays/*/*.json", "overlays/*/*/*.json"]
    assert written["json.schemas"] == [{"fileMatch": json_globs, "url": "./" + OVERLAY}]


@pytest.mark.parametrize("there", [".vscode/", ".nvim.lua", ".helix/", ".zed/", ".idea/"])
def test_the_editors_that_are_used_already_are_the_default(project, there):
    (project / there).mkdir() if there.endswith("/") else (project / there).touch()
    assert run("ide", cwd=project).code == 0
    known = {path.split("/")[0] for files in settings_files.EDITORS.values() for path in files}
    assert {path.name for path in project.iterdir()} & known == {there.strip("/")}


def test_a_second_run_changes_nothing_and_check_says_what_would_change(project):
    before = contents(project)
    result = run("ide", "--check", *EVERY, cwd=project)
    assert result.code == 1
    assert result.err.splitlines() == [
        f"not up to date {path}" for files in settings_files.EDITORS.values() for path in files
    ]
    assert contents(project) == before
    assert run("ide", *EVERY, cwd=project).code == 0
    after = contents(project)
    for again in (["--check"], []):
        result = run("ide", *again, *EVERY, cwd=project)
        assert (result.code, result.out, result.err) == (0, "", "")
    assert contents(project) == after


BROKEN = {
    ".vscode/settings.json": ('{\n  "a": 1\n  "b": 2\n}\n', (3, 3)),
    ".vscode/extensions.json": ('{"recommendations": {}}', (1, 21)),
    ".nvim.lua": ("-- >>> weft ide\n", (1, 1)),
    ".helix/languages.toml": ("[a]\nb = = 1\n", (2, 5)),
    ".zed/settings.json": ('{\n  "lsp": []\n}', (2, 10)),
    ".idea/jsonSchemas.xml": ("<project>\n  <a></b>\n</project>\n", (2, 8)),
}


def test_a_settings_file_that_cannot_be_read_is_left_alone_and_told_with_its_place(project):
    write_files(project, {name: text for name, (text, _) in BROKEN.items()})
    result = run("ide", *EVERY, cwd=project)
    assert result.code == 1
    assert {name: (project / name).read_text() for name in BROKEN} == {name: text for name, (text, _) in BROKEN.items()}
    for name, (_, (line, column)) in BROKEN.items():
        assert f"--> {name}:{line}:{column}\n" in result.err
    assert result.err.count("error[settings-unreadable]") == len(BROKEN)


def test_the_other_files_are_written_all_the_same(project):
    write_files(project, {".zed/settings.json": b'{"a": "\xff"}'})
    result = run("ide", *EVERY, cwd=project)
    assert result.code == 1
    assert "this is not UTF-8" in result.err
    assert ".zed/settings.json:1:8" in result.err
    assert (project / ".vscode/settings.json").is_file()


def test_that_the_schema_is_not_there_yet_is_told(project):
    (project / OVERLAY).unlink()
    result = run("ide", cwd=project)
    assert result.code == 0
    assert "warning[schema-not-generated]" in result.err
    assert "run `weft schema overlay`" in result.err


def test_a_linked_settings_file_stays_a_link_and_keeps_its_permissions(project):
    write_files(project, {"dotfiles/settings.json": "{}", ".vscode/extensions.json": "{}"})
    (project / "dotfiles/settings.json").chmod(0o600)
    (project / ".vscode/settings.json").symlink_to("../dotfiles/settings.json")
    assert run("ide", cwd=project).code == 0
    assert (project / ".vscode/settings.json").is_symlink()
    assert (project / "dotfiles/settings.json").stat().st_mode & 0o777 == 0o600
    assert OVERLAY in (project / "dotfiles/settings.json").read_text()


def test_a_folder_that_cannot_be_written_to_is_told(project):
    (project / ".vscode").touch()
    result = run("ide", "--editor", "vscode", cwd=project)
    assert result.code in (1, 3)
    assert ".vscode/settings.json" in result.err


def globs(folder, *layers, **dimensions):
    make_project(folder, {}, layers=list(layers), dimensions=dimensions)
    return next(one.globs for one in settings_files._associations(read_project_file(ProjectFiles(folder))))


def test_a_placeholder_at_the_top_is_spelled_out_as_a_star_would_mean_every_file(tmp_path):
    found = globs(tmp_path, "{environment}-x", environment={"values": ["dev", "prod"]})
    assert "dev-x/*.yaml" in found
    assert "prod-x.json" in found
    assert not [glob for glob in found if glob.startswith("*")]


def test_characters_that_globs_read_as_something_else_are_not_taken_so(tmp_path):
    assert globs(tmp_path, "a[1]/b*.yaml") == ("a?1?/b?.yaml",)


# --- what the user had is still there ---


def same_letters(before, after):
    """Whether a text holds all of another in its order, white space aside."""
    rest = iter(re.sub(r"\s", "", after))
    return all(letter in rest for letter in re.sub(r"\s", "", before))


def holds(after, before):
    """Whether data holds other data; a single text may have become a list, and lists may have grown."""
    if isinstance(before, dict):
        return isinstance(after, dict) and all(
            key in after and holds(after[key], below) for key, below in before.items()
        )
    if isinstance(before, list):
        return isinstance(after, list) and len(after) >= len(before) and all(map(holds, after, before))
    return after == before or (isinstance(after, list) and after[0] == before)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3),
    max_leaves=8,
)
GLOBS = st.sampled_from(["mine.yaml", *YAML])
SCHEMAS = st.dictionaries(
    st.sampled_from(["other.json", OVERLAY, "./" + OVERLAY, "${workspaceFolder}/" + PROJECT]),
    GLOBS | st.lists(GLOBS, unique=True),
)
JSON_SCHEMAS = st.lists(
    st.fixed_dictionaries(
        {"url": st.sampled_from(["x", "./" + OVERLAY])},
        optional={"fileMatch": st.lists(st.sampled_from(["m.json", *JSON]))},
    ),
    max_size=2,
)
FILLED = {
    vscode.settings: st.fixed_dictionaries({}, optional={"yaml.schemas": SCHEMAS, "json.schemas": JSON_SCHEMAS}),
    vscode.extensions: st.fixed_dictionaries(
        {}, optional={"recommendations": st.lists(st.sampled_from(["a.b", "redhat.vscode-yaml"]), unique=True)}
    ),
    zed.settings: SCHEMAS.map(
        lambda schemas: {"lsp": {"yaml-language-server": {"settings": {"yaml": {"schemas": schemas}}}}}
    ),
}


@st.composite
def written(draw, value):
    """JSON with comments, commas at the end and all kinds of white space."""
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    space = st.lists(
        st.sampled_from(["", " ", newline, "\t", '/* { " */', f"// ,]}} é{newline}", "  "]), max_size=2
    ).map("".join)

    def text(value):
        if not isinstance(value, dict | list):
            return json.dumps(value, ensure_ascii=draw(st.booleans()))
        pairs = (
            [(json.dumps(key) + draw(space) + ":" + draw(space), below) for key, below in value.items()]
            if isinstance(value, dict)
            else [("", below) for below in value]
        )
        parts = [draw(space) + head + text(below) + draw(space) for head, below in pairs]
        end = "," if parts and draw(st.booleans()) else ""
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        return opening + ",".join(parts) + end + draw(space) + closing

    return draw(space) + text(value) + draw(space)


@pytest.mark.parametrize("write", FILLED, ids=lambda write: f"{write.__module__}.{write.__name__}")
@examples(60)
@given(data=st.data())
def test_settings_in_json_with_comments_keep_every_character(write, data):
    value = data.draw(st.dictionaries(st.text(max_size=5), VALUES, max_size=3)) | data.draw(FILLED[write])
    before = data.draw(written(value))
    after = write(before, ASSOCIATIONS)
    assert same_letters(before, after)
    assert holds(jsonc.parse(after).data, value)
    assert write(after, ASSOCIATIONS) == after
    assert ("\r" in after) <= ("\r" in before)
    assert after == before or "redhat" in after or all(glob in after for glob in YAML)


@examples(60)
@given(st.text(alphabet='{}[]",:/*\\ \nab1-.eE') | st.text())
def test_no_text_breaks_the_reader_of_json_with_comments(text):
    try:
        jsonc.parse(text)
        problem = None
    except jsonc.SettingsError as error:
        problem = error
    if problem:
        assert min(problem.line, problem.column) >= 1
        assert problem.line <= text.count("\n") + 1
        with pytest.raises(ValueError, match=r"."):
            json.loads(text, parse_constant=uuid.UUID)  # which refuses NaN, as JSON does


@examples(60)
@given(VALUES.flatmap(lambda value: st.tuples(st.just(value), written(value))))
def test_json_with_comments_is_read_as_what_it_means(pair):
    value, text = pair
    assert jsonc.parse(text).data == value


def test_an_extension_that_is_unwanted_is_not_recommended():
    text = '{"unwantedRecommendations": ["redhat.vscode-yaml"]}'
    assert vscode.extensions(text, ASSOCIATIONS) == text


# TOML knows no null, and its texts no control characters
TOML_VALUES = st.recursive(
    st.booleans() | st.integers(-(2**60), 2**60) | st.text("ab é.\"'\\#", max_size=5),
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.text("ab-.é", min_size=1, max_size=3), below, max_size=3)
    ),
    max_leaves=8,
)


@examples(60)
@given(
    st.dictionaries(st.text("xyz", min_size=1, max_size=3), TOML_VALUES, max_size=3),
    SCHEMAS,
    st.booleans(),
    st.booleans(),
)
def test_the_settings_of_helix_keep_what_was_there(others, schemas, present, inline):
    value = dict(others)
    if present:
        value["language-server"] = {
            "yaml-language-server": {"command": "x", "config": {"yaml": {"schemas": schemas}}},
            "other": {"args": []},
        }
    before = tomlkit.dumps(value)
    if inline:
        before = "".join(
            f"# {number}\n{line}" for number, line in enumerate(before.splitlines(keepends=True)) if '"""' not in before
        )
        before = before if tomllib.loads(before) == value else tomlkit.dumps(value)
    after = helix.settings(before, ASSOCIATIONS)
    data = tomllib.loads(after)
    assert holds(data, value)
    assert re.findall(r"(?m)^# \d+$", after) == re.findall(r"(?m)^# \d+$", before)
    found = data["language-server"]["yaml-language-server"]["config"]["yaml"]["schemas"]
    assert any(set(YAML) <= set(globs) for globs in found.values())
    assert helix.settings(after, ASSOCIATIONS) == after


def test_the_settings_of_helix_need_tables(tmp_path):
    with pytest.raises(jsonc.SettingsError, match="table"):
        helix.settings("language-server = 5\n", ASSOCIATIONS)


ENTRY = """<entry key="{name}"><value><SchemaInfo>
  <option name="relativePathToSchema" value="{schema}" />{patterns}
  </SchemaInfo></value></entry>"""
PATTERNS = [
    "",
    '<option name="patterns"/>',
    '<option name="patterns">\n<list />\n</option>',
    '<option name="patterns"><list><Item><option name="path" value="overlays/base.yaml"/></Item></list></option>',
]
MAPPED = '<project>\n  <component name="JsonSchemaMappingsProjectConfiguration">{}</component></project>'
MAPPINGS = [
    "<project/>",
    '<?xml version="1.0" encoding="UTF-8"?>\r\n<project version="4">\r\n</project>\r\n',
    '<project><component name="Other"><state/></component><!-- é --></project>',
    MAPPED.format(""),
    MAPPED.format("<state/>"),
    MAPPED.format("<state><map /></state>"),
    *(
        MAPPED.format(f"<state><map>{ENTRY.format(name=name, schema=schema, patterns=patterns)}</map></state>")
        for name in ("Weft overlays", "x &amp; y")
        for schema in ("other.json", OVERLAY)
        for patterns in PATTERNS
    ),
]


@pytest.mark.parametrize("before", MAPPINGS)
def test_the_mappings_of_jetbrains_keep_what_was_there(before):
    after = jetbrains.settings(before, ASSOCIATIONS)
    assert jetbrains.settings(after, ASSOCIATIONS) == after
    assert ("\r" in after) == ("\r" in before)
    cut = re.sub(r"\s*/>", ">", re.sub(r"</\w+>", "", before))
    assert same_letters(cut, re.sub(r"\s*/>", ">", after))
    root = ET.fromstring(after)
    keys = [entry.get("key") for entry in root.iter("entry")]
    assert len(set(keys)) == len(keys)
    mapped = {}
    for info in root.iter("SchemaInfo"):
        options = {option.get("name"): option.get("value") for option in info.findall("option")}
        paths = [option.get("value") for option in info.iter("option") if option.get("name") == "path"]
        mapped.setdefault(options["relativePathToSchema"], []).extend(paths)
    assert mapped[OVERLAY] == ["overlays/base.yaml", "overlays/*/a.yml", "overlays/base.json"]
    assert mapped[PROJECT] == ["weft.yaml"]


@pytest.mark.parametrize("text", ["<a/>", "<project>", ""])
def test_a_file_that_holds_no_mappings_is_refused_or_begun(text):
    if text:
        with pytest.raises(jsonc.SettingsError):
            jetbrains.settings(text, ASSOCIATIONS)
    else:
        assert OVERLAY in jetbrains.settings(text, ASSOCIATIONS)


@examples(50)
@given(st.text("ab-\n", max_size=20), st.text("cd-\n", max_size=20))
def test_the_settings_of_neovim_stand_between_their_marks(before, behind):
    first = neovim.settings(before, ASSOCIATIONS)
    assert first.startswith(before)
    other = neovim.settings(first + behind, (ASSOCIATIONS[1],))
    assert other.endswith(behind)
    assert other.startswith(before)
    assert OVERLAY not in other
    assert neovim.settings(other, ASSOCIATIONS) == first + behind


LUA = """
function(source, path)
  local seen = {}
  local configs = { jsonls = { settings = { json = { schemas = { { url = "mine" } } } } } }
  vim = {
    fs = { dirname = function(file) return file:match("(.*)/") end, normalize = function(file) return file end },
    fn = { fnamemodify = function(file) return "/p/" .. file end },
    uri_from_fname = function(file) return "file://" .. file end,
    tbl_get = function(value, ...) for _, key in ipairs({...}) do value = value and value[key] end return value end,
    list_extend = function(list, more) for _, one in ipairs(more) do table.insert(list, one) end return list end,
    lsp = { config = setmetatable({}, { __call = function(_, name, config) seen[name] = config end, __index = configs }) },
  }
  assert(load(source, "@" .. path))()
  return seen
end
"""


def test_neovim_gets_the_schemas_and_those_that_the_user_has_already():
    lupa = pytest.importorskip("lupa", reason="lupa is not installed")
    text = neovim.settings(None, ASSOCIATIONS)
    seen = lupa.LuaRuntime().eval(LUA.strip())(text, ".nvim.lua")
    schemas = seen["yamlls"]["settings"]["yaml"]["schemas"]
    assert {key: list(globs.values()) for key, globs in schemas.items()} == {
        f"/p/{OVERLAY}": YAML,
        f"/p/{PROJECT}": ["weft.yaml"],
    }
    mine, theirs = seen["jsonls"]["settings"]["json"]["schemas"].values()
    assert (mine["url"], list(mine["fileMatch"].values())) == (f"file:///p/{OVERLAY}", JSON)
    assert theirs["url"] == "mine"
