package tests

import (
	"fmt"
	"testing"

	ml "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/machinelearning/armmachinelearning/v4"
)

// train is a command job with everything.
func train(team string) *ml.CommandJob {
	return &ml.CommandJob{
		Command: new("python train.py ${{inputs.data}}"), EnvironmentID: new(serving), ComputeID: new(id("workspaces/dev/computes/cpu")),
		DisplayName: new("train"), ExperimentName: new("fares"), Description: new("d"), Tags: tags("team", team), Properties: tags("p", "q"),
		EnvironmentVariables: tags("A", "B"), IsArchived: new(false),
		Inputs: map[string]ml.JobInputClassification{
			"data": &ml.URIFolderJobInput{URI: new(folder), Mode: new(ml.InputDeliveryModeReadOnlyMount)},
			"rate": &ml.LiteralJobInput{Value: new("0.1")}},
		Outputs: map[string]ml.JobOutputClassification{"model": &ml.URIFolderJobOutput{URI: new(folder + "/out")}},
		Resources: &ml.JobResourceConfiguration{
			InstanceCount: new(int32(2)), InstanceType: new("Standard_D2"), ShmSize: new("2g"), Properties: object{"a": object{"b": 1.0}}},
		Distribution: &ml.PyTorch{ProcessCountPerInstance: new(int32(2))},
		Limits:       &ml.CommandJobLimits{Timeout: new("PT1H")},
		Identity:     &ml.AmlToken{},
		Services: map[string]*ml.JobService{"board": {
			JobServiceType: new("TensorBoard"), Properties: tags("logDir", "x"), Nodes: &ml.AllNodes{}}},
		QueueSettings: &ml.QueueSettings{JobTier: new(ml.JobTierStandard)},
		NotificationSetting: &ml.NotificationSetting{
			EmailOn: []*ml.EmailNotificationEnableType{new(ml.EmailNotificationEnableTypeJobCompleted)}, Emails: []*string{new("a@a.example")}},
	}
}

func TestJobs(t *testing.T) {
	w := start(t, object{"pageSize": 30, "time": object{"real": object{"scale": 1}}})
	ctx := t.Context()
	client := w.NewJobsClient()
	for name, properties := range map[string]ml.JobBasePropertiesClassification{
		"command": train("fares"),
		"sweep": &ml.SweepJob{Objective: &ml.Objective{Goal: new(ml.GoalMinimize), PrimaryMetric: new("rmse")},
			SamplingAlgorithm: &ml.RandomSamplingAlgorithm{Seed: new(int32(1)), Rule: new(ml.RandomSamplingAlgorithmRuleSobol)},
			SearchSpace:       object{"rate": []any{"uniform", []any{0.1, 1.0}}}, Trial: &ml.TrialComponent{Command: new("c"), EnvironmentID: new("e")},
			EarlyTermination: &ml.BanditPolicy{SlackFactor: new(float32(0.5)), EvaluationInterval: new(int32(1)), DelayEvaluation: new(int32(2))},
			Limits: &ml.SweepJobLimits{
				MaxTotalTrials: new(int32(4)), MaxConcurrentTrials: new(int32(2)), Timeout: new("PT1H"), TrialTimeout: new("PT10M")}},
		"pipeline": &ml.PipelineJob{Jobs: object{"step": object{"type": "command", "componentId": "c"}}, Settings: object{"default_compute": "cpu"}},
		"automl": &ml.AutoMLJob{TaskDetails: &ml.Classification{TrainingData: &ml.MLTableJobInput{URI: new("azureml:table:one")},
			TargetColumnName: new("fare"), PrimaryMetric: new(ml.ClassificationPrimaryMetricsAccuracy),
			NCrossValidations: &ml.CustomNCrossValidations{Value: new(int32(5))},
			LimitSettings:     &ml.TableVerticalLimitSettings{MaxTrials: new(int32(3)), Timeout: new("PT1H"), EnableEarlyTermination: new(true)}}},
		"spark": &ml.SparkJob{CodeID: new("azureml:code:1"), Entry: &ml.SparkJobPythonEntry{File: new("a.py")}, Conf: tags("spark.driver.cores", "1"),
			Resources: &ml.SparkResourceConfiguration{InstanceType: new("Standard_E4S_V3"), RuntimeVersion: new("3.3")}},
	} {
		body := ml.JobBase{Properties: properties}
		has(t, must(client.CreateOrUpdate(ctx, group, workspace, name, body, nil))(t), body)
		read := must(client.Get(ctx, group, workspace, name, nil))(t)
		has(t, read, body)
		is(t, fmt.Sprintf("%T", read.Properties), fmt.Sprintf("%T", properties))
		has(t, must(client.CreateOrUpdate(ctx, group, workspace, name, read.JobBase, nil))(t), body)
	}
	tagged := ml.JobBase{Properties: train("other")}
	has(t, must(client.CreateOrUpdate(ctx, group, workspace, "command", tagged, nil))(t), tagged)
	for want, options := range map[string]ml.JobsClientListOptions{
		"sweep":   {JobType: new("Sweep")},
		"command": {Tag: new("team")},
		"":        {ListViewType: new(ml.ListViewTypeArchivedOnly)},
	} {
		is(t, names(t, client.NewListPager(group, workspace, &options)), want)
	}

	status := func(name string) ml.JobStatus {
		return *must(client.Get(ctx, group, workspace, name, nil))(t).Properties.GetJobBaseProperties().Status
	}
	done(client.BeginCancel(ctx, group, workspace, "pipeline", nil))(t)
	is(t, status("pipeline"), ml.JobStatusCancelRequested)
	w.control("POST", "time", `{"seconds": 600, "scale": 1200}`)
	is(t, status("pipeline"), ml.JobStatusCanceled)
	is(t, status("command"), ml.JobStatusCompleted)
	done(client.BeginDelete(ctx, group, workspace, "command", nil))(t)
	refused(client.Get(ctx, group, workspace, "command", nil))(t, 404, "UserError")
	w.control("PATCH", "config", `{"inferred": {"jobDeleteAsynchronous": true}}`)
	done(client.BeginDelete(ctx, group, workspace, "sweep", nil))(t)
	refused(client.Get(ctx, group, workspace, "sweep", nil))(t, 404, "UserError")
}
