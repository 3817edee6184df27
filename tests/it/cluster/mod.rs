//! The history of a cluster: three nodes that share a database and NATS while much goes wrong, and a checker of what everybody wrote and heard.
//!
//! Every acknowledged message is in the sequence of everybody who may see it exactly once, all sequences agree in order, `seq` has no
//! gap, and what is given and marked is given once: while nodes are killed, frozen (also between claim and commit), stopped and
//! started, NATS comes and goes, the database server is restarted, crashed (also during COMMIT) and frozen, and nodes are cut off from what they need.
//!
//! Each kind of fault has its turn within some twenty seconds. For two minutes, or as long as you like, and with a seed again:
//!
//! ```sh
//! GOLDCREST_HISTORY_SECONDS=120 cargo test --test it cluster:: -- --nocapture --test-threads 1
//! GOLDCREST_HISTORY_SEED=123 cargo test --test it cluster::postgres -- --nocapture
//! ```
//!
//! From a minute on, faults last as long as they do in the worst case, such as 15 s frozen. The seed fixes what happens, not when: the
//! machine's timing stays its own.

mod faults;
mod history;
mod listeners;
mod lull;
mod nodes;
pub mod proxy;
mod run;
mod takers;
mod writers;

use crate::support::listener::TRANSPORTS;
use crate::support::{Chance, Person, Transport, seconds};
use faults::Faults;
use futures_util::FutureExt;
use futures_util::future::join_all;
use history::History;
use listeners::{Habit, Hearer, Record};
use run::{Plan, Run, Somebody};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use takers::Given;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use writers::{Sent, Writer};

const WRITERS: usize = 6;
/// How long all may take to come to the end, once nothing is in anybody's way.
const END: Duration = seconds(60);

mod postgres {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_history_of_three_nodes_is_what_was_promised() {
        Box::pin(super::on("postgres")).await;
    }
}

mod mariadb {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_history_of_three_nodes_is_what_was_promised() {
        Box::pin(super::on("mariadb")).await;
    }
}

async fn on(kind: &str) {
    let plan = Plan::of_the_environment();
    println!("GOLDCREST_HISTORY_SEED={} on {kind}, for {} s", plan.seed, plan.long.as_secs());
    let mut chance = Chance::of(plan.seed);
    let run = Arc::new(Run::begin(plan, kind).await);
    let whole = AssertUnwindSafe(Box::pin(whole(Arc::clone(&run), chance.split()))).catch_unwind();
    let verdict = timeout(plan.long * 2 + seconds(240), whole).await;
    let wrong = match verdict {
        Ok(Ok(wrong)) => wrong,
        // Somebody was not answered as is documented, or worse.
        Ok(Err(_)) => Some(run.failure().unwrap_or_else(|| "a panic, told above".to_owned())),
        Err(_) => Some(run.failure().unwrap_or_else(|| "it did not come to its end".to_owned())),
    };
    if let Some(wrong) = wrong {
        let logs = run.cluster.keep_logs();
        let (story, seed) = (run.story(), plan.seed);
        panic!("{wrong}\n\nwhat happened:\n{story}\n\nGOLDCREST_HISTORY_SEED={seed}; the nodes' logs are in {logs}");
    }
}

/// Everybody who takes part.
struct Scene {
    host: Somebody,
    takers: Vec<Somebody>,
    writers: JoinSet<Vec<Sent>>,
    movers: JoinSet<()>,
    listeners: JoinSet<Record>,
    fetchers: Vec<Vec<JoinHandle<Given>>>,
}

/// A whole run; gives what is wrong.
async fn whole(run: Arc<Run>, mut chance: Chance) -> Option<String> {
    let scene = Scene::begin(&run, &mut chance).await;
    let progress = tokio::spawn(progress(Arc::clone(&run)));
    let faults = Faults::new(Arc::clone(&run));
    tokio::select! {
        () = faults.happen(&mut chance) => {}
        () = run.fails() => {}
    }
    run.cluster.heal().await;
    run.tell(format!("all is well after {} faults; {}", faults.count(), run.counts()));
    let wrong = scene.end(&run, &mut chance).await;
    progress.abort();
    wrong
}

async fn progress(run: Arc<Run>) {
    let mut ticks = tokio::time::interval(seconds(10));
    loop {
        ticks.tick().await;
        let laggards = if run.goal.borrow().is_some() { run.laggards() } else { String::new() };
        println!("{:7.2} s  … {}{laggards}", run.elapsed().as_secs_f64(), run.counts());
    }
}

