//! What is true: the pure rules, without I/O, clocks or randomness of their own.

pub mod access;
pub mod blocks;
pub mod contacts;
pub mod conversations;
pub mod deletion;
pub mod departures;
pub mod ephemeral;
pub mod error;
pub mod events;
pub mod ids;
pub mod invitations;
pub mod links;
pub mod mentions;
pub mod messages;
pub mod reach;
pub mod receipts;
pub mod search;
pub mod sessions;
pub mod time;
pub mod users;

pub use error::Refusal;
pub use ids::{ConversationId, InvitationId, MessageId, Seq, SessionId, UserId};
pub use time::Timestamp;
