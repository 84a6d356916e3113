//! The client against the emulator: one situation per test, each with an emulator of its own.

mod broken;
mod identity;
mod operations;
mod pace;
mod resources;
mod stand;
