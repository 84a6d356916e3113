package tests

import (
	"fmt"
	"net/url"
	"testing"

	ml "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/machinelearning/armmachinelearning/v4"
)

func TestModels(t *testing.T) {
	w := start(t, nil)
	ctx := t.Context()
	containers, versions := w.NewModelContainersClient(), w.NewModelVersionsClient()
	container := ml.ModelContainer{Properties: &ml.ModelContainerProperties{
		Description: new("fares"), Tags: tags("a", "b"), Properties: tags("p", "q"), IsArchived: new(false)}}
	has(t, must(containers.CreateOrUpdate(ctx, group, workspace, "fares", container, nil))(t), container)
	for n := 1; n <= 5; n++ {
		version := fmt.Sprint(n)
		body := ml.ModelVersion{Properties: &ml.ModelVersionProperties{
			ModelURI: new(folder + "/" + version), ModelType: new("custom_model"), Description: new("v" + version),
			Tags: tags("v", version, "even", fmt.Sprint(n%2 == 0)), Properties: tags("p", version), Stage: new("Production"),
			JobName: new("train-1"), IsAnonymous: new(false), IsArchived: new(false),
			Flavors: map[string]*ml.FlavorData{"python_function": {Data: tags("loader", "sklearn")}},
		}}
		made := must(versions.CreateOrUpdate(ctx, group, workspace, "fares", version, body, nil))(t)
		has(t, made, body)
		is(t, *made.SystemData.CreatedBy, "ada")
		has(t, must(versions.CreateOrUpdate(ctx, group, workspace, "fares", version, made.ModelVersion, nil))(t), body)
	}
	has(t, must(containers.Get(ctx, group, workspace, "fares", nil))(t),
		ml.ModelContainer{Properties: &ml.ModelContainerProperties{LatestVersion: new("5"), NextVersion: new("6")}})
	archived := ml.ModelVersion{Properties: &ml.ModelVersionProperties{ModelURI: new(folder + "/1"), IsArchived: new(true)}}
	must(versions.CreateOrUpdate(ctx, group, workspace, "fares", "1", archived, nil))(t)

	all := must(versions.NewListPager(group, workspace, "fares", nil).NextPage(ctx))(t)
	next := must(url.Parse(*all.NextLink))(t).Query().Get("$skip")
	for want, options := range map[string]ml.ModelVersionsClientListOptions{
		"5 4 3 | 2":   {},
		"2":           {Skip: &next},
		"5":           {Top: new(int32(1)), OrderBy: new("createdtime desc")},
		"2 3 4 | 5":   {Top: new(int32(4)), OrderBy: new("createdtime asc")},
		"4 2":         {Tags: new("even=true")},
		"3":           {Properties: new("p=3")},
		"4":           {Version: new("4")},
		"3 2":         {Offset: new(int32(2))},
		"1":           {ListViewType: new(ml.ListViewTypeArchivedOnly)},
		"5 4 3 | 2 1": {ListViewType: new(ml.ListViewTypeAll)},
	} {
		is(t, names(t, versions.NewListPager(group, workspace, "fares", &options)), want)
	}
	must(versions.Delete(ctx, group, workspace, "fares", "5", nil))(t)
	must(versions.Delete(ctx, group, workspace, "fares", "5", nil))(t)
	refused(versions.Get(ctx, group, workspace, "fares", "5", nil))(t, 404, "UserError")
	is(t, names(t, containers.NewListPager(group, workspace, &ml.ModelContainersClientListOptions{Count: new(int32(1))})), "served")
	must(containers.Delete(ctx, group, workspace, "fares", nil))(t)
	is(t, names(t, containers.NewListPager(group, workspace, nil)), "served")
}

