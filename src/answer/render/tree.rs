//! A graph as a tree in text: first what its first node comes from, then what comes from it.

use std::fmt::Write;

use super::table::Style;
use super::text::one_line;
use crate::answer::graph::{Graph, Node};

/// The tree. A node that two others lead to is written out once.
pub fn tree(graph: &Graph, style: Style) -> String {
    let Some(root) = graph.nodes.first() else { return String::new() };
    let mut tree = Tree { graph, style, out: String::new() };
    tree.out.push_str(&tree.title(root, ""));
    tree.out.push('\n');
    for (heading, upwards) in [("comes from", true), ("goes to", false)] {
        let last = !upwards;
        tree.out.push_str(if last { "└─ " } else { "├─ " });
        tree.out.push_str(heading);
        let mut seen = vec![0];
        let indent = if last { "   " } else { "│  " };
        if tree.next(0, upwards).is_empty() {
            tree.out.push_str(if upwards { ": nothing that is known" } else { ": nothing" });
        }
        tree.out.push('\n');
        tree.branches(0, upwards, indent, &mut seen);
    }
    tree.out
}

struct Tree<'a> {
    graph: &'a Graph,
    style: Style,
    out: String,
}

impl Tree<'_> {
    fn next(&self, node: usize, upwards: bool) -> Vec<(usize, String)> {
        let own = |(at, label): (usize, &str)| (at, label.to_string());
        if upwards {
            self.graph.before(node).map(own).collect()
        } else {
            self.graph.after(node).map(own).collect()
        }
    }

    fn branches(&mut self, node: usize, upwards: bool, indent: &str, seen: &mut Vec<usize>) {
        let next = self.next(node, upwards);
        let count = next.len();
        for (at, (child, label)) in next.into_iter().enumerate() {
            let last = at + 1 == count;
            let title = self.title(&self.graph.nodes[child], &label);
            let again = seen.contains(&child);
            self.out.push_str(indent);
            self.out.push_str(if last { "└─ " } else { "├─ " });
            self.out.push_str(&title);
            self.out.push_str(if again { " (see above)\n" } else { "\n" });
            if !again {
                seen.push(child);
                let deeper = format!("{indent}{}", if last { "   " } else { "│  " });
                self.branches(child, upwards, &deeper, seen);
            }
        }
    }

    fn title(&self, node: &Node, label: &str) -> String {
        let name = one_line(&node.name);
        let name = if self.style.colour { node.tone.painted(&name) } else { name.into_owned() };
        let mut title = format!("{} {name}", node.kind.word());
        let details: Vec<String> =
            node.details.iter().map(|(word, text)| format!("{word} {}", one_line(text))).collect();
        if !details.is_empty() {
            // Writing into a String cannot fail.
            let _ = write!(title, " ({})", details.join(", "));
        }
        if !label.is_empty() {
            let _ = write!(title, " — {}", one_line(label));
        }
        title
    }
}
