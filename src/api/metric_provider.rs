use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scalar::between;
use super::{AllowedNamespaces, Credentials, Period, form};

/// A place to ask for metrics. Its address is an administrator's word: who may refer to it asks there, and nowhere else.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "bindery.dev",
    version = "v1alpha1",
    kind = "MetricProvider",
    namespaced,
    status = "MetricProviderStatus",
    derive = "PartialEq",
    shortname = "amlmp",
    category = "bindery",
    doc = "A Prometheus, or whatever answers as Prometheus does, that rollouts ask for metrics.",
    printcolumn(name = "Address", type_ = "string", json_path = ".spec.prometheus.address")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.prometheus)").message("give prometheus: where the metrics are"),
    validation = Rule::new("!has(self.prometheus) || has(self.credentials) == (has(self.prometheus.auth) && has(self.prometheus.auth.azure))").message("credentials is whose token of Entra ID is shown: give it with prometheus.auth.azure, and only there"),
    validation = between("interval", "1m", "24h")
)]
pub struct MetricProviderSpec {
    /// The Prometheus server, or what answers as one does (Thanos, Mimir, VictoriaMetrics, Azure Monitor's managed Prometheus). Required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<PrometheusServer>,
    /// Whose identity in Azure asks. Given exactly when `prometheus.auth.azure` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Which namespaces may have DeploymentBindings that refer to this object. They can read whatever its token may read.
    #[serde(default)]
    pub allowed_namespaces: AllowedNamespaces,
    /// How often Bindery tries whether Prometheus answers: hours, minutes and seconds, such as `10m` or `1h30m`, from `1m` to `24h`. While it does not, every minute. Default: `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Period>,
}

/// Where a Prometheus is, and how it lets callers in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.auth) || self.address.startsWith('https://')").message("auth shows a token, which goes by https only: give an address that begins with https://"))]
pub struct PrometheusServer {
    /// The base URL: what stands before `/api/v1/query`, such as `https://prometheus.monitoring:9090`. Without user name, `?` and `#`.
    #[schemars(schema_with = "form::prometheus_address")]
    pub address: String,
    /// Headers of every request, at most 16, such as `X-Scope-OrgID`. Everybody who may read this object sees them: a token belongs into a Secret.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub headers: Vec<PrometheusHeader>,
    /// What Bindery shows, so that it is let in. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<PrometheusAuth>,
    /// Certificates in PEM form that are trusted besides the usual ones, at most 64 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::certificates")]
    pub ca_bundle: Option<String>,
}

/// A header of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("!(self.name.lowerAscii() in ['authorization', 'proxy-authorization', 'host', 'content-length', 'content-type', 'connection', 'transfer-encoding', 'expect'])").message("this header is not one to be set; a token is shown by auth"))]
pub struct PrometheusHeader {
    /// The name of the header, such as `X-Scope-OrgID`.
    #[schemars(schema_with = "form::header_name")]
    pub name: String,
    /// The value of the header, such as `fares`.
    #[schemars(schema_with = "form::header_value")]
    pub value: String,
}

/// What Bindery shows to a Prometheus. Exactly one of tokenSecretRef and azure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.tokenSecretRef) != has(self.azure)").message("give exactly one of tokenSecretRef and azure"))]
pub struct PrometheusAuth {
    /// A bearer token, from a Secret of this namespace. The Secret has the label `bindery.dev/read-for-metrics: "true"`, and whoever runs the operator has listed this namespace (`metricProviders.secretNamespaces` in the chart's values).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_secret_ref: Option<KeyOfSecret>,
    /// A token of Entra ID for Azure Monitor's managed Prometheus, written `{}`: of the identity that `spec.credentials` names. It is sent to hosts of Azure Monitor only. The identity needs the role Monitoring Data Reader on the Azure Monitor workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure: Option<ManagedPrometheus>,
}

/// A key of a Secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct KeyOfSecret {
    /// The name of the Secret, such as `prometheus-token`.
    #[schemars(schema_with = "form::object_name")]
    pub name: String,
    /// The key of its data that holds the token, such as `token`.
    #[schemars(schema_with = "form::secret_key")]
    pub key: String,
}

/// Azure Monitor's managed Prometheus.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ManagedPrometheus {}

/// What Bindery has found out, for people and for tools that wait. Bindery alone writes it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricProviderStatus {
    /// The `metadata.generation` that this status describes; -1 until Bindery has processed the object.
    #[serde(default)]
    pub observed_generation: i64,
    /// The value of the annotation `bindery.dev/reconcile` that was last answered: since it was set, Bindery has asked Prometheus again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub last_handled_reconcile: Option<String>,
    /// Conditions, for `kubectl wait`. `Ready`: Prometheus has answered the query `vector(1)`. `Reconciling`: it is being asked, or has not answered for less than five minutes. `Stalled`: only a person or a change of the manifest can help.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}
