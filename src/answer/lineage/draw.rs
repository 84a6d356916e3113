//! The graph of a lineage: versions, what the first of them was trained from, and who serves them.

use super::Picture;
use crate::answer::graph::{Graph, Node, NodeKind};
use crate::answer::names::{Name, place_of};
use crate::answer::render::table::Tone;
use crate::answer::seen::{Readiness, Seen};
use crate::api::{self, ModelVersion, Object, ObjectKey};
use crate::azure::model::folded;

pub(super) fn graph(picture: &Picture) -> Graph {
    let mut graph = Graph::default();
    let root = graph.add(version(picture, &picture.root, 0));
    let (origin, level) = upwards(picture, &mut graph, root);
    // What a version was made from, its own status tells: the object of its source may stand for another version by now.
    let own = lineage_of(picture, &picture.root);
    let chain = picture.upwards();
    if let Some(lineage) = own.or_else(|| chain.iter().rev().find_map(|key| lineage_of(picture, key))) {
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
    let own = lineage_of(picture, &picture.root);
    let from = own.map(|lineage| lineage.promoted_from.as_slice()).unwrap_or_default();
    if from.is_empty() {
        // Nothing was promoted yet: what the manifests name is all there is.
        for key in chain.iter().skip(1) {
            level -= 1;
            let node = graph.add(version(picture, key, level));
            graph.connect(node, last, "is to be promoted");
            last = node;
        }
        return (last, level);
    }
    for (id, at) in from.iter().zip(1..) {
        level -= 1;
        let object = chain.get(at).filter(|key| stands_for(picture, key, id));
        let asset =
            || Node { kind: NodeKind::Asset, name: id.clone(), details: vec![], tone: Tone::Plain, level };
        let node = graph.add(object.map_or_else(asset, |key| version(picture, key, level)));
        graph.connect(node, last, "promoted");
        last = node;
    }
    (last, level)
}

/// Does this object stand for the version that was promoted? Its number may have been registered again, from another job.
fn stands_for(picture: &Picture, key: &ObjectKey, id: &str) -> bool {
    let Some(status) = picture.version(key).and_then(|version| version.status.as_ref()) else { return false };
    let job = |lineage: Option<&api::Lineage>| lineage.and_then(|it| it.job.clone());
    let (its, own) = (job(status.lineage.as_ref()), job(lineage_of(picture, &picture.root)));
    status.id.as_deref().is_some_and(|it| folded(it) == folded(id))
        && (its.is_none() || own.is_none() || its == own)
}

/// Says the status of a version that it was promoted from this one? Anybody can name it as a source.
fn was_promoted(picture: &Picture, copy: &ObjectKey, source: &ObjectKey) -> bool {
    let from = lineage_of(picture, copy).and_then(|lineage| lineage.promoted_from.first());
    let id = picture.version(source).and_then(|version| version.status.as_ref()?.id.as_ref());
    from.zip(id).is_some_and(|(from, id)| folded(from) == folded(id))
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
            lineage
                .metrics
                .iter()
                .take(METRICS)
                .map(|(name, value)| (super::METRIC, format!("{name} {value}"))),
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
        let label = if was_promoted(picture, copy, key) { "promoted" } else { "names it as its source" };
        graph.connect(node, made, label);
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
