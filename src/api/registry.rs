use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scalar::between;
use super::{
    Adoption, AllowedNamespaces, AzurePlace, Credentials, Drift, Management, Period, Publisher, Tags, form,
};
use crate::azure::model::Operation;

/// A model registry in Azure Machine Learning, made and kept by Bindery.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "bindery.dev",
    version = "v1alpha1",
    kind = "Registry",
    plural = "registries",
    namespaced,
    status = "RegistryStatus",
    derive = "PartialEq",
    shortname = "amlreg",
    category = "bindery",
    validation = Rule::new("has(self.spec.azure.name) || self.metadata.name.matches('^[a-z0-9][a-z0-9-]{2,32}$')").message("metadata.name is also the name in Azure, which has 3 to 33 letters, digits and dashes: choose another, or give spec.azure.name"),
    doc = "A model registry in Azure Machine Learning, made and kept by Bindery.",
    printcolumn(name = "Regions", type_ = "string", json_path = ".status.regionSummary")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.location == oldSelf.location").message("location is the primary region and cannot be changed: Azure has no way to move a registry"),
    validation = Rule::new("!has(self.regions) || self.regions.exists(r, r.location == self.location)").message("regions must include location, the primary region"),
    validation = between("interval", "1m", "24h")
)]
pub struct RegistrySpec {
    /// Where the registry is in Azure. Its name is unique in the whole Entra tenant.
    pub azure: AzurePlace,
    /// Whose identity in Azure reads and changes what is in this place. Default: the operator's own, where the operator's administrator lists this namespace and place (`operatorIdentity.allow` in the chart's values).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// The primary region by its short name in Azure: lower-case letters and digits, without spaces, such as `eastus`. Immutable.
    #[schemars(schema_with = "form::region")]
    pub location: String,
    /// The regions that the registry serves, the primary one included. Without a list, a new registry is made in its primary region alone, and the regions of one that exists are left as they are. What becomes of a region that is taken off the list, `regionRemoval` says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["location".into()]))]
    pub regions: Vec<Region>,
    /// What becomes of a region in Azure that the list does not name. Refuse (default): it stays, with what is stored there, and the registry is not Ready (`RegionRemovalRefused`). Delete: it is removed, with the copies of every version there.
    #[serde(default)]
    pub region_removal: RegionRemoval,
    /// The registry's own identity in Azure. Without it, a new registry gets a system-assigned identity, and one that exists keeps what it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<AzureIdentity>,
    /// Whether the registry can be reached from public networks. Without it, a new registry is made with Enabled, and one that exists stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_network_access: Option<NetworkAccess>,
    /// Tags of the registry in Azure, at most 40, such as `team: fares`. Keys have up to 256 characters, in which case does not count, and do not begin with `bindery-`; values are one line of up to 256 characters. Other tags that Azure has are left alone.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// The namespaces whose objects may refer to this registry, to serve versions from it and to observe what is in it. To put versions into it they have to be in `publishers`. Default: only its own namespace. Publishers may refer to it without being named here.
    #[serde(default)]
    pub allowed_namespaces: AllowedNamespaces,
    /// Who may put versions into this registry, and of which models. Without a list, its own namespace, every model. A list replaces that: name the own namespace in it (`from: Same`) if it publishes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 24))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub publishers: Vec<Publisher>,
    /// Whether this object may take over a registry that exists in Azure without an owner, and ModelVersions may take over versions in it that have none. Refuse (default): such an object says `AdoptionRefused` and changes nothing.
    #[serde(default)]
    pub adoption: Adoption,
    /// Manage (default): Azure is made to match. Observe: differences are only reported.
    #[serde(default)]
    pub management: Management,
    /// What happens in Azure when this object is deleted. Retain (default): nothing. Delete: the registry is deleted; the deletion waits (`NotEmpty`) while the registry holds assets in Azure. With either, this object stays (`InUse`) while a ModelVersion or the policy of a Workspace refers to it.
    #[serde(default)]
    pub deletion_policy: RegistryDeletion,
    /// Stop changing Azure until this is false again. Reading goes on. Default: false.
    #[serde(default)]
    pub suspend: bool,
    /// How often Azure is compared with the manifest: hours, minutes and seconds, such as `10m` or `1h30m`, from `1m` to `24h`. Default: `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Period>,
}

/// One region of a registry, with the accounts that Azure makes there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.storage) || !has(oldSelf.storage) || ((!has(self.storage.accountType) || !has(oldSelf.storage.accountType) || self.storage.accountType == oldSelf.storage.accountType) && (!has(self.storage.hierarchicalNamespace) || !has(oldSelf.storage.hierarchicalNamespace) || self.storage.hierarchicalNamespace == oldSelf.storage.hierarchicalNamespace) && (!has(self.storage.allowBlobPublicAccess) || !has(oldSelf.storage.allowBlobPublicAccess) || self.storage.allowBlobPublicAccess == oldSelf.storage.allowBlobPublicAccess))").message("storage of a region cannot be changed: Azure keeps the accounts as they were made"))]
pub struct Region {
    /// The region by its short name in Azure: lower-case letters and digits, without spaces, such as `westeurope`.
    #[schemars(schema_with = "form::region")]
    pub location: String,
    /// The storage account. Azure keeps it as it was made with the region, so what is written here cannot be changed. What is not written is not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// The container registry. Azure keeps it as it was made with the region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_registry: Option<ContainerRegistry>,
}

