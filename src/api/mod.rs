//! Our language: the native REST API, version 1, and the doors to the streams.

mod accounts;
mod answer;
mod app;
mod blocks;
mod contacts;
mod conversations;
mod cookie;
mod docs;
mod extract;
mod fields;
mod health;
mod keys;
mod limits;
mod messages;
mod middleware;
pub mod openapi;
mod operations;
mod origin;
mod problem;
mod receipts;
pub mod routes;
mod sessions;
mod stream;

pub use app::{App, AppOptions};
pub use limits::Limits;
pub use origin::Origins;
