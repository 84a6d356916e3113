//! The graph of a lineage: versions, what the first of them was trained from, and who serves them.

use super::Picture;
use crate::answer::graph::{Graph, Node, NodeKind};
use crate::answer::names::{Name, place_of};
use crate::answer::render::table::Tone;
use crate::answer::seen::{Readiness, Seen};
use crate::api::{self, ModelVersion, Object, ObjectKey};

pub(super) fn graph(picture: &Picture) -> Graph {
    let mut graph = Graph::default();
    let root = graph.add(version(picture, &picture.root, 0));
    let (origin, level) = upwards(picture, &mut graph, root);
    if let Some(lineage) = picture.upwards().iter().rev().find_map(|key| lineage_of(picture, key)) {
        training(&mut graph, origin, level - 1, lineage);
    }
    let mut path = vec![&picture.root];
    downwards(picture, &mut graph, root, 1, &mut path);
    graph
}

fn lineage_of<'a>(picture: &'a Picture, key: &ObjectKey) -> Option<&'a api::Lineage> {
    picture.version(key)?.status.as_ref()?.lineage.as_ref()
}

/// The sources of the root. The answer is the first of them all, and its level.
fn upwards(picture: &Picture, graph: &mut Graph, root: usize) -> (usize, i32) {
    let chain = picture.upwards();
    let (mut last, mut level) = (root, 0);
    // The versions whose objects could be read, and those that Azure alone knows.
    let read = chain.iter().skip(1).take_while(|key| picture.version(key).is_some());
    let mut nearest = &picture.root;
    for key in read {
        level -= 1;
        let node = graph.add(version(picture, key, level));
        graph.connect(node, last, "promoted");
        (last, nearest) = (node, key);
    }
    let from = lineage_of(picture, nearest).map(|lineage| lineage.promoted_from.as_slice());
    for id in from.unwrap_or_default() {
        level -= 1;
        let details = vec![];
        let node = Node { kind: NodeKind::Asset, name: id.clone(), details, tone: Tone::Plain, level };
        let node = graph.add(node);
        graph.connect(node, last, "promoted");
        last = node;
    }
    // A source of which not even Azure's id is known.
    if from.unwrap_or_default().is_empty()
        && let Some(key) = chain.iter().skip(1).find(|key| picture.version(key).is_none())
    {
        level -= 1;
        let node = graph.add(version(picture, key, level));
        graph.connect(node, last, "promoted");
        last = node;
    }
    (last, level)
}

/// The job that trained a version, the pipelines around it, and what they read.
fn training(graph: &mut Graph, origin: usize, level: i32, lineage: &api::Lineage) {
    let plain =
        |kind, name: &str, level| Node { kind, name: name.into(), details: vec![], tone: Tone::Plain, level };
    let mut trained = origin;
    let mut inputs = level;
    // The inputs of a pipeline come to it, and not to its step.
    let mut pipelines = vec![];
    if let Some(job) = &lineage.job {
        let mut node = plain(NodeKind::Job, job, level);
        let mut detail = |word, text: &Option<String>| {
            node.details.extend(text.iter().map(|text| (word, text.clone())));
        };
        detail("experiment", &lineage.experiment);
        detail("by", &lineage.trained_by);
        detail("at", &lineage.trained_at.map(|at| at.to_string()));
        node.details.extend(
            lineage.metrics.iter().take(METRICS).map(|(name, value)| ("metric", format!("{name} {value}"))),
        );
        trained = graph.add(node);
        graph.connect(trained, origin, "registered");
        inputs -= 1;
        let mut step = trained;
        for (outwards, name) in (0..).zip(&lineage.pipelines) {
            let level = inputs - outwards;
            let node = graph.add(plain(NodeKind::Pipeline, name, level));
            graph.connect(node, step, "has it as a step");
            pipelines.push((name, node, level - 1));
            step = node;
        }
    }
    for dataset in &lineage.datasets {
        let of = pipelines.iter().find(|(name, ..)| Some(*name) == dataset.pipeline.as_ref());
        let (reader, level) = of.map_or((trained, inputs), |(_, node, level)| (*node, *level));
        let node = graph.add(plain(NodeKind::Data, &dataset.uri, level));
        graph.connect(node, reader, format!("input {}", dataset.name));
    }
    if let Some(environment) = &lineage.environment {
        let node = graph.add(plain(NodeKind::Environment, environment, inputs));
        graph.connect(node, trained, "ran in");
    }
    if let Some(code) = &lineage.code {
        let mut node = plain(NodeKind::Code, code.repository.as_deref().unwrap_or_default(), inputs);
        node.details.extend(code.commit.iter().map(|commit| ("commit", commit.clone())));
        if code.dirty == Some(true) {
            node.details.push(("with", "changes that were not committed".into()));
        }
        let node = graph.add(node);
        graph.connect(node, trained, "ran");
    }
}

