//! Where the contract (`azure-ml.md`, by its sections) says otherwise than the specification, or more; and what
//! neither of them says. Nothing else may differ from the specification.
//!
//! Not covered, because nothing that we have documents their answers: Entra's tokens, discovery and the cloud's metadata
//! (compared with recordings, and used by Microsoft's clients), MLflow, storage, scoring and batch invocation, Azure Monitor's
//! metrics, and the emulator's own control API. Their paths are not under `/subscriptions`, but for the metrics, whose
//! row is in [`BESIDE`].

use super::operations::Body;

/// An operation that the specification does not have. Its path begins with `~` for our provider in a resource group, with
/// `-` for it in a subscription; another is the whole path.
pub struct Beside {
    pub method: &'static str,
    pub path: &'static str,
    pub statuses: &'static [u16],
    pub body: fn() -> Body,
    pub reason: &'static str,
}

/// All of them.
pub const BESIDE: &[Beside] = &[
    Beside {
        method: "GET",
        path: "-/locations/{location}/mfeOperationsStatus/{id}",
        statuses: &[200],
        body: || Body::One("ProviderOperation".into()),
        reason: "§B.1 5 [REC]",
    },
    Beside {
        method: "GET",
        path: "-/locations/{location}/registryOperationsStatus/{id}",
        statuses: &[200],
        body: || Body::One("RegistryOperation".into()),
        reason: "§B.1 2 [REC]",
    },
    Beside {
        method: "GET",
        path: "-/locations/{location}/registryOperationsStatus/{id}?type=location",
        statuses: &[200, 202, 204],
        body: || Body::Result,
        reason: "§B.1 1: `Location` of the same operation [REC]",
    },
    Beside {
        method: "GET",
        path: "-/locations/{location}/mfeOperationResults/{id}",
        statuses: &[200, 202, 204],
        body: || Body::Result,
        reason: "§B.1 6: `Location` of a DELETE [REC]",
    },
    Beside {
        method: "GET",
        path: "-",
        statuses: &[200],
        body: || Body::One("Provider".into()),
        reason: "of Microsoft.Resources; what azcore and azure-mgmt-core read of it",
    },
    Beside {
        method: "POST",
        path: "-/register",
        statuses: &[200],
        body: || Body::One("Provider".into()),
        reason: "of Microsoft.Resources, §B.8",
    },
    Beside {
        method: "GET",
        path: "/subscriptions/{s}/resourceGroups/{g}",
        statuses: &[200, 204],
        body: || Body::One("ResourceGroup".into()),
        reason: "of Microsoft.Resources; 204 is the answer to HEAD",
    },
    Beside {
        method: "GET",
        path: "/subscriptions/{s}/resourceGroups",
        statuses: &[200],
        body: || Body::List("ResourceGroup".into()),
        reason: "of Microsoft.Resources",
    },
    Beside {
        method: "POST",
        path: "~/registries/{registry}/import",
        statuses: &[202],
        body: || Body::Nothing,
        reason: "§C.2 2 [OBS]",
    },
    Beside {
        method: "PUT",
        path: "~/registries/{registry}/tempdatarefs/{name}/versions/{version}",
        statuses: &[200],
        body: || Body::Unknown,
        reason: "§C.2 3 [OBS], without the fields",
    },
    Beside {
        method: "POST",
        path: "~/registries/{registry}/datarefs/{name}/versions/{version}",
        statuses: &[200],
        body: || Body::One("GetBlobReferenceSASResponseDto".into()),
        reason: "§B.3: `datareferences` by the name that it has at the other door",
    },
    Beside {
        method: "GET",
        path: "~/workspaces/{workspace}/batchEndpoints/{endpoint}/jobs",
        statuses: &[200],
        body: || Body::Unknown,
        reason: "asked for by the Python client, in no document",
    },
    Beside {
        method: "GET",
        path: "~/workspaces/{workspace}/batchEndpoints/{endpoint}/deployments/{deployment}/jobs",
        statuses: &[200],
        body: || Body::Unknown,
        reason: "asked for by the Python client, in no document",
    },
    Beside {
        method: "GET",
        path: "~/workspaces/{workspace}/onlineEndpoints/{endpoint}/providers/microsoft.insights/metrics",
        statuses: &[200],
        body: || Body::Unknown,
        reason: "§H.4, without the answer",
    },
    Beside {
        method: "GET",
        path: "~/workspaces/{workspace}/onlineEndpoints/{endpoint}/deployments/{deployment}/providers/microsoft.insights/metrics",
        statuses: &[200],
        body: || Body::Unknown,
        reason: "§H.4, without the answer",
    },
];

/// A further status of an operation, with its headers.
pub struct Further {
    pub operation: &'static str,
    pub status: u16,
    pub headers: &'static [&'static str],
    pub reason: &'static str,
}