func TestEnvironmentsDataAndComponents(t *testing.T) {
	w := start(t, nil)
	ctx := t.Context()
	environments, data, components := w.NewEnvironmentVersionsClient(), w.NewDataVersionsClient(), w.NewComponentVersionsClient()
	route := func(path string) *ml.Route { return &ml.Route{Path: &path, Port: new(int32(5001))} }
	environment := ml.EnvironmentVersion{Properties: &ml.EnvironmentVersionProperties{
		Image: new("mcr.microsoft.com/a:1"), CondaFile: new("name: c"), OSType: new(ml.OperatingSystemTypeLinux), Tags: tags("a", "b"),
		Description: new("d"), AutoRebuild: new(ml.AutoRebuildSettingOnBaseImageUpdate), Stage: new("Production"),
		InferenceConfig: &ml.InferenceContainerProperties{
			ScoringRoute: route("/score"), LivenessRoute: route("/"), ReadinessRoute: route("/ready")},
	}}
	has(t, must(environments.CreateOrUpdate(ctx, group, workspace, "env", "1", environment, nil))(t), environment)
	built := ml.EnvironmentVersion{Properties: &ml.EnvironmentVersionProperties{
		Build: &ml.BuildContext{ContextURI: new("https://a.example/context"), DockerfilePath: new("Dockerfile")}}}
	has(t, must(environments.CreateOrUpdate(ctx, group, workspace, "env", "2", built, nil))(t), built)
	refused(environments.CreateOrUpdate(ctx, group, workspace, "env", "1", built, nil))(t, 409, "UserError")
	oldest := &ml.EnvironmentVersionsClientListOptions{OrderBy: new("createdtime asc"), Top: new(int32(1))}
	is(t, names(t, environments.NewListPager(group, workspace, "env", oldest)), "1")

	for name, properties := range map[string]ml.DataVersionBasePropertiesClassification{
		"folder": &ml.URIFolderDataVersion{
			DataURI: new(folder), Tags: tags("a", "b"), Properties: tags("c", "d"), Description: new("d"), IsArchived: new(false)},
		"file":  &ml.URIFileDataVersion{DataURI: new(folder + "/a.csv"), Tags: tags("x", "y")},
		"table": &ml.MLTableData{DataURI: new(folder), ReferencedUris: []*string{new("https://a.example/1")}},
	} {
		body := ml.DataVersionBase{Properties: properties}
		made := must(data.CreateOrUpdate(ctx, group, workspace, name, "1", body, nil))(t)
		has(t, made, body)
		is(t, fmt.Sprintf("%T", made.Properties), fmt.Sprintf("%T", properties))
		has(t, must(data.CreateOrUpdate(ctx, group, workspace, name, "1", made.DataVersionBase, nil))(t), body)
	}
	is(t, names(t, data.NewListPager(group, workspace, "file", &ml.DataVersionsClientListOptions{Tags: new("x=y")})), "1")
	is(t, names(t, data.NewListPager(group, workspace, "file", &ml.DataVersionsClientListOptions{Tags: new("x=z")})), "")
	has(t, must(w.NewDataContainersClient().Get(ctx, group, workspace, "table", nil))(t),
		ml.DataContainer{Properties: &ml.DataContainerProperties{DataType: new(ml.DataTypeMltable)}})

	component := ml.ComponentVersion{Properties: &ml.ComponentVersionProperties{Tags: tags("a", "b"), Description: new("d"), ComponentSpec: spec}}
	has(t, must(components.CreateOrUpdate(ctx, group, workspace, "c", "1", component, nil))(t), component)
}

// spec is a component's, which the client takes for any JSON.
var spec = object{"name": "c", "version": "1", "type": "command", "command": "true", "environment": "azureml:serving:1"}

func TestEveryKindOfAssetIsPublished(t *testing.T) {
	w := start(t, nil)
	ctx := t.Context()
	data := ml.DataVersionBase{Properties: &ml.URIFolderDataVersion{DataURI: new(folder)}}
	must(w.NewDataVersionsClient().CreateOrUpdate(ctx, group, workspace, "rides", "1", data, nil))(t)
	code := ml.CodeVersion{Properties: &ml.CodeVersionProperties{CodeURI: new("https://a.example/code")}}
	must(w.NewCodeVersionsClient().CreateOrUpdate(ctx, group, workspace, "code", "1", code, nil))(t)
	component := ml.ComponentVersion{Properties: &ml.ComponentVersionProperties{ComponentSpec: spec}}
	must(w.NewComponentVersionsClient().CreateOrUpdate(ctx, group, workspace, "c", "1", component, nil))(t)

	there := ml.DestinationAsset{RegistryName: new(registry), DestinationName: new("copy"), DestinationVersion: new("7")}
	done(w.NewModelVersionsClient().BeginPublish(ctx, group, workspace, "served", "1", there, nil))(t)
	done(w.NewEnvironmentVersionsClient().BeginPublish(ctx, group, workspace, "serving", "1", there, nil))(t)
	done(w.NewDataVersionsClient().BeginPublish(ctx, group, workspace, "rides", "1", there, nil))(t)
	done(w.NewCodeVersionsClient().BeginPublish(ctx, group, workspace, "code", "1", there, nil))(t)
	done(w.NewComponentVersionsClient().BeginPublish(ctx, group, workspace, "c", "1", there, nil))(t)

	has(t, must(w.NewRegistryModelVersionsClient().Get(ctx, group, registry, "copy", "7", nil))(t),
		ml.ModelVersion{Properties: &ml.ModelVersionProperties{ModelType: new("custom_model")}})
	has(t, must(w.NewRegistryEnvironmentVersionsClient().Get(ctx, group, registry, "copy", "7", nil))(t),
		ml.EnvironmentVersion{Properties: &ml.EnvironmentVersionProperties{Image: new("i")}})
	refused(w.NewModelVersionsClient().BeginPublish(ctx, group, workspace, "served", "1", there, nil))(t, 409, "UserError")
}

