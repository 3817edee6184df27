//! The integration tests, one binary: everything here drives the built server from outside, or reads its sources.
//!
//! What belongs where:
//! - `support` is the kit: a server on port 0, people who use it, listeners on all transports, the log as the disk has it.
//! - `live` asks who hears what: order, completeness, cursors, slow readers, how streams end.
//! - `api` asks what a call does and what it is refused for.
//! - `cluster` asks whether several nodes keep the promise together, while much goes wrong.
//! - `mail` asks what is mailed, to a real mail server, and what the links in it do.
//! - `cli` asks what an operator's commands do, beside a server and without one, and what `send` and `tail` do.
//! - `compat` asks whether the clients of older systems get what their documents say.
//! - `house` holds the law of imports and of style as tables, and reads `src/` by it.
//! - `deployment` asks whether container files, unit and proxies speak of the same things as the program.
//! - `watched` asks what an operator sees: metrics, readiness, traces, and the boards that show them.
//! - `readme` runs the README's tour and what `docs/compat/` shows, and compares the tables in `docs/` with the code.
//!
//! A test waits for what it needs with a deadline and never sleeps for it: only to spread over time what it does, and for as
//! long as a fault in `cluster` lasts. Randomness prints its seed, and `GOLDCREST_TEST_SEED` gives it.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on panics, and its name says what it is about"
)]

mod api;
mod cli;
mod cluster;
mod compat;
mod deployment;
mod house;
mod live;
mod mail;
mod readme;
mod support;
mod watched;
