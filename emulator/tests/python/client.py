"""Microsoft's own Python client, unchanged, against the emulator.

Each function is a situation; what comes back is compared as objects.
"""

import json
import tempfile
import time

import requests
from azure.ai.ml import Input
from azure.ai.ml.entities import (
    AccountKeyConfiguration,
    AzureBlobDatastore,
    BatchEndpoint,
    CodeConfiguration,
    CommandComponent,
    Data,
    Environment,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
    ModelBatchDeployment,
    ModelBatchDeploymentSettings,
    Registry,
    RegistryRegionDetails,
    SystemCreatedAcrAccount,
    SystemCreatedStorageAccount,
)
from azure.ai.ml.entities._assets.auto_delete_setting import AutoDeleteSetting
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from situations import raises, run
from world import DATASTORE, WORKSPACE, client

ml = client(workspace_name=WORKSPACE)


def workspaces():
    found = ml.workspaces.get(WORKSPACE)
    assert found.location == "eastus" and found.mlflow_tracking_uri.startswith("azureml://127.0.0.1"), found
    assert [w.name for w in ml.workspaces.list()] == [WORKSPACE]


def model(version=None, **more):
    return Model(name="fares", version=version, path=DATASTORE + "model", type="custom_model", **more)


def models():
    first = ml.models.create_or_update(model("1", description="d", tags={"a": "b"}, stage="Production"))
    assert (first.version, first.description, first.tags, first.stage) == ("1", "d", {"a": "b"}, "Production")
    assert first.path == DATASTORE.replace("resourcegroups", "resourceGroups") + "model", first.path
    assert ml.models.create_or_update(model()).version == "2", "the next version is counted"
    assert ml.models.get("fares", version="1").stage == "Production"
    assert ml.models.get("fares", label="latest").version == "2"
    assert [m.version for m in ml.models.list("fares")] == ["2", "1"]
    assert [m.version for m in ml.models.list("fares", stage="Production")] == ["1"]
    assert [m.name for m in ml.models.list()] == ["fares"]
    ml.models.archive("fares", version="1")
    assert [m.version for m in ml.models.list("fares")] == ["2"]
    ml.models.restore("fares", version="1")
    assert [m.version for m in ml.models.list("fares")] == ["2", "1"]
    ml.models.archive("fares")
    assert [m.name for m in ml.models.list()] == []
    ml.models.restore("fares")
    raises(ResourceNotFoundError, ml.models.get, "nothing", version="1")


def paging():
    for version in range(3, 75):
        ml.models.create_or_update(model(str(version)))
    assert [int(m.version) for m in ml.models.list("fares")] == list(range(74, 0, -1))


def other_assets():
    data = ml.data.create_or_update(Data(name="trips", version="v1", path=DATASTORE + "trips", type="uri_folder"))
    assert (data.version, data.type) == ("v1", "uri_folder")
    assert ml.data.get("trips", version="v1").path == data.path
    assert [d.version for d in ml.data.list("trips")] == ["v1"]
    fleeting = AutoDeleteSetting(condition="CreatedGreaterThan", value="30d")
    ml.data.create_or_update(Data(name="soon", version="1", path=DATASTORE + "soon", type="uri_file", auto_delete_setting=fleeting))
    assert ml.data.get("soon", version="1").auto_delete_setting == fleeting
    environment = ml.environments.create_or_update(Environment(name="e", version="1", image="mcr.example/i:1"))
    assert ml.environments.get("e", version="1").image == environment.image == "mcr.example/i:1"


def environments_without_version():
    def made(image):
        return ml.environments.create_or_update(Environment(name="counted", image=image))

    assert [made(f"mcr.example/i:{n}").version for n in (1, 1, 2)] == ["1", "1", "2"]
    assert [(e.version, e.image) for e in ml.environments.list("counted")] == [("2", "mcr.example/i:2"), ("1", "mcr.example/i:1")]


