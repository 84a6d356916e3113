package tests

import (
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	ml "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/machinelearning/armmachinelearning/v4"
)

// weights are a map of deployments and their shares.
func weights(deployment string, weight int32) map[string]*int32 {
	return map[string]*int32{deployment: &weight}
}

// endpoint is an online endpoint with everything that a client may set.
func endpoint(traffic map[string]*int32) ml.OnlineEndpoint {
	return ml.OnlineEndpoint{
		Location: new("eastus"), Tags: tags("a", "b"), Identity: &ml.ManagedServiceIdentity{Type: new(ml.ManagedServiceIdentityTypeSystemAssigned)},
		Properties: &ml.OnlineEndpointProperties{
			AuthMode: new(ml.EndpointAuthModeKey), Description: new("d"), Properties: tags("p", "q"),
			PublicNetworkAccess: new(ml.PublicNetworkAccessTypeEnabled), Traffic: traffic},
	}
}

// managed is a managed deployment with everything that a client may set.
func managed() (ml.OnlineDeployment, *ml.ManagedOnlineDeployment) {
	properties := &ml.ManagedOnlineDeployment{
		Model: new(served), InstanceType: new("Standard_DS3_v2"), Description: new("d"), Properties: tags("p", "q"),
		EnvironmentID: new(serving), EnvironmentVariables: tags("X", "Y"), AppInsightsEnabled: new(true),
		CodeConfiguration: &ml.CodeConfiguration{ScoringScript: new("score.py"), CodeID: new(id("workspaces/dev/codes/c/versions/1"))},
		RequestSettings: &ml.OnlineRequestSettings{
			MaxConcurrentRequestsPerInstance: new(int32(2)), RequestTimeout: new("PT30S"), MaxQueueWait: new("PT1S")},
		LivenessProbe: &ml.ProbeSettings{
			FailureThreshold: new(int32(5)), SuccessThreshold: new(int32(1)), Timeout: new("PT3S"), Period: new("PT7S"), InitialDelay: new("PT20S")},
		ScaleSettings: &ml.DefaultScaleSettings{}, EgressPublicNetworkAccess: new(ml.EgressPublicNetworkAccessTypeEnabled),
		DataCollector: &ml.DataCollector{
			Collections: map[string]*ml.Collection{"model_inputs": {
				DataCollectionMode: new(ml.DataCollectionModeEnabled), SamplingRate: new(0.5), ClientID: new("c"), DataID: new("d")}},
			RollingRate: new(ml.RollingRateTypeHour), RequestLogging: &ml.RequestLogging{CaptureHeaders: []*string{new("x-a")}}},
		ModelMountPath: new("/mnt"),
	}
	sku := &ml.SKU{Name: new("Default"), Capacity: new(int32(2))}
	return ml.OnlineDeployment{Location: new("eastus"), Tags: tags("a", "b"), SKU: sku, Properties: properties}, properties
}

// What differs when a thing is put as it was read.
var changes = []string{"/properties/properties/AzureAsyncOperationUri", "/systemData/lastModifiedAt"}

func TestOnlineEndpoints(t *testing.T) {
	w := start(t, nil)
	ctx := t.Context()
	client := w.NewOnlineEndpointsClient()
	body := endpoint(map[string]*int32{})
	made := done(client.BeginCreateOrUpdate(ctx, group, workspace, "fares", body, nil))(t)
	has(t, made, body)
	is(t, *made.Properties.ProvisioningState, ml.EndpointProvisioningStateSucceeded)
	has(t, done(client.BeginCreateOrUpdate(ctx, group, workspace, "fares", made.OnlineEndpoint, nil))(t), made, changes...)
	for _, name := range []string{"rides", "tips", "tolls"} {
		done(client.BeginCreateOrUpdate(ctx, group, workspace, name, endpoint(nil), nil))(t)
	}
	for want, options := range map[string]ml.OnlineEndpointsClientListOptions{
		"fares rides tips | tolls": {OrderBy: new(ml.OrderStringCreatedAtAsc)},
		"tolls tips rides | fares": {OrderBy: new(ml.OrderStringCreatedAtDesc)},
		"fares rides | tips tolls": {OrderBy: new(ml.OrderStringCreatedAtAsc), Count: new(int32(2)), Tags: new("a=b")},
		"tips":                     {Name: new("tips"), ComputeType: new(ml.EndpointComputeTypeManaged)},
		"":                         {ComputeType: new(ml.EndpointComputeTypeKubernetes)},
	} {
		is(t, names(t, client.NewListPager(group, workspace, &options)), want)
	}

	patch := ml.PartialMinimalTrackedResourceWithIdentity{Tags: tags("c", "d")}
	has(t, done(client.BeginUpdate(ctx, group, workspace, "fares", patch, nil))(t), patch)
	me := "/subscriptions/" + subscription + "/resourceGroups/ml/providers/Microsoft.ManagedIdentity/userAssignedIdentities/me"
	patch = ml.PartialMinimalTrackedResourceWithIdentity{Identity: &ml.PartialManagedServiceIdentity{
		Type: new(ml.ManagedServiceIdentityTypeUserAssigned), UserAssignedIdentities: object{me: object{}}}}
	has(t, done(client.BeginUpdate(ctx, group, workspace, "rides", patch, nil))(t), patch)

	keys := must(client.ListKeys(ctx, group, workspace, "fares", nil))(t)
	done(client.BeginRegenerateKeys(ctx, group, workspace, "fares", ml.RegenerateEndpointKeysRequest{KeyType: new(ml.KeyTypePrimary)}, nil))(t)
	fresh := must(client.ListKeys(ctx, group, workspace, "fares", nil))(t)
	is(t, *fresh.PrimaryKey == *keys.PrimaryKey, false)
	is(t, *fresh.SecondaryKey, *keys.SecondaryKey)

	done(client.BeginDelete(ctx, group, workspace, "fares", nil))(t)
	refused(client.Get(ctx, group, workspace, "fares", nil))(t, 404, "NotFound")
	done(client.BeginDelete(ctx, group, workspace, "fares", nil))(t)
}

