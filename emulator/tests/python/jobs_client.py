"""Microsoft's own Python client, unchanged: jobs of every type, submitted, followed, cancelled and archived.

Each function is a situation; what comes back is compared as objects.
"""

import tempfile
import time
from pathlib import Path

from azure.ai.ml import Input, MpiDistribution, Output, RayDistribution, automl, command, dsl, spark, sweep
from azure.ai.ml.entities import Environment, JobResourceConfiguration, ManagedIdentityConfiguration
from azure.ai.ml.finetuning import create_finetuning_job
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from situations import raises, run
from world import DATASTORE, WORKSPACE, client

ml = client(workspace_name=WORKSPACE)
ml.environments.create_or_update(Environment(name="e", version="1", image="mcr.example/i:1"))
TRIPS = Input(type="uri_folder", path=DATASTORE + "trips/", mode="download")
TABLE = Input(type="mltable", path=DATASTORE + "table/")


def training(**more):
    return command(
        command="python train.py --trips ${{inputs.trips}} --depth ${{inputs.depth}}", environment="azureml:e:1",
        compute="cluster", inputs={"trips": TRIPS, "depth": 7}, outputs={"model": Output(type="mlflow_model")}, **more,
    )


def until(name, *wanted):
    while (job := ml.jobs.get(name)).status not in wanted:
        time.sleep(0.1)
    return job


def a_command():
    made = ml.jobs.create_or_update(training(
        name="fares-1", display_name="Fares", experiment_name="fares", description="d", tags={"a": "b"},
        environment_variables={"LEVEL": "info"}, instance_count=2, instance_type="Standard_F4s_v2", shm_size="4g", timeout=3600,
        distribution=MpiDistribution(process_count_per_instance=2), identity=ManagedIdentityConfiguration(),
    ))
    assert (made.name, made.type, made.status) == ("fares-1", "command", "NotStarted"), made
    job = until("fares-1", "Completed", "Failed")
    assert (job.status, job.display_name, job.experiment_name, job.tags) == ("Completed", "Fares", "fares", {"a": "b"}), job
    assert job.command.startswith("python train.py"), job.command
    assert job.environment == "e:1", repr(job.environment)
    shown = job._to_dict()
    assert shown["inputs"] == {"depth": "7", "trips": {"mode": "download", "type": "uri_folder", "path": TRIPS.path}}, shown
    assert (shown["outputs"], job.environment_variables) == ({"model": {"type": "mlflow_model"}}, {"LEVEL": "info"}), job
    assert (job.resources.instance_count, job.resources.shm_size, job.limits.timeout) == (2, "4g", 3600), job.resources
    assert job.distribution.process_count_per_instance == 2 and job.compute == "cluster", repr(job.compute)
    assert job.creation_context.created_at is not None and job.identity.type == "managed_identity", job.identity.type


def a_job_that_is_cancelled():
    ml.jobs.create_or_update(training(name="fares-2"))
    until("fares-2", "Running")
    ml.jobs.begin_cancel("fares-2").result()
    assert until("fares-2", "Canceled", "Completed").status == "Canceled"


def a_name_is_taken():
    refused = raises(HttpResponseError, ml.jobs.create_or_update, command(name="fares-1", command="false", environment="azureml:e:1"))
    assert refused.status_code == 400 and "cannot be changed" in str(refused), refused


def what_may_change_of_a_job():
    job = ml.jobs.get("fares-1")
    job.tags = {"c": "d"}
    assert ml.jobs.create_or_update(job).tags == {"c": "d"}
    ml.jobs.archive("fares-1")
    assert "fares-1" not in [job.name for job in ml.jobs.list()]
    ml.jobs.restore("fares-1")
    assert "fares-1" in [job.name for job in ml.jobs.list()]


def a_sweep():
    trial = training()(depth=sweep.Choice([3, 5, 7]), trips=TRIPS)
    job = trial.sweep(sampling_algorithm=sweep.RandomSamplingAlgorithm(seed=7, logbase="e"), primary_metric="rmse", goal="Minimize", compute="cluster")
    job.set_limits(max_total_trials=4, max_concurrent_trials=2, timeout=600)
    job.early_termination = sweep.BanditPolicy(slack_factor=0.1, evaluation_interval=2)
    job.name = "fares-sweep"
    made = ml.jobs.create_or_update(job)
    assert (made.type, made.objective.primary_metric, made.limits.max_total_trials) == ("sweep", "rmse", 4), made
    assert (made.early_termination.slack_factor, made.search_space["depth"].values) == (0.1, [3, 5, 7]), made
    assert (made.sampling_algorithm.seed, made.sampling_algorithm.logbase) == (7, "e"), made.sampling_algorithm


def a_table_learned_by_itself():
    job = automl.regression(
        training_data=TABLE, target_column_name="fare", primary_metric="r2_score", compute="cluster", n_cross_validations=5,
    )
    job.set_limits(timeout_minutes=30, max_trials=4, max_nodes=2)
    job.set_training(training_mode="distributed")
    job.name = "fares-automl"
    made = ml.jobs.create_or_update(job)
    assert (made.type, made.task_type, made.target_column_name) == ("automl", "Regression", "fare"), made
    assert (made.n_cross_validations, made.limits.max_trials, made.limits.max_nodes) == (5, 4, 2), made
    assert made.training.training_mode == "Distributed", made.training


