//! Jobs that tune a model further: not in the ARM schema, but in Microsoft's swagger [SWG], and sent by the Python
//! client.

use super::Shape::{List, Map, Number, Object, OneOf, Text, Whole, Word};
use super::job_parts::{INPUT, OUTPUTS, QUEUE};
use super::{Field, may, must};

/// What it has beside what all jobs have.
pub(super) const FINE_TUNING: &[Field] = &[
    must(
        "fineTuningDetails",
        OneOf(
            "modelProvider",
            &[
                must("model", INPUT),
                must(
                    "taskType",
                    Word(&[
                        "ChatCompletion",
                        "TextCompletion",
                        "TextClassification",
                        "QuestionAnswering",
                        "TextSummarization",
                        "TokenClassification",
                        "TextTranslation",
                        "ImageClassification",
                        "ImageInstanceSegmentation",
                        "ImageObjectDetection",
                        "VideoMultiObjectTracking",
                    ]),
                ),
                must("trainingData", INPUT),
                may("validationData", INPUT),
            ],
            &[
                (
                    "AzureOpenAI",
                    &[may(
                        "hyperParameters",
                        Object(&[
                            may("batchSize", Whole),
                            may("learningRateMultiplier", Number),
                            may("nEpochs", Whole),
                        ]),
                    )],
                ),
                ("Custom", &[may("hyperParameters", Map(&Text))]),
            ],
        ),
    ),
    must("outputs", OUTPUTS),
    may("queueSettings", QUEUE),
    may("resources", Object(&[may("instanceTypes", List(&Text))])),
];
