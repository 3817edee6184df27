//! What a call does and what it is refused for.

mod accounts;
mod conversations;
mod deleting;
mod lists;
mod messages;
mod refreshing;
mod refusals;
mod secrets;
mod strangers;
mod threads;
mod tokens;
