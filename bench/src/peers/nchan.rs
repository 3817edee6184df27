//! nchan, a module of nginx, with `peers/nchan.conf`.

use super::{Place, Running, Wanted};
use crate::process::{Process, on_core};
use crate::way::{Listening, Saying, Transport, UPGRADE};
use std::io;
use std::net::SocketAddr;
use std::{env, fs};

/// Starts nginx with one worker.
pub fn start(place: &Place, wanted: Wanted<'_>) -> io::Result<Running> {
    let address = SocketAddr::from(([127, 0, 0, 1], 8080));
    let configuration = place.scratch.join("nchan.conf");
    fs::copy(place.peers.join("nchan.conf"), &configuration)?;
    let log = place.scratch.join("nchan.log");
    // Debian has it where only root looks.
    let path = format!("{}:/usr/sbin", env::var("PATH").unwrap_or_default());
    let mut command = on_core(place.core, "nginx");
    command.env("PATH", path).arg("-p").arg(&place.scratch).arg("-c").arg(&configuration);
    let mut process = Process::start("nchan", command, &log)?;
    process.wait_for(address, &log)?;
    let path = if wanted.heartbeats { "/heartbeats" } else { "/listen" };
    let more = match wanted.transport {
        Transport::Sse => "accept: text/event-stream\r\n",
        Transport::Ws => UPGRADE,
    };
    let head = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{more}");
    Ok(Running {
        processes: vec![process],
        stranger: None,
        listening: Listening { addresses: vec![address], heads: vec![head], live_at: String::new() },
        say_to: vec![address],
        sayings: vec![Saying {
            head: "POST /say HTTP/1.1\r\nhost: bench\r\ncontent-type: text/plain\r\n".to_owned(),
            before: Vec::new(),
            after: Vec::new(),
        }],
    })
}