/// The storage account of a region.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// The account's type. A new region gets `Standard_LRS` where nothing is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_type: Option<StorageAccountType>,
    /// A hierarchical namespace (Data Lake Gen2). A new region gets none where nothing is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hierarchical_namespace: Option<bool>,
    /// Whether anonymous access to blobs may be allowed. Default in a new region: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_blob_public_access: Option<bool>,
}

/// Replication and performance of a storage account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[allow(non_camel_case_types)]
pub enum StorageAccountType {
    #[default]
    Standard_LRS,
    Standard_GRS,
    Standard_RAGRS,
    Standard_ZRS,
    Standard_GZRS,
    Standard_RAGZRS,
    Premium_LRS,
    Premium_ZRS,
}

/// The container registry of a region.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ContainerRegistry {
    /// The service tier; Azure Machine Learning takes only `Premium`, which a new region gets where nothing is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<ContainerRegistrySku>,
}

/// The tier of a container registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum ContainerRegistrySku {
    #[default]
    Premium,
}

/// An identity that Azure gives to a registry or an endpoint. Of an identity that exists, what is not written here stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.systemAssigned) && self.systemAssigned) || (has(self.userAssigned) && size(self.userAssigned) > 0)").message("an identity is systemAssigned, userAssigned, or both: leave identity out to have Azure's left as it is"))]
pub struct AzureIdentity {
    /// Whether the resource has a system-assigned identity, which Azure deletes together with it. If not set while `userAssigned` is, a new resource has none, and an existing one keeps what it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_assigned: Option<bool>,
    // Atomic: of a set whose last item a server-side apply removes, Kubernetes leaves no empty list but none at all, and that
    // would mean to keep them.
    /// ARM ids of all user-assigned identities of the resource; others are removed. `[]` removes all. If not set, an existing resource keeps what it has. A server-side apply replaces the whole list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::identities")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub user_assigned: Option<Vec<String>>,
}

/// Whether something can be reached from public networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum NetworkAccess {
    #[default]
    Enabled,
    Disabled,
}

impl NetworkAccess {
    /// The word that Azure uses too.
    pub fn word(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
        }
    }
}

/// What becomes of a region that the manifest does not name any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum RegionRemoval {
    /// It stays in Azure.
    #[default]
    Refuse,
    /// It is removed, with what is stored there.
    Delete,
}

/// What becomes of a registry in Azure when its object is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum RegistryDeletion {
    #[default]
    Retain,
    Delete,
}

/// What Bindery has found and done, for people and for tools that wait. Bindery alone writes it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistryStatus {
    /// The `metadata.generation` that this status describes; -1 until Bindery has processed the object.
    #[serde(default)]
    pub observed_generation: i64,
    /// The value of the annotation `bindery.dev/reconcile` that was last answered: since it was set, Bindery has compared the object with Azure and tried again what had failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub last_handled_reconcile: Option<String>,
    /// Conditions, for `kubectl wait`. `Ready`: Azure has the registry as the manifest says. `Drifted`: somebody changed in Azure what the manifest says. `Reconciling`: work goes on. `Stalled`: only a person or a change of the manifest can help.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The ARM id of the registry: `/subscriptions/…/registries/…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The discovery URL that clients of the registry start from, `https://…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovery_url: Option<String>,
    /// The URI to give to MLflow as its registry: `azureml://…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mlflow_registry_uri: Option<String>,
    /// The ARM id of the resource group that Azure made for the registry's storage accounts and container registries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_resource_group: Option<String>,
    /// The object id (a GUID) of the registry's system-assigned identity, to grant rights to. Absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<String>,
    /// The regions that Azure has, with their accounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["location".into()]))]
    pub regions: Vec<RegionStatus>,
    /// The regions in one line, for `kubectl get`, such as `eastus, westeurope`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region_summary: Option<String>,
    /// The fields in which Azure differs from the manifest now, at most 100; empty when it does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["field".into()]))]
    pub drift: Vec<Drift>,
    /// The keys of the tags that Bindery has set: one that leaves the manifest is removed in Azure too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owned_tags: Vec<String>,
    /// Since when a region lacks its storage account or container registry while Azure is working on no change. After 30 minutes Bindery requests them again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaiting_accounts_since: Option<Timestamp>,
    /// The change that Azure is working on now; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
}

/// A region as Azure has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegionStatus {
    /// The region by its short name in Azure, such as `eastus`.
    pub location: String,
    /// The ARM id of the region's storage account; absent until Azure has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_account: Option<String>,
    /// The ARM id of the region's container registry; absent until Azure has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_registry: Option<String>,
}
