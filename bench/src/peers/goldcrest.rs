//! Goldcrest as a peer: on a copy of data that was prepared, through its own API.

use super::{Place, Running};
use crate::generator::{Generator, Setting};
use crate::http::{Client, until_ready};
use crate::process::{Process, on_core};
use crate::way::{Listening, Saying, Transport, UPGRADE};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{fs, io};

/// People and conversations that are in prepared data.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Prepared {
    /// Access tokens of all people, which last longer than any run.
    pub tokens: Vec<String>,
    /// The conversation that all of them are in.
    pub conversation: u64,
    /// Direct conversations of every two people, in their order.
    pub direct: Vec<u64>,
}

/// The file beside the data that says who is in it.
const PEOPLE: &str = "people.json";

/// Options of every run: nobody is slowed down or turned away, and one thread serves.
const OPTIONS: &[&str] = &[
    "--rate-limits=off",
    "--registration=open",
    "--max-streams-per-user=20000",
    "--max-streams-per-address=20000",
    "--access-token-lifetime=30d",
    "--log-level=warn",
];

/// Where it listens.
pub fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080))
}

/// Starts the server with these options on the data in a directory.
pub fn serve(place: &Place, data: &Path, address: SocketAddr, more: &[String]) -> io::Result<Process> {
    let log = place.scratch.join(format!("goldcrest-{}.log", address.port()));
    let mut command = on_core(place.core, &place.goldcrest);
    if place.core.is_some() {
        command.env("TOKIO_WORKER_THREADS", "1");
    }
    command.arg("serve").arg("--listen").arg(address.to_string()).arg("--data-dir").arg(data);
    command.args(OPTIONS).args(more);
    let mut process = Process::start("goldcrest", command, &log)?;
    process.wait_for(address, &log)?;
    until_ready(address, "/readyz")?;
    Ok(process)
}

/// Starts it on a copy of the prepared data.
pub fn start(place: &Place, transport: Transport, more: &[String]) -> io::Result<Running> {
    let data = copy(place)?;
    let process = serve(place, &data, address(), more)?;
    let prepared = prepared(&place.prepared)?;
    Ok(Running {
        processes: vec![process],
        stranger: None,
        listening: listening(&prepared, transport),
        say_to: vec![address()],
        sayings: vec![saying(&prepared, 0, prepared.conversation)],
    })
}

/// Each person listens, in turn.
pub fn listening(prepared: &Prepared, transport: Transport) -> Listening {
    let (path, upgrade) = match transport {
        Transport::Sse => ("/stream", ""),
        Transport::Ws => ("/ws", UPGRADE),
    };
    let head =
        |token: &String| format!("GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n{upgrade}");
    let live_at = "\"type\":\"ready\"".to_owned();
    Listening { addresses: vec![address()], heads: prepared.tokens.iter().map(head).collect(), live_at }
}

/// Somebody says something in a conversation.
pub fn saying(prepared: &Prepared, person: usize, conversation: u64) -> Saying {
    let token = &prepared.tokens[person];
    Saying {
        head: format!(
            "POST /api/v1/messages HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\n"
        ),
        before: format!("{{\"conversation_id\":{conversation},\"text\":\"").into_bytes(),
        after: b"\"}".to_vec(),
    }
}

/// Who is in prepared data.
pub fn prepared(directory: &Path) -> io::Result<Prepared> {
    Ok(serde_json::from_slice(&fs::read(directory.join(PEOPLE))?)?)
}

/// A copy of the prepared data for this run.
pub fn copy(place: &Place) -> io::Result<std::path::PathBuf> {
    let data = place.scratch.join("data");
    let copied = Command::new("cp").arg("-a").arg(place.prepared.join("data")).arg(&data).status()?;
    // Else the server's first checkpoint waits until all of the copy is on the disk.
    let written = copied.success() && Command::new("sync").arg("--file-system").arg(&data).status()?.success();
    if written { Ok(data) } else { Err(io::Error::other("the prepared data cannot be copied")) }
}

/// What prepared data holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// People, all of whom are in one channel.
    pub people: usize,
    /// Whether every two of them have a conversation.
    pub direct: bool,
    /// Messages in the channel.
    pub messages: u64,
}

/// Prepares data in `place.prepared`.
pub fn prepare(place: &Place, contents: Contents) -> io::Result<()> {
    let data = place.prepared.join("data");
    fs::create_dir_all(&place.prepared)?;
    let process = serve(place, &data, address(), &[])?;
    let prepared = populate(contents)?;
    if contents.messages > 0 {
        let mut generator = Generator::new(Setting {
            listening: listening(&prepared, Transport::Sse),
            listeners: 0,
            say_to: vec![address()],
            sayings: vec![saying(&prepared, 0, prepared.conversation)],
            mouths: 128,
            length: crate::TEXT,
        })?;
        generator.press(contents.messages, Duration::from_mins(20))?;
        if generator.tally.accepted < contents.messages {
            return Err(io::Error::other(format!("only {} messages are stored", generator.tally.accepted)));
        }
        eprintln!("  {} messages are stored", contents.messages);
    }
    fs::write(place.prepared.join(PEOPLE), serde_json::to_vec(&prepared)?)?;
    process.stop()
}

/// Makes people, a channel that all are in, and direct conversations of every two of them.
pub fn populate(contents: Contents) -> io::Result<Prepared> {
    let people = contents.people;
    let mut client = Client::connect(address())?;
    let mut tokens = Vec::new();
    for number in 0..people {
        let who = json!({"username": format!("person{number}"), "password": "correct horse"});
        let made = client.ask("POST", "/api/v1/users", None, &who)?;
        let token = made["access_token"].as_str().ok_or_else(|| io::Error::other("a registration without a token"))?;
        tokens.push(token.to_owned());
        if number % 1000 == 999 {
            eprintln!("  {} people are registered", number + 1);
        }
    }
    let id = |made: serde_json::Value| made["id"].as_u64().ok_or_else(|| io::Error::other("a conversation without id"));
    let members: Vec<String> = (1..people.min(1000)).map(|number| format!("person{number}")).collect();
    let channel = json!({"kind": "channel", "name": "bench", "members": members});
    let conversation = id(client.ask("POST", "/api/v1/conversations", Some(&tokens[0]), &channel)?)?;
    let mut pairs = Vec::new();
    if contents.direct {
        for first in (0..people - people % 2).step_by(2) {
            let with = json!({"kind": "direct", "members": [format!("person{}", first + 1)]});
            pairs.push(id(client.ask("POST", "/api/v1/conversations", Some(&tokens[first]), &with)?)?);
        }
    }
    Ok(Prepared { tokens, conversation, direct: pairs })
}