func TestOnlineDeployments(t *testing.T) {
	w := start(t, nil)
	ctx := t.Context()
	endpoints, client := w.NewOnlineEndpointsClient(), w.NewOnlineDeploymentsClient()
	done(endpoints.BeginCreateOrUpdate(ctx, group, workspace, "fares", endpoint(nil), nil))(t)
	body, properties := managed()
	made := done(client.BeginCreateOrUpdate(ctx, group, workspace, "fares", "blue", body, nil))(t)
	has(t, made, body)
	has(t, made, ml.OnlineDeployment{SKU: &ml.SKU{Tier: new(ml.SKUTierStandard)}, Properties: &ml.ManagedOnlineDeployment{
		ProvisioningState: new(ml.DeploymentProvisioningStateSucceeded), ReadinessProbe: &ml.ProbeSettings{FailureThreshold: new(int32(30))}}})
	has(t, done(client.BeginCreateOrUpdate(ctx, group, workspace, "fares", "blue", made.OnlineDeployment, nil))(t), made, changes...)
	done(client.BeginCreateOrUpdate(ctx, group, workspace, "fares", "green", body, nil))(t)
	is(t, names(t, client.NewListPager(group, workspace, "fares", nil)), "blue green")

	for _, patch := range []ml.PartialMinimalTrackedResourceWithSKU{
		{SKU: &ml.PartialSKU{Capacity: new(int32(5))}},
		{Tags: tags("x", "y")},
		{Tags: tags("x", "z"), SKU: &ml.PartialSKU{Name: new("Default"), Capacity: new(int32(3))}},
	} {
		has(t, done(client.BeginUpdate(ctx, group, workspace, "fares", "blue", patch, nil))(t), patch)
	}

	// A null takes away what was there; a field that is left out takes its default too, for a PUT replaces.
	properties.DataCollector, properties.Description = azcore.NullValue[*ml.DataCollector](), azcore.NullValue[*string]()
	properties.EnvironmentVariables = azcore.NullValue[map[string]*string]()
	properties.ModelMountPath, properties.ReadinessProbe = azcore.NullValue[*string](), azcore.NullValue[*ml.ProbeSettings]()
	nulled := done(client.BeginCreateOrUpdate(ctx, group, workspace, "fares", "blue", body, nil))(t).Properties.(*ml.ManagedOnlineDeployment)
	if nulled.DataCollector != nil || nulled.Description != nil || nulled.ModelMountPath != nil || nulled.EnvironmentVariables["X"] != nil {
		t.Errorf("%s has what was null", marshal(t, nulled))
	}
	is(t, *nulled.ReadinessProbe.FailureThreshold, 30)

	logs := ml.DeploymentLogsRequest{ContainerType: new(ml.ContainerTypeInferenceServer), Tail: new(int32(10))}
	is(t, must(client.GetLogs(ctx, group, workspace, "fares", "blue", logs, nil))(t).Content != nil, true)
	skus := must(client.NewListSKUsPager(group, workspace, "fares", "blue", nil).NextPage(ctx))(t)
	has(t, skus, ml.SKUResourceArmPaginatedResult{Value: []*ml.SKUResource{{
		SKU:      &ml.SKUSetting{Name: new("default"), Tier: new(ml.SKUTierStandard)},
		Capacity: &ml.SKUCapacity{Maximum: new(int32(50)), ScaleType: new(ml.SKUScaleTypeAutomatic)}}}})

	routed := endpoint(weights("blue", 100))
	routed.Properties.MirrorTraffic = weights("green", 10)
	has(t, done(endpoints.BeginCreateOrUpdate(ctx, group, workspace, "fares", routed, nil))(t), routed)
	refused(client.BeginDelete(ctx, group, workspace, "fares", "blue", nil))(t, 409, "UserError")
	routed.Properties.MirrorTraffic = azcore.NullValue[map[string]*int32]()
	done(endpoints.BeginCreateOrUpdate(ctx, group, workspace, "fares", routed, nil))(t)
	done(client.BeginDelete(ctx, group, workspace, "fares", "green", nil))(t)
	refused(client.Get(ctx, group, workspace, "fares", "green", nil))(t, 404, "NotFound")
}

