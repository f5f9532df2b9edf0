"""A separate program: a configuration is compared with those of Spleeter, and the differences are written as JSON.

They are pairs of a path and a message.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from spleeter.utils.configuration import load_configuration

Said = tuple[list[str] | None, str]
NETWORK = ("instrument_list", "sample_rate", "frame_length", "frame_step", "T", "F", "n_channels", "mix_name", "model")
"""The keys that describe the network; the others say how it is trained, and where."""


def own() -> dict[str, dict[str, Any]]:
    """The configurations of the models that Spleeter ships, by the names of the models."""
    names = [each.name.removesuffix(".json") for each in files("spleeter.resources").iterdir() if "stems" in each.name]
    return {f"spleeter:{name}": load_configuration(f"spleeter:{name}") for name in sorted(names)}


def mistakes(file: Path) -> Iterator[Said]:
    """What does not fit."""
    try:
        config = load_configuration(str(file))
    except ValueError as error:
        yield None, str(error)
        return
    if not isinstance(config, dict):
        yield None, "the configuration is not a mapping"
        return
    models = own()
    name, model = min(models.items(), key=lambda each: len(differing(config, each[1])))
    for key in model:
        if key not in config:
            yield None, f"{key} is missing"
        elif kind(config[key]) != kind(model[key]):
            yield [key], f"{key} is {kind(config[key])}, but must be {kind(model[key])}"
        elif key in NETWORK and config[key] != model[key]:
            nearest = f"{json.dumps(model[key])} in {name}, which is the nearest of {', '.join(models)}"
            yield [key], f"{key} is {json.dumps(config[key])}, but {nearest}"
    yield from (([key], f"{key} is not a key of Spleeter's configurations") for key in config if key not in model)


def differing(config: dict[str, Any], model: dict[str, Any]) -> list[str]:
    """The keys of the network in which two configurations differ."""
    return [key for key in NETWORK if config.get(key) != model[key]]


def kind(value: Any) -> str:
    """The type of a value, as people say it."""
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list", dict: "a mapping"}
    return names.get(type(value), "null")


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(list(mistakes(Path(sys.argv[1])))))
