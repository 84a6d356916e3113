"""Microsoft's Python client as it was a year before, unchanged, against the emulator.

Its calls are generated from Microsoft's specifications, each of its own api-version, and take only the statuses that
these have: nothing but a 202 when a version is put into a registry, nothing but a 201 when a container is.
"""

import tempfile
from pathlib import Path

import azure.ai.ml
from azure.ai.ml.entities import Environment, ManagedOnlineDeployment, ManagedOnlineEndpoint, Model, Registry, RegistryRegionDetails

from situations import run
from world import DATASTORE, WORKSPACE, client

ml = client(workspace_name=WORKSPACE)
there = None


def release():
    assert azure.ai.ml.__version__ == "1.28.1", azure.ai.ml.__version__


def workspaces():
    assert ml.workspaces.get(WORKSPACE).location == "eastus"
    assert [w.name for w in ml.workspaces.list()] == [WORKSPACE]
    assert ml.datastores.get_default().name == "workspaceblobstore"
    assert ml.jobs.get("train-1").status == "Completed"


def models():
    model = Model(name="fares", version="1", path=DATASTORE + "model", type="custom_model", stage="Production")
    made = ml.models.create_or_update(model)
    assert (made.version, made.stage) == ("1", "Production"), made
    ml.models.archive("fares", version="1")
    assert list(ml.models.list("fares")) == []
    ml.models.restore("fares", version="1")
    assert [m.version for m in ml.models.list("fares")] == ["1"]


def registries():
    global there
    registry = Registry(name="models", location="eastus", replication_locations=[RegistryRegionDetails(location="eastus")])
    assert ml.registries.begin_create(registry).result().name == "models"
    assert [r.name for r in ml.registries.list()] == ["models"]
    there = client(registry_name="models")


def assets_of_a_registry():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "model.bin").write_text("weights")
        made = there.models.create_or_update(Model(name="uploaded", version="1", path=folder, type="custom_model", description="d"))
    assert (made.name, made.version, made.description) == ("uploaded", "1", "d"), made
    assert [m.version for m in there.models.list("uploaded")] == ["1"]
    made.description = "other"
    assert there.models.create_or_update(made).description == "other"
    there.models.archive("uploaded")
    assert list(there.models.list()) == []
    there.models.restore("uploaded")
    assert [m.name for m in there.models.list()] == ["uploaded"]
    environment = there.environments.create_or_update(Environment(name="e", version="1", image="mcr.example/i:1"))
    assert (environment.version, environment.image) == ("1", "mcr.example/i:1"), environment


def share():
    ml.models.share("fares", "1", registry_name="models", share_with_name="shared", share_with_version="1")
    assert there.models.get("shared", version="1").version == "1"


def endpoints():
    made = ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="fares-online", auth_mode="key")).result()
    assert made.provisioning_state == "Succeeded", made
    deployment = ManagedOnlineDeployment(
        name="blue", endpoint_name="fares-online", model="azureml://registries/models/models/shared/versions/1",
        instance_type="Standard_F4s_v2", instance_count=1,
    )
    assert ml.online_deployments.begin_create_or_update(deployment).result().provisioning_state == "Succeeded"
    made.traffic = {"blue": 100}
    assert ml.online_endpoints.begin_create_or_update(made).result().traffic == {"blue": 100}


run(release, workspaces, models, registries, assets_of_a_registry, share, endpoints)
