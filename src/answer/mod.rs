//! What the objects of the cluster say about versions and endpoints, as answers for people and tools.
//!
//! Objects in, text out: nothing here reads the cluster, knows the time or writes to a terminal. `src/command/answers` reads
//! what an answer is made of, with the rights of the person who asks, and hands it over. `render` writes an answer in
//! its forms.

pub mod action;
pub mod compare;
pub mod decision;
pub mod evidence;
pub mod explain;
pub mod graph;
pub mod idle;
pub mod inventory;
pub mod lineage;
pub mod names;
pub mod permission;
pub mod render;
pub mod rollout;
pub mod seen;
pub mod unmanaged;

#[cfg(test)]
pub(crate) mod fixtures;

#[cfg(test)]
mod tests;
