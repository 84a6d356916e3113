use serde::{Deserialize, Serialize};

/// What kind of endpoint it is, or what kind of endpoint a deployment is on: the resource's ARM type says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum EndpointKind {
    /// It answers requests, and splits them between its deployments.
    #[default]
    Online,
    /// It starts jobs. It has no traffic, but one default deployment.
    Batch,
}

impl EndpointKind {
    /// The collection in which a workspace has such endpoints.
    pub fn collection(self) -> &'static str {
        match self {
            Self::Online => "onlineEndpoints",
            Self::Batch => "batchEndpoints",
        }
    }

    /// By what the service names where an endpoint sends its requests, as the field of a difference.
    pub fn routing_field(self) -> &'static str {
        match self {
            Self::Online => "traffic",
            Self::Batch => "defaults.deploymentName",
        }
    }
}

impl From<String> for EndpointKind {
    /// From `Microsoft.MachineLearningServices/workspaces/batchEndpoints/deployments`.
    fn from(resource_type: String) -> Self {
        let batch = |segment: &str| segment.eq_ignore_ascii_case(Self::Batch.collection());
        if resource_type.split('/').any(batch) { Self::Batch } else { Self::Online }
    }
}

impl From<EndpointKind> for String {
    fn from(kind: EndpointKind) -> Self {
        format!("Microsoft.MachineLearningServices/workspaces/{}", kind.collection())
    }
}
