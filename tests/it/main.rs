//! The integration tests, one binary: everything here drives the built server from outside, over its sockets and its files.
//!
//! What belongs where:
//! - `support/` is the kit: a server on port 0, people who use it, listeners on all three transports, the log as the disk has it.
//! - `live/` asks who hears what: order, completeness, cursors, slow readers, how streams end.
//! - `api/` asks what a call does and what it is refused for.
//!
//! A test waits for what it needs with a deadline and never sleeps for time; randomness prints its seed (`GOLDCREST_TEST_SEED`).
#![allow(
    clippy::unwrap_used,
    missing_docs,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on panics, and its name says what it is about"
)]

mod api;
mod live;
mod support;
