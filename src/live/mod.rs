//! Who hears it: committed events on their way to the open streams.

mod audience;
mod cursor;
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

pub use cursor::{Cursor, Gap};
pub use event::{Event, Translation, text_frame};
pub use follower::{Follower, FollowerOptions};
pub use hub::{Hub, HubOptions};
pub use slot::{Ending, Slot};
pub use subscription::{RegisterError, Step, Subscription, Wish};
