//! What goes wrong, by a schedule of chance in which each kind has its turn.

use super::nodes::Node;
use super::proxy::{Gate, Trap};
use super::run::Run;
use crate::support::chance::Chance;
use crate::support::database::rows;
use crate::support::database_server::Blow;
use crate::support::signal::{Signal, signal};
use crate::support::{Answer, Caller, eventually, seconds, within};
use http::Method;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long a trap waits for somebody to write.
const TRAPPED: Duration = seconds(20);
/// How long a node that is frozen while it has the clock may hold up the others: as long as a transaction may stand idle (5 s), and
/// as long again, since the machine does other work beside. What users rely on is that it ends; without that bound it takes as long as
/// the node stands still.
const HELD_UP: Duration = seconds(10);
/// And how long it does so at least.
const HAD_IT: Duration = seconds(3);

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Between claim and commit: it has the clock, and stands still.
    FrozenWithTheClock,
    Frozen,
    Killed,
    Terminated,
    /// At the moment in which its COMMIT was done and the answer is on its way.
    KilledAtCommit,
    /// The connection breaks before its COMMIT arrives.
    CommitLost,
    /// The connection breaks after.
    AnswerLost,
    CutFromDatabase,
    /// It hears nothing more from there, and no connection ends.
    SilentDatabase,
    CutFromNats,
    SilentNats,
    NatsGone,
    NatsFrozen,
    DatabaseRestarted,
    DatabaseRestartedAtCommit,
    DatabaseCrashedAtCommit,
    DatabaseFrozen,
}

use Fault::{
    AnswerLost, CommitLost, CutFromDatabase, CutFromNats, DatabaseCrashedAtCommit, DatabaseFrozen, DatabaseRestarted,
    DatabaseRestartedAtCommit, Frozen, FrozenWithTheClock, Killed, KilledAtCommit, NatsFrozen, NatsGone,
    SilentDatabase, SilentNats, Terminated,
};

const OF_NODES: [Fault; 8] =
    [Frozen, Killed, Terminated, KilledAtCommit, CommitLost, AnswerLost, CutFromDatabase, SilentDatabase];
const OF_NATS: [Fault; 4] = [CutFromNats, SilentNats, NatsGone, NatsFrozen];
const OF_THE_DATABASE: [Fault; 4] =
    [DatabaseRestarted, DatabaseRestartedAtCommit, DatabaseCrashedAtCommit, DatabaseFrozen];

/// What all nodes suffer from comes less often than what one does.
fn most_between(kinds: &[Fault]) -> usize {
    match kinds.len() {
        1 => 20_000,
        4 => 10_000,
        _ => 3_000,
    }
}

/// The schedule, and what came of it.
pub struct Faults {
    run: Arc<Run>,
    /// Shared by whatever may happen at once, held alone by what is timed.
    quiet: tokio::sync::RwLock<()>,
    count: AtomicUsize,
    /// How many accounts were made only to see whether a node writes.
    accounts: AtomicUsize,
}

impl Faults {
    pub fn new(run: Arc<Run>) -> Self {
        Self { run, quiet: tokio::sync::RwLock::default(), count: AtomicUsize::new(0), accounts: AtomicUsize::new(0) }
    }

    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Goes on until the time is over and each kind has had its turn: in one lane nodes, in others NATS and the database server, in
    /// the last what needs those to be quiet.
    pub async fn happen(&self, chance: &mut Chance) {
        let lanes = [chance.split(), chance.split(), chance.split(), chance.split()];
        let [nodes, nats, database, clock] = lanes;
        tokio::join!(
            self.lane(nodes, &OF_NODES),
            self.lane(nats, &OF_NATS),
            self.lane(database, &OF_THE_DATABASE),
            self.lane(clock, &[FrozenWithTheClock])
        );
    }

    /// Until the time is over; where there is little of it, until each kind has had its turn.
    async fn lane(&self, mut chance: Chance, kinds: &[Fault]) {
        let long = self.run.plan.is_long();
        let goes_on = || self.run.failure().is_none();
        loop {
            let mut bag = kinds.to_vec();
            while !bag.is_empty() && goes_on() {
                let fault = bag.swap_remove(chance.between(0, bag.len() - 1));
                let node = self.run.node(&mut chance);
                Box::pin(self.strikes(fault, node, &mut chance)).await;
                // Something has to go well in between.
                let pause = if long { chance.between(200, most_between(kinds)) } else { chance.between(50, 600) };
                tokio::time::sleep(Duration::from_millis(pause as u64)).await;
                if long && self.run.elapsed() >= self.run.plan.long {
                    return;
                }
            }
            // Where there is little time, each kind has its turn, and that is all.
            if !long || !goes_on() {
                return;
            }
        }
    }

