"""The kinds of input: which file of a small project one is, where the first ones come from, and what need not be loaded again.

The project is tests/cases/_base with the files of a folder of `projects/` laid over it.
"""

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

HERE = Path(__file__).parent
CASES = HERE.parent / "cases"
MOST = 1_000_000
"""How many bytes an input may have."""


@dataclass(frozen=True)
class Kind:
    """`file` is the file of the project that an input is; `seeds` are patterns of files below tests/cases.

    `over` is the folder that is laid over. `kept` are the parts of the engine that the input has no influence on: once loaded, they serve the next input too.
    """

    name: str
    file: str
    seeds: tuple[str, ...]
    over: str | None
    kept: frozenset[str]

    @cached_property
    def corpus(self):
        """The inputs to begin with: those of the cases, and those of the folder `corpus/` of this kind."""
        files = [path for pattern in self.seeds for path in CASES.glob(pattern) if path.is_file()]
        files += (HERE / "corpus" / self.name).iterdir()
        found = dict.fromkeys(path.read_bytes() for path in sorted(files))
        assert len(found) > 10, f"the corpus of {self.name} is not there"
        return [text for text in found if len(text) <= MOST]

    def project(self, folder):
        """A project for inputs of this kind, in a folder that does not exist yet."""
        shutil.copytree(CASES / "_base", folder)
        if self.over:
            shutil.copytree(HERE / "projects" / self.over, folder, dirs_exist_ok=True)
        return folder


_ALL = frozenset({"file", "schemas", "outputs"})
KINDS = {
    kind.name: kind
    for kind in (
        Kind("overlay", "overlays/fuzz.yaml", ("*/overlays/**/*.yaml", "*/overlays/**/*.yml"), "settings", _ALL),
        Kind("json", "overlays/fuzz.json", ("*/overlays/**/*.json",), "settings", _ALL),
        Kind("project", "weft.yaml", ("*/weft.yaml",), None, frozenset({"schemas"})),
        Kind("schema", "schemas/fuzz.schema.json", ("*/schemas/*.json",), "schemas", frozenset({"file"})),
        Kind("template", "templates/fuzz.j2", ("*/templates/*",), "settings", frozenset({"file", "schemas"})),
    )
}
