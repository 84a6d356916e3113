//! A graph as a Mermaid flowchart, which GitHub, GitLab and Azure DevOps draw.

use std::fmt::Write;

use super::text::one_line;
use crate::answer::graph::Graph;

/// The flowchart.
pub fn mermaid(graph: &Graph) -> String {
    let mut out = String::from("flowchart LR\n");
    for (at, node) in graph.nodes.iter().enumerate() {
        let mut lines = vec![label(&format!("{} {}", node.kind.word(), node.name))];
        lines.extend(node.details.iter().map(|(word, text)| label(&format!("{word} {text}"))));
        // Writing into a String cannot fail.
        let _ = writeln!(out, "  n{at}[\"{}\"]", lines.join("<br/>"));
    }
    for edge in &graph.edges {
        let _ = if edge.label.is_empty() {
            writeln!(out, "  n{} --> n{}", edge.from, edge.to)
        } else {
            writeln!(out, "  n{} -->|\"{}\"| n{}", edge.from, label(&edge.label), edge.to)
        };
    }
    out
}

/// Text in a label. Everything that Mermaid could take for a sign of its own is written as `#` and the number of the character.
fn label(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        if c.is_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-' | '/' | ':' | ',') {
            out.push(c);
        } else {
            let _ = write!(out, "#{};", u32::from(c));
        }
    }
    out
}
