"""A separate program that evaluates every flag of a file once and writes problems as JSON: pairs of a flag's key and a message.

A null key means that the whole file is wrong. The provider reports some mistakes of targeting only in its log.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import OpenFeatureError

Said = tuple[str | None, str]


class Log(logging.Handler):
    """Log messages of the provider that are mistakes of the file."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep warnings and the messages of `fractional`, which reports wrong weights at debug level."""
        if record.levelno >= logging.WARNING or record.funcName == "fractional":
            self.said.append(record.getMessage())


def mistakes(file: Path) -> Iterator[Said]:
    """Load a file and evaluate its flags for a user of whom only an id is known."""
    log = Log()
    logger = logging.getLogger("openfeature.contrib")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(log)
    provider = FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=str(file))
    flags = json.loads(file.read_text("utf-8"))["flags"]
    try:
        api.set_provider_and_wait(provider)
    except OpenFeatureError as error:
        yield from _refused(flags) or [(None, _reason(error))]
        return
    client = api.get_client()
    for key, flag in flags.items():
        log.said.clear()
        details = _evaluate(client, key, next(iter(flag["variants"].values())))
        reason = details.error_message or details.error_code
        for text in dict.fromkeys([*log.said, *([reason] if reason else [])]):
            yield key, str(text)
    api.shutdown()


def _refused(flags: dict[str, Any]) -> list[Said]:
    """The flags that the provider does not even load: it then loads none, and does not report which one it was."""
    refused: list[Said] = []
    for key, flag in flags.items():
        try:
            FlagdCore().set_flags({"flags": {key: flag}})
        except (OpenFeatureError, TypeError) as error:
            refused.append((key, f"the provider loads no flag: {_reason(error)}"))
    return refused


def _reason(error: BaseException) -> str:
    """The message of the innermost error."""
    while error.__cause__ is not None:
        error = error.__cause__
    return getattr(error, "error_message", None) or str(error) or type(error).__name__


def _evaluate(client: OpenFeatureClient, key: str, variant: Any) -> Any:
    """Evaluate a flag by the type of its variants."""
    context = EvaluationContext("weft")
    if isinstance(variant, bool):
        return client.get_boolean_details(key, False, context)
    if isinstance(variant, str):
        return client.get_string_details(key, "", context)
    if isinstance(variant, int | float):
        return client.get_float_details(key, 0.0, context)
    return client.get_object_details(key, {}, context)


if __name__ == "__main__":
    json.dump(list(mistakes(Path(sys.argv[1]))), sys.stdout)
