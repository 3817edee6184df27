//! What a call does and what it is refused for.

mod accounts;
mod admin;
mod blocks;
mod contacts;
mod conversations;
mod deleting;
mod departures;
mod invitations;
mod keys;
mod lists;
mod many_members;
mod messages;
mod origins;
mod profiles;
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
