"""A run that remembers gives what a run from nothing gives, whatever has changed between two runs."""

import contextlib
import os
import sqlite3
import zlib

import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from small_fleet import FILES, cold, fleet, outputs, put, remove

from run import run
from weft.base.problems import Severity, has_errors


def tenant(name):
    return f"overlays/tenants/{name}.yaml"


def replaced(name, old, new):
    """Replace a text in a file of the project, there and back."""

    def edit(folder, _):
        path = folder / name
        if path.is_file():
            text = path.read_text("utf-8")
            path.write_text(text.replace(old, new) if old in text else text.replace(new, old), "utf-8")

    return edit


def written(name, *texts):
    """Write one of several texts; None removes the file."""

    def edit(folder, number):
        text = texts[number % len(texts)]
        remove(folder / name) if text is None else put(folder / name, text)

    return edit


def same_size_and_time(folder, number):
    """Change a file so that neither its size nor its time tells."""
    path = folder / tenant("a")
    if path.is_file():
        before = path.stat()
        path.write_text(f"app: {{size: {number % 9 + 1}}}\n", "utf-8")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def touched(folder, number):
    for path in (folder / tenant("abc"[number % 3]), folder / "schemas/app.json"):
        if path.exists():
            path.touch()


def linked(folder, number):
    """An overlay that is a link, to one of two files of the project or to one outside."""
    for name, size in (("one", 7), ("two", 8)):
        put(folder / f"kept/{name}.yaml", f"app: {{size: {size}}}\n")
    put(folder.parent / "outside.yaml", "app: {size: 9}\n")
    remove(folder / tenant("b"))
    ends = ("../../kept/one.yaml", "../../kept/two.yaml", "../../../outside.yaml", "../../kept/none.yaml")
    (folder / tenant("b")).symlink_to(ends[number % len(ends)])


def linked_template(folder, number):
    """A template that is included by a name that is only known when it is rendered, in a folder that is a link."""
    put(folder / "shared/size.j2", f'{{# shared #}}\n  size: "{{{{ app.size + {number % 3} }}}}"\n')
    if not (folder / "templates/shared").is_symlink():
        (folder / "templates/shared").symlink_to("../shared")
        path = folder / "templates/app.yaml.j2"
        path.write_text(path.read_text("utf-8").replace('include "size.j2"', 'include "shared/" ~ "size.j2"'), "utf-8")


def folder_in_place_of_a_file(folder, number):
    base = folder / "overlays/environments/prod"
    remove(base.with_suffix(".yaml"))
    remove(base)
    if number % 2:
        put(base / "x.yaml", f"app: {{size: {number % 50 + 1}}}\n")
    else:
        put(base.with_suffix(".yaml"), "app: {size: 20}\n")


def output_by_hand(folder, number):
    """Somebody edits, removes or replaces outputs."""
    found = sorted(path for path in (folder / "build").rglob("*") if path.is_file() and path.name != ".weft-record")
    if found:
        path = found[number % len(found)]
        remove(path) if number % 3 == 0 else path.write_text("by hand", "utf-8")


def forgotten(folder, number):
    """The store is lost, or damaged at some place."""
    store = folder / ".weft_cache/results.sqlite"
    if number % 3 == 0:
        remove(store.parent)
    elif store.is_file():
        for log in store.parent.glob("results.sqlite-*"):
            log.unlink()
        content = bytearray(store.read_bytes())
        for place in range(number % 97, len(content), 997):
            content[place] ^= 255
        store.write_bytes(content[: None if number % 3 == 1 else number % len(content)])


