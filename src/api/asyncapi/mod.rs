//! What the streams say of themselves: an `AsyncAPI` 3.0 document, made out of the lists of events, control frames,
//! operations and reasons for an end.
//!
//! Each of those lists stands where its things are declared: `domain::events::TYPES`, `transport::control::CONTROLS`,
//! `operations::OPERATIONS` and `CloseReason::ALL`. What a URL may say comes from the description of the same routes in
//! `openapi`. So there is nothing here to be added to when one of them grows.

mod channels;
mod document;
mod messages;
mod story;

pub use document::document;
pub(super) use messages::{gap, poll};
pub(super) use story::wire;