def images_learned_by_themselves():
    job = automl.image_classification(training_data=TABLE, target_column_name="label", compute="cluster")
    job.set_limits(max_trials=2)
    job.set_training_parameters(learning_rate=0.01, number_of_epochs=3)
    job.extend_search_space([automl.SearchSpace(model_name=sweep.Choice(["vitb16r224"]), learning_rate=sweep.Uniform(0.001, 0.01))])
    job.set_sweep(sampling_algorithm="random", early_termination=sweep.BanditPolicy(slack_factor=0.2))
    job.name = "labels"
    made = ml.jobs.create_or_update(job)
    assert (made.type, made.training_parameters.learning_rate) == ("automl", 0.01), made


def a_model_tuned_further():
    job = create_finetuning_job(
        model=DATASTORE + "model/", task="ChatCompletion", training_data=DATASTORE + "train.jsonl",
        validation_data=DATASTORE + "check.jsonl", output_model_name_prefix="tuned", hyperparameters={"epochs": "3"},
        instance_types=["Standard_ND96"], name="tuned",
    )
    made = ml.jobs.create_or_update(job)
    for got in (made, ml.jobs.get("tuned")):
        assert (got.type, got.task, got.hyperparameters) == ("finetuning", "chatCompletion", {"epochs": "3"}), got
        assert (got.outputs["registered_model"].name, got.resources.instance_types) == ("tuned", ["Standard_ND96"]), got


def on_spark():
    scripts = Path(tempfile.mkdtemp())
    (scripts / "clean.py").write_text("print('clean')\n")
    job = spark(
        name="fares-spark", code=str(scripts), entry={"file": "clean.py"}, driver_cores=1, driver_memory="2g",
        executor_cores=2, executor_memory="2g", executor_instances=2,
        resources={"instance_type": "Standard_E4S_V3", "runtime_version": "3.4"},
    )
    made = ml.jobs.create_or_update(job)
    assert (made.type, made.entry.entry, made.resources.runtime_version) == ("spark", "clean.py", "3.4"), made


def a_pipeline():
    step = training()
    step.compute = "serverless"

    @dsl.pipeline(name="fares-pipeline", default_compute="serverless")
    def prepare_and_train(trips):
        trained = step(trips=trips, depth=3)

        return {"model": trained.outputs.model}

    job = prepare_and_train(trips=TRIPS)
    job.outputs.model.name, job.outputs.model.version = "fares", "2"
    made = ml.jobs.create_or_update(job, experiment_name="fares")
    assert (made.type, made.experiment_name, len(made.jobs)) == ("pipeline", "fares", 1), made
    for got in (made, ml.jobs.get(made.name)):
        assert (got.outputs["model"].name, got.outputs["model"].version) == ("fares", "2"), got.outputs["model"]


def what_only_the_client_says():
    job = training(
        name="everywhere", job_tier="spot", priority="high", locations=["eastus"], docker_args="--cpus 2",
        instance_type="Standard_F4s_v2", distribution=RayDistribution(port=6379, include_dashboard=True),
    )
    made = ml.jobs.create_or_update(job)
    assert (made.queue_settings.job_tier, made.queue_settings.priority) == ("spot", "high"), made.queue_settings
    assert (made.resources.locations, made.resources.docker_args) == (["eastus"], "--cpus 2"), made.resources
    assert (made.distribution.port, made.distribution.include_dashboard) == (6379, True), made.distribution


def texts_learned_by_themselves():
    job = automl.text_classification(
        training_data=TABLE, validation_data=TABLE, target_column_name="label", compute="cluster",
    )
    job.set_limits(max_trials=2, max_nodes=3, trial_timeout_minutes=5)
    job.set_training_parameters(number_of_epochs=3)
    job.extend_search_space([automl.SearchSpace(model_name=sweep.Choice(["bert-base-cased"]))])
    job.set_sweep(sampling_algorithm="random")
    job.name = "words"
    made = ml.jobs.create_or_update(job)
    assert (made.limits.max_nodes, made.training_parameters.number_of_epochs) == (3, 3), (made.limits, made.training_parameters)
    assert (len(made.search_space), made.sweep.sampling_algorithm) == (1, "Random"), (made.search_space, made.sweep)


def all_are_listed():
    kinds = {job.type for job in ml.jobs.list()}
    assert kinds == {"command", "sweep", "automl", "finetuning", "spark", "pipeline"}, kinds
    raises(ResourceNotFoundError, ml.jobs.get, "nothing")


run(
    a_command, a_job_that_is_cancelled, a_name_is_taken, what_may_change_of_a_job, a_sweep, a_table_learned_by_itself,
    images_learned_by_themselves, texts_learned_by_themselves, a_model_tuned_further, on_spark, a_pipeline, what_only_the_client_says, all_are_listed,
)
