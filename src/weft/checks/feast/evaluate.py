"""A separate program: Feast reads a feature_store.yaml, and what it says is written as JSON, pairs of a path and a message."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml
from feast.repo_config import load_repo_config
from pydantic import ValidationError

Said = tuple[list[Any] | None, str]


def mistakes(file: Path) -> list[Said]:
    """What Feast says about the file: of the whole, then of each part that is a configuration of its own."""
    try:
        config = load_repo_config(file.parent, file)
    except ValidationError as error:
        return _of(error, [])
    except Exception as error:  # noqa: BLE001 - whatever it raises is its answer
        cause = error.__cause__ or error.__context__ or error
        return _of(cause, []) if isinstance(cause, ValidationError) else [(_quoted(str(error), file), str(error))]
    found: list[Said] = []
    for part in ("registry", "online_store", "offline_store"):
        try:
            getattr(config, part)
        except ValidationError as error:
            found += _of(error, [part])
        except Exception as error:  # noqa: BLE001
            found.append(([part], str(error) or type(error).__name__))
    return found


def _quoted(message: str, file: Path) -> list[Any] | None:
    """The path of a store's type that a message quotes: of a store that it does not know, Feast names only that."""
    document = yaml.safe_load(file.read_text("utf-8"))
    types = (([part, "type"], str(store.get("type"))) for part, store in document.items() if isinstance(store, dict))
    return next((path for path, name in types if f"'{name}'" in message), None)


def _of(error: ValidationError, above: list[Any]) -> list[Said]:
    """What `pydantic` says, each at its setting."""
    return [
        (
            [*above, *(step for step in each["loc"] if not str(step)[:1].isupper())],
            f"{'.'.join(map(str, (*above, *each['loc'])))}: {each['msg']}",
        )
        for each in error.errors()
    ]


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(mistakes(Path(sys.argv[1]))))
