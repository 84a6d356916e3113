//! What a version comes from, and what comes from it.

mod draw;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::graph::{Graph, Node, NodeKind};
use super::names::{Name, source_of};
use super::render::table::Shown;
use super::render::{html, svg};
use super::seen::{Readiness, Seen};
use crate::api::{DeploymentBinding, ModelVersion, Object, ObjectKey, Role, ServingKind, Workspace};

/// The word for a metric of a job: there can be several.
const METRIC: &str = "metric";

/// How many versions are looked at. A chain of promotions may be of any length.
const MOST: usize = 200;

/// Which version is promoted from which, of all versions that could be listed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Copies(BTreeMap<ObjectKey, BTreeSet<ObjectKey>>);

impl Copies {
    /// Takes a version in, if it is a copy of another.
    pub fn add(&mut self, version: &ModelVersion) {
        if let Some(source) = source_of(version) {
            self.0.entry(source).or_default().insert(version.key());
        }
    }

    fn of(&self, source: &ObjectKey) -> impl Iterator<Item = &ObjectKey> {
        self.0.get(source).into_iter().flatten()
    }
}

/// What is kept of a binding.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    key: ObjectKey,
    workspace: ObjectKey,
    endpoint: String,
    asks_for: ObjectKey,
    ready: Readiness,
    /// The deployments, by name: what they are and their share of the traffic.
    deployments: BTreeMap<String, (Role, i32)>,
    serving: ServingKind,
}

impl Bound {
    /// Of a binding.
    pub fn of(binding: &DeploymentBinding) -> Self {
        let home = binding.home();
        let deployments = binding.status.as_ref().map(|status| status.deployments.as_slice());
        Self {
            key: binding.key(),
            workspace: ObjectKey::meant::<Workspace>(&binding.spec.workspace_ref, &home),
            endpoint: binding.spec.endpoint_name().to_string(),
            asks_for: ObjectKey::meant::<ModelVersion>(&binding.spec.model.version_ref, &home),
            ready: Readiness::of(binding.conditions()),
            serving: binding.spec.kind().into(),
            deployments: deployments
                .unwrap_or_default()
                .iter()
                .map(|it| (it.name.clone(), (it.role, it.weight)))
                .collect(),
        }
    }
}

/// What was read for an answer.
#[derive(Debug, Clone)]
pub struct Picture {
    root: ObjectKey,
    versions: BTreeMap<ObjectKey, Seen<ModelVersion>>,
    copies: Copies,
    bindings: Vec<Bound>,
}

impl Picture {
    /// Nothing but who is a copy of whom, and the bindings.
    pub fn of(root: ObjectKey, copies: Copies, bindings: Vec<Bound>) -> Self {
        Self { root, versions: BTreeMap::new(), copies, bindings }
    }

    /// A version was read.
    pub fn add(&mut self, key: ObjectKey, seen: Seen<ModelVersion>) {
        self.versions.insert(key, seen);
    }

    /// The version that was asked about.
    pub fn root(&self) -> (&ObjectKey, Option<&Seen<ModelVersion>>) {
        (&self.root, self.versions.get(&self.root))
    }

    /// The versions that have to be read next: the sources of the root, one after the other, and the copies of it and of
    /// its copies.
    pub fn wants(&self) -> Vec<ObjectKey> {
        let mut all: BTreeSet<ObjectKey> = self.upwards().into_iter().collect();
        all.extend(self.downwards());
        let unread = all.into_iter().filter(|key| !self.versions.contains_key(key));
        unread.take(MOST.saturating_sub(self.versions.len())).collect()
    }

    /// The root and its sources, as far as they are known; the last may not be read yet.
    fn upwards(&self) -> Vec<ObjectKey> {
        let mut chain = vec![self.root.clone()];
        while let Some(source) =
            chain.last().and_then(|last| self.versions.get(last)?.found()).and_then(source_of)
            && !chain.contains(&source)
        {
            chain.push(source);
        }
        chain
    }

    /// The copies of the root, and theirs.
    fn downwards(&self) -> BTreeSet<ObjectKey> {
        let mut all = BTreeSet::new();
        let mut open = vec![&self.root];
        while let Some(source) = open.pop() {
            for copy in self.copies.of(source) {
                if all.insert(copy.clone()) {
                    open.push(copy);
                }
            }
        }
        all
    }

    fn version(&self, key: &ObjectKey) -> Option<&ModelVersion> {
        self.versions.get(key).and_then(Seen::found)
    }