EDITS = {
    "a tenant": written(tenant("a"), "app: {size: 30}\n", "app: {size: 31}\n", "app: {region: south}\n", "app: {size: many}\n"),
    "a tenant comes or goes": written(tenant("d"), "app: {size: 10}\n", None, "app: {}\n"),
    "limits": written(tenant("c"), "tenant: {environments: [dev]}\n", "tenant: {environments: [prod]}\n", "app: {size: 6}\n"),
    "an exception": written("overlays/exceptions/prod-a.yaml", "app: {noted: true}\n", None, "app: {size: 95}\n"),
    "a secret": written(tenant("b"), "app: {password: plain-text-17}\n", "app: {password: ref+env://X}\n", "app: {size: 4}\n"),
    "the base": written("overlays/base/app.yaml", "app: {name: other}\n", "app: {name: shop}\n", "app: [\n"),
    "a second file of the base": written("overlays/base/more.yaml", "app: {noted: true}\n", None, "app: {name: clash}\n"),
    "a region": written("overlays/regions/north.yaml", "app: {name: north}\n", None),
    "a default": replaced("schemas/app.json", '"default": 5', '"default": 6'),
    "a rule": replaced("schemas/app.json", "self.size < 90", "self.size < 25"),
    "the template": replaced("templates/app.yaml.j2", "v1", "v1 "),
    "what is included": replaced("templates/size.j2", "size:", "extent:"),
    "a template that fails": replaced("templates/note.txt.j2", "app.size", "app.sise"),
    "weft.yaml": replaced("weft.yaml", ", optional: true", ""),
    "the check": replaced("weft.yaml", ", check: kubernetes", ""),
    "what kubernetes refuses": replaced("templates/app.yaml.j2", "{name: ", "{name: A"),
    "a file that nobody reads": written("overlays/tenant/x.yaml", "app: {}\n", None),
    "another file that nobody reads": written("overlays/environments/stage.yaml", "app: {}\n", None),
    "somebody validates": lambda folder, _number: run("validate", cwd=folder),
    "somebody only looks": lambda folder, _number: run("render", "--check", cwd=folder),
    "another folder of outputs": lambda folder, _number: run("render", "-o", "other", cwd=folder),
    "a target alone": lambda folder, _number: run("render", "dev/a", cwd=folder),
    "a tenant goes after it was validated": lambda folder, _number: (
        remove(folder / tenant("c")), run("validate", cwd=folder)
    ),
    "a template behind a link": linked_template,
    "nothing": lambda _folder, _number: None,
    "times": touched,
    "size and time are the same": same_size_and_time,
    "a link": linked,
    "a folder in place of a file": folder_in_place_of_a_file,
    "an output": output_by_hand,
    "the store": forgotten,
}  # fmt: skip


def told(problems):
    return [problem for problem in problems if problem.severity is not Severity.NOTE]


def agree(folder):
    """Render with what is remembered, and compare with a run from nothing."""
    before = outputs(folder / "build") if (folder / "build").exists() else {}
    result = run("render", "--no-sync", cwd=folder)
    wanted, problems = cold(folder)
    again = run("validate", "--no-cache", "--format", "json", cwd=folder)
    assert run("validate", "--format", "json", cwd=folder).out == again.out
    if has_errors(problems):
        assert (result.code, outputs(folder / "build") if before else {}) == (1, before)
    else:
        assert (result.code, outputs(folder / "build")) == (0, wanted), result
        assert result.err.count("warning[") == len(told(problems))
    assert b"plain-text-17" not in kept(folder)


def kept(folder):
    """Everything in the store of a project that is not damaged."""
    file = folder / ".weft_cache/results.sqlite"
    if not file.exists():
        return b""
    with contextlib.closing(sqlite3.connect(file)) as store, contextlib.suppress(sqlite3.Error):
        rows = store.execute("SELECT kind, key, data FROM entry").fetchall()
        return b"".join(f"{kind} {key}".encode() + unzipped(data) for kind, key, data in rows)
    return b""


def unzipped(data):
    with contextlib.suppress(zlib.error):
        return zlib.decompress(data)
    return data


@given(st.lists(st.tuples(st.sampled_from(sorted(EDITS)), st.integers(0, 1000)), min_size=1, max_size=6))
def test_a_run_that_remembers_gives_what_one_from_nothing_gives(tmp_path_factory, edits):
    folder = fleet(tmp_path_factory.mktemp("fleet") / "project")
    assert len(cold(folder)[0]) == 8
    agree(folder)
    for name, number in edits:
        note(f"{name} {number}")
        EDITS[name](folder, number)
        agree(folder)


@pytest.mark.soak(few=12)
@pytest.mark.parametrize("name", sorted(EDITS))
@pytest.mark.parametrize("number", range(3))
def test_every_edit_alone(tmp_path, name, number):
    folder = fleet(tmp_path / "project")
    agree(folder)
    EDITS[name](folder, number)
    agree(folder)
    for name_, text in FILES.items():
        if isinstance(text, str) and name_.startswith("overlays/tenants"):
            put(folder / name_, text)
    agree(folder)
