"""The client as it finds a cloud by itself: from ARM_CLOUD_METADATA_URL, with a token of Entra for a client's secret.

Nothing of the cloud is written here: what the client knows of it comes from the emulator's `/metadata/endpoints`.
"""

import os

from azure.ai.ml import MLClient, command, dsl
from azure.ai.ml.entities import Environment, Model
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import ClientSecretCredential

from situations import raises, run
from world import DATASTORE, GROUP, SUBSCRIPTION, URL, WORKSPACE

os.environ["ARM_CLOUD_METADATA_URL"] = URL + "/metadata/endpoints?api-version=2022-09-01"


def credential(secret):
    return ClientSecretCredential(
        os.environ["EMULATOR_TENANT"],
        os.environ["EMULATOR_CLIENT"],
        secret,
        authority=URL,
        disable_instance_discovery=True,
    )


def client(secret="right", **more):
    return MLClient(credential(secret), SUBSCRIPTION, GROUP, **more)


def finds_the_cloud():
    ml = client(workspace_name=WORKSPACE)
    assert os.environ["AZUREML_CURRENT_CLOUD"] == "AzureMLEmulator"
    workspace = ml.workspaces.get(WORKSPACE)
    assert (workspace.name, workspace.location) == (WORKSPACE, "eastus"), workspace
    made = ml.models.create_or_update(Model(name="fares", version="1", path=DATASTORE + "model", type="mlflow_model"))
    assert ml.models.get("fares", version="1").path == made.path


def is_who_it_says():
    jobs = [job.name for job in client(workspace_name=WORKSPACE).jobs.list()]
    assert sorted(jobs) == ["train-1", "train-2", "train-3"], jobs


def a_pipeline_needs_a_token_for_the_service():
    ml = client(workspace_name=WORKSPACE)
    ml.environments.create_or_update(Environment(name="e", version="1", image="mcr.example/i:1"))
    step = command(command="true", environment="azureml:e:1", compute="serverless")

    @dsl.pipeline(name="nightly", default_compute="serverless")
    def nightly():
        step()

    made = ml.jobs.create_or_update(nightly())
    assert (made.type, made.creation_context.created_by) == ("pipeline", "ada"), made


def a_wrong_secret_is_refused():
    error = raises(ClientAuthenticationError, client("wrong", workspace_name=WORKSPACE).workspaces.get, WORKSPACE)
    assert "AADSTS7000215" in str(error), error


def what_it_may_not_do_is_refused():
    error = raises(HttpResponseError, client(workspace_name="other").workspaces.get, "other")
    assert error.status_code == 403 and "AuthorizationFailed" in str(error), error


run(
    finds_the_cloud, is_who_it_says, a_pipeline_needs_a_token_for_the_service, a_wrong_secret_is_refused, what_it_may_not_do_is_refused,
)
