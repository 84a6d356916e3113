//! Azure Machine Learning (api-version 2025-09-01). Nothing here knows Kubernetes.
//!
//! [`model`] is its vocabulary: ids, resources, reads, calls and errors, as plain data; `decide` names nothing else
//! of this folder. [`client`] is the one REST client: identity, pacing, operations, paging, hosts and transport.

pub mod client;
pub mod model;
