"""Feature flags: OpenFeature asks flagd's provider, which evaluates the mounted flags.json in this process and follows its changes."""

from __future__ import annotations

from typing import Any

from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.evaluation_context import EvaluationContext

from application.settings import Flags


def start(settings: Flags) -> None:
    """Read the flags; to be called in each worker, because the thread that follows the file does not survive a fork."""
    provider = FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=str(settings.path))
    api.set_provider(provider)


def stop() -> None:
    """End the thread that follows the file."""
    api.shutdown()


def is_on(feature: str, user: str | None = None, attributes: dict[str, Any] | None = None) -> bool:
    """Whether a feature is on for a user; a flag that does not exist is off."""
    return api.get_client().get_boolean_value(feature, False, EvaluationContext(user, attributes or {}))
