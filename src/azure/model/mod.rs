//! What is asked of Azure and what Azure says, as plain data: no I/O, no clock, no HTTP.

mod call;
mod error;
mod id;

pub mod resource;

pub use call::{Action, Call, OperationState, Reply};
pub use error::{Class, Error};
pub use id::{ResourceId, registry_asset_id};
