//! Datastores: what is required depends on the kind of the store, and on the kind of its credentials [ARMJ].

use serde_json::Value;

use super::Shape::{Guid, Map, Name, Object, Text, Word};
use super::{Field, check_fields, may, must};
use crate::core::error::ArmError;
use crate::core::json as at;

pub const TYPES: &[&str] = &["AzureBlob", "AzureDataLakeGen1", "AzureDataLakeGen2", "AzureFile", "OneLake"];
pub const CREDENTIALS: &[&str] = &["AccountKey", "Certificate", "None", "Sas", "ServicePrincipal"];
const SECRETS: &[&str] = &["AccountKey", "Certificate", "Sas", "ServicePrincipal"];

/// What can be said only once [PY].
pub const CREATE_ONLY: [&str; 9] = [
    "datastoreType",
    "accountName",
    "containerName",
    "endpoint",
    "filesystem",
    "fileShareName",
    "oneLakeWorkspaceName",
    "protocol",
    "storeName",
];

/// Checks the body of a PUT.
pub(super) fn check(body: &Value) -> Result<(), ArmError> {
    check_fields(ALL, body, "")?;
    let kind = at::text(body, "properties.datastoreType").unwrap_or_default().to_ascii_lowercase();
    let fields = match kind.as_str() {
        "azureblob" => BLOB,
        "azuredatalakegen1" => LAKE_1,
        "azuredatalakegen2" => LAKE_2,
        "azurefile" => FILE,
        _ => ONE_LAKE,
    };
    check_fields(fields, &body["properties"], "properties")?;
    let credentials = &body["properties"]["credentials"];
    let kind = credentials["credentialsType"].as_str().unwrap_or_default().to_ascii_lowercase();
    let fields = match kind.as_str() {
        "accountkey" => ACCOUNT_KEY,
        "certificate" => CERTIFICATE,
        "sas" => SAS,
        "serviceprincipal" => SERVICE_PRINCIPAL,
        _ => &[],
    };
    check_fields(fields, credentials, "properties.credentials")
}

const ALL: &[Field] = &[must(
    "properties",
    Object(&[
        must("datastoreType", Word(TYPES)),
        must("credentials", Object(&[must("credentialsType", Word(CREDENTIALS))])),
        may("description", Text),
        may("properties", Map(&Text)),
        may("tags", Map(&Text)),
        may(
            "serviceDataAccessAuthIdentity",
            Word(&["None", "WorkspaceSystemAssignedIdentity", "WorkspaceUserAssignedIdentity"]),
        ),
        may("subscriptionId", Text),
        may("resourceGroup", Text),
        may("endpoint", Text),
        may("protocol", Text),
    ]),
)];

const BLOB: &[Field] = &[may("accountName", Text), may("containerName", Text)];
const LAKE_1: &[Field] = &[must("storeName", Name)];
const LAKE_2: &[Field] = &[must("accountName", Name), must("filesystem", Name)];
const FILE: &[Field] = &[must("accountName", Name), must("fileShareName", Name)];
const ONE_LAKE: &[Field] = &[
    must("oneLakeWorkspaceName", Name),
    must("artifact", Object(&[must("artifactName", Name), must("artifactType", Word(&["LakeHouse"]))])),
];

const ACCOUNT_KEY: &[Field] =
    &[must("secrets", Object(&[must("secretsType", Word(SECRETS)), may("key", Text)]))];
const SAS: &[Field] =
    &[must("secrets", Object(&[must("secretsType", Word(SECRETS)), may("sasToken", Text)]))];
const CERTIFICATE: &[Field] = &[
    must("clientId", Guid),
    must("tenantId", Guid),
    must("thumbprint", Name),
    may("authorityUrl", Text),
    may("resourceUrl", Text),
    must("secrets", Object(&[must("secretsType", Word(SECRETS)), may("certificate", Text)])),
];
const SERVICE_PRINCIPAL: &[Field] = &[
    must("clientId", Guid),
    must("tenantId", Guid),
    may("authorityUrl", Text),
    may("resourceUrl", Text),
    must("secrets", Object(&[must("secretsType", Word(SECRETS)), may("clientSecret", Text)])),
];
