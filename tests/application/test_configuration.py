"""The types that the reference application reads the configuration with are those of the schemas."""

import reference
from run import run

PLACE = reference.ROOT / "examples" / "application" / "configuration.py"


def test_the_types_are_current(tmp_path):
    made = tmp_path / "configuration.py"
    assert run("schema", "types", "--language", "python", "-o", made, cwd=reference.ROOT).code == 0
    assert made.read_text("utf-8") == PLACE.read_text("utf-8"), "run make reference"
