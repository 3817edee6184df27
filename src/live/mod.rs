//! Who hears it: committed events on their way to the open streams.

mod audience;
mod erasures;
mod event;
mod follower;
mod hub;
mod index;
mod log;
mod ring;
mod slot;
mod subscription;
#[cfg(test)]
pub(crate) mod tests;

pub use event::{Event, text_frame};
pub use follower::{Follower, FollowerOptions};
pub use hub::{Hub, HubOptions};
pub use slot::{Ending, Slot};
pub use subscription::{Cursor, Gap, RegisterError, Step, Subscription, Wish};
