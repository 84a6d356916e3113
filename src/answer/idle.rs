//! Deployments that have no traffic: what they hold, since when, and who answers for it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::inventory::age;
use super::names::Name;
use super::render::table::{Column, Shown, Table};
use crate::api::{DeploymentBinding, ModelVersion, Object, ObjectKey, Role, VersionOwner, Workspace};
use crate::azure::model::folded;
use crate::azure::model::resource::EndpointKind;

/// A deployment without traffic.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The namespace of the DeploymentBinding.
    pub namespace: String,
    /// The name of the DeploymentBinding.
    pub name: String,
    /// The Workspace of the endpoint.
    pub workspace: Name,
    /// The endpoint's name in Azure.
    pub endpoint: String,
    /// The deployment's name in Azure.
    pub deployment: String,
    /// What the deployment is to its binding.
    pub role: Role,
    /// How many instances it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instances: Option<i32>,
    /// Since when it has this role, as far as the status knows.
    pub since: Timestamp,
    /// The id of the version that it serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset_id: Option<String>,
    /// Azure's state of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Who answers for the version, where its object could be read and says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<VersionOwner>,
}

/// The deployments of a binding that have no traffic.
pub fn rows(binding: &DeploymentBinding) -> Vec<Row> {
    let home = binding.home();
    let workspace = ObjectKey::meant::<Workspace>(&binding.spec.workspace_ref, &home);
    let all = binding.status.iter().flat_map(|status| &status.deployments);
    // A batch deployment costs nothing while no job runs on it.
    let online = binding.spec.kind() == EndpointKind::Online;
    let idle = all.filter(|it| it.weight == 0 && online);
    idle.map(|it| Row {
        namespace: home.clone(),
        name: binding.metadata.name.clone().unwrap_or_default(),
        workspace: Name::from(&workspace),
        endpoint: binding.spec.endpoint_name().to_string(),
        deployment: it.name.clone(),
        role: it.role,
        instances: it.instances,
        since: it.since,
        asset_id: it.asset_id.clone(),
        state: it.state.clone(),
        owner: None,
    })
    .collect()
}

/// Who answers for versions, by the id that deployments use.
#[derive(Debug, Clone, Default)]
pub struct Owners(BTreeMap<String, VersionOwner>);

impl Owners {
    /// Takes a version in.
    pub fn add(&mut self, version: &ModelVersion) {
        let asset = version.status.as_ref().and_then(|status| status.asset_id.as_deref());
        if let (Some(asset), Some(owner)) = (asset, &version.spec.owner) {
            self.0.insert(folded(asset), owner.clone());
        }
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Idle {
    kind: &'static str,
    items: Vec<Row>,
    /// What could not be read, in a sentence each.
    not_read: Vec<String>,
}

impl Idle {
    /// The rows with who answers for them, the longest idle first.
    pub fn new(mut items: Vec<Row>, owners: &Owners, not_read: Vec<String>) -> Self {
        for row in &mut items {
            row.owner = row.asset_id.as_deref().and_then(|asset| owners.0.get(&folded(asset)).cloned());
        }
        items.sort_by(|a, b| (a.since, &a.namespace, &a.name).cmp(&(b.since, &b.namespace, &b.name)));
        Self { kind: "IdleDeployments", items, not_read }
    }

    /// What could not be read, in a sentence each.
    pub fn not_read(&self) -> &[String] {
        &self.not_read
    }

    /// Nothing is idle.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// As a table. The namespace is for tools, unless several are asked for.
    pub fn table(&self, all_namespaces: bool, now: Timestamp) -> Table {
        let namespace = if all_namespaces { Shown::Always } else { Shown::Tools };
        let columns = [
            ("namespace", namespace),
            ("binding", Shown::Always),
            ("workspace", Shown::Always),
            ("endpoint", Shown::Always),
            ("deployment", Shown::Always),
            ("role", Shown::Always),
            ("instances", Shown::Always),
            ("idle", Shown::Always),
            ("since", Shown::Tools),
            ("state", Shown::Wide),
            ("team", Shown::Always),
            ("contact", Shown::Wide),
            ("costCenter", Shown::Wide),
            ("assetId", Shown::Wide),
        ];
        let row = |row: &Row| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let owner = row.owner.clone().unwrap_or_default();
            let instances = row.instances.map(|count| count.to_string()).unwrap_or_default();
            let cells = [
                row.namespace.clone(),
                row.name.clone(),
                row.workspace.name.clone(),
                row.endpoint.clone(),
                row.deployment.clone(),
                format!("{:?}", row.role),
                instances,
                age(row.since, now),
                row.since.to_string(),
                text(&row.state),
                text(&owner.team),
                text(&owner.contact),
                text(&owner.cost_center),
                text(&row.asset_id),
            ];
            cells.map(Into::into).to_vec()
        };
        Table {
            columns: columns.map(|(name, shown)| Column { name, shown }).to_vec(),
            rows: self.items.iter().map(row).collect(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::answer::fixtures::{asset, binding, deployment, promoted};
    use crate::answer::render::table::{Style, table};

    #[test]
    fn what_has_no_traffic_is_listed_with_what_it_holds_and_who_answers_for_it() {
        let mut failed = deployment("v3-cc", "Failed", "3", 0);
        failed["since"] = "2026-11-02T00:00:00Z".into();
        failed["instances"] = 4.into();
        let all = [
            deployment("v2-bb", "Stable", "2", 100),
            deployment("v1-aa", "Previous", "1", 0),
            failed,
            json!({"name": "blue", "role": "Foreign", "weight": 0, "since": "2026-11-04T00:00:00Z"}),
        ];
        let rows = rows(&binding("fares/taxi", "taxi-2", &json!({"deployments": all})));
        let mut owners = Owners::default();
        let mut version = promoted("fares/taxi-3", "3", "taxi-3-dev", &json!({}));
        version.spec.owner = serde_json::from_value(json!({"team": "fares", "costCenter": "4711"})).unwrap();
        owners.add(&version);
        let idle = Idle::new(rows, &owners, vec![]);
        let now = "2026-11-29T12:00:00Z".parse().unwrap();
        let shown = table(&idle.table(false, now), Shown::Always, Style::default());
        let words = |line: &str| line.split_whitespace().map(str::to_string).collect::<Vec<_>>();
        let lines: Vec<Vec<String>> = shown.lines().map(words).collect();
        assert_eq!(
            lines,
            [
                "BINDING WORKSPACE ENDPOINT DEPLOYMENT ROLE INSTANCES IDLE TEAM",
                "taxi fares-prod taxi-prod v3-cc Failed 4 27d fares",
                "taxi fares-prod taxi-prod v1-aa Previous 1 26d <none>",
                "taxi fares-prod taxi-prod blue Foreign <none> 25d <none>",
            ]
            .map(words)
        );
        let tools = serde_json::to_value(&idle).unwrap();
        assert_eq!(
            tools["items"][0],
            json!({
                "namespace": "fares", "name": "taxi", "endpoint": "taxi-prod", "deployment": "v3-cc", "role": "Failed",
                "workspace": {"kind": "Workspace", "namespace": "ml-platform", "name": "fares-prod"},
                "instances": 4, "since": "2026-11-02T00:00:00Z", "assetId": asset("3"), "state": "Succeeded",
                "owner": {"team": "fares", "costCenter": "4711"},
            })
        );
    }
}
