//! What comes from what, as nodes and the arrows between them.

use serde::Serialize;

use super::render::table::{Cell, Column, Shown, Table, Tone};

/// Nodes, and arrows from where something comes to what it becomes. One node is what the question was about.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    /// The nodes; the first is what the question was about.
    pub nodes: Vec<Node>,
    /// The arrows, by the places of nodes in the list.
    pub edges: Vec<Edge>,
}

/// Something that a version comes from, or that comes from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Its name, which is foreign text.
    pub name: String,
    /// What is known of it besides: a word of ours and foreign text each.
    pub details: Vec<(&'static str, String)>,
    /// How it is meant.
    pub tone: Tone,
    /// How far it is from what the question was about: below 0 where that comes from it.
    pub level: i32,
}

/// What a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum NodeKind {
    /// A ModelVersion object.
    ModelVersion,
    /// A version in Azure whose object cannot be read or does not exist.
    Asset,
    /// A training job.
    Job,
    /// A pipeline job that a job is a step of.
    Pipeline,
    /// Data that a job read.
    Data,
    /// The environment that a job ran in.
    Environment,
    /// The code that a job ran.
    Code,
    /// A DeploymentBinding object.
    DeploymentBinding,
}

impl NodeKind {
    /// As a word in a sentence.
    pub fn word(self) -> &'static str {
        match self {
            Self::ModelVersion => "ModelVersion",
            Self::Asset => "version in Azure",
            Self::Job => "job",
            Self::Pipeline => "pipeline job",
            Self::Data => "data",
            Self::Environment => "environment",
            Self::Code => "code",
            Self::DeploymentBinding => "DeploymentBinding",
        }
    }
}

/// An arrow.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// The node that it comes from.
    pub from: usize,
    /// The node that it leads to.
    pub to: usize,
    /// In a few words, how the one becomes the other.
    pub label: String,
}

impl Graph {
    /// Adds a node, and says its place in the list.
    pub fn add(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Adds an arrow.
    pub fn connect(&mut self, from: usize, to: usize, label: impl Into<String>) {
        self.edges.push(Edge { from, to, label: label.into() });
    }

    /// The nodes that a node comes from, with the words at the arrows.
    pub fn before(&self, node: usize) -> impl Iterator<Item = (usize, &str)> {
        self.edges.iter().filter(move |edge| edge.to == node).map(|edge| (edge.from, edge.label.as_str()))
    }

    /// The nodes that come from a node, with the words at the arrows.
    pub fn after(&self, node: usize) -> impl Iterator<Item = (usize, &str)> {
        self.edges.iter().filter(move |edge| edge.from == node).map(|edge| (edge.to, edge.label.as_str()))
    }

    /// The nodes as a table: in the picture, long texts are cut.
    pub fn table(&self) -> Table {
        let columns = ["what", "name", "details"].map(|name| Column { name, shown: Shown::Always });
        let row = |node: &Node| {
            let details: Vec<String> =
                node.details.iter().map(|(word, text)| format!("{word} {text}")).collect();
            vec![
                Cell::from(node.kind.word()),
                Cell::from(node.name.as_str()).toned(node.tone),
                Cell::from(details.join(", ")),
            ]
        };
        Table { columns: columns.to_vec(), rows: self.nodes.iter().map(row).collect() }
    }
}
