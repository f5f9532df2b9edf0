"""Machine learning: what Spleeter, Feast and MLflow get."""

import json
import re

import pytest
import yaml

import reference
from reference import ENVIRONMENTS, FACTS

pytestmark = pytest.mark.unmeasured("about the data of the reference project, not about code")

SPLEETER = json.loads((FACTS / "spleeter.json").read_text("utf-8"))
"""The configurations of its models that Spleeter 2.4.2 brings, by name."""
OWN = {"train_csv", "validation_csv", "model_dir", "training_cache", "validation_cache"}
"""The paths in them, which differ from platform to platform."""


def rendered(environment, path, **overrides):
    settings = {f"ml.{name.replace('__', '.')}": value for name, value in overrides.items()}
    project = reference.changed(settings) if overrides else reference.project()
    return project.target(environment).render()[f"{environment}/ml/{path}"]


def test_the_models_are_those_that_spleeter_brings():
    node = reference.project().root.child("ml").child("spleeter").child("model")
    assert {name.removeprefix("spleeter:") for name in node.keyword("enum")} == set(SPLEETER)
    assert all(name.startswith("spleeter:") for name in node.keyword("enum"))


@pytest.mark.parametrize("model", SPLEETER)
def test_a_model_is_configured_as_spleeter_itself_does_it(model):
    text = rendered("staging", "spleeter.json", spleeter__model=f"spleeter:{model}", training__batch_size="64")
    config = json.loads(text)
    assert {key: value for key, value in config.items() if key not in OWN} == {
        key: value for key, value in SPLEETER[model].items() if key not in OWN
    }
    assert set(config) == set(SPLEETER[model])
    assert config["model_dir"] == f"/app/models/{model}"


def test_spleeter_has_a_batch_size_and_a_learning_rate_of_its_own():
    more = {"spleeter__batch_size": "8", "spleeter__learning_rate": "0.01", "spleeter__training_steps": "5"}
    config = json.loads(rendered("production", "spleeter.json", training__learning_rate="0.5", **more))
    assert (config["batch_size"], config["learning_rate"], config["train_max_steps"]) == (8, 0.01, 5)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_feast_keeps_history_out_of_the_database_and_its_registry_where_all_pods_see_it(environment):
    store = yaml.safe_load(rendered(environment, "feature_store.yaml"))
    database = reference.project().target(environment).config["database"]["postgresql"]
    assert store["offline_store"] == {"type": "dask"}
    assert store["registry"]["registry_type"] == "sql"
    assert re.fullmatch(r"postgresql\+psycopg://\w+@[\w.-]+:\d+/feast", store["registry"]["path"])
    options = store["registry"]["sqlalchemy_config_kwargs"]["connect_args"]
    assert options["password"] == "${DB_PASSWORD}"
    assert options["sslmode"] == database["tls"]["mode"]
    text = reference.rendered(environment)[f"{environment}/configmaps.yaml"]
    ml = next(one["data"] for one in yaml.safe_load_all(text) if one["metadata"]["name"].find("-ml-config") > 0)
    bucket = ml["FEATURE_STORE_OFFLINE_PATH"]
    assert bucket.startswith("/" if environment == "local" else "s3://")


def test_features_are_given_up_after_their_time():
    text = rendered("production", "feature_store.yaml", feature_store__extraction_timeout="3")
    assert ",socket_timeout=3," in yaml.safe_load(text)["online_store"]["connection_string"]


def test_mlflow_gets_the_registry_of_its_environment_and_tags_that_tell_runs_apart():
    lines = [line for line in rendered("production", "mlflow.env").splitlines() if not line.startswith("#")]
    values = dict(line.split("=", 1) for line in lines)
    assert values["MLFLOW_TRACKING_URI"] == "http://mlflow.spotify-ai-agent-prod.svc.cluster.local:5000"
    tags = json.loads(values["MLFLOW_RUN_CONTEXT"].strip("'"))
    assert (tags["environment"], tags["model.version"]) == ("production", "1.0.0")


def test_the_credentials_of_the_registry_are_in_a_secret_of_their_own():
    files = reference.rendered("production")
    text = files.get("production/secrets.yaml") or files["production/external-secrets.yaml"]
    (mine,) = (one for one in yaml.safe_load_all(text) if one["metadata"]["name"] == "spotify-ai-agent-ml-credentials")
    assert {"MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"} <= set(re.findall(r"MLFLOW_\w+", json.dumps(mine)))
