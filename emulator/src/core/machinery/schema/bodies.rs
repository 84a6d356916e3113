//! The bodies of PUT and PATCH, resource by resource (api-version 2025-09-01) [ARMJ].

use super::Shape::{
    self, Any, Duration, Flag, List, Map, Name, Number, Object, OneOf, Route, Scalar, Text, Whole, Word,
};
use super::{Field, may, must};

/// The fields of a PUT's body, by chain of types; none when nobody PUTs it.
pub(super) fn of(kinds: &str) -> Option<&'static [Field]> {
    let asset = kinds.split_once('/').map(|(_, asset)| asset);
    Some(match (kinds, asset) {
        ("registries", _) => REGISTRY,
        ("workspaces/onlineEndpoints", _) => ONLINE_ENDPOINT,
        ("workspaces/onlineEndpoints/deployments", _) => ONLINE_DEPLOYMENT,
        ("workspaces/batchEndpoints", _) => BATCH_ENDPOINT,
        ("workspaces/batchEndpoints/deployments", _) => BATCH_DEPLOYMENT,
        ("workspaces/jobs", _) => super::jobs::JOB,
        ("workspaces/datastores", _) => super::datastore::DATASTORE,
        (_, Some("data")) => DATA_CONTAINER,
        (_, Some("models" | "environments" | "components" | "codes")) => CONTAINER,
        (_, Some("models/versions")) => MODEL_VERSION,
        (_, Some("data/versions")) => DATA_VERSION,
        (_, Some("environments/versions")) => ENVIRONMENT_VERSION,
        (_, Some("codes/versions")) => CODE_VERSION,
        (_, Some("components/versions")) => COMPONENT_VERSION,
        _ => return None,
    })
}

pub(super) const PATCH: &[Field] = &[
    may("tags", TEXTS),
    may("identity", IDENTITY),
    may("sku", PARTIAL_SKU),
    may("properties", Object(&[may("description", Text)])),
];

const TEXTS: Shape = Map(&Text);
const ACCESS: Shape = Word(&["Enabled", "Disabled"]);
const ARM_ID: Shape = Object(&[may("resourceId", Text)]);
const IDENTITY: Shape = Object(&[
    must(
        "type",
        Word(&[
            "None",
            "SystemAssigned",
            "UserAssigned",
            "SystemAssigned,UserAssigned",
            "SystemAssigned, UserAssigned",
        ]),
    ),
    may("userAssignedIdentities", Map(&Object(&[]))),
]);
const PARTIAL_SKU: Shape = Object(&[
    may("name", Text),
    may("capacity", Whole),
    may("family", Text),
    may("size", Text),
    may("tier", Word(&["Free", "Basic", "Standard", "Premium"])),
]);
const SKU: Shape = Object(&[
    must("name", Text),
    may("capacity", Whole),
    may("family", Text),
    may("size", Text),
    may("tier", Word(&["Free", "Basic", "Standard", "Premium"])),
]);

/// A tracked resource: envelope and properties.
macro_rules! tracked {
    ($properties:expr) => {
        &[
            must("location", Text),
            must("properties", Object($properties)),
            may("identity", IDENTITY),
            may("kind", Text),
            may("sku", SKU),
            may("tags", TEXTS),
        ]
    };
}

/// A resource that has nothing but properties, which all have a description, tags and properties, and more.
macro_rules! plain {
    ($($more:expr),* $(,)?) => {
        &[must("properties", Object(&[
            may("description", Text),
            may("properties", TEXTS),
            may("tags", TEXTS),
            may("isArchived", Flag),
            $($more),*
        ]))]
    };
}

const REGISTRY: &[Field] = tracked!(&[
    may("discoveryUrl", Text),
    may("intellectualPropertyPublisher", Text),
    may("managedResourceGroup", ARM_ID),
    may(
        "managedResourceGroupSettings",
        Object(&[may("assignedIdentities", List(&Object(&[may("principalId", Text)])))])
    ),
    may("mlFlowRegistryUri", Text),
    may("publicNetworkAccess", Text),
    may("regionDetails", List(&REGION)),
    may("registryPrivateEndpointConnections", List(&PRIVATE_ENDPOINT)),
]);

