//! The integration tests, one binary: everything here drives the built server from outside, or reads its sources.
//!
//! What belongs where:
//! - `house` holds the law of imports and of style as tables, and reads `src/` by it.
//! - `deployment` asks whether the container files and the program speak of the same things.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on panics, and its name says what it is about"
)]

mod deployment;
mod house;
