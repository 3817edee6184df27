//! What the API says of itself: an OpenAPI 3.1 document, made out of the types of the handlers.
//!
//! A route's line in `api::routes` says what it is for and which of its own refusals it knows. All else comes from the
//! handler's signature: each argument says what it `Asks` of a request and how it refuses, the result what it
//! `Answers`. So a parameter that is not documented cannot be read.

mod answers;
mod asks;
mod codes;
mod document;
mod links;
mod operation;
mod schemas;
mod story;

pub(super) use answers::Answers;
pub(super) use asks::{Asks, of_value};
pub use document::Facts;
pub(super) use document::{Entry, assemble, without_null_defaults};
pub(super) use operation::{Operation, Parameter};
pub(super) use schemas::Schemas;