const REGION: Shape = Object(&[
    may("location", Text),
    may(
        "acrDetails",
        List(&Object(&[
            may("systemCreatedAcrAccount", ACCOUNT_ACR),
            may("userCreatedAcrAccount", ACCOUNT_OWN),
        ])),
    ),
    may(
        "storageAccountDetails",
        List(&Object(&[
            may("systemCreatedStorageAccount", ACCOUNT_STORAGE),
            may("userCreatedStorageAccount", ACCOUNT_OWN),
        ])),
    ),
]);
/// Of earlier versions; the service refuses it now.
const ACCOUNT_OWN: Shape = Object(&[may("armResourceId", ARM_ID)]);
const ACCOUNT_ACR: Shape =
    Object(&[may("acrAccountName", Text), may("acrAccountSku", Text), may("armResourceId", ARM_ID)]);
const ACCOUNT_STORAGE: Shape = Object(&[
    may("allowBlobPublicAccess", Flag),
    may("armResourceId", ARM_ID),
    may("storageAccountHnsEnabled", Flag),
    may("storageAccountName", Text),
    may("storageAccountType", Text),
]);
const PRIVATE_ENDPOINT: Shape = Object(&[
    may("id", Text),
    may("location", Text),
    may(
        "properties",
        Object(&[
            may("groupIds", List(&Text)),
            may("privateEndpoint", Object(&[may("subnetArmId", Text)])),
            may("provisioningState", Text),
            may(
                "registryPrivateLinkServiceConnectionState",
                Object(&[
                    may("actionsRequired", Text),
                    may("description", Text),
                    may("status", Word(&["Approved", "Pending", "Rejected", "Disconnected"])),
                ]),
            ),
        ]),
    ),
]);

const KEYS: Shape = Object(&[may("primaryKey", Text), may("secondaryKey", Text)]);
const AUTH_MODE: Shape = Word(&["AMLToken", "Key", "AADToken"]);

const ONLINE_ENDPOINT: &[Field] = tracked!(&[
    must("authMode", AUTH_MODE),
    may("compute", Text),
    may("description", Text),
    may("keys", KEYS),
    may("mirrorTraffic", Map(&Whole)),
    may("properties", TEXTS),
    may("publicNetworkAccess", ACCESS),
    may("traffic", Map(&Whole)),
]);

const PROBE: Shape = Object(&[
    may("failureThreshold", Whole),
    may("initialDelay", Duration),
    may("period", Duration),
    may("successThreshold", Whole),
    may("timeout", Duration),
]);
const CODE_CONFIGURATION: Shape = Object(&[may("codeId", Text), must("scoringScript", Name)]);

const CONTAINER_RESOURCES: Shape = Object(&[may("cpu", Text), may("gpu", Text), may("memory", Text)]);

const ONLINE_DEPLOYMENT: &[Field] = tracked!(&[
    must("endpointComputeType", Word(&["Managed", "Kubernetes", "AzureMLCompute"])),
    may("appInsightsEnabled", Flag),
    may("codeConfiguration", CODE_CONFIGURATION),
    may(
        "containerResourceRequirements",
        Object(&[
            may("containerResourceLimits", CONTAINER_RESOURCES),
            may("containerResourceRequests", CONTAINER_RESOURCES),
        ])
    ),
    may(
        "dataCollector",
        Object(&[
            must(
                "collections",
                Map(&Object(&[
                    may("clientId", Text),
                    may("dataCollectionMode", ACCESS),
                    may("dataId", Text),
                    may("samplingRate", Number),
                ]))
            ),
            may("requestLogging", Object(&[may("captureHeaders", List(&Text))])),
            may("rollingRate", Word(&["Year", "Month", "Day", "Hour", "Minute"])),
        ])
    ),
    may("description", Text),
    may("egressPublicNetworkAccess", ACCESS),
    may("environmentId", Text),
    may("environmentVariables", TEXTS),
    may("instanceType", Text),
    may("livenessProbe", PROBE),
    may("model", Text),
    may("modelMountPath", Text),
    may("properties", TEXTS),
    may("readinessProbe", PROBE),
    may(
        "requestSettings",
        Object(&[
            may("maxConcurrentRequestsPerInstance", Whole),
            may("maxQueueWait", Duration),
            may("requestTimeout", Duration),
        ])
    ),
    may(
        "scaleSettings",
        OneOf(
            "scaleType",
            &[],
            &[
                ("Default", &[]),
                (
                    "TargetUtilization",
                    &[
                        may("maxInstances", Whole),
                        may("minInstances", Whole),
                        may("pollingInterval", Duration),
                        may("targetUtilizationPercentage", Whole),
                    ]
                ),
            ]
        )
    ),
    may("startupProbe", PROBE),
]);

const BATCH_ENDPOINT: &[Field] = tracked!(&[
    must("authMode", AUTH_MODE),
    may("defaults", Object(&[may("deploymentName", Text)])),
    may("description", Text),
    may("keys", KEYS),
    may("properties", TEXTS),
]);

