"""Schema documents from the user's cache are those that are read from the files, or none."""

import json
from pathlib import Path

import pytest

import published_schemas as published
from reference import ROOT
from scratch import write_files
from weft import WeftError
from weft.files.cache import cache_folder
from weft.files.reading import files_of
from weft.schema import kept, loader

SCHEMA = {"properties": {"a": {"$ref": "b.json"}, "c": {"type": "string", "x-sensitive": True}}}
FILES = {"schema.json": SCHEMA, "b.json": {"type": "integer", "maximum": 3}}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return write_files(tmp_path / "project", FILES).resolve()


@pytest.fixture
def read(monkeypatch):
    """How often the files were read and checked."""
    times = []
    load = loader.load_documents
    monkeypatch.setattr(loader, "load_documents", lambda *args: times.append(1) or load(*args))
    return times


def documents(folder, name="schema.json", allowed=()):
    files = files_of(folder, allowed)
    files.trace.lists_folders = True
    return kept.documents(folder / name, files), files


def everything(found):
    """All that documents say."""
    places = [found.place(schema) for schema in kept._mappings(found.joined)]
    return found.root, found.joined, found.names, found.files, found.warnings, found.remote, found.dialects, places


def entries():
    return list(cache_folder("schemas").glob("*"))


def test_the_second_time_the_documents_are_those_of_the_first(folder, read):
    (first, before), (second, after) = documents(folder), documents(folder)
    assert len(read) == 1
    assert everything(second) == everything(first)
    for what in ("files", "folders"):  # that were read and asked: a change of one is noticed
        old, new = getattr(before.trace, what), getattr(after.trace, what)
        assert {path: seen[1] for path, seen in new.items()} == {path: seen[1] for path, seen in old.items()}


@pytest.mark.parametrize("name", ["schema.json", "b.json"])
def test_a_file_that_has_changed_is_read(folder, read, name):
    documents(folder)
    path = folder / name
    path.write_text(path.read_text("utf-8").replace("}", ', "title": "new"}', 1), "utf-8")
    found, _ = documents(folder)
    assert len(read) == 2
    assert "new" in json.dumps(found.joined)


def test_a_file_that_is_gone_is_missed(folder):
    documents(folder)
    (folder / "b.json").unlink()
    with pytest.raises(WeftError, match="refers to a file that does not exist"):
        documents(folder)


def test_a_file_that_leads_out_of_the_project_meanwhile_is_refused(folder, tmp_path):
    documents(folder)
    (folder / "b.json").rename(tmp_path / "b.json")
    (folder / "b.json").symlink_to(tmp_path / "b.json")
    with pytest.raises(WeftError, match="outside of the project"):
        documents(folder)


@pytest.mark.parametrize(
    "damage",
    [lambda _: b"", lambda old: old[:-1], lambda old: old.replace(b'"maximum": 3', b'"maximum": 9'), lambda _: b"\xff", lambda _: b"x\n{}"],
    ids=["empty", "short", "changed", "bytes", "other"],
)  # fmt: skip
def test_a_damaged_entry_is_made_again(folder, read, damage):
    first, _ = documents(folder)
    (entry,) = entries()
    whole = entry.read_bytes()
    entry.write_bytes(damage(whole))
    second, _ = documents(folder)
    assert len(read) == 2
    assert everything(second) == everything(first)
    assert entry.read_bytes() == whole


def test_another_weft_reads_for_itself(folder, read, monkeypatch):
    documents(folder)
    monkeypatch.setattr(kept, "_checkers", lambda: "another")
    documents(folder)
    assert len(read) == 2


@pytest.mark.parametrize(
    "files",
    [
        {"schema.json": {"propertes": {}}},  # with a warning
        {"schema.json": {"$ref": "https://x.test/b.json"}, "other.json": {"$id": "https://x.test/b.json"}},
    ],
    ids=["warning", "searched"],
)
def test_what_may_be_another_tomorrow_is_not_kept(tmp_path, monkeypatch, files):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    documents(write_files(tmp_path / "project", files).resolve())
    assert entries() == []


def test_the_documents_of_the_reference_project_survive_json():
    files = files_of(ROOT)
    found = loader.load_documents(ROOT / "schemas/root.schema.json", files)
    data = kept.as_data(found, files)
    again = kept.from_data(json.loads(json.dumps(data)))
    assert everything(again) == everything(found)
    assert [again.address(schema) for schema in again.every] == [found.address(schema) for schema in found.every]


@pytest.mark.parametrize("name", published.NAMES[:20])
def test_published_schemas_survive_json(name):
    found = published.catalog(name).documents
    files = files_of(Path(found.files[0]).parent)
    for path in found.files:
        files.read(path)
    data = kept.as_data(found, files)
    if data is not None:
        assert everything(kept.from_data(json.loads(json.dumps(data)))) == everything(found)


def test_a_schema_behind_a_link_is_looked_for_each_time(folder):
    write_files(folder, {"old.json": {"type": "integer"}, "new.json": {"type": "string"}})
    (folder / "b.json").unlink()
    (folder / "b.json").symlink_to("old.json")
    documents(folder)
    (folder / "b.json").unlink()
    (folder / "b.json").symlink_to("new.json")
    found, _ = documents(folder)
    assert found.joined[(folder / "new.json").as_uri()]["type"] == "string"
