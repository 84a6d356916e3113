//! Jobs: what they share, and what each type of job adds [ARMJ].

use super::Shape::{Any, Duration, Flag, Guid, List, Map, Name, Object, OneOf, Scalar, Text, Whole, Word};
use super::automl::AUTO_ML;
use super::fine_tuning::FINE_TUNING;
use super::job_parts::{DISTRIBUTION, EARLY_TERMINATION, INPUTS, OUTPUTS, QUEUE, RESOURCES};
use super::{Field, Shape, may, must};

/// The body of a job's PUT.
pub(super) const JOB: &[Field] = &[must(
    "properties",
    OneOf(
        "jobType",
        &[
            may("componentId", Text),
            may("computeId", Text),
            may("description", Text),
            may("displayName", Text),
            may("experimentName", Text),
            may("identity", IDENTITY),
            may("isArchived", Flag),
            may("notificationSetting", NOTIFICATIONS),
            may("properties", Map(&Text)),
            may("services", Map(&SERVICE)),
            may("tags", Map(&Text)),
        ],
        &[
            ("AutoML", AUTO_ML),
            ("Command", COMMAND),
            ("FineTuning", FINE_TUNING),
            ("Pipeline", PIPELINE),
            ("Spark", SPARK),
            ("Sweep", SWEEP),
        ],
    ),
)];

const IDENTITY: Shape = OneOf(
    "identityType",
    &[],
    &[
        ("AMLToken", &[]),
        ("Managed", &[may("clientId", Guid), may("objectId", Guid), may("resourceId", Text)]),
        ("UserIdentity", &[]),
    ],
);
const NOTIFICATIONS: Shape = Object(&[
    may("emailOn", List(&Word(&["JobCompleted", "JobFailed", "JobCancelled"]))),
    may("emails", List(&Text)),
    may("webhooks", Map(&OneOf("webhookType", &[may("eventType", Text)], &[("AzureDevOps", &[])]))),
]);
const SERVICE: Shape = Object(&[
    may("endpoint", Text),
    may("jobServiceType", Text),
    may("nodes", OneOf("nodesValueType", &[], &[("All", &[])])),
    may("port", Whole),
    may("properties", Map(&Text)),
]);

const COMMAND: &[Field] = &[
    may("codeId", Text),
    must("command", Name),
    may("distribution", DISTRIBUTION),
    must("environmentId", Name),
    may("environmentVariables", Map(&Text)),
    may("inputs", INPUTS),
    may("limits", Object(&[must("jobLimitsType", Word(&["Command"])), may("timeout", Duration)])),
    may("outputs", OUTPUTS),
    may("queueSettings", QUEUE),
    may("resources", RESOURCES),
];

const PIPELINE: &[Field] = &[
    may("inputs", INPUTS),
    may("jobs", Map(&Any)),
    may("outputs", OUTPUTS),
    may("settings", Any),
    may("sourceJobId", Text),
];

const SPARK: &[Field] = &[
    may("archives", List(&Text)),
    may("args", Text),
    must("codeId", Text),
    may("conf", Map(&Text)),
    must(
        "entry",
        OneOf(
            "sparkJobEntryType",
            &[],
            &[
                ("SparkJobPythonEntry", &[must("file", Name)]),
                ("SparkJobScalaEntry", &[must("className", Name)]),
            ],
        ),
    ),
    may("environmentId", Text),
    may("environmentVariables", Map(&Text)),
    may("files", List(&Text)),
    may("inputs", INPUTS),
    may("jars", List(&Text)),
    may("outputs", OUTPUTS),
    may("pyFiles", List(&Text)),
    may("queueSettings", QUEUE),
    may("resources", Object(&[may("instanceType", Text), may("runtimeVersion", Text)])),
];

const SWEEP: &[Field] = &[
    may("earlyTermination", EARLY_TERMINATION),
    may("inputs", INPUTS),
    may(
        "limits",
        Object(&[
            must("jobLimitsType", Word(&["Sweep"])),
            may("maxConcurrentTrials", Whole),
            may("maxTotalTrials", Whole),
            may("timeout", Duration),
            may("trialTimeout", Duration),
        ]),
    ),
    must("objective", Object(&[must("goal", Word(&["Minimize", "Maximize"])), must("primaryMetric", Name)])),
    may("outputs", OUTPUTS),
    may("queueSettings", QUEUE),
    may("resources", RESOURCES),
    must(
        "samplingAlgorithm",
        OneOf(
            "samplingAlgorithmType",
            &[],
            &[
                ("Bayesian", &[]),
                ("Grid", &[]),
                (
                    "Random",
                    &[may("logbase", Scalar), may("rule", Word(&["Random", "Sobol"])), may("seed", Whole)],
                ),
            ],
        ),
    ),
    must("searchSpace", Any),
    must(
        "trial",
        Object(&[
            may("codeId", Text),
            must("command", Name),
            may("distribution", DISTRIBUTION),
            must("environmentId", Name),
            may("environmentVariables", Map(&Text)),
            may("resources", RESOURCES),
        ]),
    ),
];
