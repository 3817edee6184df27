//! What a call does and what it is refused for.

mod accounts;
mod conversations;
mod examples;
mod limits;
mod messages;
mod openapi;
mod refreshing;
mod refusals;
mod secrets;
mod strangers;
mod tokens;
