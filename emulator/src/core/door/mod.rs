//! Where every request comes in: tokens are given out and looked at, requests counted and refused, faults strike, and
//! what is let in goes to its resource or service.
//!
//! Nothing but the [`Core`](super::Core) may know it: no resource depends on how a request found it.

pub mod arm;
pub mod assertion;
pub mod certificate;
pub mod discovery;
pub mod fault;
pub mod groups;
pub mod headers;
pub mod jwt;
pub mod parameters;
pub mod provider;
pub mod refused;
pub mod route;
pub mod throttle;
pub mod token;
pub mod versions;
