//! Give and mark: two who fetch for one user at different nodes at once, over Babbel's interface and over our own.

use super::run::{Run, Somebody};
use super::writers::is_no_failure;
use crate::support::{Answer, Chance};
use http::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// How often somebody fetches.
const PACE: Duration = Duration::from_millis(120);

/// All that one user was given, by whichever of the two asked.
#[derive(Default)]
pub struct Given {
    /// Each answer that came whole: who asked where, and the messages in it.
    pub answers: Vec<(String, Vec<u64>)>,
    /// How many were lost on the way, so that what was in them was given to nobody.
    pub lost: usize,
}

/// One of the two.
pub async fn fetches(run: Arc<Run>, somebody: Somebody, which: usize, mut chance: Chance) -> Given {
    let mut given = Given::default();
    let mut ticks = tokio::time::interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !run.is_over() {
        ticks.tick().await;
        given.fetch(&run, &somebody, which, &mut chance).await;
    }
    given
}

/// What was left, when nothing is in anybody's way any more.
pub async fn rest(run: &Run, somebody: &Somebody, chance: &mut Chance) -> Given {
    let mut given = Given::default();
    loop {
        given.fetch(run, somebody, 0, chance).await;
        let nothing = given.answers.last().is_some_and(|(_, ids)| ids.is_empty());
        if nothing || given.lost > 0 || run.failure().is_some() {
            return given;
        }
    }
}

impl Given {
    async fn fetch(&mut self, run: &Run, somebody: &Somebody, which: usize, chance: &mut Chance) {
        let node = run.node(chance);
        let caller = somebody.at(&node);
        let babbel = chance.percent(50);
        let asked = if babbel {
            let path = format!("/compat/babbel/{}/messages/", somebody.name);
            caller.try_call(Method::GET, &path, None).await
        } else {
            let body = json!({"limit": chance.between(1, 20)});
            caller.try_call(Method::POST, "/api/v1/messages/take", Some(&body)).await
        };
        let Ok(answer) = asked else {
            self.lost += 1;
            return;
        };
        if answer.status == 200 {
            let who =
                format!("{} ({which}) at {} over {}", somebody.name, node.name, if babbel { "Babbel" } else { "take" });
            self.answers.push((who, ids(&answer, babbel)));
        } else if babbel || answer.json()["code"] == "outcome_unknown" {
            // Babbel does not tell what is known from what is not.
            self.lost += 1;
            is_no_failure(run, "fetching", Ok(answer));
        } else if answer.status != 503 {
            run.fail(format!("fetching: {}", answer.describe()));
        }
    }

    pub fn add(&mut self, other: Self) {
        self.answers.extend(other.answers);
        self.lost += other.lost;
    }

    /// What is wrong with it, given the messages that there are for this user.
    pub fn wrong(&self, all: &BTreeSet<u64>) -> Option<String> {
        let mut by_message: BTreeMap<u64, &str> = BTreeMap::new();
        for (who, ids) in &self.answers {
            for id in ids {
                if let Some(before) = by_message.insert(*id, who) {
                    return Some(format!("message {id} was given to {before} and to {who}"));
                }
            }
        }
        if let Some((id, who)) = by_message.iter().find(|(id, _)| !all.contains(id)) {
            return Some(format!("message {id}, given to {who}, is not there"));
        }
        // Who takes, takes the oldest: what one lost answer held is one run of what was there to be taken.
        let mut runs: Vec<Vec<u64>> = Vec::new();
        let mut before_is_missing = false;
        for id in all {
            let missing = !by_message.contains_key(id);
            match runs.last_mut() {
                Some(run) if missing && before_is_missing => run.push(*id),
                _ if missing => runs.push(vec![*id]),
                _ => {}
            }
            before_is_missing = missing;
        }
        (runs.len() > self.lost).then(|| format!("{} answers were lost, and given to nobody were {runs:?}", self.lost))
    }

    pub fn counts(&self) -> String {
        let messages: usize = self.answers.iter().map(|(_, ids)| ids.len()).sum();
        format!("{messages} messages given in {} answers, {} answers lost", self.answers.len(), self.lost)
    }
}

fn ids(answer: &Answer, babbel: bool) -> Vec<u64> {
    let json = answer.json();
    let list: &Value = if babbel { &json } else { &json["items"] };
    let id = |message: &Value| message["id"].as_u64().expect("a message has an id");
    list.as_array().expect("a list").iter().map(id).collect()
}
