use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Reference, form, scalar};

/// One decision about one asset: whether this version of a model may serve. It cannot be changed; deleting it withdraws it.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "bindery.dev",
    version = "v1alpha1",
    kind = "Approval",
    namespaced,
    status = "ApprovalStatus",
    derive = "PartialEq",
    shortname = "amlappr",
    category = "bindery",
    validation = Rule::new("self.spec == oldSelf.spec").message("an Approval cannot be changed: make a new one, and delete this one to withdraw it"),
    doc = "One decision about one asset: whether this version of a model may serve. An approval counts where `policy.approvals.fromNamespaces` of a Workspace names its namespace, so whoever may create Approvals there decides. It cannot be changed; deleting it withdraws it.",
    printcolumn(name = "Decision", type_ = "string", json_path = ".spec.decision"),
    printcolumn(name = "By", type_ = "string", json_path = ".spec.by"),
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.modelVersionRef.name"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".spec.expiresAt")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.waives) || has(self.expiresAt)").message("a waiver has to end: with waives give expiresAt, such as 2027-03-31T00:00:00Z"),
    validation = Rule::new("!has(self.assetCreatedAt) || !self.assetId.startsWith('azureml://')").message("assetCreatedAt is for a version in a workspace: take it out, because in a registry a number is given once"),
    validation = Rule::new("!has(self.waives) || self.decision == 'Approved'").message("a rejection waives nothing: take waives out, or make decision Approved")
)]
pub struct ApprovalSpec {
    /// The ModelVersion object that the decision is about. What counts is `assetId`; this says where to look.
    pub model_version_ref: Reference,
    /// The asset that the decision is about, as `status.assetId` of the ModelVersion shows it: `azureml://registries/fares-models/models/nyc-taxi-fare/versions/3`, or the ARM id of a version in a workspace. The decision is about exactly this asset, whatever the ModelVersion comes to mean later.
    #[schemars(schema_with = "form::asset_id")]
    pub asset_id: String,
    /// When Azure made the version that is meant, as `status.createdAt` of the ModelVersion shows it: only for a version in a workspace, whose number can be registered again with other files. An approval with it counts for exactly that version, whenever the Approval was created; one without it counts for a version that is older than the Approval. An Approval that Git or a backup may apply again needs it, because its creation time is renewed then.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "scalar::written_time_or_none"
    )]
    #[schemars(schema_with = "form::moment")]
    pub asset_created_at: Option<Timestamp>,
    /// The tiers (`spec.tier` of a Workspace) that the decision is about. Without a list, all, also Workspaces without a tier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "form::tiers", length(min = 1))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub tiers: Vec<String>,
    /// Approved: the version may serve, where enough people say so. Rejected: it may not, whoever else has approved it.
    pub decision: ApprovalDecision,
    /// Who decides, by the name that the cluster knows them by, such as `ada@fares.example`. The chart's admission policy demands the name of whoever creates the Approval, except from the accounts that the administrator lists, such as the one of Argo CD.
    #[schemars(schema_with = "form::person")]
    pub by: String,
    /// Why: free text of up to 4096 characters, which may have line breaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::description")]
    pub reason: Option<String>,
    /// What the decision rests on, at most 20 documents. Bindery shows them and reads none of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub evidence: Vec<EvidenceDocument>,
    /// When the decision ends, such as `2027-03-31T00:00:00Z`: from then on it does not count. Without it, it counts until it is deleted. Required with `waives`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "scalar::written_time_or_none"
    )]
    #[schemars(schema_with = "form::end")]
    pub expires_at: Option<Timestamp>,
    /// The rules of a Workspace's policy that the version need not satisfy while this decision counts: `Soak`, `Windows`, or `Gate/` and the name of a gate. A rule is waived only where `policy.approvals.waivable` of the Workspace names it, and by as many different people as have to approve there. Whoever waives a rule approves, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "form::waivable_rules", length(min = 1))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub waives: Vec<String>,
}

/// What somebody says of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum ApprovalDecision {
    Approved,
    Rejected,
}

/// A document that a decision rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceDocument {
    /// A name of this document, such as `validation-report`.
    #[schemars(schema_with = "form::entry_name")]
    pub name: String,
    /// Where it is: an https URL without a password, a query and a fragment.
    #[schemars(schema_with = "form::document")]
    pub uri: String,
    /// The SHA-256 of its bytes, 64 lower-case hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::sha256")]
    pub sha256: Option<String>,
}

/// What Bindery has found, for people and for tools that wait. Bindery alone writes it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalStatus {
    /// The `metadata.generation` that this status describes; -1 until Bindery has processed the object.
    #[serde(default)]
    pub observed_generation: i64,
    /// The value of the annotation `bindery.dev/reconcile` that was last answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub last_handled_reconcile: Option<String>,
    /// Conditions, for `kubectl wait`. `Ready`: the decision counts somewhere; its message says in which Workspaces. `Reconciling`: something that it names is not there yet. `Stalled`: it does not count, and only a person can help.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}
