//! Durable sends: how many messages a second are on disk when they are answered, beside a bare loop over the same driver.

use super::{Scene, share};
use crate::generator::{Generator, Setting};
use crate::peers::goldcrest::{self, Contents};
use crate::peers::{Peer, postgres};
use crate::process::on_core;
use crate::record::Record;
use crate::tally::milliseconds;
use crate::way::Transport;
use serde::{Deserialize, Serialize};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Where the metrics of a run are.
const METRICS: &str = "127.0.0.1:9090";

/// How many at once, and where they are kept.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Sends {
    /// Connections, each with a request underway.
    pub connections: usize,
    /// Where.
    pub database: Kind,
    /// How many messages the bare loop commits together: as many as the server did.
    pub batch: f64,
}

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Embedded.
    Sqlite,
    /// A server.
    Postgres,
}

impl Sends {
    fn name(self) -> String {
        let database = match self.database {
            Kind::Sqlite => "sqlite",
            Kind::Postgres => "postgres",
        };
        format!("sends {database} {}", self.connections)
    }
}

/// Measures one peer.
pub fn run(what: Sends, scene: &Scene) -> io::Result<Vec<Record>> {
    let server = match what.database {
        Kind::Sqlite => None,
        Kind::Postgres => Some(postgres::start(&scene.place)?),
    };
    let url = server.as_ref().map(|(_, url)| url.as_str());
    let record = if scene.peer == Peer::Bare { bare(what, scene, url)? } else { served(what, scene, url)? };
    Ok(vec![record])
}

fn served(what: Sends, scene: &Scene, server: Option<&str>) -> io::Result<Record> {
    let mut options = vec![format!("--metrics-listen={METRICS}")];
    let (process, prepared) = if let Some(url) = server {
        let key = scene.place.prepared.join("data/jwt.key");
        options.extend([format!("--database-url={url}"), format!("--jwt-key-file={}", key.display())]);
        let process =
            goldcrest::serve(&scene.place, &scene.place.scratch.join("data"), goldcrest::address(), &options)?;
        (process, goldcrest::populate(Contents { people: 2, direct: false, messages: 0 })?)
    } else {
        let data = goldcrest::copy(&scene.place)?;
        let process = goldcrest::serve(&scene.place, &data, goldcrest::address(), &options)?;
        (process, goldcrest::prepared(&scene.place.prepared)?)
    };
    let mut generator = Generator::new(Setting {
        listening: goldcrest::listening(&prepared, Transport::Sse),
        listeners: 0,
        say_to: vec![goldcrest::address()],
        sayings: vec![goldcrest::saying(&prepared, 0, prepared.conversation)],
        mouths: what.connections,
        length: crate::TEXT,
    })?;
    generator.press(u64::MAX, scene.span / 4)?;
    generator.next_part();
    let (used, commits) = (process.usage()?, Commits::read()?);
    let begun = Instant::now();
    generator.press(u64::MAX, scene.span)?;
    let took = begun.elapsed().as_secs_f64();
    let (usage, commits_after) = (process.usage()?, Commits::read()?);
    let tally = &generator.tally;
    if tally.refused > 0 {
        return Err(io::Error::other(format!("a message was refused: {}", generator.mouths.reason)));
    }
    let spent = usage.seconds - used.seconds;
    scene.say(&format!("{}: {} messages in {took:.1} s", what.name(), tally.accepted));
    Ok(Record::new(what.name(), scene.peer.name())
        .with("messages_per_s", share(tally.accepted, took))
        .with("messages_per_commit", (commits_after.changes - commits.changes) / (commits_after.count - commits.count))
        .with("cpu_us_per_message", spent * 1e6 / share(tally.accepted, 1.0))
        .with("answer_p50_ms", milliseconds(&tally.answers, 0.5))
        .with("answer_p99_ms", milliseconds(&tally.answers, 0.99)))
}

fn bare(what: Sends, scene: &Scene, server: Option<&str>) -> io::Result<Record> {
    let Some(program) = &scene.place.bare else { return Err(io::Error::other("the bare loop was not built")) };
    let file = || format!("sqlite://{}?mode=rwc", scene.place.scratch.join("bare.db").display());
    let url = server.map_or_else(file, str::to_owned);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a batch is of a few hundred")]
    let batch = what.batch.round().max(1.0) as u64;
    let mut command = on_core(scene.place.core, program);
    command.arg(url).arg(batch.to_string()).arg(scene.span.as_secs().max(1).to_string());
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<u64> = said.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    let &[messages, nanoseconds] = numbers.as_slice() else {
        return Err(io::Error::other(format!("the bare loop: {}", String::from_utf8_lossy(&output.stderr))));
    };
    scene.say(&format!("{}: {messages} messages in batches of {batch}", what.name()));
    Ok(Record::new(what.name(), scene.peer.name())
        .with("messages_per_s", share(messages, Duration::from_nanos(nanoseconds).as_secs_f64()))
        .counting("messages_per_commit", batch))
}

/// How many changes were committed, in how many transactions.
#[derive(Debug, Clone, Copy)]
struct Commits {
    changes: f64,
    count: f64,
}

impl Commits {
    fn read() -> io::Result<Self> {
        let address: SocketAddr = METRICS.parse().map_err(io::Error::other)?;
        let page = crate::http::Client::connect(address)?.read("/metrics")?;
        let number = |name: &str| {
            let line = page.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.trim().parse().ok()).ok_or_else(|| io::Error::other(format!("no metric {name}")))
        };
        Ok(Self { changes: number("goldcrest_batch_changes_sum ")?, count: number("goldcrest_batch_changes_count ")? })
    }
}
