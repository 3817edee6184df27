//! The floor as a peer: it is told the very bytes that the server would write, and writes them.

use super::{Place, Running};
use crate::marks;
use crate::process::{Process, on_core};
use crate::way::{Listening, Saying, Transport, UPGRADE};
use std::io;
use std::net::SocketAddr;

/// An event as the server writes it, around a text.
const BEFORE: &str = "{\"seq\":100123,\"type\":\"message.created\",\"at\":\"2026-11-21T23:37:41.454Z\",\"conversation_id\":1,\
    \"data\":{\"id\":100002,\"conversation_id\":1,\"author\":{\"id\":1,\"username\":\"person0\"},\"text\":\"";
const AFTER: &str = "\",\"mentions\":[],\"thread_id\":null,\"created_at\":\"2026-11-21T23:37:41.454Z\",\"edited_at\":null,\
    \"deleted_at\":null,\"client_id\":null}}";

/// Starts this program as the floor.
pub fn start(place: &Place, transport: Transport) -> io::Result<Running> {
    let address = SocketAddr::from(([127, 0, 0, 1], 8080));
    let mut command = on_core(place.core, std::env::current_exe()?);
    command.arg("floor").arg(address.to_string());
    let log = place.scratch.join("floor.log");
    let mut process = Process::start("the floor", command, &log)?;
    process.wait_for(address, &log)?;
    let (head, before, after) = match transport {
        Transport::Sse => (
            "GET / HTTP/1.1\r\nhost: bench\r\n".to_owned(),
            format!("id: 100123\nevent: message.created\ndata: {BEFORE}").into_bytes(),
            format!("{AFTER}\n\n").into_bytes(),
        ),
        Transport::Ws => (format!("GET / HTTP/1.1\r\nhost: bench\r\n{UPGRADE}"), frame(), AFTER.as_bytes().to_vec()),
    };
    Ok(Running {
        processes: vec![process],
        stranger: None,
        listening: Listening { addresses: vec![address], heads: vec![head], live_at: String::new() },
        say_to: vec![address],
        sayings: vec![Saying { head: "POST / HTTP/1.1\r\nhost: bench\r\n".to_owned(), before, after }],
    })
}

/// The head of a frame of text (RFC 6455, section 5.2) of the one length that there is, and the beginning of its text.
fn frame() -> Vec<u8> {
    let length = u16::try_from(BEFORE.len() + crate::TEXT + AFTER.len()).unwrap_or(u16::MAX);
    const { assert!(crate::TEXT >= marks::LENGTH) };
    let [high, low] = length.to_be_bytes();
    [&[0x81, 126, high, low], BEFORE.as_bytes()].concat()
}
