//! AutoML jobs: ten tasks, of tables, of images and of texts [ARMJ]. Where that schema has a whole number for what
//! Microsoft's swagger calls a number, a fraction is fine as well.

use super::Shape::{Any, Duration, Flag, List, Map, Number, Object, OneOf, Text, Whole, Word};
use super::job_parts::{EARLY_TERMINATION, FILES_IN, OUTPUTS, QUEUE, RESOURCES};
use super::{Field, Shape, may, must};

/// What an AutoML job has beside what all jobs have.
pub(super) const AUTO_ML: &[Field] = &[
    may("environmentId", Text),
    may("environmentVariables", Map(&Text)),
    may("outputs", OUTPUTS),
    may("queueSettings", QUEUE),
    may("resources", RESOURCES),
    must(
        "taskDetails",
        OneOf(
            "taskType",
            &[
                may("logVerbosity", Word(&["NotSet", "Debug", "Info", "Warning", "Error", "Critical"])),
                may("targetColumnName", Text),
                must("trainingData", TABLE),
            ],
            &[
                ("Classification", CLASSIFICATION),
                ("Forecasting", FORECASTING),
                ("ImageClassification", IMAGE_CLASSIFICATION),
                ("ImageClassificationMultilabel", IMAGE_CLASSIFICATION_MULTILABEL),
                ("ImageInstanceSegmentation", IMAGE_DETECTION),
                ("ImageObjectDetection", IMAGE_DETECTION),
                ("Regression", REGRESSION),
                ("TextClassification", TEXT_CLASSIFICATION),
                ("TextClassificationMultilabel", TEXT),
                ("TextNER", TEXT),
            ],
        ),
    ),
];

const TABLE: Shape = OneOf("jobInputType", &[], &[("mltable", FILES_IN)]);
const MODEL: Shape = OneOf("jobInputType", &[], &[("mlflow_model", FILES_IN)]);

/// A choice that is automatic, or made by these fields.
macro_rules! auto_or {
    ($custom:expr) => {
        OneOf("mode", &[], &[("Auto", &[]), ("Custom", $custom)])
    };
}
const COUNT: Shape = auto_or!(&[must("value", Whole)]);

/// A task on tables: what all three of them have, and more.
macro_rules! on_tables {
    ($metrics:expr, $algorithms:expr $(, $more:expr)* $(,)?) => {
        &[
            may("cvSplitColumnNames", List(&Text)),
            may("featurizationSettings", FEATURIZATION),
            may("limitSettings", LIMITS),
            may("nCrossValidations", COUNT),
            may("primaryMetric", Word($metrics)),
            may("testData", TABLE),
            may("testDataSize", Number),
            may("trainingSettings", Object(&[
                may("allowedTrainingAlgorithms", List(&Word($algorithms))),
                may("blockedTrainingAlgorithms", List(&Word($algorithms))),
                may("enableDnnTraining", Flag),
                may("enableModelExplainability", Flag),
                may("enableOnnxCompatibleModels", Flag),
                may("enableStackEnsemble", Flag),
                may("enableVoteEnsemble", Flag),
                may("ensembleModelDownloadTimeout", Duration),
                may("stackEnsembleSettings", STACK),
                may("trainingMode", Text),
            ])),
            may("validationData", TABLE),
            may("validationDataSize", Number),
            may("weightColumnName", Text),
            $($more),*
        ]
    };
}

const CLASSIFICATION: &[Field] = on_tables!(CLASSIFICATION_METRICS, CLASSIFIERS, may("positiveLabel", Text));
const FORECASTING: &[Field] =
    on_tables!(REGRESSION_METRICS, FORECASTERS, may("forecastingSettings", FORECAST));
const REGRESSION: &[Field] = on_tables!(REGRESSION_METRICS, REGRESSORS);

const CLASSIFICATION_METRICS: &[&str] = &[
    "AUCWeighted",
    "Accuracy",
    "NormMacroRecall",
    "AveragePrecisionScoreWeighted",
    "PrecisionScoreWeighted",
];
const REGRESSION_METRICS: &[&str] =
    &["SpearmanCorrelation", "NormalizedRootMeanSquaredError", "R2Score", "NormalizedMeanAbsoluteError"];
const CLASSIFIERS: &[&str] = &[
    "LogisticRegression",
    "SGD",
    "MultinomialNaiveBayes",
    "BernoulliNaiveBayes",
    "SVM",
    "LinearSVM",
    "KNN",
    "DecisionTree",
    "RandomForest",
    "ExtremeRandomTrees",
    "LightGBM",
    "GradientBoosting",
    "XGBoostClassifier",
];
const REGRESSORS: &[&str] = &[
    "ElasticNet",
    "GradientBoosting",
    "DecisionTree",
    "KNN",
    "LassoLars",
    "SGD",
    "RandomForest",
    "ExtremeRandomTrees",
    "LightGBM",
    "XGBoostRegressor",
];
const FORECASTERS: &[&str] = &[
    "AutoArima",
    "Prophet",
    "Naive",
    "SeasonalNaive",
    "Average",
    "SeasonalAverage",
    "ExponentialSmoothing",
    "Arimax",
    "TCNForecaster",
    "ElasticNet",
    "GradientBoosting",
    "DecisionTree",
    "KNN",
    "LassoLars",
    "SGD",
    "RandomForest",
    "ExtremeRandomTrees",
    "LightGBM",
    "XGBoostRegressor",
];

