"""Microsoft's own Python client, unchanged: assets whose files it uploads, in a workspace and in a registry.

Each function is a situation; what comes back is compared as objects, and files are compared with what was uploaded.
"""

import tempfile
from pathlib import Path

from azure.ai.ml.constants import ListViewType
from azure.ai.ml.entities import BuildContext, CommandComponent, Data, Environment, Model, Registry, RegistryRegionDetails
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from situations import raises, run
from world import DATASTORE, STORAGE, WORKSPACE, client

ml = client(workspace_name=WORKSPACE)
folder = Path(tempfile.mkdtemp())
NORMALISED = DATASTORE.replace("resourcegroups", "resourceGroups")


def file(name, content=b"weights"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def downloaded(source, name, version):
    """The files of a model, by path below the folder that the client makes."""
    there = Path(tempfile.mkdtemp())
    source.models.download(name, version, there)
    return {str(path.relative_to(there)): path.read_bytes() for path in there.rglob("*") if path.is_file()}


def a_file_in_a_workspace():
    made = ml.models.create_or_update(Model(name="single", version="1", path=file("single/model.bin"), type="custom_model"))
    assert made.path.startswith(NORMALISED + "LocalUpload/") and made.path.endswith("/model.bin"), made.path
    assert ml.models.get("single", version="1").path == made.path
    assert downloaded(ml, "single", "1") == {"single/model.bin": b"weights"}
    again = ml.models.create_or_update(Model(name="single", version="1", path=file("single/model.bin"), type="custom_model"))
    assert again.path == made.path, "the same file is the same upload"
    counted = ml.models.create_or_update(Model(name="single", path=file("single/model.bin"), type="custom_model"))
    assert (counted.version, counted.path) == ("2", made.path), counted
    other = Model(name="single", version="1", path=file("single/other/model.bin", b"others"), type="custom_model")
    refused = raises(HttpResponseError, ml.models.create_or_update, other)
    assert refused.message.startswith("(UserError) Asset paths cannot be updated."), refused.message


def a_folder_in_a_workspace():
    file("folder/MLmodel", b"flavors: {}"), file("folder/data/a", b"1"), file("folder/data/empty", b"")
    made = ml.models.create_or_update(Model(name="many", version="1", path=folder / "folder", type="custom_model"))
    assert made.path.startswith(NORMALISED + "LocalUpload/") and made.path.endswith("/folder"), made.path
    assert downloaded(ml, "many", "1") == {
        "many/folder/MLmodel": b"flavors: {}", "many/folder/data/a": b"1", "many/folder/data/empty": b"",
    }


def code_in_a_workspace_is_uploaded_once():
    def made(name):
        component = CommandComponent(name=name, version="1", command="python train.py", code=str(folder / "code"), environment="azureml:e:1")
        return ml.components.create_or_update(component)

    file("code/train.py", b"print(1)")
    first = made("train")
    assert f"/workspaces/{WORKSPACE}/codes/" in first.code, first.code
    assert made("again").code == first.code, "the same content is the same code, whatever its name"
    file("code/train.py", b"print(2)")
    assert made("other").code != first.code


def a_large_file_in_blocks():
    content = bytes(range(256)) * (260 << 10)
    made = ml.models.create_or_update(Model(name="large", version="1", path=file("large/model.bin", content), type="custom_model"))
    assert made.path.endswith("/model.bin")
    assert downloaded(ml, "large", "1") == {"large/model.bin": content}


def data_in_a_workspace():
    made = ml.data.create_or_update(Data(name="trips", version="v1", path=file("trips.csv", b"a,b"), type="uri_file"))
    assert made.path.startswith("azureml://datastores/workspaceblobstore/paths/LocalUpload/"), made.path
    assert made.path.endswith("/trips.csv") and ml.data.get("trips", version="v1").path == made.path


def an_environment_from_a_folder():
    file("context/Dockerfile", b"FROM mcr.example/i:1")
    made = ml.environments.create_or_update(Environment(name="built", version="1", build=BuildContext(path=folder / "context")))
    storage = f"blob.{STORAGE}/azureml-blobstore-"
    assert storage in made.build.path and made.build.path.endswith("/context/"), made.build.path
    assert ml.environments.get("built", version="1").build.path == made.build.path


def registry():
    regions = [RegistryRegionDetails(location="eastus")]
    ml.registries.begin_create(Registry(name="shelf", location="eastus", replication_locations=regions)).result()
    return client(registry_name="shelf")


def models_in_a_registry(there):
    first = Model(name="fares", version="1", path=file("fares/model.bin"), type="custom_model", description="d", tags={"a": "b"})
    made = there.models.create_or_update(first)
    assert (made.name, made.version, made.description, made.tags) == ("fares", "1", "d", {"a": "b"}), made
    assert made.id == "azureml://registries/shelf/models/fares/versions/1", made.id
    assert made.path.startswith("https://") and f".blob.{STORAGE}/" in made.path and made.path.endswith("/model.bin"), made.path
    got = there.models.get("fares", version="1")
    assert (got.path, got.type, got.creation_context.created_by) == (made.path, "custom_model", "any"), got
    assert downloaded(there, "fares", "1") == {"fares/model.bin": b"weights"}
    assert there.models.create_or_update(Model(name="fares", path=file("fares/model.bin"), type="custom_model")).version == "2"
    assert there.models.get("fares", label="latest").version == "2"
    assert [m.version for m in there.models.list("fares")] == ["2", "1"]
    assert [(m.name, m.latest_version) for m in there.models.list()] == [("fares", "2")]
    there.models.archive("fares", version="1")
    assert [m.version for m in there.models.list("fares")] == ["2"]
    there.models.restore("fares", version="1")
    assert [m.version for m in there.models.list("fares")] == ["2", "1"]
    assert there.models.get("fares", version="1").path == made.path, "archived and restored, the files stay"
    there.models.archive("fares")
    assert list(there.models.list()) == []
    there.models.restore("fares")
    assert [m.name for m in there.models.list()] == ["fares"]
    raises(ResourceNotFoundError, there.models.get, "fares", version="9")


def environments_in_a_registry(there):
    def environment(version, **more):
        return Environment(name="e", version=version, description="d", tags={"a": "b"}, **more)

    conda = file("conda.yaml", b"name: e\ndependencies: [python=3.11]\n")
    made = there.environments.create_or_update(environment("1", image="mcr.example/i:1", conda_file=conda))
    assert (made.name, made.version, made.image, made.description, made.tags) == ("e", "1", "mcr.example/i:1", "d", {"a": "b"})
    assert made.id == "azureml://registries/shelf/environments/e/versions/1", made.id
    got = there.environments.get("e", version="1")
    assert (got.image, got.conda_file, got.os_type) == ("mcr.example/i:1", {"name": "e", "dependencies": ["python=3.11"]}, "Linux"), got
    made = there.environments.create_or_update(environment("2", build=BuildContext(path=folder / "context")))
    assert f".blob.{STORAGE}/" in made.build.path and made.build.path.endswith("/context/"), made.build.path
    assert [e.version for e in there.environments.list("e")] == ["2", "1"]
    assert [(e.name, e.latest_version) for e in there.environments.list()] == [("e", "2")]
    assert there.environments.get("e", label="latest").version == "2"
    there.environments.archive("e", version="2")
    assert [e.version for e in there.environments.list("e")] == ["1"]
    there.environments.restore("e", version="2")
    assert [e.version for e in there.environments.list("e")] == ["2", "1"]
    raises(ResourceNotFoundError, there.environments.get, "e", version="9")


def data_in_a_registry(there):
    made = there.data.create_or_update(Data(name="trips", version="1", path=file("trips.csv", b"a,b"), type="uri_file", tags={"a": "b"}))
    assert (made.name, made.version, made.type, made.tags) == ("trips", "1", "uri_file", {"a": "b"}), made
    assert made.id == "azureml://registries/shelf/data/trips/versions/1", made.id
    assert f".blob.{STORAGE}/" in made.path and made.path.endswith("/trips.csv"), made.path
    assert there.data.get("trips", version="1").path == made.path
    file("rides/part-0", b"1"), file("rides/part-1", b"2")
    rides = there.data.create_or_update(Data(name="trips", version="2", path=folder / "rides", type="uri_folder"))
    assert (rides.type, rides.path.rstrip("/").rsplit("/", 1)[1]) == ("uri_folder", "rides"), rides.path
    assert [d.version for d in there.data.list("trips")] == ["2", "1"]
    assert [(d.name, d.latest_version) for d in there.data.list()] == [("trips", "2")]
    there.data.archive("trips", version="1")
    assert [d.version for d in there.data.list("trips")] == ["2"]
    assert [d.version for d in there.data.list("trips", list_view_type=ListViewType.ARCHIVED_ONLY)] == ["1"]
    there.data.restore("trips", version="1")
    assert [d.version for d in there.data.list("trips")] == ["2", "1"]
    raises(ResourceNotFoundError, there.data.get, "trips", version="9")


def components_in_a_registry(there):
    component = CommandComponent(
        name="train", version="1", command="python train.py", code=str(folder / "folder"),
        environment="azureml://registries/shelf/environments/e/versions/1",
    )
    made = there.components.create_or_update(component)
    assert (made.name, made.version, made.command) == ("train", "1", "python train.py"), made
    assert made.environment == component.environment and "registries/shelf/codes/" in made.code, made.code
    assert there.components.get("train", version="1").code == made.code
    assert [c.name for c in there.components.list()] == ["train"]


def shared_with_its_files(there):
    ml.models.share("many", "1", registry_name="shelf", share_with_name="shared", share_with_version="1")
    assert downloaded(there, "shared", "1") == {
        "shared/folder/MLmodel": b"flavors: {}", "shared/folder/data/a": b"1", "shared/folder/data/empty": b"",
    }


def a_workspaces_files_are_not_a_registrys(there):
    foreign = Model(name="foreign", version="1", path=DATASTORE + "model", type="custom_model")
    assert raises(HttpResponseError, there.models.create_or_update, foreign).status_code == 400


def in_a_registry(*situations):
    there = registry()

    def bound(situation):
        def call():
            situation(there)

        call.__name__ = situation.__name__
        return call

    return [bound(situation) for situation in situations]


run(
    a_file_in_a_workspace, a_folder_in_a_workspace, a_large_file_in_blocks, code_in_a_workspace_is_uploaded_once,
    data_in_a_workspace, an_environment_from_a_folder,
    *in_a_registry(
        models_in_a_registry, environments_in_a_registry, data_in_a_registry, components_in_a_registry, shared_with_its_files,
        a_workspaces_files_are_not_a_registrys,
    ),
)