def components_without_version():
    def component(version):
        return CommandComponent(name="step", version=version, command=f"echo {version}", environment="azureml:e:1")

    for version in ("1", "2"):
        ml.components.create_or_update(component(version))
    got = ml.components.get("step")
    assert (got.version, got.command) == ("2", "echo 2"), got
    assert ml.components.get("step", label="latest").version == "2"


DATASTORES = ["workspaceblobstore", "workspacefilestore", "workspaceartifactstore", "workspaceworkingdirectory"]


def datastores():
    files = ml.datastores.get("workspacefilestore")
    assert files.type == "AzureFile" and files.file_share_name.startswith("azureml-filestore-"), files
    artifacts = ml.datastores.get("workspaceartifactstore")
    assert (artifacts.type, artifacts.container_name) == ("AzureBlob", "azureml"), artifacts
    directory = ml.datastores.get("workspaceworkingdirectory")
    assert (directory.type, directory.file_share_name) == ("AzureFile", "code-391ff5ac-6576-460f-ba4d-7e03433c68b6"), directory
    default = ml.datastores.get_default()
    assert (default.name, default.type, default.protocol) == ("workspaceblobstore", "AzureBlob", "https"), default
    mine = AzureBlobDatastore(
        name="mine", account_name="account", container_name="box", description="d", credentials=AccountKeyConfiguration(account_key="k")
    )
    made = ml.datastores.create_or_update(mine)
    assert (made.account_name, made.container_name, made.description) == ("account", "box", "d"), made
    assert ml.datastores.get("mine").credentials.account_key is None
    assert ml.datastores.get("mine", include_secrets=True).credentials.sas_token.startswith("sv=")
    assert [d.name for d in ml.datastores.list()] == [*DATASTORES, "mine"]
    ml.datastores.delete("mine")
    assert [d.name for d in ml.datastores.list()] == DATASTORES


def jobs():
    job = ml.jobs.get("train-1")
    assert (job.name, job.status, job.experiment_name) == ("train-1", "Completed", "fares"), job
    listed = {job.name: job.status for job in ml.jobs.list()}
    assert listed == {f"train-{n}": "Completed" for n in (1, 2, 3)}, listed


def registries():
    registry = Registry(
        name="models",
        location="eastus",
        tags={"one": "two"},
        replication_locations=[
            RegistryRegionDetails(
                location="eastus",
                storage_config=SystemCreatedStorageAccount(storage_account_hns=False, storage_account_type="standard_lrs"),
                acr_config=[SystemCreatedAcrAccount(acr_account_sku="Premium")],
            )
        ],
    )
    made = ml.registries.begin_create(registry).result()
    assert (made.name, made.location, made.tags) == ("models", "eastus", {"one": "two"})
    assert ml.registries.get("models").replication_locations[0].location == "eastus"
    assert [r.name for r in ml.registries.list()] == ["models"]
    assert [r.name for r in ml.registries.list(scope="subscription")] == ["models"]


def share():
    ml.models.share("fares", "1", registry_name="models", share_with_name="shared", share_with_version="1")
    there = client(registry_name="models")
    shared = there.models.get("shared", version="1")
    assert (shared.name, shared.version) == ("shared", "1")
    assert [m.version for m in there.models.list("shared")] == ["1"]
    assert [m.name for m in there.models.list()] == ["shared"]


