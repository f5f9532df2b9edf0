"""Weft: declarative, schema-first configuration.

A project and its targets, as `weft` on the command line sees them:

    project = weft.load_project(".")             # raises WeftError, whose text says what is wrong and where
    target = project.target("production", tenant="acme")
    target.config["app"]["replicas"]["max"]      # merged and with defaults; a copy
    target.problems()                            # a list of Problem: code, message, place, hint
    target.explain("app.replicas.max").as_dict() # where a value comes from
    target.render()                              # {path: text}

The same as Kubernetes objects:

    manager = weft.ConfigMapManager(environment=weft.EnvironmentTier.PRODUCTION, tenant="acme")
    configs = manager.generate_all_configs()     # or create_database_config() and the like
    manager.export_to_yaml(configs, "all-configs.yaml")
    is_valid, errors = weft.ConfigurationValidator().validate_database_config(configs[1])
    weft.ConfigMapUtils.filter_by_prefix(configs[1], "DB_")

UsageError is raised for a name that does not exist, CannotRun if the environment prevents the work; both are WeftErrors. The modules
below are internal and may change. Names are imported on first use, so `import weft` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from weft.version import __version__

if TYPE_CHECKING:
    from weft.api.facade import ConfigMapManager, ConfigMapUtils, ConfigurationValidator, EnvironmentTier
    from weft.base.problems import CannotRun, Place, Problem, Severity, UsageError, WeftError
    from weft.project.project import Project, load_project
    from weft.project.target import Explanation, Target

_HOMES: Final = {
    "CannotRun": "base.problems",
    "ConfigMapManager": "api.facade",
    "ConfigMapUtils": "api.facade",
    "ConfigurationValidator": "api.facade",
    "EnvironmentTier": "api.facade",
    "Explanation": "project.target",
    "Place": "base.problems",
    "Problem": "base.problems",
    "Project": "project.project",
    "Severity": "base.problems",
    "Target": "project.target",
    "UsageError": "base.problems",
    "WeftError": "base.problems",
    "load_project": "project.project",
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
