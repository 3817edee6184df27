//! What all who take part in a run share: the nodes, the people, what was done, and whether it is over.

use super::nodes::{Cluster, Node};
use crate::support::chance::seed_for;
use crate::support::{Caller, Chance, Person};
use parking_lot::Mutex;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// What a run is given.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    pub long: Duration,
}

impl Plan {
    /// From the environment, or fresh and short.
    #[expect(clippy::disallowed_methods, reason = "a test has no options but these")]
    pub fn of_the_environment() -> Self {
        let long = std::env::var("GOLDCREST_HISTORY_SECONDS").ok();
        let long = long.map(|text| text.parse().expect("GOLDCREST_HISTORY_SECONDS is a number"));
        Self { seed: seed_for("cluster"), long: Duration::from_secs(long.unwrap_or(20)) }
    }

    /// Whether faults last as long as they should, and not only as long as they must.
    pub fn is_long(&self) -> bool {
        self.long >= Duration::from_mins(1)
    }
}

/// One run.
pub struct Run {
    pub plan: Plan,
    pub cluster: Cluster,
    begun: Instant,
    /// What happened to nodes and servers, and when.
    story: Mutex<Vec<(Duration, String)>>,
    /// What is wrong, the first of it.
    wrong: watch::Sender<Option<String>>,
    /// No more is written.
    pub enough: watch::Sender<bool>,
    /// What everybody has to have heard in the end.
    pub goal: watch::Sender<Option<u64>>,
    pub acknowledged: AtomicUsize,
    pub heard: AtomicUsize,
    /// Where each listener is by now, and over which connection.
    pub positions: Mutex<BTreeMap<String, (Option<u64>, String)>>,
}

impl Run {
    pub async fn begin(plan: Plan, kind: &str) -> Self {
        let cluster = Cluster::start(kind).await;
        Self {
            plan,
            cluster,
            begun: Instant::now(),
            story: Mutex::default(),
            wrong: watch::Sender::new(None),
            enough: watch::Sender::new(false),
            goal: watch::Sender::new(None),
            acknowledged: AtomicUsize::new(0),
            heard: AtomicUsize::new(0),
            positions: Mutex::default(),
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    pub fn tell(&self, what: impl Into<String>) {
        let (at, what) = (self.elapsed(), what.into());
        println!("{:7.2} s  {what}", at.as_secs_f64());
        self.story.lock().push((at, what));
    }

    pub fn story(&self) -> String {
        let story = self.story.lock();
        let lines: Vec<String> = story.iter().map(|(at, what)| format!("{:7.2} s  {what}", at.as_secs_f64())).collect();
        lines.join("\n")
    }

    /// Something is wrong, so that there is no use in going on.
    pub fn fail(&self, what: impl Into<String>) {
        let what = what.into();
        println!("{:7.2} s  WRONG: {what}", self.elapsed().as_secs_f64());
        self.wrong.send_if_modified(|wrong| {
            let first = wrong.is_none();
            wrong.get_or_insert(what);
            first
        });
        self.enough.send_replace(true);
    }

    pub fn failure(&self) -> Option<String> {
        self.wrong.borrow().clone()
    }

    /// Ends when something is wrong.
    pub async fn fails(&self) {
        let mut wrong = self.wrong.subscribe();
        drop(wrong.wait_for(Option::is_some).await);
    }

    pub fn is_over(&self) -> bool {
        *self.enough.borrow()
    }

    pub fn node(&self, chance: &mut Chance) -> Arc<Node> {
        Arc::clone(chance.pick(&self.cluster.nodes))
    }

    /// Who has not come to the goal.
    pub fn laggards(&self) -> String {
        let (goal, positions) = (*self.goal.borrow(), self.positions.lock());
        let behind = positions.iter().filter(|(_, (cursor, _))| *cursor < goal);
        let line = |(name, (cursor, over)): (&String, &(Option<u64>, String))| {
            format!("\n  {name} is at {cursor:?} over {over}")
        };
        behind.map(line).collect::<Vec<_>>().concat()
    }

    pub fn counts(&self) -> String {
        let (acknowledged, heard) = (self.acknowledged.load(Ordering::Relaxed), self.heard.load(Ordering::Relaxed));
        format!("{acknowledged} messages acknowledged, {heard} events heard")
    }
}

/// Somebody with an account, who calls whichever node he likes.
#[derive(Clone)]
pub struct Somebody {
    pub id: u64,
    pub name: String,
    token: String,
    http: reqwest::Client,
}

impl Somebody {
    pub async fn register(run: &Run, name: &str) -> (Self, Person) {
        let stranger = Caller::new(run.cluster.nodes[0].address(), run.cluster.http());
        let body = json!({"username": name, "password": format!("password of {name}")});
        let answer = stranger.post("/api/v1/users", &body).await;
        let person = Person::from_login(&stranger, "", &answer.expect(201));
        let (id, token) = (person.id, person.access_token.clone());
        (Self { id, name: name.to_owned(), token, http: run.cluster.http() }, person)
    }

    pub fn at(&self, node: &Node) -> Caller {
        node.caller(&self.http, &self.token)
    }
}
