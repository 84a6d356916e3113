package tests

import (
	"testing"

	ml "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/machinelearning/armmachinelearning/v4"
)

func TestWorkspacesAreReadAndListed(t *testing.T) {
	other := func(group, name string) object {
		return object{"subscription": subscription, "resourceGroup": group, "name": name, "location": "westeurope"}
	}
	w := start(t, object{"exists": object{"workspaces": []object{
		other(group, "dev"), other(group, "prod"), other("b", "beta"), other("b", "gamma"),
	}}})
	client := w.NewWorkspacesClient()
	has(t, must(client.Get(t.Context(), group, "prod", nil))(t), ml.Workspace{
		ID: new(id("workspaces/prod")), Name: new("prod"), Type: new("Microsoft.MachineLearningServices/workspaces"), Location: new("westeurope"),
		SKU: &ml.SKU{Tier: new(ml.SKUTierBasic)}, Properties: &ml.WorkspaceProperties{ProvisioningState: new(ml.ProvisioningStateSucceeded)},
	})
	is(t, names(t, client.NewListByResourceGroupPager(group, nil)), "dev prod")
	is(t, names(t, client.NewListBySubscriptionPager(nil)), "dev prod beta | gamma")
	refused(client.Get(t.Context(), group, "none", nil))(t, 404, "ResourceNotFound")
}
