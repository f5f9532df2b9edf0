"""The program of the training Job: learns from the history of features which tracks are played to their end.

It reads its settings from the environment (`x-read-by: training` in schemas/ml.schema.json). A logistic regression stands for the models of
the platform: it needs no library, and every setting has an effect that a test sees.
"""

from __future__ import annotations

import csv
import json
import math
import os
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

LABEL = "finished"
"""The column that says whether a listener heard a track to its end; all others are features."""

Example = tuple[list[float], float]


@dataclass(frozen=True)
class Settings:
    """How the model is trained, and where it comes from and goes."""

    history: str
    folder: Path
    version: str
    name: str
    alias: str
    batch_size: int
    epochs: int
    learning_rate: float
    validation_split: float
    early_stopping: bool
    registry: bool

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """The settings of the Job's environment."""
        return cls(
            history=environment["FEATURE_STORE_OFFLINE_PATH"].rstrip("/") + "/plays.csv",
            folder=Path(environment["ML_MODEL_PATH"]),
            version=environment["ML_MODEL_VERSION"],
            name=environment["ML_MODEL_NAME"],
            alias=environment["ML_MODEL_ALIAS"],
            batch_size=int(environment["ML_BATCH_SIZE"]),
            epochs=int(environment["ML_TRAINING_EPOCHS"]),
            learning_rate=float(environment["ML_LEARNING_RATE"]),
            validation_split=float(environment["ML_VALIDATION_SPLIT"]),
            early_stopping=environment["ML_EARLY_STOPPING"] == "true",
            registry=environment["ML_REGISTRY_ENABLED"] == "true",
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """What decides the result of a training."""
        names = ("batch_size", "epochs", "learning_rate", "validation_split", "early_stopping")
        return {name: value for name, value in asdict(self).items() if name in names}


def main(environment: Mapping[str, str] = os.environ) -> None:
    """Train a model, store it in the folder of its version, and record the run in the registry."""
    settings = Settings.read(environment)
    with _opened(settings.history) as file:
        examples = [_example(row) for row in csv.DictReader(file)]
    weights, losses = train(examples, settings)
    path = settings.folder / settings.version / "model.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"weights": weights, "losses": losses}), "utf-8")
    print(json.dumps({"model": str(path), "epochs": len(losses), "loss": losses[-1]}))
    if settings.registry:
        _record(settings, losses, path)


def train(examples: Sequence[Example], settings: Settings) -> tuple[list[float], list[float]]:
    """The weights of the model, and its loss on the validation data after each epoch."""
    mixed = list(examples)
    random.Random(0).shuffle(mixed)
    kept = max(1, round(len(mixed) * settings.validation_split))
    validation, training = mixed[:kept], mixed[kept:]
    weights, losses = [0.0] * (len(mixed[0][0]) + 1), list[float]()
    for _ in range(settings.epochs):
        for start in range(0, len(training), settings.batch_size):
            batch = training[start : start + settings.batch_size]
            steps = [
                sum(column) / len(batch) for column in zip(*(_gradient(weights, one) for one in batch), strict=True)
            ]
            weights = [weight - settings.learning_rate * step for weight, step in zip(weights, steps, strict=True)]
        losses.append(sum(_loss(weights, one) for one in validation) / len(validation))
        if settings.early_stopping and len(losses) > 1 and losses[-1] >= losses[-2]:
            break
    return weights, losses


def _opened(path: str) -> IO[str]:
    if "://" not in path:
        return Path(path).open(encoding="utf-8", newline="")
    import fsspec  # only buckets need it

    return fsspec.open(path, "r", encoding="utf-8").open()


def _example(row: Mapping[str, str]) -> Example:
    return [float(value) for name, value in row.items() if name != LABEL], float(row[LABEL])


def _probability(weights: Sequence[float], features: Iterable[float]) -> float:
    total = weights[0] + sum(weight * value for weight, value in zip(weights[1:], features, strict=True))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


def _gradient(weights: Sequence[float], example: Example) -> list[float]:
    features, label = example
    error = _probability(weights, features) - label
    return [error, *(error * value for value in features)]


def _loss(weights: Sequence[float], example: Example) -> float:
    chance = _probability(weights, example[0])
    return -math.log(chance if example[1] else 1 - chance)


def _record(settings: Settings, losses: Sequence[float], path: Path) -> None:
    """One run in MLflow, whose client reads address, experiment, credentials, time limit and tags from MLFLOW_* itself."""
    import mlflow

    with mlflow.start_run():
        mlflow.log_params(settings.parameters)
        for epoch, loss in enumerate(losses):
            mlflow.log_metric("validation_loss", loss, step=epoch)
    made = mlflow.register_model(path.parent.as_uri(), settings.name)
    mlflow.MlflowClient().set_registered_model_alias(settings.name, settings.alias, made.version)


if __name__ == "__main__":
    main()
