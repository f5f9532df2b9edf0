"""The optional packages of Weft, as hints name them.

A hint names the packages of an extra, not the extra: on PyPI, `weft` is another project, which `pip install 'weft[vault]'` would install.
"""

from __future__ import annotations

import re

_REQUIREMENT = re.compile(r"(?P<package>[^;]+?)\s*;.*\bextra\s*==\s*['\"](?P<extra>[^'\"]+)['\"]")


def packages(extra: str) -> list[str]:
    """The requirements of an extra, such as `hvac>=2.3`; none if Weft has no such extra."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        stated = requires("weft") or []
    except PackageNotFoundError:  # run from a folder that is not installed
        return []
    found = filter(None, map(_REQUIREMENT.match, stated))
    return [requirement["package"] for requirement in found if requirement["extra"] == extra]


def how_to_install(extra: str, package: str) -> str:
    """A hint for a missing package: the command that installs all packages of its extra, or this one if it belongs to no extra."""
    command = " ".join(f"'{requirement}'" for requirement in packages(extra) or [package])
    return f"in the environment of Weft, run `pip install {command}`"
