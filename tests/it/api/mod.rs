//! What a call does and what it is refused for.

mod accounts;
mod admin;
mod conversations;
mod departures;
mod invitations;
mod messages;
mod profiles;
mod refreshing;
mod refusals;
mod secrets;
mod sessions;
mod strangers;
mod tokens;
