//! How an answer is written: one file for each form. What comes from the cluster (names, reasons, what Azure said) may hold
//! anything; no form lets it end a line, move a terminal's cursor, turn the direction of the text, or become markup or a formula.

pub mod document;
pub mod html;
pub mod json;
pub mod markdown;
pub mod mermaid;
pub mod separated;
pub mod svg;
pub mod table;
pub mod text;
pub mod tree;

#[cfg(test)]
mod tests;
