//! Bindery