    /// As long as it should be, or where there is no time for that, as long as it must.
    fn lasts(&self, long: u64, short: u64) -> Duration {
        Duration::from_millis(if self.run.plan.is_long() { long } else { short })
    }

    async fn strikes(&self, fault: Fault, node: Arc<Node>, chance: &mut Chance) {
        self.count.fetch_add(1, Ordering::Relaxed);
        if OF_THE_DATABASE.contains(&fault) {
            let _loud = self.quiet.read().await;
            self.run.tell(format!("{fault:?}"));
            self.run.cluster.nodes.iter().for_each(|node| node.is_troubled());
            self.of_the_database(fault, chance).await;
            self.run.cluster.nodes.iter().for_each(|node| node.is_relieved());
            return;
        }
        if OF_NATS.contains(&fault) {
            // This makes nothing wrong, only slow, so nobody needs to be quiet for it.
            let who = if [CutFromNats, SilentNats].contains(&fault) { &node.name } else { "all" };
            self.run.tell(format!("{fault:?}: {who}"));
            self.of_nats(fault, &node, chance).await;
            self.run.tell(format!("{fault:?}: {who} is over"));
            return;
        }
        let _turn = node.turn.lock().await;
        if fault == FrozenWithTheClock {
            Box::pin(self.frozen_with_the_clock(&node)).await;
        } else {
            let _loud = self.quiet.read().await;
            self.run.tell(format!("{fault:?}: {}", node.name));
            node.is_troubled();
            self.of_a_node(fault, &node, chance).await;
            self.run.tell(format!("{fault:?}: {} is over", node.name));
            node.is_relieved();
        }
    }

    async fn of_a_node(&self, fault: Fault, node: &Node, chance: &mut Chance) {
        match fault {
            Frozen => {
                node.freeze();
                tokio::time::sleep(self.lasts(15_000, 2500)).await;
                node.thaw();
            }
            Killed => {
                node.kill();
                self.comes_back(node, chance).await;
            }
            Terminated => {
                node.terminate().await;
                node.start().await;
            }
            KilledAtCommit => {
                let process = node.process_id();
                self.trapped(node, Trap::LoseAnswer(Box::new(move || signal(Signal::KILL, process)))).await;
                // Whether it went into the trap or not.
                node.kill();
                self.comes_back(node, chance).await;
            }
            CommitLost => {
                self.trapped(node, Trap::LoseIt).await;
                self.writes_again(node).await;
            }
            AnswerLost => {
                self.trapped(node, Trap::LoseAnswer(Box::new(|| {}))).await;
                self.writes_again(node).await;
            }
            CutFromDatabase => {
                node.to_database.set(Gate::Cut);
                tokio::time::sleep(self.lasts(chance.between(1000, 15_000) as u64, 1500)).await;
                node.to_database.set(Gate::Open);
            }
            SilentDatabase => {
                node.to_database.set(Gate::Silent);
                tokio::time::sleep(self.lasts(chance.between(3000, 20_000) as u64, 2500)).await;
                node.to_database.set(Gate::Open);
            }
            other => unreachable!("{other:?} is not of a node"),
        }
    }

    async fn of_nats(&self, fault: Fault, node: &Node, chance: &mut Chance) {
        let lasts = self.lasts(chance.between(1000, 20_000) as u64, 1500);
        match fault {
            CutFromNats | SilentNats => {
                node.to_nats.set(if fault == CutFromNats { Gate::Cut } else { Gate::Silent });
                tokio::time::sleep(lasts).await;
                node.to_nats.set(Gate::Open);
            }
            NatsGone => {
                let mut nats = self.run.cluster.nats.lock().await;
                nats.goes().await;
                tokio::time::sleep(lasts).await;
                nats.comes_back().await;
            }
            NatsFrozen => {
                let nats = self.run.cluster.nats.lock().await;
                nats.freezes();
                tokio::time::sleep(lasts).await;
                nats.thaws();
            }
            other => unreachable!("{other:?} is not of NATS"),
        }
    }

    async fn comes_back(&self, node: &Node, chance: &mut Chance) {
        node.ends().await;
        tokio::time::sleep(self.lasts(chance.between(0, 3000) as u64, 200)).await;
        node.start().await;
    }

    /// Waits for the next COMMIT.
    async fn trapped(&self, node: &Node, trap: Trap) {
        let mut sprung = node.to_database.lay(trap);
        let caught = timeout(TRAPPED, sprung.changed()).await;
        node.to_database.disarm();
        if caught.is_err() {
            self.run.tell(format!("{}: nothing went into the trap", node.name));
        }
    }

    /// The node has found its way: what comes after the COMMIT that went into the trap is written.
    async fn writes_again(&self, node: &Node) {
        eventually(seconds(60), "the node to write again", async || {
            self.writes(node).await.ok().filter(|answer| answer.status == 201)
        })
        .await;
    }