/// All of them.
pub const STATUSES: &[Further] = &[
    Further {
        operation: "Registries_CreateOrUpdate",
        status: 202,
        headers: &["Azure-AsyncOperation", "Location"],
        reason: "§B.1 1: the status that the service really has [REC]",
    },
    accepted("RegistryCodeVersions_CreateOrUpdate"),
    accepted("RegistryComponentVersions_CreateOrUpdate"),
    accepted("RegistryDataVersions_CreateOrUpdate"),
    accepted("RegistryEnvironmentVersions_CreateOrUpdate"),
    accepted("RegistryModelVersions_CreateOrUpdate"),
];

const fn accepted(operation: &'static str) -> Further {
    let reason =
        "all that azure-ai-ml up to 1.34.1 takes at its own door [CLI]; over ARM by a position [INF]";
    Further { operation, status: 202, headers: &["Location", "x-ms-async-operation-timeout"], reason }
}

/// A header that is specified and not always sent.
pub struct NoHeader {
    /// Beginning of the operations' ids.
    pub operations: &'static str,
    pub header: &'static str,
    pub reason: &'static str,
}

/// All of them.
pub const HEADERS: &[NoHeader] = &[
    NoHeader { operations: "", header: "Retry-After", reason: "§B.1 7: on no recorded answer" },
    NoHeader {
        operations: "Registries_",
        header: "x-ms-async-operation-timeout",
        reason: "not in `registry.delete.202` [REC]",
    },
    NoHeader {
        operations: "RegistryDataContainers_",
        header: "Azure-AsyncOperation",
        reason: "made at once, unless `registryContainerAsynchronous` [INF]; no state of data tells which",
    },
    NoHeader {
        operations: "RegistryDataContainers_",
        header: "x-ms-async-operation-timeout",
        reason: "the same",
    },
];

/// A field that the specification does not have, or has with another type or pattern: the schema is a JSON Schema.
pub struct Undocumented {
    pub of: &'static str,
    pub field: &'static str,
    pub schema: &'static str,
    pub reason: &'static str,
}

/// All of them.
pub const FIELDS: &[Undocumented] = &[
    Undocumented { of: "Workspace", field: "etag", schema: NULL, reason: "§D.3 [REC]" },
    Undocumented {
        of: "RegistryProperties",
        field: "privateEndpointConnections",
        schema: r#"{"type": "array", "maxItems": 0}"#,
        reason: "§B.2, `registry.get` [REC]",
    },
    Undocumented {
        of: "StorageAccountDetails",
        field: "userCreatedStorageAccount",
        schema: NULL,
        reason: "§B.2 [REC]",
    },
    Undocumented {
        of: "ModelVersionProperties",
        field: "datasets",
        schema: r#"{"type": "array", "items": {"type": "object"}}"#,
        reason: "§A, of later versions",
    },
    Undocumented {
        of: "Route",
        field: "path",
        schema: r#"{"type": "string", "pattern": "^/|[a-zA-Z0-9_]"}"#,
        reason: "Azure/azureml-examples deploys with `/` (…/managed/vnet/setup_vm/scripts/create_moe.py)",
    },
    Undocumented { of: "AcrDetails", field: "userCreatedAcrAccount", schema: NULL, reason: "§B.2 [REC]" },
];

const NULL: &str = r#"{"type": "null"}"#;

/// Fields that are always there, though the specification does not require them.
pub struct Always {
    pub of: &'static str,
    pub fields: &'static [&'static str],
    pub reason: &'static str,
}

/// All of them.
pub const ALWAYS: &[Always] = &[
    Always { of: "Resource", fields: &["id", "name", "type"], reason: "every recorded resource has them" },
    Always { of: "ErrorResponse", fields: &["error"], reason: "§D.1" },
    Always { of: "ErrorDetail", fields: &["code", "message"], reason: "§D.1" },
];

/// Types that the specification does not have. Until an operation has ended, its end is the first time that there is
/// (§B.1 5 [REC]); batch operations have only the first three fields [REC]. The code of an error is null, and in front
/// of the message (§C.4 [ISS]); or it is not.
pub const ADDED_TYPES: &str = r"
type ProviderOperation
  id! text
  name! text
  status! word Updating | Succeeded | Failed
  startTime time
  endTime text /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{7}|0001-01-01T00:00:00)\+00:00$/
  percentComplete number
  error OperationError

type RegistryOperation
  status! word InProgress | Succeeded | Failed
  percentComplete number
  error OperationError

type OperationError
  code text
  message! text
  details list ErrorDetail

type OperationFailure
  error! OperationError

type Provider
  id! text
  namespace! text
  registrationPolicy text
  registrationState! word Registered
  resourceTypes! list ProviderResourceType

type ProviderResourceType
  resourceType! text
  locations! list text
  apiVersions! list text
  capabilities text

type ResourceGroup
  id! text
  name! text
  type! text
  location! text
  tags map text
  properties! ResourceGroupProperties

type ResourceGroupProperties
  provisioningState! word Succeeded

type MonitorError
  code! text
  message! text
";
