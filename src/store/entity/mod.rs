//! The tables as `SeaORM` sees them; nothing outside `store` does.

pub mod blocks;
pub mod clock;
pub mod commits;
pub mod contacts;
pub mod conversations;
pub mod departures;
pub mod events;
pub mod hidden;
pub mod invitations;
pub mod links;
pub mod mentions;
pub mod message_words;
pub mod messages;
pub mod reads;
pub mod sessions;
pub mod stays;
pub mod threads;
pub mod used_tickets;
pub mod users;