    /// Has the node write something that nobody listens to.
    fn writes(&self, node: &Node) -> impl Future<Output = reqwest::Result<Answer>> + Send + 'static {
        let caller = Caller::new(node.address(), self.run.cluster.http());
        let number = self.accounts.fetch_add(1, Ordering::Relaxed);
        let body = json!({"username": format!("u{number}"), "password": "password of nobody"});
        async move { caller.try_call(Method::POST, "/api/v1/users", Some(&body)).await }
    }

    async fn of_the_database(&self, fault: Fault, chance: &mut Chance) {
        let server = &self.run.cluster.database_server;
        match fault {
            DatabaseRestarted => server.blow(Blow::Restart)(),
            DatabaseRestartedAtCommit | DatabaseCrashedAtCommit => {
                let how = if fault == DatabaseCrashedAtCommit { Blow::Crash } else { Blow::Restart };
                let node = self.run.node(chance);
                let blow = Box::new(server.blow(how));
                // Either way it is in the midst of it.
                let trap = if chance.percent(50) { Trap::Before(blow) } else { Trap::LoseAnswer(blow) };
                self.trapped(&node, trap).await;
            }
            DatabaseFrozen => {
                server.freezes();
                tokio::time::sleep(self.lasts(chance.between(2000, 14_000) as u64, 1500)).await;
                server.thaws();
            }
            other => unreachable!("{other:?} is not of the database"),
        }
        self.answers().await;
    }

    /// The database server takes connections again.
    async fn answers(&self) {
        eventually(seconds(60), "the database server to be there", async || {
            self.run.cluster.database.try_sql("SELECT 1").await.ok()
        })
        .await;
    }

    /// The test takes the clock; the node waits for it, and is frozen; the test gives it away, so that the node has it.
    async fn frozen_with_the_clock(&self, node: &Node) {
        let alone = self.quiet.write().await;
        self.run.tell(format!("{FrozenWithTheClock:?}: {}", node.name));
        node.is_troubled();
        let held = self.run.cluster.database.hold_the_clock().await;
        let asking = tokio::spawn(self.writes(node));
        // What MariaDB tells of it is made anew only if nobody has looked for a while.
        let mut looks = tokio::time::interval(Duration::from_millis(200));
        let waits = async {
            while !Box::pin(self.waits_for_the_clock(node)).await {
                looks.tick().await;
            }
        };
        within(seconds(20), "the node to wait for the clock", waits).await;
        node.freeze();
        drop(held);
        let begun = Instant::now();
        let held_up = self.longest_stall().await;
        self.run.tell(format!("{} held up the others for {:.1} s", node.name, held_up.as_secs_f64()));
        if held_up < HAD_IT {
            self.run.fail(format!("{}, frozen, did not have the clock", node.name));
        }
        if held_up > HELD_UP {
            self.run.fail(format!("{}, frozen, held up the others for {held_up:?}", node.name));
        }
        drop(alone);
        tokio::time::sleep(self.lasts(15_000, 6000).saturating_sub(begun.elapsed())).await;
        node.thaw();
        drop(asking.await);
        self.run.tell(format!("{FrozenWithTheClock:?}: {} is over", node.name));
        node.is_relieved();
    }

    /// The longest time in which nobody commits anything, until one of some length is over.
    async fn longest_stall(&self) -> Duration {
        let database = self.run.cluster.database.connect().await;
        let (mut head, mut moved) = (0, Instant::now());
        let end = Instant::now() + seconds(30);
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        while Instant::now() < end {
            looks.tick().await;
            let now: i64 = rows(&database, "SELECT head FROM clock").await[0].try_get("", "head").unwrap();
            if now != head {
                if moved.elapsed() > HAD_IT {
                    break;
                }
                (head, moved) = (now, Instant::now());
            }
        }
        drop(database.close().await);
        moved.elapsed()
    }

    async fn waits_for_the_clock(&self, node: &Node) -> bool {
        let database = self.run.cluster.database.connect().await;
        let query = match database.get_database_backend() {
            sea_orm::DbBackend::Postgres => {
                "SELECT client_port::text AS port FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            }
            _ => {
                "SELECT SUBSTRING_INDEX(p.host, ':', -1) AS port FROM information_schema.processlist p \
                 JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id WHERE t.trx_state = 'LOCK WAIT'"
            }
        };
        let waiting = rows(&database, query).await;
        let ports = node.to_database.ports();
        drop(database.close().await);
        let port = |row: &sea_orm::QueryResult| row.try_get::<String>("", "port").ok()?.parse().ok();
        waiting.iter().filter_map(port).any(|port: u16| ports.contains(&port))
    }
}
