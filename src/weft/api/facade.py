"""The configuration as Kubernetes objects, for applications: ConfigMaps created, checked and changed from Python.

    manager = ConfigMapManager(environment=EnvironmentTier.PRODUCTION)
    configs = manager.generate_all_configs()
    manager.export_to_yaml(configs, "all-configs.yaml")

A ConfigMap is a plain dict, as `kubectl get -o json` prints it; its data uses the settings' environment variables as keys.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

from weft.api.config_maps import (
    ConfigMap,
    checked_namespace,
    config_maps_of,
    data_of,
    instance_of,
    misshapen,
    refuse_different_objects,
    stable_name,
)
from weft.base.codes import About
from weft.base.paths import Path as SettingPath
from weft.base.paths import get, has, parse_pointer, pointer
from weft.base.problems import Problem, Severity, choices, did_you_mean
from weft.files import formats
from weft.files.atomic import replace_file
from weft.project.project import Project, load_project
from weft.project.target import Target
from weft.schema import envvars
from weft.schema.catalog import Catalog
from weft.schema.node import Node
from weft.stages.merge import merge

DOMAINS: Final = ("application", "database", "security", "ml", "monitoring")
_LABELS: Final = "app.kubernetes.io/"
_ALIASES: Final = {"dev": "development", "prod": "production"}
_INSTANCE: Final = ("metadata", "labels", f"{_LABELS}instance")


class EnvironmentTier(StrEnum):
    """The environments of the reference project."""

    LOCAL = "local"
    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"

    @classmethod
    def _missing_(cls, value: object) -> EnvironmentTier:
        """The environment of a short name, which is an alias in weft.yaml as well."""
        if value in _ALIASES:
            return cls(_ALIASES[str(value)])
        hint = did_you_mean(str(value), [*cls, *_ALIASES])
        raise ValueError(f"there is no environment `{value}`: {hint or f'choose from {choices([*cls, *_ALIASES])}'}")


class ConfigMapManager:
    """Creates the ConfigMaps of one environment, or of one tenant in it.

    `namespace` defaults to the one in the configuration, `project` to the reference project that ships with Weft. If the project's own
    outputs include the ConfigMap of a domain, it is used, so applying either one changes nothing of the other.

    Raises UsageError for an unknown environment or tenant and for an invalid namespace, WeftError if the project has errors.
    """

    def __init__(
        self,
        namespace: str | None = None,
        environment: EnvironmentTier | str = EnvironmentTier.DEVELOPMENT,
        tenant: str | None = None,
        project: str | Path | None = None,
    ) -> None:
        values = {"environment": str(environment)} | ({"tenant": tenant} if tenant else {})
        opened = _project(project)
        self.target: Target = opened.target(**values)
        settings = self.target.shared_config.get("kubernetes", {})
        self._own_namespace = None if namespace is None else checked_namespace(namespace)
        self.namespace = self._own_namespace or settings.get("namespace", "default")
        self._name = settings.get("name", opened.name)

    def __repr__(self) -> str:
        return f"<ConfigMapManager of {self.target.name} in the namespace {self.namespace}>"

    def create_application_config(self) -> ConfigMap:
        """The ConfigMap of the domain `application`."""
        return self.create_config("application")

    def create_database_config(self) -> ConfigMap:
        """The ConfigMap of the domain `database`."""
        return self.create_config("database")

    def create_security_config(self) -> ConfigMap:
        """The ConfigMap of the domain `security`."""
        return self.create_config("security")

    def create_ml_config(self) -> ConfigMap:
        """The ConfigMap of the domain `ml`."""
        return self.create_config("ml")

    def create_monitoring_config(self) -> ConfigMap:
        """The ConfigMap of the domain `monitoring`."""
        return self.create_config("monitoring")

    def create_config(self, domain: str) -> ConfigMap:
        """The ConfigMap of any domain of the project; raises ValueError if the target has no such domain."""
        if domain not in self.target.shared_config:
            hint = did_you_mean(domain, self.target.shared_config)
            raise ValueError(f"{self.target.name} has no domain `{domain}`{f': {hint}' if hint else ''}")
        node = self.target.schemas.root.child(domain)
        variables = envvars.variables(node, self.target.shared_config[domain], (domain,))
        data = {variable.name: variable.text for variable in variables if not variable.sensitive}
        tenant = self.target.resolution.values.get("tenant")
        name = "-".join(part for part in (self._name, tenant, domain, "config") if part)
        made = self._rendered_with(name, data) or self._made(name, domain, data)
        if made["metadata"]["name"] != name:  # named by its content, which the caller may change
            made["metadata"]["name"] = name
            made.pop("immutable", None)
        if self._own_namespace is not None:
            made["metadata"]["namespace"] = self._own_namespace
        return made

    def _rendered_with(self, name: str, data: dict[str, str]) -> ConfigMap | None:
        """A copy of a ConfigMap that the project renders, if it contains the data; a template may add what follows from settings."""
        rendered = self._rendered.get(name)
        contains = rendered and data.items() <= (rendered.get("data") or {}).items()
        return copy.deepcopy(rendered) if contains else None

    def _made(self, name: str, domain: str, data: dict[str, str]) -> ConfigMap:
        """A ConfigMap that the project does not render, with the labels and annotations of those that it does."""
        labels = {
            f"{_LABELS}name": self._name,
            f"{_LABELS}instance": instance_of(self.target),
            f"{_LABELS}component": domain,
            f"{_LABELS}managed-by": "weft",
        }
        metadata: dict[str, Any] = {"name": name, "namespace": self.namespace, "labels": labels}
        for one in self._rendered.values():
            shown = copy.deepcopy(one["metadata"])
            metadata["labels"] = shown.get("labels", {}) | labels
            metadata |= {"annotations": shown["annotations"]} if "annotations" in shown else {}
            break
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}

    @cached_property
    def _rendered(self) -> dict[str, ConfigMap]:
        """The ConfigMaps among the outputs of the target, by name, without the hash of the content."""
        return {stable_name(one): one for one in config_maps_of(self.target)}

    def generate_all_configs(self) -> list[ConfigMap]:
        """The ConfigMaps of the five domains."""
        return [self.create_config(domain) for domain in DOMAINS if domain in self.target.shared_config]

    def export_to_yaml(self, configs: Iterable[ConfigMap] | ConfigMap, path: str | Path) -> Path:
        """Write ConfigMaps into one file, as documents separated by `---`; the file is replaced as a whole.

        Raises CannotRun if it cannot be written.
        """
        several = [configs] if isinstance(configs, Mapping) else list(configs)
        text = "".join(f"---\n{formats.to_yaml(config)}\n" for config in several)
        destination = Path(path)
        replace_file(destination, text)
        return destination


class ConfigurationValidator:
    """Validates configurations: a ConfigMap from `create_…_config`, its data, or nested settings.

    Each method returns `(is_valid, errors)`; an error is a sentence. A ConfigMap never contains sensitive settings, so their absence is not
    an error.

    The rules between domains hold for the configuration of an environment (or of a tenant in it), whose other domains are then used.
    A ConfigMap says by its label `app.kubernetes.io/instance` which one it belongs to; for data and settings, give `environment` and
    `tenant`. Without an environment, only the rules of the domain itself are checked.

    Raises UsageError for an unknown environment or tenant.
    """

    def __init__(
        self,
        project: str | Path | None = None,
        environment: EnvironmentTier | str | None = None,
        tenant: str | None = None,
    ) -> None:
        self._project = _project(project)
        values = {"environment": environment and str(environment), "tenant": tenant}
        given = {name: value for name, value in values.items() if value is not None}
        self._target = self._project.target(**given) if given else None

    def __repr__(self) -> str:
        return f"<ConfigurationValidator of {self._project.folder}>"

    def validate_application_config(self, config: Mapping[str, Any]) -> tuple[bool, list[str]]:
        """Check a configuration of the domain `application`."""
        return self.validate_config("application", config)

    def validate_database_config(self, config: Mapping[str, Any]) -> tuple[bool, list[str]]:
        """Check a configuration of the domain `database`."""
        return self.validate_config("database", config)

    def validate_security_config(self, config: Mapping[str, Any]) -> tuple[bool, list[str]]:
        """Check a configuration of the domain `security`."""
        return self.validate_config("security", config)

    def validate_ml_config(self, config: Mapping[str, Any]) -> tuple[bool, list[str]]:
        """Check a configuration of the domain `ml`."""
        return self.validate_config("ml", config)

    def validate_monitoring_config(self, config: Mapping[str, Any]) -> tuple[bool, list[str]]:
        """Check a configuration of the domain `monitoring`."""
        return self.validate_config("monitoring", config)

    def validate_config(self, domain: str, config: Mapping[str, Any]) -> tuple[bool, list[str]]:
        """Check a configuration of any domain of the project."""
        root = self._project.root
        if domain not in root.properties:
            return False, [f"there is no domain `{domain}`"]
        data = data_of(config) if isinstance(config, Mapping) else config
        wrong_shape = misshapen(data)
        if wrong_shape:
            return False, wrong_shape
        node = root.child(domain)
        target = self._target or self._target_of(config)
        flat = _is_flat(node, data)
        settings, problems = self._settings(node, data) if flat else (copy.deepcopy(dict(data)), [])
        _place_secrets(settings, node)
        if target is None:
            broken = self._broken(domain, root.fill({domain: settings}), flat)
        else:
            if flat:  # what no ConfigMap contains is as in the target
                settings = _merged(_without_variables(node, target.config.get(domain, {})), settings)
            broken = self._broken_in(domain, {**_of_target(target, config), domain: settings})
        wrong = (problem.sentence for problem in broken if problem.severity is Severity.ERROR)
        errors = list(dict.fromkeys((*problems, *wrong)))
        return not errors, errors

    def _broken(self, domain: str, filled: dict[str, Any], flat: bool) -> list[Problem]:
        """The errors of the schema, or else of the rules, for one domain; rules of the whole configuration need the other domains."""
        root = self._project.root
        broken = [problem for problem in self._project.schemas.schema_check.problems(filled) if _is_of(problem, domain)]
        if flat:  # what no ConfigMap contains cannot be missing in one
            broken = [
                one
                for one in broken
                if one.traits.about is not About.ABSENCE or _has_variable(root.at(parse_pointer(one.path or "")))
            ]
        if broken:
            return broken
        judged = (lambda path: _has_variable(root.at(path))) if flat else None
        return self._project.schemas.rule_check.problems(filled, (domain,), judged)

    def _broken_in(self, domain: str, config: dict[str, Any]) -> list[Problem]:
        """The errors of a domain among the valid other domains of a target."""
        filled = self._project.root.fill(config)
        broken = [problem for problem in self._project.schemas.schema_check.problems(filled) if _is_of(problem, domain)]
        return broken or self._project.schemas.rule_check.problems(filled)

    def _settings(self, node: Node, data: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The nested settings of a ConfigMap's data, and the errors of those that cannot be converted."""
        known = {name for name, _, _ in envvars.declared(node)}
        texts = {name: value if isinstance(value, str) else envvars.to_text(value) for name, value in data.items()}
        settings, problems = envvars.settings_from(node, texts)
        errors = [problem.sentence for problem in problems]
        unknown = texts.keys() - known
        for name in unknown - self._derived if unknown else ():
            hint = did_you_mean(name, known)
            errors.append(f"there is no variable {name}{f': {hint}' if hint else ''}")
        return settings, errors

    @cached_property
    def _derived(self) -> set[str]:
        """The variables that templates add to ConfigMaps, because they follow from settings."""
        plain = [target for target in self._project.targets() if "/" not in target.name]
        names = {name for target in plain for one in config_maps_of(target) for name in one.get("data") or ()}
        return names - {name for name, _, _ in envvars.declared(self._project.root)}

    def _target_of(self, config: Mapping[str, Any]) -> Target | None:
        """The target that a ConfigMap says it belongs to."""
        instance = get(config, _INSTANCE) if config.get("kind") == "ConfigMap" and has(config, _INSTANCE) else None
        return next((one for one in self._project.targets() if instance and instance_of(one) == instance), None)


