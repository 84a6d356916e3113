"""Microsoft's own Python clients, unchanged, following jobs: their runs, services, children and files.

`trained` is a job that has ended, with an output; `tuned` is a run below it.
"""

import contextlib
import io
import os
import tempfile
import time
from pathlib import Path

import jwt

os.environ["ARM_CLOUD_METADATA_URL"] = os.environ["EMULATOR_URL"] + "/metadata/endpoints?api-version=2022-09-01"
os.environ["MLFLOW_TRACKING_TOKEN"] = jwt.encode({"exp": int(time.time()) + 86_400}, "a key that nobody checks, of 32 bytes")

import requests
from azure.ai.ml import Output, command
from azure.ai.ml.entities import Environment, JupyterLabJobService
from azure.core.exceptions import ResourceNotFoundError
from mlflow import MlflowClient
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from situations import raises, run
from world import STORAGE, WORKSPACE, Credential, client

ml = client(workspace_name=WORKSPACE)


def upload(store, path, text):
    """A file of a run, as a run itself would write it."""
    datastore = ml.datastores.get(store)
    url = f"https://{datastore.account_name}.blob.{STORAGE}/{datastore.container_name}/{path}"
    token = Credential().get_token("https://storage.azure.com/.default").token
    headers = {"x-ms-blob-type": "BlockBlob", "x-ms-version": "2023-11-03", "Authorization": f"Bearer {token}"}
    requests.put(url, data=text, headers=headers).raise_for_status()


def streamed(name):
    with contextlib.redirect_stdout(io.StringIO()) as told:
        ml.jobs.stream(name)
    return told.getvalue()


def a_job_that_has_ended_is_streamed():
    assert "Execution Summary" in streamed("trained")
    raises(ResourceNotFoundError, ml.jobs.stream, "nothing")


def a_job_is_streamed_until_it_ends():
    ml.environments.create_or_update(Environment(name="e", version="1", image="mcr.example/i:1"))
    job = command(
        name="followed", command="true", environment="azureml:e:1", compute="cluster", outputs={"model": Output(type="mlflow_model")},
        services={"lab": JupyterLabJobService()},
    )
    ml.jobs.create_or_update(job)
    upload("workspaceartifactstore", "ExperimentRun/dcid.followed/user_logs/std_log.txt", "a line\n")
    told = streamed("followed")
    assert "Streaming user_logs/std_log.txt" in told and "\na line\n" in told, told
    assert ml.jobs.get("followed").status == "Completed"


def services():
    assert ml.jobs.show_services("trained") is None
    lab = ml.jobs.show_services("followed")["lab"]
    assert (lab.type, lab.status, lab.error) == ("JupyterLab", "Stopped", None), vars(lab)


def children():
    (child,) = ml.jobs.list(parent_job_name="trained")
    assert (child.name, child.status, child.type) == ("tuned", "Completed", "base"), child
    assert child.creation_context.created_at.year and child.tags["mlflow.parentRunId"] == "trained", child
    assert list(ml.jobs.list(parent_job_name="tuned")) == []
    raises(ResourceNotFoundError, lambda: list(ml.jobs.list(parent_job_name="nothing")))


def files():
    upload("workspaceblobstore", "trained/scores/scores.csv", "1")
    upload("workspaceartifactstore", "ExperimentRun/dcid.trained/user_logs/std_log.txt", "a line\n")
    folder = Path(tempfile.mkdtemp())
    ml.jobs.download("trained", download_path=folder, all=True)
    found = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert found == {
        "artifacts/user_logs/std_log.txt": "a line\n",
        "named-outputs/scores/scores.csv": "1",
    }, found
    folder = Path(tempfile.mkdtemp())
    ml.jobs.download("trained", download_path=folder, output_name="scores")
    assert [path.name for path in folder.rglob("*.*")] == ["scores.csv"]
    ml.jobs.download("tuned", download_path=Path(tempfile.mkdtemp()), all=True)


def artifacts_by_mlflow():
    upload("workspaceartifactstore", "ExperimentRun/dcid.tuned/model/ML model", "flavors")
    upload("workspaceartifactstore", "ExperimentRun/dcid.tuned/notes.txt", "a note")
    assert MlflowClient().list_artifacts("train-1") == []
    files = get_artifact_repository(MlflowClient().get_run("tuned").info.artifact_uri)
    assert [(file.path, file.is_dir) for file in files.list_artifacts(None)] == [("model", True), ("notes.txt", False)]
    assert [file.path for file in files.list_artifacts("model")] == ["model/ML model"]
    assert Path(files.download_artifacts("notes.txt")).read_text() == "a note"
    assert Path(files.download_artifacts("model"), "ML model").read_text() == "flavors"


run(a_job_that_has_ended_is_streamed, a_job_is_streamed_until_it_ends, services, children, files, artifacts_by_mlflow)
