//! What a call does and what it is refused for.

mod accounts;
mod conversations;
mod keys;
mod many_members;
mod messages;
mod origins;
mod refreshing;
mod refusals;
mod secrets;
mod sessions;
mod strangers;
mod tickets;
mod tokens;
