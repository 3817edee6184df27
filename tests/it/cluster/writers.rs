//! Those who write: numbered messages, each sent until it is acknowledged, or once only.

use super::nodes::{ANSWER, Node};
use super::run::{Run, Somebody};
use crate::support::{Answer, Chance, Ear, Heard, WsClient};
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, timeout};

/// How often somebody writes at most.
const PACE: Duration = Duration::from_millis(55);
/// How soon he tries again.
const PAUSE: Duration = Duration::from_millis(100);
/// How long nothing may have been in the way of a node that has to have everything at once.
const WELL: Duration = Duration::from_secs(2);

/// What is known of a message by whoever sent it.
#[derive(Debug, Clone)]
pub struct Sent {
    pub author: u64,
    pub conversation: u64,
    pub text: String,
    pub client_id: Option<String>,
    pub outcome: Outcome,
    /// Who acknowledged it.
    pub node: String,
    /// Deleted afterwards, as was acknowledged.
    pub deleted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is there under this number.
    Acknowledged(u64),
    /// It is not there: the server said so.
    Refused,
    /// It is there once, or not at all.
    Unknown,
}

pub struct Writer {
    pub somebody: Somebody,
    /// Where he writes and is all the time.
    pub places: Vec<u64>,
    /// Where nothing is changed that was said.
    pub plain_places: Vec<u64>,
    socket: Option<(String, WsClient)>,
    sent: Vec<Sent>,
    /// Up to where he has polled.
    position: u64,
}

enum Attempt {
    Done(Answered),
    /// It is not there.
    Refused,
    Unknown,
    Wrong(String),
}

struct Answered {
    id: u64,
    over_rest: bool,
}

impl Writer {
    pub fn new(somebody: Somebody, places: Vec<u64>, plain_places: Vec<u64>) -> Self {
        Self { somebody, places, plain_places, socket: None, sent: Vec::new(), position: 0 }
    }