func TestBatchEndpointsAndDeployments(t *testing.T) {
	w := start(t, nil)
	ctx := t.Context()
	endpoints, deployments := w.NewBatchEndpointsClient(), w.NewBatchDeploymentsClient()
	body := ml.BatchEndpoint{
		Location: new("eastus"), Tags: tags("a", "b"), Identity: &ml.ManagedServiceIdentity{Type: new(ml.ManagedServiceIdentityTypeSystemAssigned)},
		Properties: &ml.BatchEndpointProperties{AuthMode: new(ml.EndpointAuthModeAADToken), Description: new("d"), Properties: tags("p", "q")}}
	has(t, done(endpoints.BeginCreateOrUpdate(ctx, group, workspace, "nightly", body, nil))(t), body)
	for name, properties := range map[string]*ml.BatchDeploymentProperties{
		"model": {
			Model: &ml.IDAssetReference{AssetID: new(served)}, Compute: new(id("workspaces/dev/computes/cpu")),
			Description: new("d"), Properties: tags("p", "q"), EnvironmentID: new(serving), EnvironmentVariables: tags("X", "Y"),
			CodeConfiguration: &ml.CodeConfiguration{ScoringScript: new("s.py"), CodeID: new("c")}, ErrorThreshold: new(int32(3)),
			LoggingLevel: new(ml.BatchLoggingLevelDebug), MaxConcurrencyPerInstance: new(int32(2)), MiniBatchSize: new(int64(5)),
			OutputAction: new(ml.BatchOutputActionSummaryOnly), OutputFileName: new("o.csv"),
			RetrySettings: &ml.BatchRetrySettings{MaxRetries: new(int32(2)), Timeout: new("PT40S")},
			Resources:     &ml.DeploymentResourceConfiguration{InstanceCount: new(int32(2)), InstanceType: new("i"), Properties: object{"a": "b"}}},
		"pipeline": {Compute: new("c"), DeploymentConfiguration: &ml.BatchPipelineComponentDeploymentConfiguration{
			ComponentID: &ml.IDAssetReference{AssetID: new("azureml:c:1")}, Settings: tags("s", "t"), Tags: tags("a", "b"), Description: new("d")}},
	} {
		body := ml.BatchDeployment{Location: new("eastus"), Tags: tags("a", "b"), Properties: properties}
		made := done(deployments.BeginCreateOrUpdate(ctx, group, workspace, "nightly", name, body, nil))(t)
		has(t, made, body)
		has(t, done(deployments.BeginCreateOrUpdate(ctx, group, workspace, "nightly", name, made.BatchDeployment, nil))(t), body)
	}

	body.Properties.Defaults = &ml.BatchEndpointDefaults{DeploymentName: new("model")}
	has(t, done(endpoints.BeginCreateOrUpdate(ctx, group, workspace, "nightly", body, nil))(t), body)
	patch := ml.PartialMinimalTrackedResourceWithIdentity{Tags: tags("c", "d")}
	has(t, done(endpoints.BeginUpdate(ctx, group, workspace, "nightly", patch, nil))(t), patch)
	change := ml.PartialBatchDeploymentPartialMinimalTrackedResourceWithProperties{
		Tags: tags("c", "d"), Properties: &ml.PartialBatchDeployment{Description: new("new")}}
	has(t, done(deployments.BeginUpdate(ctx, group, workspace, "nightly", "model", change, nil))(t), change)

	refused(endpoints.ListKeys(ctx, group, workspace, "nightly", nil))(t, 400, "UserError")
	keyed := ml.BatchEndpoint{Location: new("eastus"), Properties: &ml.BatchEndpointProperties{AuthMode: new(ml.EndpointAuthModeKey)}}
	done(endpoints.BeginCreateOrUpdate(ctx, group, workspace, "keyed", keyed, nil))(t)
	keys := must(endpoints.ListKeys(ctx, group, workspace, "keyed", nil))(t)
	is(t, keys.PrimaryKey != nil && keys.SecondaryKey != nil, true)
	is(t, names(t, endpoints.NewListPager(group, workspace, &ml.BatchEndpointsClientListOptions{Count: new(int32(1))})), "nightly | keyed")

	done(deployments.BeginDelete(ctx, group, workspace, "nightly", "pipeline", nil))(t)
	is(t, names(t, deployments.NewListPager(group, workspace, "nightly", nil)), "model")
	done(endpoints.BeginDelete(ctx, group, workspace, "nightly", nil))(t)
	refused(endpoints.Get(ctx, group, workspace, "nightly", nil))(t, 404, "UserError")
}
