//! The client against the emulator: one situation per test, each with an emulator of its own.

mod accounts;
mod batch;
mod broken;
mod copies;
mod hostile;
mod identity;
#[path = "../../emulator/tests/support/keys.rs"]
mod keys;
mod measure;
mod operations;
mod pace;
mod prometheus;
mod proxy;
mod resources;
mod stand;
