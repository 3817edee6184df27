//! What is tried when all is quiet again: that nodes hear of each other soon, and of what nobody has told them at all.

use super::nodes::Node;
use super::proxy::{Gate, Trap};
use super::run::{Run, Somebody};
use crate::support::database_server::signal;
use crate::support::{Ear, Heard, SseClient, seconds};
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long anything may take at the most.
const LONG: Duration = seconds(20);
/// How often it is tried, and how many of them have to be soon.
const TRIALS: usize = 20;
const SOON_AT_LEAST: usize = 16;
/// How often as a whole: the machine does other work beside.
const ATTEMPTS: usize = 3;
/// Sooner than the clock's head is read again, which is twice a second: that a gap is read is told from that nobody reads it, who
/// hears of it by chance after any time up to half a second.
const SOON: Duration = Duration::from_millis(250);

/// The connection breaks at COMMIT, before it arrives or before its answer does: what was said is there once, without any name under which
/// it could be known again, and who said it is told so.
pub async fn what_breaks_at_commit_is_done_once(run: &Arc<Run>, host: &Somebody) -> Option<String> {
    for (number, node) in run.cluster.nodes.iter().enumerate() {
        for (arrives, trap) in [(false, Trap::LoseIt), (true, Trap::LoseAnswer(Box::new(|| {})))] {
            let text = format!("broken {number} {arrives}");
            let mut sprung = node.to_database.lay(trap);
            let body = json!({"to": [host.name], "text": text});
            if let Err(wrong) = answer(host, node, Method::POST, "/api/v1/messages", Some(&body)).await {
                return Some(wrong);
            }
            if timeout(LONG, sprung.changed()).await.is_err() {
                return Some(format!("nothing was committed by {}", node.name));
            }
            let count = run.cluster.database.count("messages", &format!("text = '{text}'")).await;
            if count != 1 {
                return Some(format!("{} acknowledged {text:?}, which is there {count} times", node.name));
            }
        }
    }
    None
}

/// One node is cut off from NATS, so that nobody is told what it commits. Another commits then: it has that before its own, and a third,
/// which is told of the second alone, reads the first in the database at once.
pub async fn all_is_prompt(run: &Arc<Run>, host: &Somebody) -> Option<String> {
    let [silent, telling, hearing] = &run.cluster.nodes[..] else { unreachable!("there are three") };
    if let Err(wrong) = they_hear_each_other(host, [telling, hearing]).await {
        return Some(wrong);
    }
    silent.to_nats.set(Gate::Cut);
    let mut slow = Vec::new();
    for _ in 0..ATTEMPTS {
        let times = match gaps(host, [silent, telling, hearing]).await {
            Ok(times) => times,
            Err(wrong) => return Some(wrong),
        };
        let soon = times.iter().filter(|time| **time < SOON).count();
        run.tell(format!("what nobody was told of is heard within {times:?}"));
        if soon >= SOON_AT_LEAST {
            silent.to_nats.set(Gate::Open);
            return None;
        }
        slow.push(times);
    }
    Some(format!("what nobody was told of is not soon heard by {}: {slow:?}", hearing.name))
}

/// Says something at one node until it is heard at the other before the clock's head can have been read, several times in a row.
async fn they_hear_each_other(host: &Somebody, [telling, hearing]: [&Node; 2]) -> Result<(), String> {
    let mut ear = ear(host, hearing).await?;
    let mut in_a_row = 0;
    let begun = Instant::now();
    while in_a_row < 5 {
        let id = say(host, telling).await?;
        let time = heard(&mut ear, id).await?;
        in_a_row = if time < SOON / 2 { in_a_row + 1 } else { 0 };
        if begun.elapsed() > LONG {
            return Err(format!("{} does not soon hear of {}", hearing.name, telling.name));
        }
    }
    Ok(())
}

async fn gaps(host: &Somebody, [silent, telling, hearing]: [&Node; 3]) -> Result<Vec<Duration>, String> {
    let mut ear = ear(host, hearing).await?;
    let mut times = Vec::new();
    for _ in 0..TRIALS {
        say(host, silent).await?;
        let position = position(host, telling).await?;
        let id = say(host, telling).await?;
        has(host, telling, position, id).await?;
        times.push(heard(&mut ear, id).await?);
    }
    Ok(times)
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

/// How long it takes until a message is heard.
async fn heard(ear: &mut SseClient, id: u64) -> Result<Duration, String> {
    let begun = Instant::now();
    let hearing = timeout(LONG, async {
        loop {
            match ear.next().await {
                Heard::Event(seen) if seen.kind == "message.created" && seen.data()["id"] == json!(id) => return true,
                Heard::End(_) => return false,
                _ => {}
            }
        }
    });
    if hearing.await.is_ok_and(|heard| heard) { Ok(begun.elapsed()) } else { Err(format!("message {id} is not heard")) }
}

/// A message whose node dies once it is committed: no later one betrays it, and no node is told of it.
pub async fn last_word(run: &Arc<Run>, host: &Somebody) -> Option<String> {
    let node = Arc::clone(&run.cluster.nodes[0]);
    let _turn = node.turn.lock().await;
    let process = node.process_id();
    let mut sprung = node.to_database.lay(Trap::LoseAnswer(Box::new(move || signal("KILL", process))));
    let body = json!({"to": [host.name], "text": "the last word"});
    let answer = host.at(&node).try_call(Method::POST, "/api/v1/messages", Some(&body)).await;
    if timeout(LONG, sprung.changed()).await.is_err() {
        return Some(format!("the last word was not committed: {answer:?}"));
    }
    node.ends().await;
    run.tell("the last word is said");
    None
}
