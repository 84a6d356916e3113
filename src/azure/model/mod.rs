//! What is asked of Azure and what Azure says, as plain data: no I/O, no clock, no HTTP.

mod call;
mod copy;
mod error;
mod id;
mod keys;
mod operation;
mod purpose;
mod read;
mod redact;

pub mod resource;

pub use call::{Action, Call, Invocation, Reply};
pub use copy::{Block, File, Part, Piece, Transfer, Uploaded};
pub use error::{ACCOUNT_NOT_FOUND, Class, Error};
pub use id::{ResourceId, folded, is_guid, registry_asset_id};
pub use keys::EndpointKeys;
pub use operation::{Operation, OperationState};
pub use purpose::{Account, Errand, Lane, Principal, Purpose};
pub use read::{Answer, Ask, Read};
pub use redact::{is_unseen, presentable, push_escape, redacted, visible, word};
