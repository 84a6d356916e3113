package tests

import (
	"fmt"
	"testing"

	ml "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/machinelearning/armmachinelearning/v4"
)

// inRegions is a registry with storage and a container registry in each.
func inRegions(regions ...string) ml.Registry {
	body := ml.Registry{
		Location: &regions[0], Tags: tags("team", "fares"),
		Identity:   &ml.ManagedServiceIdentity{Type: new(ml.ManagedServiceIdentityTypeSystemAssigned)},
		Properties: &ml.RegistryProperties{PublicNetworkAccess: new("Enabled")},
	}
	for _, region := range regions {
		body.Properties.RegionDetails = append(body.Properties.RegionDetails, &ml.RegistryRegionArmDetails{
			Location:   &region,
			AcrDetails: []*ml.AcrDetails{{SystemCreatedAcrAccount: &ml.SystemCreatedAcrAccount{AcrAccountSKU: new("Premium")}}},
			StorageAccountDetails: []*ml.StorageAccountDetails{{SystemCreatedStorageAccount: &ml.SystemCreatedStorageAccount{
				StorageAccountType: new("Standard_LRS"), StorageAccountHnsEnabled: new(false)}}},
		})
	}
	return body
}

func TestRegistries(t *testing.T) {
	w := start(t, nil)
	ctx := t.Context()
	client := w.NewRegistriesClient()
	// The service's 202 is not in the client's specification, so that the client calls it an error.
	refused(client.BeginCreateOrUpdate(ctx, group, "accepted", inRegions("eastus"), nil))(t, 202, "")
	w.control("PATCH", "config", `{"inferred": {"registryPutAccepted": false}}`)

	for _, name := range []string{"first", "second"} {
		body := inRegions("eastus")
		made := done(client.BeginCreateOrUpdate(ctx, group, name, body, nil))(t)
		has(t, made, body)
		is(t, *made.ID, id("registries/"+name))
		account := made.Properties.RegionDetails[0].StorageAccountDetails[0].SystemCreatedStorageAccount
		if account.ArmResourceID == nil || made.Properties.DiscoveryURL == nil || made.Identity.PrincipalID == nil {
			t.Errorf("%s lacks something", marshal(t, made))
		}
	}
	patch := ml.PartialRegistryPartialTrackedResource{Tags: tags("a", "b"), SKU: &ml.PartialSKU{Name: new("Basic"), Tier: new(ml.SKUTierBasic)}}
	has(t, must(client.Update(ctx, group, "first", patch, nil))(t), patch)

	wider := inRegions("eastus", "westus")
	has(t, done(client.BeginCreateOrUpdate(ctx, group, "first", wider, nil))(t), wider)
	without := ml.Registry{Location: new("eastus"), Properties: &ml.RegistryProperties{RegionDetails: wider.Properties.RegionDetails[1:]}}
	removed := done(client.BeginRemoveRegions(ctx, group, "first", without, nil))(t)
	is(t, len(removed.Properties.RegionDetails), 1)
	is(t, *removed.Properties.RegionDetails[0].Location, "eastus")

	is(t, names(t, client.NewListPager(group, nil)), "shared accepted first | second")
	is(t, names(t, client.NewListBySubscriptionPager(nil)), "shared accepted first | second")
	done(client.BeginDelete(ctx, group, "second", nil))(t)
	refused(client.Get(ctx, group, "second", nil))(t, 404, "ResourceNotFound")
	done(client.BeginDelete(ctx, group, "second", nil))(t)
}

// temporary asks for a place to upload to.
var temporary = ml.PendingUploadRequestDto{PendingUploadType: new(ml.PendingUploadTypeTemporaryBlobReference)}