const FEATURIZATION: Shape = Object(&[
    may(
        "blockedTransformers",
        List(&Word(&[
            "TextTargetEncoder",
            "OneHotEncoder",
            "CatTargetEncoder",
            "TfIdf",
            "WoETargetEncoder",
            "LabelEncoder",
            "WordEmbedding",
            "NaiveBayes",
            "CountVectorizer",
            "HashOneHotEncoder",
        ])),
    ),
    may("columnNameAndTypes", Map(&Text)),
    may("datasetLanguage", Text),
    may("enableDnnFeaturization", Flag),
    may("mode", Word(&["Auto", "Custom", "Off"])),
    may("transformerParams", Map(&List(&Object(&[may("fields", List(&Text)), may("parameters", Any)])))),
]);
const LIMITS: Shape = Object(&[
    may("enableEarlyTermination", Flag),
    may("exitScore", Number),
    may("maxConcurrentTrials", Whole),
    may("maxCoresPerTrial", Whole),
    may("maxNodes", Whole),
    may("maxTrials", Whole),
    may("sweepConcurrentTrials", Whole),
    may("sweepTrials", Whole),
    may("timeout", Duration),
    may("trialTimeout", Duration),
]);
const STACK: Shape = Object(&[
    may("stackMetaLearnerKWargs", Any),
    may("stackMetaLearnerTrainPercentage", Number),
    may(
        "stackMetaLearnerType",
        Word(&[
            "None",
            "LogisticRegression",
            "LogisticRegressionCV",
            "LightGBMClassifier",
            "ElasticNet",
            "ElasticNetCV",
            "LightGBMRegressor",
            "LinearRegression",
        ]),
    ),
]);
const FORECAST: Shape = Object(&[
    may("countryOrRegionForHolidays", Text),
    may("cvStepSize", Whole),
    may("featureLags", Word(&["None", "Auto"])),
    may("featuresUnknownAtForecastTime", List(&Text)),
    may("forecastHorizon", COUNT),
    may("frequency", Text),
    may("seasonality", COUNT),
    may("shortSeriesHandlingConfig", Word(&["None", "Auto", "Pad", "Drop"])),
    may("targetAggregateFunction", Word(&["None", "Sum", "Max", "Min", "Mean"])),
    may("targetLags", auto_or!(&[must("values", List(&Whole))])),
    may("targetRollingWindowSize", COUNT),
    may("timeColumnName", Text),
    may("timeSeriesIdColumnNames", List(&Text)),
    may("useStl", Word(&["None", "Season", "SeasonTrend"])),
]);

/// A task on images: the metrics, and the fields of a model's settings and of what a search may choose.
macro_rules! on_images {
    ($metrics:expr, $settings:expr, $choices:expr) => {
        &[
            must("limitSettings", SHORT_LIMITS),
            may("modelSettings", Object($settings)),
            may("primaryMetric", Word($metrics)),
            may("searchSpace", List(&Object($choices))),
            may("sweepSettings", SWEEP),
            may("validationData", TABLE),
            may("validationDataSize", Number),
        ]
    };
}

const IMAGE_CLASSIFICATION: &[Field] =
    on_images!(CLASSIFICATION_METRICS, CLASSIFICATION_SETTINGS, CLASSIFICATION_CHOICES);
const IMAGE_CLASSIFICATION_MULTILABEL: &[Field] = on_images!(
    &[
        "AUCWeighted",
        "Accuracy",
        "NormMacroRecall",
        "AveragePrecisionScoreWeighted",
        "PrecisionScoreWeighted",
        "IOU",
    ],
    CLASSIFICATION_SETTINGS,
    CLASSIFICATION_CHOICES
);
const IMAGE_DETECTION: &[Field] =
    on_images!(&["MeanAveragePrecision"], DETECTION_SETTINGS, DETECTION_CHOICES);

const SHORT_LIMITS: Shape =
    Object(&[may("maxConcurrentTrials", Whole), may("maxTrials", Whole), may("timeout", Duration)]);
const SWEEP: Shape = Object(&[
    may("earlyTermination", EARLY_TERMINATION),
    must("samplingAlgorithm", Word(&["Grid", "Random", "Bayesian"])),
]);

