"""Feature flags from the same snapshot: a provider for OpenFeature, with the evaluation of flagd's own core.

The flags are another file of the bundle, `config | bundle(files={"flags.json": …})`, in flagd's format
(https://flagd.dev/reference/flag-definitions/). So they are of the same revision as the settings, and as safe: if the core does not take them, the whole
revision is refused, and the last good one stays, also over a restart. A program never gets the defaults in its code while there is one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.event import ProviderEventDetails
from openfeature.provider import AbstractProvider, Metadata

from weft.base.problems import Problem, WeftError
from weft.client.flag_rules import misshapen, mistakes
from weft.client.listeners import Change, Refused
from weft.client.snapshot import Snapshot
from weft.client.status import Status

if TYPE_CHECKING:
    from openfeature.evaluation_context import EvaluationContext
    from openfeature.flag_evaluation import FlagResolutionDetails

    from weft.client.config import Config


class FlagProvider(AbstractProvider):
    """A provider for OpenFeature over a file of the bundle. Raises WeftError if the bundle does not have it, or flagd could not evaluate all of its flags."""

    def __init__(self, config: Config, file: str = "flags.json") -> None:
        super().__init__()
        self._file = file
        self._is_stale = False
        loaded = config.snapshot
        try:
            self._core, self._definitions = self._loaded(loaded)
        except Refused as error:
            raise WeftError(Problem("bundle-refused", str(error))) from None
        config.before_change(self._check)
        config.on_change(self._take)
        config.on_status(self._notice)
        while loaded is not config.snapshot:  # one that came before the listeners is loaded, too
            loaded = config.snapshot
            self._core, self._definitions = self._loaded(loaded)

    def get_metadata(self) -> Metadata:
        """The name of the provider."""
        return Metadata("weft")

    def _loaded(self, snapshot: Snapshot) -> tuple[FlagdCore, dict[str, Any]]:
        """The evaluation of the flags, and the definition of each with the shared rules that it names: it changes when they do."""
        core, data = FlagdCore(), self._data(snapshot)
        try:
            core.set_flags(snapshot.files[self._file])
        except Exception as error:  # noqa: BLE001 - the core raises whatever its parts raise
            raise Refused(f"{self._file} is not what flagd takes: {error.__cause__ or error}") from None
        found = list(mistakes(core, data))
        if found:
            raise Refused(f"{self._file}: {'; '.join(found[:5])}")
        shared = data.get("$evaluators") or {}
        return core, {key: (flag, _named_in(flag, shared)) for key, flag in data["flags"].items()}

    def _data(self, snapshot: Snapshot) -> dict[str, Any]:
        try:
            data: dict[str, Any] = json.loads(snapshot.files[self._file])
        except (ValueError, RecursionError) as error:
            raise Refused(f"{self._file} is not JSON: {error}") from None
        except KeyError:
            raise Refused(f"the bundle has no file {self._file}") from None
        for odd in misshapen(data):
            raise Refused(f"{self._file}: {odd}")
        return data

    def _check(self, change: Change) -> None:
        if self._file in change.files:
            self._loaded(change.new)

    def _take(self, change: Change) -> None:
        if self._file not in change.files:
            return
        before = self._definitions
        self._core, self._definitions = self._loaded(change.new)
        every = dict.fromkeys((*before, *self._definitions))
        differing = [key for key in every if before.get(key) != self._definitions.get(key)]
        self.emit_provider_configuration_changed(ProviderEventDetails(flags_changed=differing))

    def _notice(self, status: Status) -> None:
        stale = status.stale_since is not None
        if stale and not self._is_stale:
            self.emit_provider_stale(ProviderEventDetails(message=str(status.problems[0].message)))
        elif self._is_stale and not stale:
            self.emit_provider_ready(ProviderEventDetails())
        self._is_stale = stale

    # --- what OpenFeature asks ---

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        """A flag that is true or false."""
        return self._core.resolve_boolean_value(flag_key, default_value, evaluation_context)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """A flag whose variants are texts."""
        return self._core.resolve_string_value(flag_key, default_value, evaluation_context)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """A flag whose variants are integers."""
        return self._core.resolve_integer_value(flag_key, default_value, evaluation_context)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """A flag whose variants are numbers."""
        return self._core.resolve_float_value(flag_key, default_value, evaluation_context)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[Any] | Mapping[str, Any],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[Any] | Mapping[str, Any]]:
        """A flag whose variants are mappings or lists."""
        return self._core.resolve_object_value(flag_key, default_value, evaluation_context)


def _named_in(flag: Any, shared: Mapping[str, Any]) -> dict[str, Any]:
    """The shared rules that a flag names."""
    text = json.dumps(flag)
    return {name: rule for name, rule in shared.items() if f'"$ref": {json.dumps(name)}' in text}
