//! Pushpin, with `peers/pushpin/`: its own test handler holds streams and subscribes them to one channel.

use super::{Place, Running};
use crate::http::until_ready;
use crate::process::{Process, on_core};
use crate::way::{Listening, Saying, Transport, UPGRADE};
use std::net::SocketAddr;
use std::{fs, io};

/// Starts all of its processes.
pub fn start(place: &Place, transport: Transport) -> io::Result<Running> {
    let [address, control] = [8080, 5561].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let configuration = place.scratch.join("pushpin.conf");
    let text = fs::read_to_string(place.peers.join("pushpin.conf"))?;
    fs::write(&configuration, text.replace("SCRATCH", &place.scratch.display().to_string()))?;
    fs::write(place.scratch.join("routes"), "* test\n")?;
    let log = place.scratch.join("pushpin.log");
    let mut command = on_core(place.core, "pushpin");
    command.arg("--config").arg(&configuration);
    let mut process = Process::start("pushpin", command, &log)?;
    process.wait_for(control, &log)?;
    process.wait_for(address, &log)?;
    // Its processes find each other a little later than their ports are open.
    until_ready(address, "/stream")?;
    let (head, format, before) = match transport {
        Transport::Sse => ("GET /stream HTTP/1.1\r\nhost: bench\r\n".to_owned(), "http-stream", "data: "),
        Transport::Ws => (format!("GET /ws HTTP/1.1\r\nhost: bench\r\n{UPGRADE}"), "ws-message", ""),
    };
    let end = if transport == Transport::Sse { "\\n\\n" } else { "" };
    Ok(Running {
        processes: vec![process],
        stranger: None,
        listening: Listening { addresses: vec![address], heads: vec![head], live_at: String::new() },
        say_to: vec![control],
        sayings: vec![Saying {
            head: "POST /publish/ HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n".to_owned(),
            before: format!("{{\"items\":[{{\"channel\":\"test\",\"formats\":{{\"{format}\":{{\"content\":\"{before}")
                .into_bytes(),
            after: format!("{end}\"}}}}}}]}}").into_bytes(),
        }],
    })
}
