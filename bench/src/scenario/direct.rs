//! Many small conversations: every two people have one, and both hear what is said there, be it on one node or on two.

use super::{Scene, share};
use crate::generator::{Generator, Setting};
use crate::peers::{goldcrest, postgres};
use crate::process::{Process, on_core};
use crate::record::Record;
use crate::tally::milliseconds;
use crate::way::Transport;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use std::{env, io};

/// How much of it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Direct {
    /// Listeners, each of whom is somebody else.
    pub people: usize,
    /// Messages a second, over all conversations in turn.
    pub rate: f64,
    /// On SQLite with one node, or on PostgreSQL with NATS and so many.
    pub nodes: Option<usize>,
}

/// Measures.
pub fn run(what: Direct, scene: &Scene) -> io::Result<Vec<Record>> {
    let prepared = goldcrest::prepared(&scene.place.prepared)?;
    let data = goldcrest::copy(&scene.place)?;
    let address = |node: usize| SocketAddr::from(([127, 0, 0, 1], 8080 + u16::try_from(node).unwrap_or_default()));
    let count = what.nodes.unwrap_or(1);
    let addresses: Vec<SocketAddr> = (0..count).map(address).collect();
    let mut others = Vec::new();
    let mut nodes = Vec::new();
    if what.nodes.is_none() {
        nodes.push(goldcrest::serve(&scene.place, &data, address(0), &[])?);
    } else {
        let (server, url) = postgres::start(&scene.place)?;
        others.push(server);
        others.push(nats(scene)?);
        let copied = std::process::Command::new(&scene.place.goldcrest)
            .args(["copy", "--data-dir"])
            .arg(&data)
            .env("GOLDCREST_DATABASE_URL", &url)
            .output()?;
        if !copied.status.success() {
            let said = String::from_utf8_lossy(&copied.stderr).into_owned();
            return Err(io::Error::other(format!("the prepared data cannot be copied into PostgreSQL: {said}")));
        }
        let options = [
            format!("--database-url={url}"),
            format!("--jwt-key-file={}", data.join("jwt.key").display()),
            "--nats-url=nats://127.0.0.1:4222".to_owned(),
            "--nats-insecure=on".to_owned(),
        ];
        for (number, address) in addresses.iter().enumerate() {
            let own = scene.place.scratch.join(format!("node{number}"));
            nodes.push(goldcrest::serve(&scene.place, &own, *address, &options)?);
        }
    }
    let mut listening = goldcrest::listening(&prepared, Transport::Sse);
    listening.addresses.clone_from(&addresses);
    let conversations = what.people / 2;
    let mut generator = Generator::new(Setting {
        listening,
        listeners: what.people,
        say_to: addresses,
        sayings: (0..conversations).map(|pair| goldcrest::saying(&prepared, 2 * pair, prepared.direct[pair])).collect(),
        mouths: 256,
        length: crate::TEXT,
    })?;
    generator.connect_all(128, scene.patience)?;
    scene.say(&format!("{} people listen on {count} nodes", what.people));
    generator.at_rate(what.rate, scene.span / 4)?;
    generator.drain(generator.said.messages() * 2, Duration::from_secs(5))?;
    let warm = generator.said.messages();
    generator.next_part();
    let used = usage(&nodes)?;
    let begun = Instant::now();
    generator.at_rate(what.rate, scene.span)?;
    let messages = generator.said.messages() - warm;
    generator.drain(messages * 2, Duration::from_secs(5))?;
    let took = begun.elapsed().as_secs_f64();
    let spent = usage(&nodes)? - used;
    if generator.ears.failed > 0 || generator.tally.refused > 0 {
        let reasons = format!("{} {}", generator.ears.reason, generator.mouths.reason);
        return Err(io::Error::other(format!("somebody was refused: {reasons}")));
    }
    let of = |ear: usize| generator.said.next(u16::try_from(ear / 2).unwrap_or_default());
    let lost: u64 = (0..what.people).map(|ear| generator.ears.lost_by(ear, of(ear))).sum();
    let tally = &generator.tally;
    let where_at = match what.nodes {
        None => "sqlite, 1 node".to_owned(),
        Some(count) => format!("postgres, {count} nodes"),
    };
    Ok(vec![
        Record::new(format!("direct {} {where_at}", what.people), scene.peer.name())
            .with("messages_per_s", share(messages, took))
            .with("cpu_us_per_delivery", spent * 1e6 / share(tally.heard, 1.0))
            .with("server_load_percent", 100.0 * spent / took)
            .with("latency_p50_ms", milliseconds(&tally.latency, 0.5))
            .with("latency_p99_ms", milliseconds(&tally.latency, 0.99))
            .with("answer_p50_ms", milliseconds(&tally.answers, 0.5))
            .counting("lost", lost)
            .counting("doubled", tally.doubled)
            .counting("out_of_order", tally.disordered),
    ])
}

fn usage(nodes: &[Process]) -> io::Result<f64> {
    nodes.iter().try_fold(0.0, |sum, node| Ok(sum + node.usage()?.seconds))
}

fn nats(scene: &Scene) -> io::Result<Process> {
    // Debian has it where only root looks.
    let path = format!("{}:/usr/sbin", env::var("PATH").unwrap_or_default());
    let mut command = on_core(scene.place.core, "nats-server");
    command.env("PATH", path).args(["--addr", "127.0.0.1", "--port", "4222"]);
    let log = scene.place.scratch.join("nats.log");
    let mut process = Process::start("NATS", command, &log)?;
    process.wait_for(SocketAddr::from(([127, 0, 0, 1], 4222)), &log)?;
    Ok(process)
}
