"""Which targets a change affects: all others have the results of an earlier run, without a look at their files."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from weft.fleet.keys import layer_names
from weft.fleet.unchanged import Earlier, Known
from weft.project.project import Project


def unaffected(project: Project, earlier: Earlier) -> Iterator[tuple[str, Known]]:
    """The targets of an earlier run whose layers have the same files, with the same contents."""
    prefix = f"{project.folder}/"
    contents = {path.removeprefix(prefix) for path in earlier.contents}
    names = {name for path in earlier.names for name in _named_by(path.removeprefix(prefix))}
    for name, known in earlier.targets.items():
        if contents.isdisjoint(known.sources) and not (names and _meets(names, project, known)):
            yield name, known


def _meets(names: set[str], project: Project, known: Known) -> bool:
    """True if a layer that a target may have is named by one of these, or is in a folder that is."""
    for layer in layer_names(project.file.layers, known.values):
        if not names.isdisjoint(accumulate(layer.split("/"), "{}/{}".format)):
            return True
    return False


def _named_by(path: str) -> tuple[str, ...]:
    """The names of the layers that a path which came or went may belong to: its own, without its suffix, and that of its folder."""
    folder, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0]
    return path, f"{folder}/{stem}".lstrip("/") if stem else path, *([folder] if folder else [])