def endpoints():
    endpoint = ManagedOnlineEndpoint(name="fares-online", auth_mode="key", tags={"t": "1"})
    made = ml.online_endpoints.begin_create_or_update(endpoint).result()
    assert made.scoring_uri.endswith("/score") and made.provisioning_state == "Succeeded"

    def deployment(name, **more):
        return ManagedOnlineDeployment(
            name=name, endpoint_name="fares-online", model="azureml:fares:1", instance_type="Standard_F4s_v2",
            instance_count=1, environment="azureml:e:1", **more,
        )

    blue = ml.online_deployments.begin_create_or_update(deployment("blue")).result()
    assert (blue.name, blue.provisioning_state, blue.instance_count) == ("blue", "Succeeded", 1)
    ml.online_deployments.begin_create_or_update(deployment("green")).result()
    made = ml.online_endpoints.get("fares-online")
    made.traffic = {"blue": 90, "green": 10}
    assert ml.online_endpoints.begin_create_or_update(made).result().traffic == {"blue": 90, "green": 10}
    made = ml.online_endpoints.get("fares-online")
    made.traffic, made.mirror_traffic = {"blue": 100}, {"green": 10}
    updated = ml.online_endpoints.begin_create_or_update(made).result()
    assert updated.mirror_traffic == {"green": 10}, updated.mirror_traffic
    blue = ml.online_deployments.get("blue", "fares-online")
    blue.instance_count = 3
    assert ml.online_deployments.begin_create_or_update(blue).result().instance_count == 3
    assert "Instance status" in ml.online_deployments.get_logs("blue", "fares-online", lines=10)
    assert sorted(d.name for d in ml.online_deployments.list("fares-online")) == ["blue", "green"]
    refused = raises(HttpResponseError, ml.online_deployments.begin_delete, "blue", "fares-online")
    assert refused.status_code == 409, refused
    assert [e.name for e in ml.online_endpoints.list()] == ["fares-online"]


def keys():
    def pair():
        keys = ml.online_endpoints.get_keys("fares-online")
        return keys.primary_key, keys.secondary_key

    first = pair()
    ml.online_endpoints.begin_regenerate_keys("fares-online", key_type="secondary").result()
    second = pair()
    assert first[0] == second[0] and first[1] != second[1], (first, second)
    ml.online_endpoints.begin_regenerate_keys("fares-online", key_type="primary").result()
    third = pair()
    assert second[0] != third[0] and second[1] == third[1], (second, third)
    assert len({*first, *second, *third}) == 4
    assert post(third[0]).status_code == 200 and post(first[0]).status_code == 401


def post(token):
    uri = ml.online_endpoints.get("fares-online").scoring_uri
    return requests.post(uri, json={"data": []}, headers={"Authorization": "Bearer " + token}, timeout=10)


def invocation():
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write('{"data": []}')
        file.flush()
        answer = ml.online_endpoints.invoke("fares-online", request_file=file.name)
        assert json.loads(answer)["deployment"] == "blue", answer
        answer = ml.online_endpoints.invoke("fares-online", request_file=file.name, deployment_name="green")
        assert json.loads(answer)["deployment"] == "green", answer


def tokens():
    endpoint = ml.online_endpoints.get("fares-online")
    endpoint.auth_mode = "aml_token"
    assert ml.online_endpoints.begin_create_or_update(endpoint).result().auth_mode == "aml_token"
    first, second = ml.online_endpoints.get_keys("fares-online"), ml.online_endpoints.get_keys("fares-online")
    assert first.access_token != second.access_token and first.token_type == "Bearer"
    assert first.refresh_after_time_utc < first.expiry_time_utc
    assert post(first.access_token).status_code == post(second.access_token).status_code == 200
    assert post("another").status_code == 401


def registry_model_behind_an_endpoint():
    asset = "azureml://registries/models/models/shared/versions/1"
    deployment = ManagedOnlineDeployment(
        name="third", endpoint_name="fares-online", model=asset, instance_type="Standard_F4s_v2", instance_count=1
    )
    made = ml.online_deployments.begin_create_or_update(deployment).result()
    assert made.model == asset, made.model


def batch_endpoints():
    made = ml.batch_endpoints.begin_create_or_update(BatchEndpoint(name="nightly", description="d", tags={"t": "1"})).result()
    assert (made.name, made.description, made.tags) == ("nightly", "d", {"t": "1"})
    assert [e.name for e in ml.batch_endpoints.list()] == ["nightly"]


