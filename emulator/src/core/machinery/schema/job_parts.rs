//! What jobs of several types have [ARMJ], and what other api-versions and the Python client add to it [CLI].

use super::Shape::{Any, Flag, List, Map, Name, Number, Object, OneOf, Text, Whole, Word};
use super::{Field, Shape, may, must};

/// How several processes share the work. `Ray` is of the preview versions, which the Python client sends.
pub(super) const DISTRIBUTION: Shape = OneOf(
    "distributionType",
    &[],
    &[
        ("Mpi", &[may("processCountPerInstance", Whole)]),
        ("PyTorch", &[may("processCountPerInstance", Whole)]),
        (
            "Ray",
            &[
                may("address", Text),
                may("dashboardPort", Whole),
                may("headNodeAdditionalArgs", Text),
                may("includeDashboard", Flag),
                may("port", Whole),
                may("workerNodeAdditionalArgs", Text),
            ],
        ),
        ("TensorFlow", &[may("parameterServerCount", Whole), may("workerCount", Whole)]),
    ],
);

/// When a search gives up a trial.
pub(super) const EARLY_TERMINATION: Shape = OneOf(
    "policyType",
    &[may("delayEvaluation", Whole), may("evaluationInterval", Whole)],
    &[
        ("Bandit", &[may("slackAmount", Number), may("slackFactor", Number)]),
        ("MedianStopping", &[]),
        ("TruncationSelection", &[may("truncationPercentage", Whole)]),
    ],
);

/// What a job is queued as.
pub(super) const QUEUE: Shape = Object(&[
    may("jobTier", Word(&["Null", "Spot", "Basic", "Standard", "Premium"])),
    may("priority", Whole),
]);

/// What a job runs on.
pub(super) const RESOURCES: Shape = Object(&[
    may("dockerArgs", Text),
    may("dockerArgsList", List(&Text)),
    may("instanceCount", Whole),
    may("instanceType", Text),
    may("locations", List(&Text)),
    may("maxInstanceCount", Whole),
    may("properties", Map(&Any)),
    may("shmSize", Shape::Size),
]);

/// An input that is files.
pub(super) const FILES_IN: &[Field] = &[
    must("uri", Name),
    may(
        "mode",
        Word(&["ReadOnlyMount", "ReadWriteMount", "Download", "Direct", "EvalMount", "EvalDownload"]),
    ),
    may("pathOnCompute", Text),
];
/// What a job reads.
pub(super) const INPUT: Shape = OneOf(
    "jobInputType",
    &[may("description", Text)],
    &[
        ("custom_model", FILES_IN),
        ("literal", &[must("value", Name)]),
        ("mlflow_model", FILES_IN),
        ("mltable", FILES_IN),
        ("triton_model", FILES_IN),
        ("uri_file", FILES_IN),
        ("uri_folder", FILES_IN),
    ],
);
/// The same, by name.
pub(super) const INPUTS: Shape = Map(&INPUT);

const FILES_OUT: &[Field] = &[
    may("assetName", Text),
    may("assetVersion", Text),
    may("mode", Word(&["ReadWriteMount", "Upload", "Direct"])),
    may("pathOnCompute", Text),
    may("uri", Text),
];
/// What a job leaves behind, by name.
pub(super) const OUTPUTS: Shape = Map(&OneOf(
    "jobOutputType",
    &[may("description", Text)],
    &[
        ("custom_model", FILES_OUT),
        ("mlflow_model", FILES_OUT),
        ("mltable", FILES_OUT),
        ("triton_model", FILES_OUT),
        ("uri_file", FILES_OUT),
        ("uri_folder", FILES_OUT),
    ],
));
