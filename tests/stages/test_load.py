"""Loading overlays: which files make a layer, and what a file may be."""

import pytest

from scratch import write_files
from weft.files.reading import ProjectFiles
from weft.stages.load import Overlays


def names(layer):
    return [source.name for source in layer.sources]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["base.yaml"], ["base.yaml"]),
        (["base.yml"], ["base.yml"]),
        (["base.json"], ["base.json"]),
        (
            ["base/b.yaml", "base/a.yaml", "base/c.json", "base/d.yml"],
            ["base/a.yaml", "base/b.yaml", "base/c.json", "base/d.yml"],
        ),
        (["base.yaml", "base/a.yaml"], ["base.yaml", "base/a.yaml"]),
        (["base/.hidden.yaml", "base/a.yaml~", "base/a.yaml.orig", "base/README.md", "base/a.yaml"], ["base/a.yaml"]),
        (["base/sub/a.yaml"], []),
        (["base.yaml/a.yaml"], ["base.yaml"]),  # a folder, which cannot be read as a file
        (["bases.yaml", "base.txt"], []),
        ([], []),
    ],
)
def test_a_layer_is_a_file_or_the_files_of_a_folder(tmp_path, files, found):
    write_files(tmp_path, dict.fromkeys(files, "a: {}\n"))
    assert names(Overlays(ProjectFiles(tmp_path)).layer("base", {})) == found


def test_a_layer_may_be_named_with_its_suffix(tmp_path):
    write_files(tmp_path, {"base.yaml": "a: {}\n", "base/b.yaml": "b: {}\n"})
    assert names(Overlays(ProjectFiles(tmp_path)).layer("base.yaml", {})) == ["base.yaml"]


def test_a_file_name_with_a_dot_is_no_suffix(tmp_path):
    write_files(tmp_path, {"tenants/acme.io.yaml": "a: {}\n"})
    assert names(Overlays(ProjectFiles(tmp_path)).layer("tenants/{tenant}", {"tenant": "acme.io"})) == [
        "tenants/acme.io.yaml"
    ]


def test_a_layer_whose_placeholder_has_no_value_is_none(tmp_path):
    overlays = Overlays(ProjectFiles(tmp_path))
    assert overlays.layer("{environment}/{tenant}", {"environment": "dev"}) is None
    assert overlays.layer("{environment}/{tenant}", {"environment": "dev", "tenant": "a"}).name == "dev/a"


def test_a_file_is_parsed_once(tmp_path):
    write_files(tmp_path, {"base.yaml": "a: {b: 1}\n"})
    overlays = Overlays(ProjectFiles(tmp_path))
    first = overlays.layer("base", {}).sources[0]
    tmp_path.joinpath("base.yaml").unlink()
    assert overlays.layer("base", {}).sources[0] is first
    assert overlays.source(tmp_path / "base.yaml") is first


def test_a_link_to_a_file_is_a_file(tmp_path):
    write_files(tmp_path, {"shared.yaml": "a: {b: 1}\n", "layers/x.yaml": "a: {c: 1}\n"})
    tmp_path.joinpath("base.yaml").symlink_to("shared.yaml")
    tmp_path.joinpath("linked").symlink_to("layers")
    overlays = Overlays(ProjectFiles(tmp_path))
    assert overlays.layer("base", {}).sources[0].data == {"a": {"b": 1}}
    assert names(overlays.layer("linked", {})) == ["linked/x.yaml"]


def test_a_link_to_nowhere_is_told(tmp_path):
    tmp_path.joinpath("base").mkdir()
    tmp_path.joinpath("base/a.yaml").symlink_to(tmp_path / "gone.yaml")
    found = [
        problem.code
        for source in Overlays(ProjectFiles(tmp_path)).layer("base", {}).sources
        for problem in source.problems
    ]
    assert found == ["unreadable"]


@pytest.mark.parametrize(
    ("name", "content", "code", "line"),
    [
        ("base.yaml", "a: [\n", "syntax", 2),
        ("base.yaml", "", "empty-file", 1),
        ("base.yaml", "- a\n", "not-a-mapping", 1),
        ("base.yaml", "just a text\n", "not-a-mapping", 1),
        ("base.yaml", "null\n", "not-a-mapping", 1),
        ("base.yaml", b"a: \xff\n", "not-utf8", 1),
        ("base.yaml", "a: 1\na: 2\n", "duplicate-key", 2),
        ("base.yaml", "a: 1\n---\nb: 2\n", "several-documents", 3),
        ("base.json", "{'a': 1}", "syntax", 1),
        ("base.json", "", "empty-file", 1),
        ("base.json", "[]", "not-a-mapping", 1),
        ("base.json", '{\n "a": 1,\n "a": 2\n}', "duplicate-key", 3),
        ("base.json", "a: 1\n", "syntax", 1),
        ("base.yaml", "[" * 2000 + "]" * 2000, "syntax", 1),
        ("base.json", "[" * 200_000 + "]" * 200_000, "syntax", 1),
        ("base.json", '{"a": ' + "9" * 5000 + "}", "not-a-json-number", 1),
    ],
)
def test_a_file_that_is_no_overlay_is_a_source_with_a_problem(tmp_path, name, content, code, line):
    write_files(tmp_path, {name: content})
    source = Overlays(ProjectFiles(tmp_path)).layer("base", {}).sources[0]
    assert source.data == {}
    assert [(problem.code, problem.place.file, problem.place.line) for problem in source.problems] == [
        (code, name, line)
    ]


def test_a_byte_order_mark_is_no_setting(tmp_path):
    write_files(tmp_path, {"base.yaml": "\ufeffa: {b: 1}\n", "other.json": '\ufeff{"a": {"b": 1}}'})
    overlays = Overlays(ProjectFiles(tmp_path))
    assert overlays.layer("base", {}).sources[0].data == {"a": {"b": 1}}
    assert overlays.layer("other", {}).sources[0].data == {"a": {"b": 1}}


def test_the_schema_that_a_file_names_for_editors_is_no_setting(tmp_path):
    write_files(tmp_path, {"base.json": {"$schema": "x.json", "a": {"$schema": "kept"}}})
    assert Overlays(ProjectFiles(tmp_path)).layer("base", {}).sources[0].data == {"a": {"$schema": "kept"}}