/// What both kinds of image models can be told, and more.
macro_rules! image_settings {
    ($($more:expr),* $(,)?) => {
        &[
            may("advancedSettings", Text),
            may("amsGradient", Flag),
            may("augmentations", Text),
            may("beta1", Number),
            may("beta2", Number),
            may("checkpointFrequency", Whole),
            may("checkpointModel", MODEL),
            may("checkpointRunId", Text),
            may("distributed", Flag),
            may("earlyStopping", Flag),
            may("earlyStoppingDelay", Whole),
            may("earlyStoppingPatience", Whole),
            may("enableOnnxNormalization", Flag),
            may("evaluationFrequency", Whole),
            may("gradientAccumulationStep", Whole),
            may("layersToFreeze", Whole),
            may("learningRate", Number),
            may("learningRateScheduler", Word(&["None", "WarmupCosine", "Step"])),
            may("logTrainingMetrics", Text),
            may("logValidationLoss", Text),
            may("modelName", Text),
            may("momentum", Number),
            may("nesterov", Flag),
            may("numberOfEpochs", Whole),
            may("numberOfWorkers", Whole),
            may("optimizer", Word(&["None", "Sgd", "Adam", "Adamw"])),
            may("randomSeed", Whole),
            may("stepLRGamma", Number),
            may("stepLRStepSize", Whole),
            may("trainingBatchSize", Whole),
            may("validationBatchSize", Whole),
            may("warmupCosineLRCycles", Number),
            may("warmupCosineLRWarmupEpochs", Whole),
            may("weightDecay", Number),
            $($more),*
        ]
    };
}

const CLASSIFICATION_SETTINGS: &[Field] = image_settings![
    may("trainingCropSize", Whole),
    may("validationCropSize", Whole),
    may("validationResizeSize", Whole),
    may("weightedLoss", Whole),
];
const DETECTION_SETTINGS: &[Field] = image_settings![
    may("boxDetectionsPerImage", Whole),
    may("boxScoreThreshold", Number),
    may("imageSize", Whole),
    may("maxSize", Whole),
    may("minSize", Whole),
    may("modelSize", Word(&["None", "Small", "Medium", "Large", "ExtraLarge"])),
    may("multiScale", Flag),
    may("nmsIouThreshold", Number),
    may("tileGridSize", Text),
    may("tileOverlapRatio", Number),
    may("tilePredictionsNmsThreshold", Number),
    may("validationIouThreshold", Number),
    may("validationMetricType", Word(&["None", "Coco", "Voc", "CocoVoc"])),
];

/// What a search may choose: expressions, as texts.
macro_rules! image_choices {
    ($($more:literal),* $(,)?) => {
        &[
            may("amsGradient", Text),
            may("augmentations", Text),
            may("beta1", Text),
            may("beta2", Text),
            may("distributed", Text),
            may("earlyStopping", Text),
            may("earlyStoppingDelay", Text),
            may("earlyStoppingPatience", Text),
            may("enableOnnxNormalization", Text),
            may("evaluationFrequency", Text),
            may("gradientAccumulationStep", Text),
            may("layersToFreeze", Text),
            may("learningRate", Text),
            may("learningRateScheduler", Text),
            may("modelName", Text),
            may("momentum", Text),
            may("nesterov", Text),
            may("numberOfEpochs", Text),
            may("numberOfWorkers", Text),
            may("optimizer", Text),
            may("randomSeed", Text),
            may("stepLRGamma", Text),
            may("stepLRStepSize", Text),
            may("trainingBatchSize", Text),
            may("validationBatchSize", Text),
            may("warmupCosineLRCycles", Text),
            may("warmupCosineLRWarmupEpochs", Text),
            may("weightDecay", Text),
            $(may($more, Text)),*
        ]
    };
}

const CLASSIFICATION_CHOICES: &[Field] =
    image_choices!["trainingCropSize", "validationCropSize", "validationResizeSize", "weightedLoss"];
const DETECTION_CHOICES: &[Field] = image_choices![
    "boxDetectionsPerImage",
    "boxScoreThreshold",
    "imageSize",
    "maxSize",
    "minSize",
    "modelSize",
    "multiScale",
    "nmsIouThreshold",
    "tileGridSize",
    "tileOverlapRatio",
    "tilePredictionsNmsThreshold",
    "validationIouThreshold",
    "validationMetricType",
];

/// A task on texts: what all three of them have, and more. What is fixed, searched and swept is of preview versions, and
/// the Python client sends it [CLI].
macro_rules! on_texts {
    ($($more:expr),*) => {
        &[
            may("featurizationSettings", Object(&[may("datasetLanguage", Text)])),
            may("fixedParameters", Object(&[
                may("gradientAccumulationSteps", Whole),
                may("learningRate", Number),
                may("learningRateScheduler", Text),
                may("modelName", Text),
                may("numberOfEpochs", Whole),
                may("trainingBatchSize", Whole),
                may("validationBatchSize", Whole),
                may("warmupRatio", Number),
                may("weightDecay", Number),
            ])),
            may("limitSettings", TEXT_LIMITS),
            may("searchSpace", List(&Map(&Text))),
            may("sweepSettings", SWEEP),
            may("validationData", TABLE),
            $($more),*
        ]
    };
}

const TEXT: &[Field] = on_texts![];
const TEXT_CLASSIFICATION: &[Field] = on_texts![may("primaryMetric", Word(CLASSIFICATION_METRICS))];
const TEXT_LIMITS: Shape = Object(&[
    may("maxConcurrentTrials", Whole),
    may("maxNodes", Whole),
    may("maxTrials", Whole),
    may("timeout", Duration),
    may("trialTimeout", Duration),
]);