class ConfigMapUtils:
    """Helper functions for ConfigMaps. Inputs are never changed."""

    @staticmethod
    def merge_configs(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
        """The two merged deeply, `override` on top; lists are replaced. Two ConfigMaps are merged like objects.

        Raises ValueError if a value is a mapping in one and not in the other, and for two different objects, because one would overwrite the
        other.
        """
        refuse_different_objects(base, override)
        merged, problems = merge(_anything(), copy.deepcopy(dict(base)), copy.deepcopy(dict(override)))
        if problems:
            raise ValueError("; ".join(problem.message for problem in problems))
        return dict(merged)

    @staticmethod
    def filter_by_prefix(config: Mapping[str, Any], prefix: str) -> dict[str, Any]:
        """The entries of a ConfigMap's data, or of any mapping, whose names start with `prefix`."""
        return {name: value for name, value in data_of(config).items() if name.startswith(prefix)}

    @staticmethod
    def transform_to_env_format(config: Mapping[str, Any]) -> str:
        """A ConfigMap's data, or a mapping of variables, as the text of a `.env` file.

        Raises ValueError for a name that is not valid in a shell.
        """
        return formats.env_lines(
            (name, envvars.to_text(value)) for name, value in data_of(config).items() if value is not None
        )


def reference_project() -> Path:
    """The folder of the reference project: inside the package if Weft is installed, at the top in a checkout."""
    inside = Path(__file__).parents[1] / "reference"
    return inside if inside.is_dir() else Path(__file__).parents[3]


def _project(folder: str | Path | None) -> Project:
    return _reference() if folder is None else load_project(folder)


@cache
def _reference() -> Project:
    return load_project(reference_project())


@cache
def _anything() -> Node:
    from weft.schema.documents import DIALECT, Documents  # noqa: PLC0415 - only merge_configs needs it

    return Catalog(
        Documents("weft:/anything", {"weft:/anything": {"$schema": DIALECT}}, {"weft:/anything": "-"}, ())
    ).root


def _of_target(target: Target, config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a target, in the namespace of a ConfigMap if it has one."""
    values, where = target.config, ("metadata", "namespace")
    if config.get("kind") == "ConfigMap" and has(config, where) and has(values, ("kubernetes", "namespace")):
        values["kubernetes"]["namespace"] = get(config, where)
    return values


def _without_variables(node: Node, settings: Any) -> Any:
    """The settings without those that have an environment variable."""
    if not isinstance(settings, dict):
        return settings
    return {
        key: _without_variables(node.child(key), value) for key, value in settings.items() if not node.child(key).env
    }


def _merged(lower: Any, upper: Any) -> Any:
    """Two configurations as one; the upper one wins."""
    if not (isinstance(lower, dict) and isinstance(upper, dict)):
        return upper
    return lower | {key: _merged(lower.get(key), value) for key, value in upper.items()}


def _has_variable(node: Node) -> bool:
    """True if a ConfigMap can contain the value at this place; a rule about other values cannot be evaluated from it."""
    return next(envvars.declared(node), None) is not None


def _is_flat(node: Node, data: Mapping[str, Any]) -> bool:
    """True if the keys are environment variables instead of settings."""
    return not any(key in node.properties for key in data)


def _place_secrets(settings: dict[str, Any], node: Node) -> None:
    """Set the secrets that are absent: a ConfigMap never contains one, so the absence of a required one is not an error."""
    for _, path, place in envvars.declared(node):
        if place.sensitive:
            _place_holder(settings, path)


def _place_holder(settings: dict[str, Any], path: SettingPath) -> None:
    place: Any = settings
    for step in path[:-1]:
        if not isinstance(place, dict):
            return
        place = place.setdefault(step, {})
    if isinstance(place, dict):
        place.setdefault(path[-1], "ref+env://ABSENT")


def _is_of(problem: Problem, domain: str) -> bool:
    return f"{problem.path}/".startswith(f"{pointer((domain,))}/")
