//! What this node says: its batches, what passes, and again and again who is with it.

use super::super::follower::Follower;
use super::counts::RelayCounts;
use super::said::Said;
use super::seal::{RelayKeys, SEAL};
use super::word::{PEOPLE, Passing, write_passing};
use super::{Subjects, Words};
use crate::domain::{Timestamp, UserId};
use async_nats::Client;
use async_nats::connection::State;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

/// The longest publication. NATS takes 1 MiB unless told otherwise; of a longer batch the others read in the database.
const LONGEST: usize = 512 * 1024;
/// How long a connection that is stuck may take to take one.
const TAKING: Duration = Duration::from_secs(1);
/// How often a node says who is with it.
const REFRESHED: Duration = Duration::from_secs(10);

/// The one who says it.
pub(super) struct Saying<'a> {
    client: Client,
    node: u64,
    subjects: &'a Subjects,
    keys: &'a RelayKeys,
    follower: Arc<Follower>,
    counts: Arc<RelayCounts>,
    /// Of whom the others were told that they are here.
    announced: HashSet<UserId>,
}

impl<'a> Saying<'a> {
    pub(super) fn new(
        client: Client,
        node: u64,
        subjects: &'a Subjects,
        keys: &'a RelayKeys,
        follower: Arc<Follower>,
        counts: Arc<RelayCounts>,
    ) -> Self {
        Self { client, node, subjects, keys, follower, counts, announced: HashSet::new() }
    }

    /// Says what there is to say until told to stop, and then what was handed in before.
    pub(super) async fn run(
        mut self,
        mut words: Words,
        mut connections: watch::Receiver<u64>,
        stop: CancellationToken,
    ) {
        let hub = Arc::clone(self.follower.hub());
        hub.presence().announce();
        let mut refresh = tokio::time::interval(REFRESHED);
        refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // What was committed goes before who comes and goes; but what is seldom is not put off for ever.
                biased;
                () = stop.cancelled() => break,
                Ok(()) = connections.changed() => self.say_who_is_here().await,
                _ = refresh.tick() => self.say_who_is_here().await,
                Some(batch) = words.batches.recv() => self.say_batch(batch).await,
                Some(passing) = words.passing.recv() => self.say_passing(&passing).await,
                // Whoever is sent away because this node stops is soon at another: until then our word for him counts.
                news = hub.presence().news(PEOPLE), if !hub.is_closed() => self.say_news(news).await,
            }
        }
        while let Ok(batch) = words.batches.try_recv() {
            self.say_batch(batch).await;
        }
        while let Ok(passing) = words.passing.try_recv() {
            self.say_passing(&passing).await;
        }
        if self.is_connected() {
            drop(timeout(TAKING, self.client.flush()).await);
        }
    }

    fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    async fn say_batch(&self, batch: Said) {
        let most = LONGEST.min(self.client.max_payload()).saturating_sub(SEAL);
        self.publish(&self.subjects.events, batch.write(most)).await;
    }

    async fn say_passing(&self, passing: &Passing) {
        self.publish(&self.subjects.passing, write_passing(passing)).await;
    }

    /// What cannot be said now is not said: by the time that it could, the others have read it in the database.
    async fn publish(&self, subject: &str, text: String) {
        let said = self.is_connected() && {
            let sealed = self.keys.seal(subject, Timestamp::now(), &text);
            matches!(timeout(TAKING, self.client.publish(subject.to_owned(), sealed.into())).await, Ok(Ok(())))
        };
        if !said {
            self.counts.unsaid.one();
        }
    }

    async fn say_news(&mut self, news: Vec<(UserId, bool)>) {
        let (mut users, mut left) = (Vec::new(), Vec::new());
        for (user, is_here) in news {
            if is_here && self.announced.insert(user) {
                users.push(user);
            } else if !is_here && self.announced.remove(&user) {
                left.push(user);
            }
        }
        let node = self.node;
        if !users.is_empty() {
            self.say_passing(&Passing::Here { node, users }).await;
        }
        if !left.is_empty() {
            self.say_passing(&Passing::Left { node, users: left }).await;
        }
    }

    async fn say_who_is_here(&mut self) {
        if !self.is_connected() || self.follower.hub().is_closed() {
            return;
        }
        let here = self.follower.hub().presence().here();
        let now: HashSet<UserId> = here.iter().copied().collect();
        let left: Vec<UserId> = self.announced.difference(&now).copied().collect();
        for some in left.chunks(PEOPLE) {
            self.say_passing(&Passing::Left { node: self.node, users: some.to_vec() }).await;
        }
        for some in here.chunks(PEOPLE) {
            self.say_passing(&Passing::Here { node: self.node, users: some.to_vec() }).await;
        }
        self.announced = now;
    }
}
