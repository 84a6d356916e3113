//! One read of Azure, as data: wanted by the facts of a kind, made by the client.

use std::fmt;

use serde_json::Value;

use super::resource::Run;
use super::{Block, Errand, Error, File, OperationState, ResourceId, Uploaded};

/// One read of Azure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Read {
    /// On whose behalf, how urgently and what for.
    pub errand: Errand,
    /// What is read.
    pub what: Ask,
}

/// What a [`Read`] asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ask {
    /// One resource, by a GET.
    Resource(ResourceId),
    /// All of a collection, given by its ARM path, over all its pages. Archived assets are left out unless asked for.
    Collection {
        /// `/subscriptions/…/onlineEndpoints/e/deployments`.
        path: ResourceId,
        /// `listViewType=All`: archived assets too.
        archived: bool,
    },
    /// The items of the first page of a collection that has any, archived assets too: whether there is anything.
    Beginning {
        /// As of a [`Self::Collection`].
        path: ResourceId,
    },
    /// The batch jobs of a workspace: those that say that they are of this deployment or, without one, the first page of them all, the
    /// newest first. Whether a job says it is undocumented.
    BatchJobs {
        /// The workspace's jobs.
        path: ResourceId,
        /// The names of the endpoint and of the deployment.
        of: Option<(String, String)>,
    },
    /// Where a running change stands.
    Operation {
        /// The URL as Azure gave it.
        url: String,
        /// The resource that changes; its subscription pays for the request.
        resource: ResourceId,
    },
    /// The MLflow run of a job.
    Run {
        /// The workspace's `mlFlowTrackingUri`, which names the host.
        tracking_uri: String,
        /// The workspace.
        workspace: ResourceId,
        /// The job's name, which is the run's id.
        job: String,
    },
    /// The files of a version in a registry.
    Files {
        /// The version.
        version: ResourceId,
        /// Its `modelUri`.
        uri: String,
    },
    /// What has arrived of a pending upload that was begun before.
    Uploaded {
        /// The version of a registry that the upload is for.
        version: ResourceId,
        /// The upload's id.
        upload: String,
    },
    /// The blocks that have arrived of a file of such an upload which is not complete.
    Blocks {
        /// The version of a registry that the upload is for.
        version: ResourceId,
        /// The upload's id.
        upload: String,
        /// The file's name.
        file: String,
    },
    /// By what names Azure may know the one who asks, as the token says them. Nothing is sent to Azure but the request for a
    /// token, where there is none yet.
    Names,
}

impl fmt::Display for Ask {
    /// For logs. Operation URLs are left out: they are long, and some are signed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource(id) => write!(f, "{id}"),
            Self::Collection { path, .. } => write!(f, "the collection {path}"),
            Self::Beginning { path } => write!(f, "the beginning of the collection {path}"),
            Self::BatchJobs { path, .. } => write!(f, "the batch jobs of {}", path.parent()),
            Self::Operation { resource, .. } => write!(f, "an operation on {resource}"),
            Self::Run { job, .. } => write!(f, "the run of job {job}"),
            Self::Files { version, .. } => write!(f, "the files of {version}"),
            Self::Uploaded { version, .. } => write!(f, "the files that were copied for {version}"),
            Self::Blocks { version, file, .. } => {
                write!(f, "the blocks that were copied of {file} for {version}")
            }
            Self::Names => f.write_str("our own names"),
        }
    }
}

/// What came back from a [`Read`]: of the form that its [`Ask`] has.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The resource; none where Azure says that it does not exist.
    Resource(Result<Option<Value>, Error>),
    /// The items of the collection, or of its beginning.
    Collection(Result<Vec<Value>, Error>),
    /// Where the change stands.
    Operation(Result<OperationState, Error>),
    /// The run; none where there is none.
    Run(Result<Option<Run>, Error>),
    /// The files.
    Files(Result<Vec<File>, Error>),
    /// What has arrived.
    Uploaded(Result<Uploaded, Error>),
    /// The blocks; none where storage has none.
    Blocks(Result<Vec<Block>, Error>),
    /// The names.
    Names(Result<Vec<String>, Error>),
}

impl Answer {
    /// Could nothing be read?
    pub fn is_err(&self) -> bool {
        match self {
            Self::Resource(answer) => answer.is_err(),
            Self::Collection(answer) => answer.is_err(),
            Self::Operation(answer) => answer.is_err(),
            Self::Run(answer) => answer.is_err(),
            Self::Files(answer) => answer.is_err(),
            Self::Uploaded(answer) => answer.is_err(),
            Self::Blocks(answer) => answer.is_err(),
            Self::Names(answer) => answer.is_err(),
        }
    }
}
