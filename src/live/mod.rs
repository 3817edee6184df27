//! Who hears it: committed events on their way to the open streams.

mod audience;
mod cursor;
mod erasures;
mod event;
mod follower;
mod frames;
mod heard;
mod hub;
mod index;
mod log;
mod outlet;
mod passing;
mod presence;
mod progress;
mod pump;
mod relay;
mod ring;
mod slot;
mod subscription;
mod telling;
#[cfg(test)]
pub(crate) mod tests;

pub use cursor::{Cursor, Gap};
pub use event::{Event, Translation};
pub use follower::{Follower, FollowerOptions};
pub use frames::text_frame;
pub use heard::Heard;
pub use hub::{Hub, HubOptions};
pub use outlet::{Full, Outlet, Passage, Rest};
pub use passing::Passing;
pub use presence::{Presence, Source, Standing, Turn};
pub use relay::{Credentials, NatsOptions, Relay, RelayCounts, RelayError, RelayKeys, RelayTask, try_nats};
pub use slot::{Ending, Manner, Slot};
pub use subscription::{RegisterError, Step, Subscription, Wish};
pub use telling::{Reason, Sight};