    pub async fn write(mut self, run: Arc<Run>, mut chance: Chance) -> Vec<Sent> {
        let mut ticks = tokio::time::interval(PACE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !run.is_over() {
            ticks.tick().await;
            if chance.percent(10) {
                self.change(&run, &mut chance).await;
            }
            self.say(&run, &mut chance).await;
        }
        self.sent
    }

    async fn say(&mut self, run: &Run, chance: &mut Chance) {
        let number = self.sent.len();
        let text = format!("{} {number}", self.somebody.name);
        let insists = chance.percent(70);
        let client_id = insists.then(|| format!("{}-{number}", self.somebody.name));
        let places = if chance.percent(40) { &self.plain_places } else { &self.places };
        let conversation = *chance.pick(places);
        let mut body = json!({"conversation_id": conversation, "text": text});
        if let Some(client_id) = &client_id {
            body["client_id"] = json!(client_id);
        }
        let mut sent = Sent {
            author: self.somebody.id,
            conversation,
            text,
            client_id,
            outcome: Outcome::Unknown,
            node: String::new(),
            deleted: false,
        };
        let mut pauses = tokio::time::interval(PAUSE);
        loop {
            pauses.tick().await;
            let node = run.node(chance);
            sent.node.clone_from(&node.name);
            let attempt = if chance.percent(50) {
                self.over_socket(&node, &body).await
            } else {
                self.over_rest(&node, &body).await
            };
            match attempt {
                Attempt::Done(answered) => {
                    sent.outcome = Outcome::Acknowledged(answered.id);
                    run.acknowledged.fetch_add(1, Ordering::Relaxed);
                    if answered.over_rest && chance.percent(40) {
                        self.hears_it_at_once(run, &node, answered.id).await;
                    }
                }
                Attempt::Refused | Attempt::Unknown if insists && run.failure().is_none() => continue,
                Attempt::Refused => sent.outcome = Outcome::Refused,
                Attempt::Unknown => {}
                Attempt::Wrong(what) => run.fail(format!("{} at {}: {what}", sent.text, node.name)),
            }
            break;
        }
        self.sent.push(sent);
    }

    async fn over_rest(&self, node: &Node, body: &Value) -> Attempt {
        let caller = self.somebody.at(node);
        let Ok(answer) = caller.try_call(Method::POST, "/api/v1/messages", Some(body)).await else {
            return Attempt::Unknown;
        };
        match answer.status {
            200 | 201 => Attempt::Done(Answered { id: number(&answer.json()["id"]), over_rest: true }),
            503 => refused(&answer.json()["code"]),
            _ => Attempt::Wrong(answer.describe()),
        }
    }

    async fn over_socket(&mut self, node: &Node, body: &Value) -> Attempt {
        // One that was opened before, unless it leads to another node.
        let mut open = self.socket.take().filter(|(to, _)| *to == node.name);
        if open.is_none() {
            let caller = self.somebody.at(node);
            let opening = timeout(ANSWER, WsClient::open(caller.address, &caller.stream())).await;
            // Nothing was sent there, so nothing is there.
            let Ok(Ok(socket)) = opening else { return Attempt::Refused };
            open = Some((node.name.clone(), socket));
        }
        let Some((to, mut socket)) = open else { return Attempt::Refused };
        let mut operation = body.clone();
        operation["op"] = json!("send");
        operation["ref"] = json!(self.sent.len());
        if socket.try_send(&operation).await.is_err() {
            return Attempt::Unknown;
        }
        let reply = timeout(ANSWER, async {
            loop {
                match socket.next().await {
                    Heard::Reply(reply) if reply["ref"] == operation["ref"] => return Some(reply),
                    Heard::End(_) => return None,
                    _ => {}
                }
            }
        });
        let Ok(Some(reply)) = reply.await else { return Attempt::Unknown };
        self.socket = Some((to, socket));
        if reply["ok"] == true {
            return Attempt::Done(Answered { id: number(&reply["result"]["id"]), over_rest: false });
        }
        if reply["error"]["status"] == 503 {
            refused(&reply["error"]["code"])
        } else {
            Attempt::Wrong(reply.to_string())
        }
    }

    /// Who is answered finds what he said in the streams of that node: no answer before the hub has the batch. A node that has
    /// had trouble with its database may know it a little later.
    async fn hears_it_at_once(&mut self, run: &Run, node: &Node, id: u64) {
        let caller = self.somebody.at(node);
        let path = format!("/api/v1/events?after={}&limit=1000", self.position);
        let Ok(answer) = caller.try_call(Method::GET, &path, None).await else { return };
        if answer.status != 200 {
            return;
        }
        let polled = answer.json();
        let events = polled["events"].as_array().expect("events");
        let it = |event: &Value| event["type"] == "message.created" && event["data"]["id"] == json!(id);
        let all = events.len() < 1000;
        if all && !events.iter().any(it) && node.has_been_well_for(WELL) {
            run.fail(format!("{} acknowledged message {id} and its stream does not have it: {polled}", node.name));
        }
        self.position = number(&polled["next"]);
    }

    /// Says one of the last messages anew, or takes it back.
    async fn change(&mut self, run: &Run, chance: &mut Chance) {
        let changeable =
            |sent: &&mut Sent| self.places.contains(&sent.conversation) && sent.client_id.is_some() && !sent.deleted;
        let mut recent: Vec<&mut Sent> = self.sent.iter_mut().rev().take(20).filter(changeable).collect();
        if recent.is_empty() {
            return;
        }
        let which = chance.between(0, recent.len() - 1);
        let Outcome::Acknowledged(id) = recent[which].outcome else { return };
        let (caller, path) = (self.somebody.at(&run.node(chance)), format!("/api/v1/messages/{id}"));
        let answer = if chance.percent(50) {
            let deleted = caller.try_call(Method::DELETE, &path, None).await;
            recent[which].deleted = deleted.as_ref().is_ok_and(|answer| answer.status == 204);
            deleted
        } else {
            let body = json!({"text": format!("{} changed", recent[which].text)});
            caller.try_call(Method::PATCH, &path, Some(&body)).await
        };
        is_no_failure(run, &path, answer);
    }
}

/// A refusal is as good, but not a failure of the server's.
pub fn is_no_failure(run: &Run, what: &str, answer: Result<Answer, reqwest::Error>) {
    if let Ok(answer) = answer
        && answer.status >= 500
        && answer.status != 503
    {
        run.fail(format!("{what}: {}", answer.describe()));
    }
}

fn refused(code: &Value) -> Attempt {
    // The one refusal after which it may be there all the same.
    if code == "outcome_unknown" { Attempt::Unknown } else { Attempt::Refused }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is a number"))
}

/// Somebody who lets people into a place and sends them away again.
pub async fn lets_in_and_out(run: Arc<Run>, host: Somebody, group: u64, others: Vec<Somebody>, mut chance: Chance) {
    let mut ticks = tokio::time::interval(PACE * 4);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !run.is_over() {
        ticks.tick().await;
        let (caller, other) = (host.at(&run.node(&mut chance)), chance.pick(&others));
        let members = format!("/api/v1/conversations/{group}/members");
        let answer = if chance.percent(50) {
            caller.try_call(Method::POST, &members, Some(&json!({"username": other.name}))).await
        } else {
            caller.try_call(Method::DELETE, &format!("{members}/{}", other.name), None).await
        };
        is_no_failure(&run, &members, answer);
    }
}