impl Scene {
    async fn begin(run: &Arc<Run>, chance: &mut Chance) -> Self {
        let names = (1..=WRITERS).map(|number| format!("w{number}"));
        let (writers, writing) = register(run, names).await;
        let (wanderers, wandering) = register(run, ["x1", "x2", "x3"]).await;
        let (takers, taking) = register(run, ["t1", "t2"]).await;
        let (others, owners) = register(run, ["host", "follower"]).await;
        let [host, follower] = others.try_into().unwrap_or_else(|_| unreachable!("two names"));
        let owner = &owners[0];
        let group = owner.group("the group", &[&writing[..], &wandering[..]].concat().iter().collect::<Vec<_>>()).await;
        let channel = owner.channel("the-channel").await;
        for person in &writing {
            person.join(channel).await;
        }
        let mut scene = Self {
            host: host.clone(),
            takers: takers.clone(),
            writers: JoinSet::new(),
            movers: JoinSet::new(),
            listeners: JoinSet::new(),
            fetchers: Vec::new(),
        };
        for (number, somebody) in writers.iter().enumerate() {
            let friend = writing[(number + 1) % WRITERS].clone();
            let direct = writing[number].direct(&[&friend]).await;
            let to_taker = writing[number].direct(&[&taking[number % taking.len()]]).await;
            let writer = Writer::new(somebody.clone(), vec![group, channel, direct], vec![group, channel, to_taker]);
            scene.writers.spawn(writer.write(Arc::clone(run), chance.split()));
        }
        for hearer in hearers(&host, &follower, &writers, &wanderers, &takers, [group, channel]) {
            scene.listeners.spawn(hearer.listen(Arc::clone(run), chance.split()));
        }
        let moving = writers::lets_in_and_out(Arc::clone(run), host, group, wanderers, chance.split());
        scene.movers.spawn(moving);
        for taker in takers {
            let fetcher = |which| takers::fetches(Arc::clone(run), taker.clone(), which, chance.split());
            let both: Vec<_> = [1, 2].map(fetcher).into_iter().map(tokio::spawn).collect();
            scene.fetchers.push(both);
        }
        scene
    }

    /// Lets the writers finish, then the listeners hear the rest, and compares everything.
    async fn end(mut self, run: &Arc<Run>, chance: &mut Chance) -> Option<String> {
        run.enough.send_replace(true);
        let writers = std::mem::take(&mut self.writers);
        let Ok(sent) = timeout(END, writers.join_all()).await else {
            return Some("the writers do not get their acknowledgement".to_owned());
        };
        let sent = sent.concat();
        timeout(END, self.movers.join_all()).await.ok()?;
        let mut given = Vec::new();
        for (taker, both) in self.takers.iter().zip(std::mem::take(&mut self.fetchers)) {
            let mut all = Given::default();
            for one in join_all(both).await {
                all.add(one.expect("it fetches"));
            }
            all.add(takers::rest(run, taker, chance).await);
            run.tell(format!("{}: {}", taker.name, all.counts()));
            given.push((taker.id, all));
        }
        if let Some(wrong) = run.failure().or_else(|| run.cluster.complaints().first().cloned()) {
            return Some(wrong);
        }
        if let Some(wrong) = lull::what_breaks_at_commit_is_done_once(run, &self.host).await {
            return Some(wrong);
        }
        if let Some(wrong) = lull::all_is_prompt(run, &self.host).await {
            return Some(wrong);
        }
        if let Some(wrong) = lull::last_word(run, &self.host).await {
            return Some(wrong);
        }
        let goal = History::of(&run.cluster.database).await.log.head();
        run.goal.send_replace(Some(goal));
        let listeners = self.listeners;
        let Ok(records) = timeout(END, listeners.join_all()).await else {
            return Some(format!("not all listeners hear the last event, {goal}:{}", run.laggards()));
        };
        run.cluster.heal().await;
        let history = History::of(&run.cluster.database).await;
        run.tell(format!("in the end: {}, {} messages sent, head {goal}", run.counts(), sent.len()));
        let complaints = run.cluster.complaints();
        let complains = || complaints.first().cloned();
        run.failure().or_else(|| history.wrong(&sent, &records, &given)).or_else(complains)
    }
}

async fn register(run: &Run, names: impl IntoIterator<Item = impl Into<String>>) -> (Vec<Somebody>, Vec<Person>) {
    let mut all = (Vec::new(), Vec::new());
    for name in names {
        let (somebody, person) = Somebody::register(run, &name.into()).await;
        all.0.push(somebody);
        all.1.push(person);
    }
    all
}

/// Fifteen listeners over all transports: members, people who come and go, and somebody who only follows the channel.
fn hearers(
    host: &Somebody,
    follower: &Somebody,
    writers: &[Somebody],
    wanderers: &[Somebody],
    takers: &[Somebody],
    [group, channel]: [u64; 2],
) -> Vec<Hearer> {
    let plain = |somebody: &Somebody, habit: Habit, always_in: &[u64]| Hearer {
        somebody: somebody.clone(),
        habit,
        follows: None,
        after: Some(0),
        always_in: always_in.to_vec(),
    };
    let follows = Some((channel, "the-channel".to_owned()));
    let mut all = vec![
        plain(host, Habit::Roams, &[group, channel]),
        Hearer { follows: follows.clone(), ..plain(follower, Habit::Roams, &[channel]) },
        Hearer { follows: follows.clone(), after: None, ..plain(follower, Habit::Stays(Transport::WebSocket), &[]) },
        Hearer { follows, ..plain(&wanderers[2], Habit::Roams, &[channel]) },
        Hearer { after: None, ..plain(&writers[3], Habit::Roams, &[group, channel]) },
        plain(&takers[0], Habit::Roams, &[]),
    ];
    for (number, transport) in TRANSPORTS.into_iter().enumerate() {
        all.push(plain(&writers[number], Habit::Roams, &[group, channel]));
        all.push(plain(&writers[number], Habit::Stays(transport), &[group, channel]));
        all.push(plain(&wanderers[number % 2], if number == 0 { Habit::Stays(transport) } else { Habit::Roams }, &[]));
    }
    all
}
