//! Our language: the native REST API, version 1, and the doors to the streams.

mod accounts;
mod admin;
mod answer;
mod app;
pub mod asyncapi;
mod blocks;
mod contacts;
mod conversations;
mod cookie;
mod docs;
mod email;
mod export;
mod extract;
mod fields;
mod health;
mod invitations;
mod keys;
mod links;
mod messages;
mod middleware;
pub mod openapi;
mod operations;
mod page;
mod presence;
mod problem;
mod published;
mod receipts;
pub mod routes;
mod server;
mod sessions;
mod stream;
pub mod web;
mod wording;

pub use app::{App, AppOptions};
pub use docs::DocsPage;
pub use operations::{OPERATIONS, OperationType};