func TestARegistrysModels(t *testing.T) {
	w := start(t, nil)
	ctx := t.Context()
	versions, containers := w.NewRegistryModelVersionsClient(), w.NewRegistryModelContainersClient()
	place := must(versions.CreateOrGetStartPendingUpload(ctx, group, registry, "trees", "1", temporary, nil))(t)
	blob := place.BlobReferenceForConsumption
	if sas, ok := blob.Credential.(*ml.SASCredentialDto); !ok || sas.SasURI == nil || blob.StorageAccountArmID == nil || place.PendingUploadID == nil {
		t.Errorf("%s lacks something", marshal(t, place))
	}
	body := func(tag string) ml.ModelVersion {
		return ml.ModelVersion{Properties: &ml.ModelVersionProperties{
			ModelURI: blob.BlobURI, ModelType: new("custom_model"), Tags: tags("v", tag), Description: new("trees")}}
	}
	for n := 1; n <= 4; n++ {
		version := fmt.Sprint(n)
		made := done(versions.BeginCreateOrUpdate(ctx, group, registry, "trees", version, body(version), nil))(t)
		has(t, made, body(version))
		is(t, *made.Properties.ProvisioningState, ml.AssetProvisioningStateSucceeded)
	}
	has(t, done(versions.BeginCreateOrUpdate(ctx, group, registry, "trees", "2", body("changed"), nil))(t), body("changed"))
	for want, options := range map[string]ml.RegistryModelVersionsClientListOptions{
		"4 3 2 | 1": {},
		"2":         {Tags: new("v=changed")},
		"3":         {Version: new("3")},
		"1 2":       {Top: new(int32(2)), OrderBy: new("createdtime asc")},
	} {
		is(t, names(t, versions.NewListPager(group, registry, "trees", &options)), want)
	}

	// What was deleted can never be made again.
	done(versions.BeginDelete(ctx, group, registry, "trees", "4", nil))(t)
	refused(versions.Get(ctx, group, registry, "trees", "4", nil))(t, 404, "UserError")
	refused(versions.BeginCreateOrUpdate(ctx, group, registry, "trees", "4", body("again"), nil))(t, 400, "UserError")

	container := ml.ModelContainer{Properties: &ml.ModelContainerProperties{Description: new("many trees"), Tags: tags("a", "b")}}
	made := done(containers.BeginCreateOrUpdate(ctx, group, registry, "trees", container, nil))(t)
	has(t, made, container)
	is(t, *made.Properties.LatestVersion, "3")
	reference := must(w.NewRegistryDataReferencesClient().GetBlobReferenceSAS(ctx, group, registry, "trees", "1", ml.GetBlobReferenceSASRequestDto{
		AssetID: new("azureml://registries/shared/models/trees/versions/1"), BlobURI: blob.BlobURI}, nil))(t)
	if sas, ok := reference.BlobReferenceForConsumption.Credential.(*ml.SASCredential); !ok || sas.SasURI == nil {
		t.Errorf("%s cannot be read", marshal(t, reference))
	}
	done(containers.BeginDelete(ctx, group, registry, "trees", nil))(t)
	is(t, names(t, containers.NewListPager(group, registry, nil)), "")
}

func TestARegistrysOtherAssets(t *testing.T) {
	w := start(t, nil)
	ctx := t.Context()
	environment := ml.EnvironmentVersion{Properties: &ml.EnvironmentVersionProperties{
		Image: new("mcr.microsoft.com/a:1"), CondaFile: new("name: c"), OSType: new(ml.OperatingSystemTypeLinux), Tags: tags("a", "b")}}
	has(t, done(w.NewRegistryEnvironmentVersionsClient().BeginCreateOrUpdate(ctx, group, registry, "env", "1", environment, nil))(t), environment)
	is(t, names(t, w.NewRegistryEnvironmentVersionsClient().NewListPager(group, registry, "env", nil)), "1")

	forData := must(w.NewRegistryDataVersionsClient().CreateOrGetStartPendingUpload(ctx, group, registry, "rides", "1", temporary, nil))(t)
	data := ml.DataVersionBase{Properties: &ml.URIFolderDataVersion{DataURI: forData.BlobReferenceForConsumption.BlobURI, Tags: tags("a", "b")}}
	has(t, done(w.NewRegistryDataVersionsClient().BeginCreateOrUpdate(ctx, group, registry, "rides", "1", data, nil))(t), data)
	is(t, names(t, w.NewRegistryDataVersionsClient().NewListPager(group, registry, "rides", nil)), "1")

	forCode := must(w.NewRegistryCodeVersionsClient().CreateOrGetStartPendingUpload(ctx, group, registry, "code", "1", temporary, nil))(t)
	code := ml.CodeVersion{Properties: &ml.CodeVersionProperties{
		CodeURI: forCode.BlobReferenceForConsumption.BlobURI, Properties: tags("hash_sha256", "abc", "hash_version", "202208")}}
	has(t, done(w.NewRegistryCodeVersionsClient().BeginCreateOrUpdate(ctx, group, registry, "code", "1", code, nil))(t), code)
	done(w.NewRegistryCodeVersionsClient().BeginDelete(ctx, group, registry, "code", "1", nil))(t)
	is(t, names(t, w.NewRegistryCodeVersionsClient().NewListPager(group, registry, "code", nil)), "")

	component := ml.ComponentVersion{Properties: &ml.ComponentVersionProperties{ComponentSpec: spec, Tags: tags("a", "b")}}
	has(t, done(w.NewRegistryComponentVersionsClient().BeginCreateOrUpdate(ctx, group, registry, "c", "1", component, nil))(t), component)
	is(t, names(t, w.NewRegistryComponentVersionsClient().NewListPager(group, registry, "c", nil)), "1")
}