const BATCH_DEPLOYMENT: &[Field] = tracked!(&[
    may("codeConfiguration", CODE_CONFIGURATION),
    may("compute", Text),
    may(
        "deploymentConfiguration",
        OneOf(
            "deploymentConfigurationType",
            &[],
            &[
                ("Model", &[]),
                (
                    "PipelineComponent",
                    &[
                        may(
                            "componentId",
                            Object(&[must("referenceType", Word(&["Id"])), must("assetId", Name)])
                        ),
                        may("description", Text),
                        may("settings", TEXTS),
                        may("tags", TEXTS),
                    ]
                ),
            ]
        )
    ),
    may("description", Text),
    may("environmentId", Text),
    may("environmentVariables", TEXTS),
    may("errorThreshold", Whole),
    may("loggingLevel", Word(&["Info", "Warning", "Debug"])),
    may("maxConcurrencyPerInstance", Whole),
    may("miniBatchSize", Whole),
    may(
        "model",
        OneOf(
            "referenceType",
            &[],
            &[
                ("DataPath", &[may("datastoreId", Text), may("path", Text)]),
                ("Id", &[must("assetId", Name)]),
                ("OutputPath", &[may("jobId", Text), may("path", Text)]),
            ]
        )
    ),
    may("outputAction", Word(&["SummaryOnly", "AppendRow"])),
    may("outputFileName", Text),
    may("properties", TEXTS),
    may(
        "resources",
        Object(&[may("instanceCount", Whole), may("instanceType", Text), may("properties", Map(&Any))])
    ),
    may("retrySettings", Object(&[may("maxRetries", Whole), may("timeout", Duration)])),
]);

const DATA_TYPE: Shape = Word(&["uri_file", "uri_folder", "mltable"]);
const CONTAINER: &[Field] = plain![];
const DATA_CONTAINER: &[Field] = plain![must("dataType", DATA_TYPE)];

const TEMPLATE: Shape = Object(&[may("assetId", Text)]);
/// `datasets` is of later versions (§A); templates are sent by the Python client [CLI].
const MODEL_VERSION: &[Field] = plain![
    may("allowedDeploymentTemplates", List(&TEMPLATE)),
    may("datasets", List(&Object(&[may("id", Text), may("name", Text)]))),
    may("defaultDeploymentTemplate", TEMPLATE),
    may("flavors", Map(&Object(&[may("data", TEXTS)]))),
    may("isAnonymous", Flag),
    may("jobName", Text),
    may("modelType", Text),
    may("modelUri", Text),
    may("stage", Text),
];
const DATA_VERSION: &[Field] = &[must(
    "properties",
    OneOf(
        "dataType",
        &[
            // Of earlier versions, and sent by the Python client [CLI].
            may("autoDeleteSetting", Object(&[may("condition", Text), may("value", Text)])),
            must("dataUri", Name),
            may("description", Text),
            may("isAnonymous", Flag),
            may("isArchived", Flag),
            may("properties", TEXTS),
            may("tags", TEXTS),
        ],
        &[("uri_file", &[]), ("uri_folder", &[]), ("mltable", &[may("referencedUris", List(&Text))])],
    ),
)];
/// The Python client sends a number as `hash_version` [OBS].
const CODE_VERSION: &[Field] = &[must(
    "properties",
    Object(&[
        may("description", Text),
        may("properties", Map(&Scalar)),
        may("tags", TEXTS),
        may("isArchived", Flag),
        may("codeUri", Text),
        may("isAnonymous", Flag),
    ]),
)];
const COMPONENT_VERSION: &[Field] = plain![may("componentSpec", Any), may("isAnonymous", Flag)];

/// The schema's pattern refuses a path of `/`, with which public samples deploy.
const ROUTE: Shape = Object(&[must("path", Route), must("port", Whole)]);
const ENVIRONMENT_VERSION: &[Field] = plain![
    may("autoRebuild", Word(&["Disabled", "OnBaseImageUpdate"])),
    may("build", Object(&[must("contextUri", Name), may("dockerfilePath", Text)])),
    may("condaFile", Text),
    may("image", Text),
    may(
        "inferenceConfig",
        Object(&[
            may("livenessRoute", ROUTE),
            may("readinessRoute", ROUTE),
            may("scoringRoute", ROUTE),
            may("startupRoute", ROUTE),
        ])
    ),
    may("isAnonymous", Flag),
    may("osType", Word(&["Linux", "Windows"])),
    may("stage", Text),
];
