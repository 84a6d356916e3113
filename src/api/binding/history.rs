use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{VerificationJob, Waiver};
use crate::api::{ActionTold, Measurement};

/// A rollout that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PastRollout {
    /// The revision that the rollout was for, 10 hexadecimal digits.
    pub revision: String,
    /// The number of the model's version. Absent where the deployment was gone before this was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The id of the model version that the rollout was for: an ARM id, or `azureml://registries/…`. Absent where the deployment was gone before this was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_id: Option<String>,
    /// The revision of the Git repository that the manifest was applied from when the rollout began, as the annotation `bindery.dev/git-revision` of the binding named it. Absent where it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub git_revision: Option<String>,
    /// How the rollout ended. `Promoted`: the revision got all the traffic. `Failed`: the revision failed. `Superseded`: the manifest asked for another revision before the end, or somebody rolled back. `RolledBack`: the revision, which was stable before, got all the traffic again, because what served was not approved any more or was gone, or because somebody rolled it back.
    pub outcome: Outcome,
    /// Why it failed, in a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<FailureReason>,
    /// Why the rollout failed, in Azure's words where those tell it; of a rollback that nobody asked for, why what served was not approved any more, or that it was gone; of a revision that took over without its steps, why. Otherwise absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When Azure made the deployment, by Azure's clock. Absent where the deployment was gone before this was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployed_at: Option<Timestamp>,
    /// When the rollout began. Absent where the status was lost meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When Bindery saw the end. Absent where the status was lost meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// When the revision was the stable one. Absent while it is, and where Bindery did not see the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served: Option<StableTime>,
    /// What the policy of the workspace asked when the revision became the stable one, and what Bindery found then, one entry for each rule, at most 20. Absent where the policy asked for nothing, where the revision was stable before, and where the status was lost meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["rule".into()]))]
    pub admission: Vec<PastRule>,
    /// The approvals that were enough when the revision became the stable one, at most 10. Absent where none was needed, and where the status was lost meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub approvals: Vec<PastApproval>,
    /// The rules that were waived during the rollout, by whom; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub waivers: Vec<Waiver>,
    /// The RolloutActions that had a part in it, in their order, at most 20: who promoted, aborted, retried or rolled back, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub actions: Vec<ActionTold>,
    /// The steps that a RolloutAction had the rollout skip, such as `watch` or `step 3 of 5`, at most 20; `verification` for the job of `spec.batch.verify`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub skipped: Vec<String>,
    /// The measurement that decided that it failed; absent where none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measurement: Option<Measurement>,
    /// The batch job that verified the deployment, with the status that it had when the rollout ended; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<VerificationJob>,
    /// The last lines that the container of a revision that failed had written, the oldest first: at most 20, the first 200 characters of each, without what looks like a secret. Absent where Azure had none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub log: Vec<String>,
}

impl PastRollout {
    /// A rollout of which nothing else is known.
    pub fn new(revision: &str, outcome: Outcome) -> Self {
        Self {
            revision: revision.into(),
            version: None,
            asset_id: None,
            git_revision: None,
            outcome,
            reason: None,
            message: None,
            deployed_at: None,
            started_at: None,
            finished_at: None,
            served: None,
            admission: vec![],
            approvals: vec![],
            waivers: vec![],
            actions: vec![],
            skipped: vec![],
            measurement: None,
            verification: None,
            log: vec![],
        }
    }

    /// Was its deployment made of files that Azure has had since then? The number of a version in a workspace can be made again, with
    /// other files. A history of an earlier release does not know when the deployment was made, and says when the rollout ended.
    pub fn had_files_of(&self, made: Timestamp) -> bool {
        self.deployed_at.or(self.finished_at).is_some_and(|at| made <= at)
    }
}

/// A rule of a workspace's policy, as it was held against a revision that became the stable one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PastRule {
    /// The rule: `Sources`, `Lineage`, `Gate/` with the name of a gate, `Approvals`, `Soak`, `Windows`, `Deployment` or `Retirement`.
    #[schemars(length(max = 68))]
    pub rule: String,
    /// What the policy of the workspace asked then.
    pub asks: String,
    /// What Bindery found then of the version or the deployment.
    pub found: String,
}

/// An approval that a revision had when it became the stable one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PastApproval {
    /// The namespace of the Approval object.
    pub namespace: String,
    /// The name of the Approval object.
    pub name: String,
    /// Who approved, as `spec.by` of the Approval said.
    pub by: String,
}

/// A time in which a revision was the stable one, as far as the status knew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StableTime {
    /// Since when it was the stable one.
    pub since: Timestamp,
    /// When another took over from it.
    pub until: Timestamp,
}

/// How a rollout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Outcome {
    /// The revision got all the traffic and became the stable one.
    Promoted,
    /// The revision failed.
    Failed,
    /// The manifest asked for another revision before the end, or somebody rolled back.
    Superseded,
    /// What served was not approved any more or was gone, or somebody rolled it back, and this revision became the stable one again.
    RolledBack,
}

impl Outcome {
    /// The revision became the stable one.
    pub fn serves(self) -> bool {
        matches!(self, Self::Promoted | Self::RolledBack)
    }
}

/// Why the rollout failed; absent when it did not. `CandidateFailed`: Azure could not make its deployment, or the deployment broke. `ProgressDeadlineExceeded`: the deployment was not ready within `spec.strategy.progressDeadline`. `AnalysisFailed`: it was measured badly, or could not be measured. `VerificationFailed`: the batch job that verified it did not complete. `Aborted`: somebody aborted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FailureReason {
    /// Azure could not make its deployment, or the deployment broke.
    CandidateFailed,
    /// Azure did not make its deployment ready within `spec.strategy.progressDeadline`.
    ProgressDeadlineExceeded,
    /// It was measured badly, or could not be measured.
    AnalysisFailed,
    /// The batch job that verified it failed, was canceled, took too long or is gone.
    VerificationFailed,
    /// Somebody has aborted it.
    Aborted,
}
