//! How bytes travel: the front door and the pipes, which know frames and close reasons but no JSON of the domain.

mod address;
pub mod close;
pub mod control;
mod door;
mod line;
pub mod long_poll;
mod outbox;
mod parts;
mod peer;
mod probe;
mod protocol;
mod sse;
mod stream;
mod takeover;
mod traffic;
mod websocket;

pub use crate::live::{Cursor, Event, Manner, Subscription};
pub use address::{AddressPermit, Addresses};
pub use close::CloseReason;
pub use door::{Door, DoorOptions, Peer, listen};
pub use parts::in_parts;
pub use probe::probe;
pub use sse::{Dialect, events, farewell, last_event_id, sse_head, translated};
pub use stream::Pace;
pub use takeover::TakeOver;
pub use traffic::{Traffic, Way};
#[doc(hidden)]
pub use websocket::echo;
pub use websocket::{Accepted, Incoming, Outcome, Reply, websocket};
