//! What a call does and what it is refused for.

mod accounts;
mod blocks;
mod contacts;
mod conversations;
mod deleting;
mod examples;
mod keys;
mod limits;
mod lists;
mod many_members;
mod messages;
mod openapi;
mod reach;
mod receipts;
mod refreshing;
mod refusals;
mod secrets;
mod sessions;
mod strangers;
mod taking;
mod threads;
mod tickets;
mod tokens;
