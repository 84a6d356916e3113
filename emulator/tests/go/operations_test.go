package tests

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	ml "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/machinelearning/armmachinelearning/v4"
)

// primary asks for another primary key.
var primary = ml.RegenerateEndpointKeysRequest{KeyType: new(ml.KeyTypePrimary)}

// into is a version of a model in the registry.
func into(version string) ml.DestinationAsset {
	return ml.DestinationAsset{RegistryName: new(registry), DestinationName: new("copy"), DestinationVersion: &version}
}

// withDeployment is an emulator with a deployment `fares/blue`.
func withDeployment(t *testing.T, more object) *world {
	t.Helper()
	w := start(t, more)
	body, _ := managed()
	done(w.NewOnlineEndpointsClient().BeginCreateOrUpdate(t.Context(), group, workspace, "fares", endpoint(nil), nil))(t)
	done(w.NewOnlineDeploymentsClient().BeginCreateOrUpdate(t.Context(), group, workspace, "fares", "blue", body, nil))(t)
	return w
}

// The client knows an operation's code by its field alone, where the service, unless told otherwise, has null.
func TestAnOperationOfEachKindFailsWithItsCode(t *testing.T) {
	w := withDeployment(t, nil)
	ctx := t.Context()
	body, _ := managed()
	w.control("POST", "operations", `{"outcome": {"fail": {"code": "OutOfQuota", "message": "No."}}}`)
	deployments := w.NewOnlineDeploymentsClient()
	told := fails(deployments.BeginCreateOrUpdate(ctx, group, workspace, "fares", "green", body, nil))(t, 200, "")
	is(t, strings.Contains(told.Error(), "OutOfQuota: No."), true)
	failed := must(deployments.Get(ctx, group, workspace, "fares", "green", nil))(t)
	is(t, *failed.Properties.GetOnlineDeploymentProperties().ProvisioningState, ml.DeploymentProvisioningStateFailed)

	w.control("PATCH", "config", `{"inferred": {"failureCodeInMessage": false}}`)
	fails(deployments.BeginCreateOrUpdate(ctx, group, workspace, "fares", "green", body, nil))(t, 200, "OutOfQuota")
	scale := ml.PartialMinimalTrackedResourceWithSKU{SKU: &ml.PartialSKU{Capacity: new(int32(5))}}
	fails(deployments.BeginUpdate(ctx, group, workspace, "fares", "blue", scale, nil))(t, 200, "OutOfQuota")
	fails(deployments.BeginDelete(ctx, group, workspace, "fares", "green", nil))(t, 200, "OutOfQuota")
	fails(w.NewOnlineEndpointsClient().BeginRegenerateKeys(ctx, group, workspace, "fares", primary, nil))(t, 200, "OutOfQuota")
	fails(w.NewModelVersionsClient().BeginPublish(ctx, group, workspace, "served", "1", into("1"), nil))(t, 200, "OutOfQuota")
	fails(w.NewRegistriesClient().BeginDelete(ctx, group, registry, nil))(t, 200, "OutOfQuota")
}

func TestAnOperationWithoutAStatusUrlIsPolledAtItsLocation(t *testing.T) {
	w := start(t, object{"inferred": object{"publishNamesStatusUrl": false, "failureCodeInMessage": false}})
	client := w.NewModelVersionsClient()
	done(client.BeginPublish(t.Context(), group, workspace, "served", "1", into("1"), nil))(t)
	w.control("POST", "operations", `{"work": "publish", "outcome": {"fail": {"code": "OutOfQuota", "message": "No."}}}`)
	fails(client.BeginPublish(t.Context(), group, workspace, "served", "1", into("2"), nil))(t, 400, "OutOfQuota")
}

func TestAnOperationVanishes(t *testing.T) {
	w := withDeployment(t, nil)
	w.control("POST", "operations", `{"work": "endpointUpdate", "outcome": "vanish"}`)
	fails(w.NewOnlineEndpointsClient().BeginRegenerateKeys(t.Context(), group, workspace, "fares", primary, nil))(t, 404, "UserError")
}

// Who waited for an operation gives up, or ends; another process, with a login of its own, waits on.
func TestAnOperationIsResumedElsewhere(t *testing.T) {
	w := withDeployment(t, object{"durations": object{"deploymentDelete": 600}})
	ctx := t.Context()
	body, _ := managed()
	w.control("POST", "time", `{"scale": 1}`)
	client, elsewhere := w.NewOnlineDeploymentsClient(), w.clients(w.login(ada, secret)).NewOnlineDeploymentsClient()

	creation := must(client.BeginCreateOrUpdate(ctx, group, workspace, "fares", "green", body, nil))(t)
	patience, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := creation.PollUntilDone(patience, often); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, where it should have given up", err)
	}
	token := must(creation.ResumeToken())(t)
	resumed := must(elsewhere.BeginCreateOrUpdate(ctx, group, workspace, "fares", "green", ml.OnlineDeployment{},
		&ml.OnlineDeploymentsClientBeginCreateOrUpdateOptions{ResumeToken: token}))(t)
	must(resumed.Poll(ctx))(t)
	is(t, resumed.Done(), false)
	w.control("POST", "time", `{"seconds": 600}`)
	made := done(resumed, nil)(t)
	is(t, *made.Name, "green")
	has(t, made, body)

	deletion := must(client.BeginDelete(ctx, group, workspace, "fares", "green", nil))(t)
	token = must(deletion.ResumeToken())(t)
	w.control("POST", "time", `{"seconds": 600}`)
	done(elsewhere.BeginDelete(ctx, group, workspace, "fares", "green", &ml.OnlineDeploymentsClientBeginDeleteOptions{ResumeToken: token}))(t)
	refused(client.Get(ctx, group, workspace, "fares", "green", nil))(t, 404, "NotFound")
}

// Without options the client looks every half minute, unless the service says when.
func TestAPollerObeysRetryAfter(t *testing.T) {
	w := withDeployment(t, object{"durations": object{"endpointUpdate": 1800}})
	w.control("PATCH", "config", `{"retryAfter": 1}`)
	begun := time.Now()
	poller := must(w.NewOnlineEndpointsClient().BeginRegenerateKeys(t.Context(), group, workspace, "fares", primary, nil))(t)
	must(poller.PollUntilDone(t.Context(), nil))(t)
	if took := time.Since(begun); took < 2*time.Second || took > 20*time.Second {
		t.Errorf("it took %v, where two looks a second apart were expected", took)
	}
}
