//! Who may put something into a place, and whether objects there may take over what exists.
//!
//! The lists of names are atomic: of a set whose last item a server-side apply removes, Kubernetes leaves no empty list but
//! none at all, and that would mean every name.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{From, NamespaceSelector, form};

/// Namespaces whose objects may publish: exactly these, the place's own included only if they say so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("has(self.selector) == (self.from == 'Selector')").message("selector is given exactly when from is Selector"))]
pub struct PublisherNamespaces {
    /// `Same`: only the place's own namespace. `All`: every namespace. `Selector`: those whose labels match `selector`.
    pub from: From,
    /// Labels that a namespace must have, to be one of them. Given exactly when `from` is `Selector`. Every namespace has the label `kubernetes.io/metadata.name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<NamespaceSelector>,
}

/// Namespaces that may put versions into a registry, and of which models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
pub struct Publisher {
    /// A name of this entry: up to 63 lower-case letters, digits and dashes, such as `fares`.
    #[schemars(schema_with = "form::entry_name")]
    pub name: String,
    /// The namespaces that this entry lets publish.
    pub namespaces: PublisherNamespaces,
    /// The models that they may put versions of, such as `nyc-*`: whole names, without regard to case, in which `*` stands for any characters. Without a list, every model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::publisher_models", length(min = 1))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub models: Option<Vec<String>>,
}

/// Namespaces that may register versions in a workspace and make endpoints there, and of which names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
pub struct WorkspacePublisher {
    /// A name of this entry: up to 63 lower-case letters, digits and dashes, such as `fares`.
    #[schemars(schema_with = "form::entry_name")]
    pub name: String,
    /// The namespaces that this entry lets publish.
    pub namespaces: PublisherNamespaces,
    /// The models that they may register versions of, such as `nyc-*`: whole names, without regard to case, in which `*` stands for any characters. Without a list, every model; `[]`: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::publisher_models")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub models: Option<Vec<String>>,
    /// The endpoints that they may make and deploy to, such as `nyc-*`, in the same form. Without a list, every endpoint; `[]`: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::publisher_endpoints")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub endpoints: Option<Vec<String>>,
}

/// Whether objects may take over what exists in Azure and nobody owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Adoption {
    /// What exists and has no owner stays as it is.
    #[default]
    Refuse,
    /// The object that names it becomes its owner.
    Allow,
}
