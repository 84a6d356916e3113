//! How one object names another, where places are in Azure, and who may refer to them.

use std::collections::BTreeMap;

use kube::KubeSchema;
use kube::core::{Expression, Selector, SelectorExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Labels, PublisherNamespaces, form};

/// Another object of group `bindery.dev`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct Reference {
    /// The name of the object that is referred to, such as `fares-prod`: its metadata.name, not the name in Azure.
    #[schemars(schema_with = "form::object_name")]
    pub name: String,
    /// The namespace of the object that is referred to. Default: the namespace of the object that refers to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::namespace_name")]
    pub namespace: Option<String>,
}

/// The rule, in CEL, that a reference to a place stays. Another name, or another namespace where both have one, is
/// another place. A namespace that comes or goes may mean the same place: only the controller can tell.
pub(super) fn stays(field: &str) -> String {
    let (new, old) = (format!("self.{field}"), format!("oldSelf.{field}"));
    format!(
        "has({new}) == has({old}) && (!has({new}) || ({new}.name == {old}.name && (!has({new}.__namespace__) || !has({old}.__namespace__) || {new}.__namespace__ == {old}.__namespace__)))"
    )
}

impl Reference {
    /// Nothing is referred to: the manifest says by another field, which this version does not know, what is meant.
    pub fn is_absent(&self) -> bool {
        self.name.is_empty()
    }

    /// The namespace it means, from inside `home`.
    pub fn namespace<'a>(&'a self, home: &'a str) -> &'a str {
        self.namespace.as_deref().unwrap_or(home)
    }
}

/// Where a place is in Azure. Immutable: another place is another object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.subscriptionId == oldSelf.subscriptionId && self.resourceGroup == oldSelf.resourceGroup").message("subscriptionId and resourceGroup cannot be changed: make a new object for another place"),
    validation = Rule::new("has(self.name) == has(oldSelf.name) && (!has(self.name) || self.name == oldSelf.name)").message("name cannot be changed: make a new object for another place")
)]
pub struct AzurePlace {
    /// The subscription's id: a GUID, such as `12345678-90ab-cdef-1234-567890abcdef`. Immutable.
    #[schemars(schema_with = "form::subscription")]
    pub subscription_id: String,
    /// The resource group's name, such as `ml-prod`: up to 90 letters (a-z, A-Z), digits, `-`, `_`, `.`, `(` and `)`. Immutable.
    #[schemars(schema_with = "form::resource_group")]
    pub resource_group: String,
    /// The name in Azure: 3 to 33 letters (a-z, A-Z), digits, dashes and underscores, such as `fares-models`. Default: `metadata.name`. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::place_name")]
    pub name: Option<String>,
}

/// Whose identity in Azure acts for a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// A ServiceAccount of this namespace, such as `fares-azure`. It has the annotation `azure.workload.identity/client-id`, for another tenant than the one of the operator also `azure.workload.identity/tenant-id`, the label `bindery.dev/acts-for-places: "true"`, and whoever runs the operator has listed it (`placeIdentities.serviceAccounts` in the chart's values). Its identity in Azure has a federated credential for it.
    #[schemars(schema_with = "form::account_name")]
    pub service_account_name: String,
}

/// Which namespaces may refer to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum From {
    #[default]
    Same,
    All,
    Selector,
}

/// Who may refer to this place. To everybody else who may not publish there it looks as if it did not exist.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("has(self.selector) == (has(self.from) && self.from == 'Selector')").message("selector is given exactly when from is Selector"))]
pub struct AllowedNamespaces {
    /// `Same`: only the place's own namespace (default). `All`: every namespace. `Selector`: those whose labels match `selector`.
    #[serde(default)]
    pub from: From,
    /// Labels that a namespace must have, to be allowed. Given exactly when `from` is `Selector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<NamespaceSelector>,
}

/// Labels that a namespace must have, as in every selector of Kubernetes. All of it must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct NamespaceSelector {
    /// Labels that the namespace must have, with their values, such as `team: fares`.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub match_labels: Labels,
    /// Conditions on labels of the namespace, for what matchLabels cannot say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub match_expressions: Vec<LabelExpression>,
}

/// A condition on one label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)").message("In and NotIn need values; Exists and DoesNotExist take none"))]
pub struct LabelExpression {
    /// The key of the label, such as `team` or `example.com/team`.
    #[schemars(schema_with = "form::label_key")]
    pub key: String,
    /// `In`: the label has one of the values. `NotIn`: the label has none of them, or is absent. `Exists`: the label is present. `DoesNotExist`: the label is absent.
    pub operator: LabelOperator,
    /// The values to compare with, for `In` and `NotIn`; none otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "form::label_values")]
    pub values: Vec<String>,
}

/// What a label has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LabelOperator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    /// Stored before the API server refused it. It allows nobody.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

impl NamespaceSelector {
    /// As Kubernetes matches; an operator that nobody knows matches nothing.
    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let expressions: Option<Selector> =
            self.match_expressions.iter().map(LabelExpression::understood).collect();
        let pairs: Selector = self.match_labels.0.clone().into_iter().collect();
        pairs.matches(labels) && expressions.is_some_and(|all| all.matches(labels))
    }
}

impl LabelExpression {
    fn understood(&self) -> Option<Expression> {
        let (key, values) = (self.key.clone(), self.values.iter().cloned().collect());
        match self.operator {
            LabelOperator::In => Some(Expression::In(key, values)),
            LabelOperator::NotIn => Some(Expression::NotIn(key, values)),
            LabelOperator::Exists => Some(Expression::Exists(key)),
            LabelOperator::DoesNotExist => Some(Expression::DoesNotExist(key)),
            LabelOperator::Unknown => None,
        }
    }
}

impl AllowedNamespaces {
    /// May `namespace`, which has these labels, refer to a place in `home`? The place's own
    /// namespace always may.
    pub fn allows(&self, home: &str, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        namespace == home
            || match self.from {
                From::Same => false,
                From::All => true,
                From::Selector => self.selector.as_ref().is_some_and(|s| s.matches(labels)),
            }
    }
}

impl PublisherNamespaces {
    /// Is `namespace`, which has these labels, one of them, for a place in `home`? The place's own namespace is one where
    /// they say so, as any other.
    pub fn include(&self, home: &str, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        match self.from {
            From::Same => namespace == home,
            From::All => true,
            From::Selector => self.selector.as_ref().is_some_and(|s| s.matches(labels)),
        }
    }
}

/// Whether Bindery changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Management {
    /// Azure is made to match.
    #[default]
    Manage,
    /// Nothing is ever written to Azure: differences are only reported.
    Observe,
}

/// A field that differs from what the manifest says, with both values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// The field, as the manifest names it: `tags.team`, `archived`, `traffic`.
    pub field: String,
    /// What the manifest asks for; empty where it asks for nothing.
    pub wanted: String,
    /// What Azure holds; empty where it holds nothing.
    pub found: String,
}
