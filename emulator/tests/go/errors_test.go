package tests

import (
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	ml "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/machinelearning/armmachinelearning/v4"
)

// model is a version with nothing but files.
func model(uri string) ml.ModelVersion {
	return ml.ModelVersion{Properties: &ml.ModelVersionProperties{ModelURI: &uri}}
}

func TestARefusalHasItsCode(t *testing.T) {
	reader := "00000000-0000-4000-8000-00000000000c"
	w := start(t, object{
		"clients": []object{{"clientId": ada, "name": "ada", "secret": secret}, {"clientId": reader, "name": "reader", "secret": secret}},
		"rights":  []object{{"principal": "reader", "action": "*/read", "effect": "allow"}},
	})
	ctx := t.Context()
	models, endpoints := w.NewModelVersionsClient(), w.NewOnlineEndpointsClient()
	refused(models.Get(ctx, group, workspace, "never", "1", nil))(t, 404, "UserError")
	refused(models.NewListPager(group, workspace, "never", nil).NextPage(ctx))(t, 404, "UserError")
	refused(models.Get(ctx, "nowhere", workspace, "never", "1", nil))(t, 404, "ResourceGroupNotFound")
	refused(models.CreateOrUpdate(ctx, group, workspace, "served", "one", model(folder), nil))(t, 400, "UserError")
	refused(models.CreateOrUpdate(ctx, group, workspace, "served", "1", model(folder+"/else"), nil))(t, 400, "UserError")
	refused(endpoints.BeginCreateOrUpdate(ctx, group, workspace, "sums", endpoint(weights("a", 50)), nil))(t, 400, "UserError")
	refused(endpoints.BeginCreateOrUpdate(ctx, group, workspace, "empty", ml.OnlineEndpoint{}, nil))(t, 400, "LocationRequired")
	options := &arm.ClientOptions{ClientOptions: w.options()}
	elsewhere := must(ml.NewWorkspacesClient("00000000-0000-4000-8000-0000000000ee", w.login(ada, secret), options))(t)
	refused(elsewhere.Get(ctx, group, workspace, nil))(t, 404, "SubscriptionNotFound")

	reading := w.clients(w.login(reader, secret)).NewModelVersionsClient()
	must(reading.Get(ctx, group, workspace, "served", "1", nil))(t)
	refused(reading.CreateOrUpdate(ctx, group, workspace, "served", "9", model(folder), nil))(t, 403, "AuthorizationFailed")

	w.control("POST", "time", `{"scale": 1}`)
	must(endpoints.BeginCreateOrUpdate(ctx, group, workspace, "busy", endpoint(nil), nil))(t)
	refused(endpoints.BeginCreateOrUpdate(ctx, group, workspace, "busy", endpoint(nil), nil))(t, 409, "UserError")
}

// Azcore asks again three times when the service, or the way to it, seems to be out of order.
func TestWhatStrikesOnceIsTriedAgain(t *testing.T) {
	w := start(t, nil)
	client := w.NewModelContainersClient()
	for _, one := range []struct {
		fault  string
		status int
		code   string
	}{
		{`{"times": 3, "effect": {"answer": {"status": 503, "code": "Busy", "message": "Later."}}}`, 0, ""},
		{`{"times": 1, "effect": {"answer": {"status": 429, "code": "Slow", "message": "Later.", "headers": {"Retry-After": "1"}}}}`, 0, ""},
		{`{"times": 1, "effect": "dropBefore"}`, 0, ""},
		{`{"times": 1, "effect": "loseAnswer"}`, 0, ""},
		{`{"times": 4, "effect": {"answer": {"status": 429, "code": "Slow", "message": "Later."}}}`, 429, "Slow"},
		{`{"times": 1, "effect": {"body": {"status": 400, "contentType": "text/html", "body": "<html>Bad</html>"}}}`, 400, ""},
	} {
		w.control("POST", "faults", one.fault)
		answer, err := client.Get(t.Context(), group, workspace, "served", nil)
		if one.status == 0 {
			must(answer, err)(t)
		} else {
			refused(answer, err)(t, one.status, one.code)
		}
		w.control("DELETE", "faults", "")
	}
}

// Who is throttled is told how long to wait in seconds of the client's clock, whatever the emulator's scale.
func TestAThrottledClientWaitsAsLongAsItIsTold(t *testing.T) {
	w := start(t, object{"throttling": object{"custom": object{"reads": object{"size": 3, "refill": 0.001}}}})
	client := w.NewModelContainersClient()
	begun := time.Now()
	for range 5 {
		must(client.Get(t.Context(), group, workspace, "served", nil))(t)
	}
	if took := time.Since(begun); took < time.Second || took > 20*time.Second {
		t.Errorf("five reads of a bucket of three took %v", took)
	}
}
