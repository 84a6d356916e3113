//! What a request is for, whose rights it uses, and how urgent it is.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! purposes {
    ($($(#[$doc:meta])+ $name:ident = $word:literal,)+) => {
        /// What a request is for: one word of a closed set.
        ///
        /// Together with the resource it is the key by which failures are counted, and it is the word that logs and
        /// metrics show. The sentence for people is [`Call::doing`](super::Call::doing), which is the key of nothing.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Purpose {
            $($(#[$doc])+ #[serde(rename = $word)] $name,)+
        }

        impl fmt::Display for Purpose {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $word,)+ })
            }
        }
    };
}

purposes! {
    // Reads.
    /// Compare the resource with the manifest.
    Compare = "compare",
    /// Ask how a running change goes.
    FollowOperation = "follow-operation",
    /// Find out where a model comes from.
    TraceLineage = "trace-lineage",
    /// Find out what would be lost with a registry.
    CountContent = "count-content",
    /// Measure how a candidate does.
    Measure = "measure",
    /// Read the keys of an endpoint, for a Secret.
    ReadKeys = "read-keys",

    // Calls that any kind makes.
    /// Make what is not there.
    Create = "create",
    /// Become the owner of what is there.
    TakeOver = "take-over",
    /// Bring what the manifest says now.
    Update = "update",
    /// Undo what somebody else changed.
    PutBack = "put-back",
    /// Make another object the owner.
    HandOver = "hand-over",
    /// Take our tags off what stays.
    LetGo = "let-go",
    /// Delete the resource of an object that is deleted.
    Delete = "delete",
    /// Write once more what Azure left in a failed state.
    Mend = "mend",

    // Registries.
    /// Take regions out of a registry.
    RemoveRegions = "remove-regions",
    /// Ask again for accounts that a creation left out.
    CompleteAccounts = "complete-accounts",

    // Model versions.
    /// Register a version in a workspace, or one whose files were copied into a registry.
    Register = "register",
    /// Publish a version from a workspace to a registry.
    Publish = "publish",
    /// Make the place in a registry that the files of a version are copied to.
    BeginCopy = "begin-copy",
    /// Copy the files of a version from another registry, and see how far that is.
    Copy = "copy",
    /// Give a published copy its tags and description.
    Describe = "describe",
    /// Write on a version who has approved or rejected it.
    TellDecisions = "tell-decisions",
    /// Archive a version.
    Archive = "archive",

    // Endpoints and their deployments.
    /// Give a candidate its next share of the traffic.
    MoveTraffic = "move-traffic",
    /// Make a candidate the stable deployment.
    Promote = "promote",
    /// Take traffic from a deployment that must not have it.
    TakeBack = "take-back",
    /// Set the traffic to less than a deployment has, because it is not wanted any more.
    Withdraw = "withdraw",
    /// Undo what somebody else did to the traffic, and nothing else.
    RestoreTraffic = "restore-traffic",
    /// Take all traffic off an endpoint that goes.
    StopTraffic = "stop-traffic",
    /// Write on the endpoint what must survive the loss of the status.
    Note = "note",
    /// Make a deployment for a revision.
    CreateDeployment = "create-deployment",
    /// Change the count or the tags of a deployment.
    AdjustDeployment = "adjust-deployment",
    /// Change the count of a deployment that is not the wanted one: it is kept warm, or has taken the traffic back.
    ScaleDeployment = "scale-deployment",
    /// Write on a deployment who answers for what it serves.
    NameOwner = "name-owner",
    /// Start the batch job that verifies a candidate.
    Verify = "verify",
    /// Cancel such a job, for which nothing waits any more.
    CancelVerification = "cancel-verification",
    /// Make or change the setting by which Azure Monitor scales a deployment.
    SetAutoscale = "set-autoscale",
    /// Remove such a setting.
    RemoveAutoscale = "remove-autoscale",
    /// Remove a deployment that is not needed any more.
    RemoveDeployment = "remove-deployment",
}

/// How urgent a request is. The order is the order of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Traffic goes back to the stable deployment. Only calls are so urgent: before the facts are read nobody knows it.
    TakingBack,
    /// A person changed or deleted something and waits for the answer.
    Edit,
    /// A rollout goes on.
    Rollout,
    /// The manifest and Azure are compared.
    Routine,
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TakingBack => "taking-back",
            Self::Edit => "edit",
            Self::Rollout => "rollout",
            Self::Routine => "routine",
        })
    }
}

/// Whose rights a request uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// The operator's own identity.
    Operator,
    /// The identity that Entra ID knows for an account of the cluster.
    Account(Account),
}

/// A service account of the cluster, that a place acts as.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    /// The namespace of the account, which is the place's.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("the operator's own identity"),
            Self::Account(account) => write!(f, "service account {account}"),
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What every request to Azure carries, whether it reads or changes something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Errand {
    /// Whose rights are used.
    pub principal: Principal,
    /// The object on whose behalf it is goes: a token that is still held serves it, although its account is gone.
    pub leaving: bool,
    /// How urgent it is.
    pub lane: Lane,
    /// What it is for.
    pub purpose: Purpose,
}