/// How many metrics a picture shows; `inventory` and `compare` have them all.
const METRICS: usize = 5;

/// The copies of a version, and who serves it. `path` are the versions above, so that a circle ends.
fn downwards<'a>(
    picture: &'a Picture,
    graph: &mut Graph,
    node: usize,
    level: i32,
    path: &mut Vec<&'a ObjectKey>,
) {
    let Some(key) = path.last().copied() else { return };
    for (binding, bound, holds) in picture.bindings_of(key) {
        let tone = bound.map_or(Tone::Unsure, |bound| bound.ready.tone());
        let details = bound.map_or_else(Vec::new, |bound| {
            vec![("endpoint", bound.endpoint.clone()), ("in", Name::from(&bound.workspace).to_string())]
        });
        let name = Name::from(&binding).full();
        let served = graph.add(Node { kind: NodeKind::DeploymentBinding, name, details, tone, level });
        graph.connect(node, served, holds.join(", "));
    }
    for copy in picture.copies.of(key) {
        if path.contains(&copy) || graph.nodes.len() > super::MOST {
            continue;
        }
        let made = graph.add(version(picture, copy, level));
        graph.connect(node, made, "promoted");
        path.push(copy);
        downwards(picture, graph, made, level + 1, path);
        path.pop();
    }
}

fn version(picture: &Picture, key: &ObjectKey, level: i32) -> Node {
    let (details, tone) = match picture.versions.get(key) {
        Some(Seen::Found(version)) => (details(version), Readiness::of(version.conditions()).tone()),
        Some(Seen::Missing) => (vec![("which", "does not exist".into())], Tone::Bad),
        Some(Seen::Withheld(_)) | None => (vec![("which", "could not be read".into())], Tone::Unsure),
    };
    Node { kind: NodeKind::ModelVersion, name: Name::from(key).full(), details, tone, level }
}

fn details(version: &ModelVersion) -> Vec<(&'static str, String)> {
    let ready = Readiness::of(version.conditions());
    let state = match ready.status.as_str() {
        "True" => "Ready".to_string(),
        "False" => format!("not Ready: {}", ready.reason),
        _ => {
            format!("Ready or not: {}", if ready.reason.is_empty() { "nobody knows" } else { &ready.reason })
        }
    };
    let mut details = vec![("model", format!("{}:{}", version.spec.model, version.spec.version))];
    details.extend(place_of(version).map(|place| ("in", Name::from(&place).to_string())));
    details.extend(version.spec.owner.as_ref().and_then(|owner| Some(("team", owner.team.clone()?))));
    details.push(("is", state));
    let lineage = version.status.as_ref().and_then(|status| status.lineage.as_ref());
    if let Some(lineage) = lineage.filter(|lineage| lineage.job.is_some()) {
        let proven = if lineage.verified { "verified by Azure" } else { "not verified" };
        details.push(("origin", proven.into()));
    }
    details
}
