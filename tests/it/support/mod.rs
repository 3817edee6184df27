//! The kit: a server to start, people to be, streams to listen to, and the log to compare with.

pub mod answer;
pub mod caller;
pub mod chance;
pub mod deadline;
pub mod documented;
pub mod frames;
pub mod heard;
pub mod kept;
pub mod listener;
pub mod log;
pub mod nginx;
pub mod person;
pub mod poller;
pub mod postbox;
pub mod raw;
pub mod server;
pub mod spoken;
pub mod sse;
pub mod sse_parser;
pub mod websocket;

pub use answer::Answer;
pub use caller::Caller;
pub use chance::Chance;
pub use deadline::{eventually, seconds, within};
pub use heard::{Control, Ear, Heard, Passing, Seen};
pub use kept::Kept;
pub use listener::{Listener, Transport};
pub use log::Log;
pub use person::Person;
pub use poller::Poller;
pub use postbox::Postbox;
pub use server::{Options, Server};
pub use sse::{Credentials, NotOpened, SseClient, StreamRequest};
pub use sse_parser::{Parsed, SseParser};
pub use websocket::WsClient;
