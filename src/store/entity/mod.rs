//! The tables as `SeaORM` sees them; nothing outside `store` does.

pub mod clock;
pub mod commits;
pub mod conversations;
pub mod events;
pub mod messages;
pub mod sessions;
pub mod stays;
pub mod used_tickets;
pub mod users;
