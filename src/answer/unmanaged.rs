//! What is served in workspaces past Bindery, as the status of each Workspace lists it.

use serde::Serialize;

use super::names::Name;
use super::render::table::{Column, Shown, Table};
use crate::api::{Object, UnmanagedDeployment, UnmanagedEndpoint, Workspace};

/// What the Workspaces list.
#[derive(Debug, Clone, Default)]
pub struct Found {
    items: Vec<Item>,
    lacking: Vec<String>,
}

/// An endpoint with something that is not managed.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Item {
    /// The Workspace.
    workspace: Name,
    #[serde(flatten)]
    endpoint: UnmanagedEndpoint,
}

impl Found {
    /// Takes a Workspace in, where it has the name that is asked for.
    pub fn add(&mut self, workspace: &Workspace, place: Option<&String>) {
        let name = Name::from(&workspace.key());
        if place.is_some_and(|wanted| *wanted != name.name && *wanted != name.full()) {
            return;
        }
        let Some(found) = workspace.status.as_ref().and_then(|status| status.unmanaged.as_ref()) else {
            self.lacking.push(format!("{name} has not said yet what is served there past Bindery."));
            return;
        };
        self.lacking.extend(found.unread.as_ref().map(|said| format!("{name}: {said}")));
        let listed = i32::try_from(found.endpoints.len()).unwrap_or(i32::MAX);
        if found.count > listed {
            self.lacking.push(format!("{name} lists {listed} of {} endpoints.", found.count));
        }
        let items = found.endpoints.iter().cloned();
        self.items.extend(items.map(|endpoint| Item { workspace: name.clone(), endpoint }));
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unmanaged {
    kind: &'static str,
    items: Vec<Item>,
    /// What could not be read, in a sentence each.
    not_read: Vec<String>,
}

impl Unmanaged {
    /// Of what the Workspaces list.
    pub fn new(found: Found, mut not_read: Vec<String>) -> Self {
        not_read.extend(found.lacking);
        Self { kind: "UnmanagedEndpoints", items: found.items, not_read }
    }

    /// What could not be read, in a sentence each.
    pub fn not_read(&self) -> &[String] {
        &self.not_read
    }

    /// Nothing is there.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// As a table, with a row for each deployment, and one for an endpoint without any.
    pub fn table(&self, all_namespaces: bool) -> Table {
        let namespace = if all_namespaces { Shown::Always } else { Shown::Tools };
        let columns = [
            ("namespace", namespace),
            ("workspace", Shown::Always),
            ("endpoint", Shown::Always),
            ("kind", Shown::Wide),
            ("bound", Shown::Always),
            ("deployment", Shown::Always),
            ("traffic", Shown::Always),
            ("instances", Shown::Always),
            ("assetId", Shown::Always),
            ("owner", Shown::Wide),
        ];
        let row = |item: &Item, deployment: Option<&UnmanagedDeployment>| {
            let of = |text: fn(&UnmanagedDeployment) -> String| deployment.map(text).unwrap_or_default();
            let cells = [
                item.workspace.namespace.clone(),
                item.workspace.name.clone(),
                item.endpoint.name.clone(),
                format!("{:?}", item.endpoint.kind.unwrap_or_default()),
                if item.endpoint.bound { "yes" } else { "no" }.to_string(),
                of(|it| it.name.clone()),
                deployment
                    .map(|it| item.endpoint.kind.unwrap_or_default().share(it.weight))
                    .unwrap_or_default(),
                of(|it| it.instances.map(|count| count.to_string()).unwrap_or_default()),
                of(|it| it.asset_id.clone().unwrap_or_default()),
                item.endpoint.owner.clone().unwrap_or_default(),
            ];
            cells.map(Into::into).to_vec()
        };
        let mut rows = vec![];
        for item in &self.items {
            let deployments = &item.endpoint.deployments;
            rows.extend(deployments.iter().map(|it| row(item, Some(it))));
            if deployments.is_empty() {
                rows.push(row(item, None));
            }
        }
        Table { columns: columns.map(|(name, shown)| Column { name, shown }).to_vec(), rows }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::answer::fixtures::workspace;
    use crate::answer::render::table::{Style, table};

    #[test]
    fn what_a_workspace_lists_is_shown_and_what_it_does_not_list_is_said() {
        let listed = json!({"unmanaged": {"count": 3, "endpoints": [
            {"name": "rogue", "bound": false, "deployments": [
                {"name": "blue", "assetId": "azureml://x", "weight": 90, "instances": 2}, {"name": "green", "weight": 10},
            ]},
            {"name": "left", "owner": "prod/fares/gone", "bound": false},
        ]}});
        let refused = json!({"unmanaged": {"count": 0, "unread": "Azure refuses to list it."}});
        let all = [
            workspace("ml/prod", &json!({}), &listed),
            workspace("ml/test", &json!({}), &refused),
            workspace("ml/new", &json!({}), &Value::Null),
        ];
        let answer = |place: Option<&str>| {
            let mut found = Found::default();
            let place = place.map(str::to_string);
            for it in &all {
                found.add(it, place.as_ref());
            }
            Unmanaged::new(found, vec![])
        };
        let shown = table(&answer(None).table(false), Shown::Wide, Style::default());
        let words = |line: &str| line.split_whitespace().map(str::to_string).collect::<Vec<_>>();
        let lines: Vec<Vec<String>> = shown.lines().map(words).collect();
        assert_eq!(
            lines,
            [
                "WORKSPACE ENDPOINT KIND BOUND DEPLOYMENT TRAFFIC INSTANCES ASSET-ID OWNER",
                "prod rogue Online no blue 90% 2 azureml://x <none>",
                "prod rogue Online no green 10% <none> <none> <none>",
                "prod left Online no <none> <none> <none> <none> prod/fares/gone",
            ]
            .map(words)
        );
        assert_eq!(
            answer(None).not_read(),
            [
                "Workspace ml/prod lists 2 of 3 endpoints.",
                "Workspace ml/test: Azure refuses to list it.",
                "Workspace ml/new has not said yet what is served there past Bindery.",
            ]
        );
        assert_eq!(answer(Some("ml/test")).not_read(), ["Workspace ml/test: Azure refuses to list it."]);
        assert!(answer(Some("test")).is_empty() && !answer(Some("prod")).is_empty());
        let tools = serde_json::to_value(answer(Some("prod"))).unwrap();
        assert_eq!(
            tools["items"][1],
            json!({
                "workspace": {"kind": "Workspace", "namespace": "ml", "name": "prod"},
                "name": "left", "owner": "prod/fares/gone", "bound": false,
            })
        );
    }
}
