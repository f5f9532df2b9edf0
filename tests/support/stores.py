"""The rendered files and variables of data stores, as a delivery brings them to servers and to programs."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import reference

PYTHON = Path(sys.prefix, "application", "bin", "application-python")
"""The Python with the clients that the application uses."""


def rendered(environment, overrides):
    """The files of an environment with other settings, by their names below `stores/`, and its variables by name."""
    words = {path: value if isinstance(value, str) else json.dumps(value) for path, value in overrides.items()}
    outputs = reference.changed(words).target(environment).render()
    folder = f"{environment}/stores/"
    files = {path.removeprefix(folder): text for path, text in outputs.items() if path.startswith(folder)}
    lines = [line for line in outputs[f"{environment}/app.env"].splitlines() if not line.startswith("#")]
    return files, {name: value for name, _, value in (line.partition("=") for line in lines)}


def revealed(text, secrets):
    """A rendered file with secrets in place of their references, as a delivery would write it."""
    for name, value in secrets.items():
        text = text.replace(f"ref+env://{name}", value)
    assert "ref+" not in text
    return text


def asked(script, variables):
    """What a program prints, as JSON, that has these variables and nothing else to go by."""
    done = subprocess.run(
        [PYTHON, "-c", textwrap.dedent(script)],
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
