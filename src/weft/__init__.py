"""Weft: declarative, schema-first configuration.

>>> import weft
>>> project = weft.load_project(".")
>>> target = project.target("production", tenant="acme")
>>> target.config["app"]["replicas"]["max"]

Names are imported when they are first used, so that `import weft` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from weft.version import __version__

if TYPE_CHECKING:
    from weft.manager import ConfigMapManager, ConfigMapUtils, ConfigurationValidator, EnvironmentTier
    from weft.problems import CannotRun, Place, Problem, Severity, UsageError, WeftError
    from weft.project import Project, load_project
    from weft.target import Explanation, Target

_HOMES: Final = {
    "CannotRun": "problems",
    "ConfigMapManager": "manager",
    "ConfigMapUtils": "manager",
    "ConfigurationValidator": "manager",
    "EnvironmentTier": "manager",
    "Explanation": "target",
    "Place": "problems",
    "Problem": "problems",
    "Project": "project",
    "Severity": "problems",
    "Target": "target",
    "UsageError": "problems",
    "WeftError": "problems",
    "load_project": "project",
}

__all__ = [
    "CannotRun",
    "ConfigMapManager",
    "ConfigMapUtils",
    "ConfigurationValidator",
    "EnvironmentTier",
    "Explanation",
    "Place",
    "Problem",
    "Project",
    "Severity",
    "Target",
    "UsageError",
    "WeftError",
    "__version__",
    "load_project",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'weft' has no attribute '{name}'")
    return getattr(import_module(f"weft.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