    /// The bindings that hold a version or ask for it, each with what it holds of it.
    fn bindings_of(&self, key: &ObjectKey) -> Vec<(ObjectKey, Option<&Bound>, Vec<String>)> {
        let status = self.version(key).and_then(|version| version.status.as_ref());
        let mut all: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for by in status.map(|status| status.served_by.as_slice()).unwrap_or_default() {
            let name = (by.namespace.clone(), by.name.clone());
            let bound = self.bound(&name);
            let share = bound.and_then(|bound| {
                let (_, weight) = bound.deployments.get(&by.deployment)?;
                Some(bound.serving.and_share(*weight))
            });
            let share = share.unwrap_or_default();
            all.entry(name).or_default().push(format!("{:?}{share}", by.role));
        }
        for bound in self.bindings.iter().filter(|bound| bound.asks_for == *key) {
            let name = (bound.key.namespace.to_string(), bound.key.name.to_string());
            all.entry(name).or_insert_with(|| vec!["asks for it".into()]);
        }
        let own = |(name, holds): ((String, String), Vec<String>)| {
            let bound = self.bound(&name);
            let kind = DeploymentBinding::KIND;
            (ObjectKey { kind, namespace: name.0.into(), name: name.1.into() }, bound, holds)
        };
        all.into_iter().map(own).collect()
    }

    fn bound(&self, (namespace, name): &(String, String)) -> Option<&Bound> {
        self.bindings.iter().find(|bound| *bound.key.namespace == **namespace && *bound.key.name == **name)
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Lineage {
    version: Name,
    graph: Graph,
    not_read: Vec<String>,
}

fn texts(node: &Node) -> impl Iterator<Item = (&'static str, &str)> {
    node.details.iter().map(|(word, text)| (*word, text.as_str()))
}

/// The answer for tools.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ForTools<'a> {
    kind: &'static str,
    version: &'a Name,
    nodes: Vec<NodeForTools<'a>>,
    edges: Vec<EdgeForTools<'a>>,
    not_read: &'a [String],
}

#[derive(Debug, Serialize)]
struct NodeForTools<'a> {
    id: usize,
    kind: NodeKind,
    name: &'a str,
    details: BTreeMap<&'static str, &'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metrics: BTreeMap<&'a str, &'a str>,
}

#[derive(Debug, Serialize)]
struct EdgeForTools<'a> {
    from: usize,
    to: usize,
    label: &'a str,
}

impl Lineage {
    /// The lineage of a picture that is whole; none where the version itself could not be read.
    pub fn of(picture: &Picture, mut not_read: Vec<String>) -> Option<Self> {
        picture.version(&picture.root)?;
        not_read.extend(picture.versions.values().filter_map(|seen| match seen {
            Seen::Withheld(said) => Some(said.clone()),
            Seen::Found(_) | Seen::Missing => None,
        }));
        if picture.versions.len() >= MOST {
            not_read.push(format!("Only {MOST} versions were looked at; there are more."));
        }
        Some(Self { version: Name::from(&picture.root), graph: draw::graph(picture), not_read })
    }

    /// What could not be read, in a sentence each.
    pub fn not_read(&self) -> &[String] {
        &self.not_read
    }

    /// Nodes and arrows.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// For JSON and YAML.
    pub fn for_tools(&self) -> impl Serialize + '_ {
        let nodes = self.graph.nodes.iter().enumerate();
        ForTools {
            kind: "Lineage",
            version: &self.version,
            nodes: nodes
                .map(|(id, node)| NodeForTools {
                    id,
                    kind: node.kind,
                    name: &node.name,
                    details: texts(node).filter(|(word, _)| *word != METRIC).collect(),
                    metrics: texts(node)
                        .filter(|(word, _)| *word == METRIC)
                        .filter_map(|(_, text)| text.rsplit_once(' '))
                        .collect(),
                })
                .collect(),
            edges: self
                .graph
                .edges
                .iter()
                .map(|edge| EdgeForTools { from: edge.from, to: edge.to, label: &edge.label })
                .collect(),
            not_read: &self.not_read,
        }
    }

    /// One file with a picture and everything that it says.
    pub fn html(&self) -> String {
        let body = format!("{}{}", svg::svg(&self.graph), html::table(&self.graph.table(), Shown::Wide));
        html::page(&format!("Lineage of {}", self.version), &self.not_read, &body)
    }
}

#[cfg(test)]
mod tests;