def batch_deployments():
    def deployment(name):
        return ModelBatchDeployment(
            name=name, endpoint_name="nightly", model=ml.models.get("fares", version="1"), compute="cluster",
            environment="azureml:e:1", code_configuration=CodeConfiguration(code="azureml:scoring:1", scoring_script="score.py"),
            settings=ModelBatchDeploymentSettings(mini_batch_size=20, instance_count=2, output_action="summary_only", logging_level="debug"),
        )

    made = ml.batch_deployments.begin_create_or_update(deployment("first")).result()
    assert (made.name, made.provisioning_state, made.mini_batch_size) == ("first", "Succeeded", 20), made
    got = ml.batch_deployments.get("first", "nightly")
    assert (got.resources.instance_count, got.logging_level, got.output_action) == (2, "Debug", "summary_only"), got
    assert got.model.endswith("/models/fares/versions/1") and got.compute.endswith("/computes/cluster"), got
    assert (got.error_threshold, got.retry_settings.max_retries, got.max_concurrency_per_instance) == (-1, 3, 1), got
    ml.batch_deployments.begin_create_or_update(deployment("second")).result()
    assert [d.name for d in ml.batch_deployments.list("nightly")] == ["first", "second"]
    endpoint = ml.batch_endpoints.get("nightly")
    endpoint.defaults.deployment_name = "first"
    assert ml.batch_endpoints.begin_create_or_update(endpoint).result().defaults.deployment_name == "first"


def batch_invocation():
    trips = Input(type="uri_folder", path=DATASTORE + "trips/")
    # Without a name the client would send the one of its last invocation again, of whatever endpoint: it keeps headers.
    first = ml.batch_endpoints.invoke(
        "nightly", deployment_name="first", inputs={"trips": trips}, job_name="tonight", experiment_name="nights"
    )
    assert (first.name, first.status) == ("tonight", "NotStarted"), first._to_dict()
    job = ml.jobs.get("tonight")
    assert (job.name, job.type, job.experiment_name) == ("tonight", "pipeline", "nights"), job
    assert job.inputs["trips"].path == trips.path, job.inputs
    second = ml.batch_endpoints.invoke("nightly", inputs={"trips": trips}, deployment_name="second")
    assert [j.name for j in ml.batch_endpoints.list_jobs("nightly")] == [second.name, "tonight"]
    assert [j.name for j in ml.batch_deployments.list_jobs("nightly", name="first")] == ["tonight"]
    while ml.batch_endpoints.list_jobs("nightly")[1].status != "Completed":
        time.sleep(0.2)
    ml.batch_deployments.begin_delete("second", "nightly").result()
    assert [d.name for d in ml.batch_deployments.list("nightly")] == ["first"]
    ml.batch_endpoints.begin_delete("nightly").result()
    assert list(ml.batch_endpoints.list()) == []


def deletions():
    endpoint = ml.online_endpoints.get("fares-online")
    endpoint.traffic, endpoint.mirror_traffic = {"green": 100}, {}
    ml.online_endpoints.begin_create_or_update(endpoint).result()
    before = {d.name for d in ml.online_deployments.list("fares-online")}
    ml.online_deployments.begin_delete("blue", "fares-online").result()
    assert {d.name for d in ml.online_deployments.list("fares-online")} == before - {"blue"} != before, before
    gone = raises(ResourceNotFoundError, ml.online_deployments.get, "blue", "fares-online")
    assert gone.status_code == 404, gone
    ml.online_endpoints.begin_delete("fares-online").result()
    assert list(ml.online_endpoints.list()) == []
    ml.registries.begin_delete(name="models").result()
    assert list(ml.registries.list()) == []


run(
    workspaces, models, paging, other_assets, environments_without_version, components_without_version, datastores, jobs, registries, share, endpoints, keys, invocation, tokens,
    registry_model_behind_an_endpoint, batch_endpoints, batch_deployments,
    batch_invocation, deletions,
)
