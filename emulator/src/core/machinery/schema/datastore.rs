//! Datastores: what is required depends on the kind of the store, and on the kind of its credentials [ARMJ].

use super::Shape::{Guid, Map, Name, Object, OneOf, Text, Word};
use super::{Field, Shape, may, must};

/// The kinds of stores.
pub const TYPES: &[&str] = &["AzureBlob", "AzureDataLakeGen1", "AzureDataLakeGen2", "AzureFile", "OneLake"];
/// The kinds of credentials.
pub const CREDENTIALS: &[&str] = &["AccountKey", "Certificate", "None", "Sas", "ServicePrincipal"];

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

/// The body of a datastore's PUT.
pub(super) const DATASTORE: &[Field] = &[must(
    "properties",
    OneOf(
        "datastoreType",
        &[
            must("credentials", CREDENTIAL),
            may("description", Text),
            may("properties", Map(&Text)),
            may("tags", Map(&Text)),
            may(
                "serviceDataAccessAuthIdentity",
                Word(&["None", "WorkspaceSystemAssignedIdentity", "WorkspaceUserAssignedIdentity"]),
            ),
        ],
        &[
            (
                "AzureBlob",
                &[
                    SUBSCRIPTION,
                    GROUP,
                    ENDPOINT,
                    PROTOCOL,
                    may("accountName", Text),
                    may("containerName", Text),
                ],
            ),
            ("AzureDataLakeGen1", &[SUBSCRIPTION, GROUP, must("storeName", Name)]),
            (
                "AzureDataLakeGen2",
                &[
                    SUBSCRIPTION,
                    GROUP,
                    ENDPOINT,
                    PROTOCOL,
                    must("accountName", Name),
                    must("filesystem", Name),
                ],
            ),
            (
                "AzureFile",
                &[
                    SUBSCRIPTION,
                    GROUP,
                    ENDPOINT,
                    PROTOCOL,
                    must("accountName", Name),
                    must("fileShareName", Name),
                ],
            ),
            ("OneLake", &[ENDPOINT, must("oneLakeWorkspaceName", Name), must("artifact", ARTIFACT)]),
        ],
    ),
)];

const SUBSCRIPTION: Field = may("subscriptionId", Text);
const GROUP: Field = may("resourceGroup", Text);
const ENDPOINT: Field = may("endpoint", Text);
const PROTOCOL: Field = may("protocol", Text);

const ARTIFACT: Shape = OneOf("artifactType", &[must("artifactName", Name)], &[("LakeHouse", &[])]);

const CREDENTIAL: Shape = OneOf(
    "credentialsType",
    &[],
    &[
        ("AccountKey", &[must("secrets", Object(&[SECRETS_TYPE, may("key", Text)]))]),
        (
            "Certificate",
            &[
                must("clientId", Guid),
                must("tenantId", Guid),
                must("thumbprint", Name),
                may("authorityUrl", Text),
                may("resourceUrl", Text),
                must("secrets", Object(&[SECRETS_TYPE, may("certificate", Text)])),
            ],
        ),
        ("None", &[]),
        ("Sas", &[must("secrets", Object(&[SECRETS_TYPE, may("sasToken", Text)]))]),
        (
            "ServicePrincipal",
            &[
                must("clientId", Guid),
                must("tenantId", Guid),
                may("authorityUrl", Text),
                may("resourceUrl", Text),
                must("secrets", Object(&[SECRETS_TYPE, may("clientSecret", Text)])),
            ],
        ),
    ],
);
const SECRETS_TYPE: Field =
    must("secretsType", Word(&["AccountKey", "Certificate", "Sas", "ServicePrincipal"]));