func TestDatastores(t *testing.T) {
	w := start(t, object{"pageSize": 30})
	ctx := t.Context()
	client := w.NewDatastoresClient()
	for name, properties := range map[string]ml.DatastorePropertiesClassification{
		"blob": &ml.AzureBlobDatastore{
			AccountName: new("a"), ContainerName: new("c"), Endpoint: new("core.windows.net"), Protocol: new("https"),
			Description: new("d"), Tags: tags("a", "b"), Properties: tags("p", "q"),
			ServiceDataAccessAuthIdentity: new(ml.ServiceDataAccessAuthIdentityWorkspaceSystemAssignedIdentity),
			Credentials:                   &ml.AccountKeyDatastoreCredentials{Secrets: &ml.AccountKeyDatastoreSecrets{Key: new("a2V5")}}},
		"sas": &ml.AzureBlobDatastore{AccountName: new("b"), ContainerName: new("c"),
			Credentials: &ml.SasDatastoreCredentials{Secrets: &ml.SasDatastoreSecrets{SasToken: new("sv=1")}}},
		"lake": &ml.AzureDataLakeGen2Datastore{AccountName: new("lake"), Filesystem: new("fs"),
			Credentials: &ml.ServicePrincipalDatastoreCredentials{ClientID: new(ada), TenantID: new(tenant),
				Secrets: &ml.ServicePrincipalDatastoreSecrets{ClientSecret: new("s")}}},
		"none": &ml.AzureBlobDatastore{AccountName: new("d"), ContainerName: new("c"), Credentials: &ml.NoneDatastoreCredentials{}},
	} {
		body := ml.Datastore{Properties: properties}
		made := must(client.CreateOrUpdate(ctx, group, workspace, name, body, nil))(t)
		has(t, made, body, "/properties/credentials/secrets")
		is(t, fmt.Sprintf("%T", made.Properties), fmt.Sprintf("%T", properties))
	}
	for name, want := range map[string]ml.DatastoreSecretsClassification{
		"blob": &ml.AccountKeyDatastoreSecrets{Key: new("a2V5")},
		"sas":  &ml.SasDatastoreSecrets{SasToken: new("sv=1")},
		"lake": &ml.ServicePrincipalDatastoreSecrets{ClientSecret: new("s")},
	} {
		has(t, must(client.ListSecrets(ctx, group, workspace, name, nil))(t).DatastoreSecretsClassification, want)
	}
	refused(client.ListSecrets(ctx, group, workspace, "none", nil))(t, 400, "UserError")

	for want, options := range map[string]ml.DatastoresClientListOptions{
		"workspaceblobstore":     {IsDefault: new(true)},
		"sas blob":               {Names: []string{"blob", "sas"}, OrderBy: new("name")},
		"blob lake":              {Count: new(int32(2)), OrderBy: new("name"), OrderByAsc: new(true)},
		"workspaceartifactstore": {SearchText: new("artifact")},
	} {
		is(t, names(t, client.NewListPager(group, workspace, &options)), want)
	}
	must(client.Delete(ctx, group, workspace, "blob", nil))(t)
	refused(client.Get(ctx, group, workspace, "blob", nil))(t, 404, "UserError")
}
