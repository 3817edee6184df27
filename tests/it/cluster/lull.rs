//! What is tried when all is quiet again: that nodes are told of each other, and read at once what nobody has told them.

use super::nodes::Node;
use super::proxy::{Gate, Trap};
use super::run::{Run, Somebody};
use crate::support::signal::{Signal, signal};
use crate::support::{Ear, Heard, SseClient, seconds};
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long anything may take at the most.
const LONG: Duration = seconds(20);
/// How many times in a row a node has to be told by another, before anything is tried with them.
const TOLD: usize = 5;
/// How many gaps have to be read because they are gaps, and how often it is tried at the most: now and then what is missing is read
/// before it is missed, since the clock's head is read twice a second.
const GAPS: usize = 16;
const TRIALS: usize = 200;

/// The connection breaks at COMMIT, before it arrives or before its answer does: what was said is there once, without any name under which
/// it could be known again, and who said it is told so.
pub async fn what_breaks_at_commit_is_done_once(run: &Arc<Run>, host: &Somebody) -> Result<(), String> {
    for (number, node) in run.cluster.nodes.iter().enumerate() {
        for (arrives, trap) in [(false, Trap::LoseIt), (true, Trap::LoseAnswer(Box::new(|| {})))] {
            let text = format!("broken {number} {arrives}");
            let mut sprung = node.to_database.lay(trap);
            let body = json!({"to": [host.name], "text": text});
            answer(host, node, Method::POST, "/api/v1/messages", Some(&body)).await?;
            if timeout(LONG, sprung.changed()).await.is_err() {
                return Err(format!("nothing was committed by {}", node.name));
            }
            let count = run.cluster.database.count("messages", &format!("text = '{text}'")).await;
            if count != 1 {
                return Err(format!("{} acknowledged {text:?}, which is there {count} times", node.name));
            }
        }
    }
    Ok(())
}

/// One node is cut off from NATS, so that nobody is told what it commits. Another commits then: it has that before its own, and a third,
/// which is told of the second alone, reads the first in the database since it is missing, and not when it looks there anyway.
pub async fn what_nobody_tells_is_read(run: &Arc<Run>, host: &Somebody) -> Result<(), String> {
    let [silent, telling, hearing] = &run.cluster.nodes[..] else { unreachable!("there are three") };
    they_hear_each_other(host, [telling, hearing]).await?;
    silent.to_nats.set(Gate::Cut);
    let mut ear = ear(host, hearing).await?;
    let (mut read, mut trials) = (0, 0);
    while read < GAPS {
        if trials == TRIALS {
            let name = &hearing.name;
            return Err(format!("of {trials} times in which nobody told it, {name} read {read} because of the gap"));
        }
        trials += 1;
        let before = counter(hearing, GAPS_READ).await?;
        say(host, silent).await?;
        let position = position(host, telling).await?;
        let id = say(host, telling).await?;
        has(host, telling, position, id).await?;
        is_heard(&mut ear, id).await?;
        read += usize::from(counter(hearing, GAPS_READ).await? > before);
    }
    run.tell(format!("of {trials} times in which nobody told it, {} read {read} because of the gap", hearing.name));
    silent.to_nats.set(Gate::Open);
    Ok(())
}

/// Says something at one node until the other was told so over NATS, several times in a row.
async fn they_hear_each_other(host: &Somebody, [telling, hearing]: [&Node; 2]) -> Result<(), String> {
    let mut ear = ear(host, hearing).await?;
    let mut in_a_row = 0;
    let begun = Instant::now();
    while in_a_row < TOLD {
        let before = counter(hearing, TOLD_OF).await?;
        let id = say(host, telling).await?;
        is_heard(&mut ear, id).await?;
        in_a_row = if counter(hearing, TOLD_OF).await? > before { in_a_row + 1 } else { 0 };
        if begun.elapsed() > LONG {
            return Err(format!("{} is not told by {}", hearing.name, telling.name));
        }
    }
    Ok(())
}

const TOLD_OF: &str = "goldcrest_relay_batches_total";
const GAPS_READ: &str = "goldcrest_relay_gaps_total";

/// What a node has counted.
async fn counter(node: &Node, name: &str) -> Result<u64, String> {
    let metrics = node.metrics().await.map_err(|error| format!("{}: {error:?}", node.name))?;
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.ok_or_else(|| format!("{} has no {name}", node.name))
}

async fn ear(host: &Somebody, node: &Node) -> Result<SseClient, String> {
    let caller = host.at(node);
    let opening = timeout(LONG, SseClient::open(caller.address, &caller.stream())).await;
    opening.map_err(|_| format!("{} opens no stream", node.name))?.map_err(|error| format!("{}: {error:?}", node.name))
}

/// Says something to himself, and gives its number.
async fn say(host: &Somebody, node: &Node) -> Result<u64, String> {
    let body = json!({"to": [host.name], "text": "in a lull"});
    let said = answer(host, node, Method::POST, "/api/v1/messages", Some(&body)).await?;
    Ok(said["id"].as_u64().expect("a message has an id"))
}

async fn position(host: &Somebody, node: &Node) -> Result<u64, String> {
    Ok(answer(host, node, Method::GET, "/api/v1/events", None).await?["next"].as_u64().expect("a position"))
}

/// No answer before the hub has the batch, nor before it has all that was committed before.
async fn has(host: &Somebody, node: &Node, position: u64, id: u64) -> Result<(), String> {
    let path = format!("/api/v1/events?after={position}&limit=1000");
    let polled = answer(host, node, Method::GET, &path, None).await?;
    let there = polled["events"].as_array().expect("events").iter().any(|event| event["data"]["id"] == json!(id));
    if there { Ok(()) } else { Err(format!("{} acknowledged message {id} and does not have it: {polled}", node.name)) }
}

async fn answer(
    host: &Somebody,
    node: &Node,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, String> {
    let answer =
        host.at(node).try_call(method, path, body).await.map_err(|error| format!("{}: {error:?}", node.name))?;
    if answer.status < 300 { Ok(answer.json()) } else { Err(format!("{} in a lull {}", node.name, answer.describe())) }
}

/// Hears a message.
async fn is_heard(ear: &mut SseClient, id: u64) -> Result<(), String> {
    let hearing = timeout(LONG, async {
        loop {
            match ear.next().await {
                Heard::Event(seen) if seen.kind == "message.created" && seen.data()["id"] == json!(id) => return true,
                Heard::End(_) => return false,
                _ => {}
            }
        }
    });
    if hearing.await.is_ok_and(|heard| heard) { Ok(()) } else { Err(format!("message {id} is not heard")) }
}

/// A message whose node dies once it is committed: no later one betrays it, and no node is told of it.
pub async fn last_word(run: &Arc<Run>, host: &Somebody) -> Result<(), String> {
    let node = Arc::clone(&run.cluster.nodes[0]);
    let _turn = node.turn.lock().await;
    let process = node.process_id();
    let mut sprung = node.to_database.lay(Trap::LoseAnswer(Box::new(move || signal(Signal::KILL, process))));
    let body = json!({"to": [host.name], "text": "the last word"});
    let answer = host.at(&node).try_call(Method::POST, "/api/v1/messages", Some(&body)).await;
    if timeout(LONG, sprung.changed()).await.is_err() {
        return Err(format!("the last word was not committed: {answer:?}"));
    }
    node.ends().await;
    // Any COMMIT of that node springs the trap: another one would leave nothing to be found.
    let count = run.cluster.database.count("messages", "text = 'the last word'").await;
    if count != 1 {
        return Err(format!("the last word is there {count} times"));
    }
    run.tell("the last word is said");
    Ok(())
}
