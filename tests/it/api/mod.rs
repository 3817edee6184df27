//! What a call does and what it is refused for.

mod accounts;
mod conversations;
mod deleting;
mod keys;
mod lists;
mod many_members;
mod messages;
mod refreshing;
mod refusals;
mod secrets;
mod sessions;
mod strangers;
mod threads;
mod tickets;
mod tokens;
