use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OwnReference, form};

/// One word to a rollout, from whoever is on call. It cannot be changed, and is carried out once.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "bindery.dev",
    version = "v1alpha1",
    kind = "RolloutAction",
    namespaced,
    status = "RolloutActionStatus",
    derive = "PartialEq",
    shortname = "amlact",
    category = "bindery",
    validation = Rule::new("self.spec == oldSelf.spec").message("a RolloutAction cannot be changed: make a new one"),
    doc = "One word to the rollout of a DeploymentBinding in the same namespace: promote, abort, retry, roll back or release. It cannot be changed, and is carried out once.",
    printcolumn(name = "Binding", type_ = "string", json_path = ".spec.bindingRef.name"),
    printcolumn(name = "Action", type_ = "string", json_path = ".spec.action"),
    printcolumn(name = "Revision", type_ = "string", json_path = ".spec.revision"),
    printcolumn(name = "By", type_ = "string", json_path = ".spec.requestedBy"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Accepted\")].status"
    ),
    printcolumn(
        name = "Complete",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Complete\")].status"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.action == 'Promote' ? has(self.step) != (has(self.full) && self.full) : !has(self.step) && !has(self.full)").message("Promote names exactly one of step, which passes that step, and full: true, which passes all that are left; the other actions name neither"),
    validation = Rule::new("!has(self.toRevision) || self.action == 'Rollback'").message("toRevision belongs to Rollback only"),
    validation = Rule::new("!has(self.toRevision) || self.toRevision != self.revision").message("toRevision is another revision than revision, which is the one to go back from")
)]
pub struct RolloutActionSpec {
    /// The DeploymentBinding that the action is for, in the same namespace.
    pub binding_ref: OwnReference,
    /// Promote: the rollout passes the step that `step` names, or with `full` all that are left. Abort: the candidate loses its traffic, and the revision counts as failed. Retry: a failed revision is tried again, from the first step. Rollback: the traffic goes back to what was stable before, and stays there (`status.hold` of the binding) until a Release or another revision in the manifest. Release: that hold ends, and the revision of the manifest is rolled out again.
    pub action: ActionWord,
    /// The revision that the action speaks of, 10 hexadecimal digits, as `status.revision` or `status.candidate.revision` of the binding shows it; for Rollback of what serves, `status.stable.revision`. If the binding is at another one by then, the action is refused as stale.
    #[schemars(schema_with = "form::revision")]
    pub revision: String,
    /// The step of `spec.strategy.steps` that Promote passes, by its name. The rollout has to stand there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::step_name")]
    pub step: Option<String>,
    /// With Promote: pass all steps that are left. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full: Option<bool>,
    /// The revision to which Rollback goes back, 10 hexadecimal digits: one that was stable here before, as `status.history` of the binding knows. Default: the last of them that may still serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::revision")]
    pub to_revision: Option<String>,
    /// Why: free text of up to 4096 characters, which may have line breaks. The history keeps the first 256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::description")]
    pub reason: Option<String>,
    /// Who asks for it, by the name that the cluster knows them by, such as `ada@fares.example`. The chart's admission policy demands the name of whoever creates the RolloutAction, except from the accounts that the administrator lists, such as the one of Argo CD.
    #[schemars(schema_with = "form::person")]
    pub requested_by: String,
}

/// What is asked of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum ActionWord {
    Promote,
    Abort,
    Retry,
    Rollback,
    Release,
}

/// What has become of the action, for people and for tools that wait. Bindery alone writes it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutActionStatus {
    /// The `metadata.generation` that this status describes; -1 until Bindery has processed the object.
    #[serde(default)]
    pub observed_generation: i64,
    /// The value of the annotation `bindery.dev/reconcile` that was last answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub last_handled_reconcile: Option<String>,
    /// Conditions, for `kubectl wait`. `Accepted`: the binding carries the action out, or has done so; `False` where it refuses. `Complete`: the action is carried out. `Ready`: the same as `Complete`, for tools that know no other. `Reconciling`: the action waits for Azure, or for its turn. `Stalled`: the action was refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// What has become of a RolloutAction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TakenAction {
    /// The name of the RolloutAction object.
    #[schemars(length(max = 253))]
    pub name: String,
    /// A hash of the object's name and of what it asks, 8 hexadecimal digits: the endpoint's tag `bindery-actions` holds those that were carried out.
    #[schemars(length(max = 8))]
    pub hash: String,
    /// What the action asks of the rollout, as its `spec.action` says.
    pub action: ActionWord,
    /// The revision that the action speaks of.
    #[schemars(length(max = 10))]
    pub revision: String,
    /// The step that Promote passes; absent where it passes all, and with other actions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub step: Option<String>,
    /// The revision to which Rollback goes back, where the action names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10))]
    pub to_revision: Option<String>,
    /// Who asks for it, as `spec.requestedBy` of the action says.
    #[schemars(length(max = 253))]
    pub requested_by: String,
    /// The first 256 characters of the reason that the action gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reason: Option<String>,
    /// What has become of it. `Accepted`: it is carried out as soon as that is possible; the message says what it waits for. `Refused`: it is not carried out. `Complete`: it is carried out. `AlreadyDone`: it was carried out before.
    pub state: ActionState,
    /// The same in a sentence, and what to do.
    #[schemars(length(max = 1024))]
    pub message: String,
    /// Since when the action is in this state.
    pub since: Timestamp,
}

/// What has become of a RolloutAction. `Accepted`: it is carried out as soon as that is possible. `Refused`: it is not carried out. `Complete`: it is carried out. `AlreadyDone`: it was carried out before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum ActionState {
    Accepted,
    Refused,
    Complete,
    AlreadyDone,
}

/// A RolloutAction, where something else tells of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActionTold {
    /// The name of the RolloutAction object.
    #[schemars(length(max = 253))]
    pub name: String,
    /// What the action asked of the rollout, as its `spec.action` says.
    pub action: ActionWord,
    /// Who asked for it, as `spec.requestedBy` of the action says.
    #[schemars(length(max = 253))]
    pub requested_by: String,
    /// The first 256 characters of the reason that it gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reason: Option<String>,
}

/// A revision that is held back, because somebody has rolled it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// The revision that is held back. The hold ends when the manifest asks for another one.
    #[schemars(length(max = 10))]
    pub revision: String,
    /// The revision that serves instead.
    #[schemars(length(max = 10))]
    pub to_revision: String,
    /// The RolloutAction that asked for it. Absent where the status was lost since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionTold>,
    /// Since when the revision is held back, as far as this status knows.
    pub since: Timestamp,
}
