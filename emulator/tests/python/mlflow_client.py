"""MLflow's own client with Azure's plugin, unchanged, reading runs from the emulator.

MLFLOW_TRACKING_URI is the workspace's `mlFlowTrackingUri`, and the token comes as it does inside a job of the service.
"""

import math
import os
import time

import jwt

# The plugin reads when the token ends from the token itself.
os.environ["MLFLOW_TRACKING_TOKEN"] = jwt.encode({"exp": int(time.time()) + 86_400}, "a key that nobody checks, of 32 bytes")

from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException

from situations import raises, run

client = MlflowClient()


def run_by_id():
    found = client.get_run("train-1")
    assert (found.info.run_id, found.info.status, found.info.lifecycle_stage) == ("train-1", "FINISHED", "active"), found.info
    assert (found.info.user_id, found.info.run_name) == ("ada", "train-1"), found.info
    assert found.data.metrics["rmse"] == 3.25, found.data.metrics
    assert math.isnan(found.data.metrics["loss"]) and found.data.metrics["bound"] == math.inf, found.data.metrics
    assert found.data.params == {"depth": "7"}
    assert found.data.tags["mlflow.source.git.commit"] == "4f1c2d"
    assert found.info.start_time and found.info.end_time


def run_that_is_absent():
    assert raises(MlflowException, client.get_run, "nobody").error_code == "RESOURCE_DOES_NOT_EXIST"


def history():
    points = client.get_metric_history("train-1", "rmse")
    assert [(point.key, point.step, point.value) for point in points] == [("rmse", 0, 4.5), ("rmse", 1, 3.25)]
    assert client.get_metric_history("train-1", "unheard-of") == []


def experiment():
    experiment = client.get_experiment_by_name("fares")
    assert experiment.name == "fares" and experiment.lifecycle_stage == "active", experiment
    assert client.get_experiment(experiment.experiment_id).name == "fares"
    assert client.get_experiment_by_name("nothing") is None
    assert sorted(e.name for e in client.search_experiments()) == ["fares", "other"]
    return experiment.experiment_id


def search():
    fares = experiment()

    def found(filter_string="", **more):
        return [run.info.run_id for run in client.search_runs([fares], filter_string, **more)]

    assert sorted(found()) == ["train-1", "train-2"]
    assert found("metrics.rmse < 4") == ["train-1"]
    assert found("params.depth = '9'") == ["train-2"]
    assert found("tags.`mlflow.source.git.commit` = '4f1c2d' and attributes.status = 'FINISHED'") == ["train-1"]
    assert found(order_by=["metrics.rmse ASC"]) == ["train-1", "train-2"]
    assert found(order_by=["metrics.rmse DESC"]) == ["train-2", "train-1"]
    assert found(run_view_type=ViewType.DELETED_ONLY) == []
    assert raises(MlflowException, found, "metrics.rmse ~ 4").error_code == "INVALID_PARAMETER_VALUE"


def search_by_pages():
    fares = experiment()
    first = client.search_runs([fares], max_results=1)
    second = client.search_runs([fares], max_results=1, page_token=first.token)
    assert first.token and not second.token
    assert sorted(run.info.run_id for run in [*first, *second]) == ["train-1", "train-2"]


run(run_by_id, run_that_is_absent, history, experiment, search, search_by_pages)
