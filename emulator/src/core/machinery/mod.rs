//! What it takes to answer any request: where it points, who asks and what they may, what a body may say, the store of
//! resources, asynchronous operations, lists in pages, refusals, the log.
//!
//! It must not know which resources there are or how they behave, nor any service, nor the door.

pub mod address;
pub mod api_version;
pub mod asset_id;
pub mod authentication;
pub mod call;
pub mod error;
pub mod guard;
pub mod ids;
pub mod json;
pub mod log;
pub mod operation;
pub mod order;
pub mod paging;
pub mod rights;
pub mod schema;
pub mod store;
pub mod tags;
