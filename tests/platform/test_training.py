"""The training program reads each of its settings: every one changes what it does."""

import csv
import json
import math
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import reference
from reference import ROOT

pytestmark = pytest.mark.unmeasured("about the data of the reference project, not about code")


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """A folder with plays of which a model can learn something."""
    folder = tmp_path_factory.mktemp("history")
    chance = random.Random(1)
    with (folder / "plays.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["tempo", "loudness", "finished"])
        for _ in range(200):
            tempo, loudness = chance.uniform(-1, 1), chance.uniform(-1, 1)
            rows.writerow([tempo, loudness, int(chance.random() < 1 / (1 + math.exp(-3 * tempo)))])
    return folder


def trained(history, folder, **changes):
    """What a training with the environment of development, and some variables set otherwise, prints and stores."""
    text = reference.rendered("development")["development/configmaps.yaml"]
    data = next(one["data"] for one in yaml.safe_load_all(text) if "ML_BATCH_SIZE" in one["data"])
    own = {"FEATURE_STORE_OFFLINE_PATH": str(history), "ML_MODEL_PATH": str(folder), "ML_REGISTRY_ENABLED": "false"}
    own |= {"PATH": os.environ["PATH"]}
    command = [sys.executable, ROOT / "examples/training/train.py"]
    done = subprocess.run(command, env=data | own | changes, capture_output=True, text=True, check=True)
    printed = json.loads(done.stdout)
    return printed, json.loads(Path(printed["model"]).read_text("utf-8"))


def test_a_training_follows_its_settings(history, tmp_path):
    settings = reference.project().target("development").config["ml"]
    printed, model = trained(history, tmp_path, ML_EARLY_STOPPING="false")
    assert printed["model"] == str(tmp_path / settings["model"]["version"] / "model.json")
    assert printed["epochs"] == len(model["losses"]) == settings["training"]["epochs"]
    changes = {
        "ML_BATCH_SIZE": "200",
        "ML_LEARNING_RATE": "0.5",
        "ML_VALIDATION_SPLIT": "0.5",
        "ML_TRAINING_EPOCHS": "3",
    }
    for name, value in changes.items():
        other = trained(history, tmp_path, ML_EARLY_STOPPING="false", **{name: value})[1]
        assert other["weights"] != model["weights"], name
    assert trained(history, tmp_path, ML_EARLY_STOPPING="false", ML_TRAINING_EPOCHS="3")[0]["epochs"] == 3


def test_early_stopping_ends_a_training_that_learns_nothing_more(history, tmp_path):
    more = {"ML_LEARNING_RATE": "1", "ML_TRAINING_EPOCHS": "200", "ML_BATCH_SIZE": "1"}
    assert trained(history, tmp_path, ML_EARLY_STOPPING="true", **more)[0]["epochs"] < 200
    assert trained(history, tmp_path, ML_EARLY_STOPPING="false", **more)[0]["epochs"] == 200
