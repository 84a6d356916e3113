//! A graph as an SVG picture: what comes first is on the left.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::html::escaped;
use super::table::Tone;
use crate::answer::graph::{Graph, Node};

const WIDTH: usize = 270;
const COLUMN: usize = 410;
const LINE: usize = 17;
const SPACE: usize = 26;
const MARGIN: usize = 12;
/// Characters that fit into a box; the whole text is in its tooltip.
const CHARACTERS: usize = 38;

struct Place {
    x: usize,
    y: usize,
    height: usize,
}

/// The picture. It is as large as the graph needs.
pub fn svg(graph: &Graph) -> String {
    let places = places(graph);
    let right = places.iter().map(|place| place.x + WIDTH).max().unwrap_or_default() + MARGIN;
    let bottom = places.iter().map(|place| place.y + place.height).max().unwrap_or_default() + MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {right} {bottom}\" width=\"{right}\" height=\"{bottom}\" role=\"img\" font-family=\"system-ui,sans-serif\" font-size=\"12\">\n\
<defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#57606a\"/></marker></defs>\n"
    );
    for edge in &graph.edges {
        arrow(&mut out, &places[edge.from], &places[edge.to], &edge.label);
    }
    for (node, place) in graph.nodes.iter().zip(&places) {
        boxed(&mut out, node, place);
    }
    out.push_str("</svg>\n");
    out
}

/// One column for each level, in which nodes stand one above the other.
fn places(graph: &Graph) -> Vec<Place> {
    let first = graph.nodes.iter().map(|node| node.level).min().unwrap_or_default();
    let mut free: BTreeMap<usize, usize> = BTreeMap::new();
    let place = |node: &Node| {
        let column = usize::try_from(node.level - first).unwrap_or_default();
        let height = LINE * (2 + node.details.len()) + 8;
        let next = free.entry(column).or_insert(MARGIN);
        let place = Place { x: MARGIN + COLUMN * column, y: *next, height };
        *next += height + SPACE;
        place
    };
    graph.nodes.iter().map(place).collect()
}

fn arrow(out: &mut String, from: &Place, to: &Place, label: &str) {
    let (x1, y1) = (from.x + WIDTH, from.y + from.height / 2);
    let (x2, y2) = (to.x, to.y + to.height / 2);
    let middle = usize::midpoint(x1, x2);
    // Writing into a String cannot fail.
    let _ = writeln!(
        out,
        "<path d=\"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}\" fill=\"none\" stroke=\"#57606a\" marker-end=\"url(#head)\"/>"
    );
    if !label.is_empty() {
        let y = usize::midpoint(y1, y2).saturating_sub(4);
        let _ = writeln!(
            out,
            "<text x=\"{middle}\" y=\"{y}\" text-anchor=\"middle\" fill=\"#57606a\">{}</text>",
            escaped(label)
        );
    }
}

fn boxed(out: &mut String, node: &Node, place: &Place) {
    let stroke = match node.tone {
        Tone::Plain => "#8c959f",
        Tone::Good => "#1a7f37",
        Tone::Bad => "#b42318",
        Tone::Unsure => "#8a6100",
    };
    let Place { x, y, height } = place;
    let _ = writeln!(
        out,
        "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{height}\" rx=\"6\" fill=\"#f6f8fa\" stroke=\"{stroke}\"/>",
        escaped(&format!("{} {}", node.kind.word(), node.name))
    );
    let kind = (node.kind.word().to_string(), "#57606a", "normal");
    let name = (node.name.clone(), "#1c2128", "600");
    let details = node.details.iter().map(|(word, text)| (format!("{word} {text}"), "#1c2128", "normal"));
    for (at, (text, colour, weight)) in [kind, name].into_iter().chain(details).enumerate() {
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" fill=\"{colour}\" font-weight=\"{weight}\">{}</text>",
            x + 10,
            y + LINE * (at + 1),
            escaped(&cut(&text))
        );
    }
    out.push_str("</g>\n");
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}
