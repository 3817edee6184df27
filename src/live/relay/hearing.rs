//! What this node hears from the others: batches are applied in order, and what passes is told to whom it concerns here.

use super::super::follower::Follower;
use super::super::passing;
use super::super::presence::{Source, Turn};
use super::Subjects;
use super::counts::RelayCounts;
use super::early::Early;
use super::nats::Told;
use super::seal::RelayKeys;
use super::word::{Passing, read_batch, read_passing};
use crate::domain::Timestamp;
use crate::domain::ephemeral::Ephemeral;
use async_nats::{Client, Subscriber};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// How long a node's word that somebody is with it counts. It says so again long before.
const TRUSTED: Duration = Duration::from_secs(25);

/// How long after it was not let in a node asks again: somebody may have given it leave meanwhile.
const AGAIN: Duration = Duration::from_secs(5);
/// How far from now what passes may have been said, by clocks that do not quite agree. What was written down on NATS and said
/// again later is nothing that passes; a batch said again is known here already, or read in the database all the same.
const TIMELY: Duration = Duration::from_mins(1);
/// How often the log says at most that publications are not believed.
const WARNED: Duration = Duration::from_mins(1);

/// The one who hears it.
pub(super) struct Hearing<'a> {
    follower: Arc<Follower>,
    subjects: &'a Subjects,
    keys: &'a RelayKeys,
    counts: Arc<RelayCounts>,
    early: Early,
    warned: Option<Instant>,
}

impl<'a> Hearing<'a> {
    pub(super) fn new(
        follower: Arc<Follower>,
        subjects: &'a Subjects,
        keys: &'a RelayKeys,
        counts: Arc<RelayCounts>,
    ) -> Self {
        Self { follower, subjects, keys, counts, early: Early::default(), warned: None }
    }

    /// Hears until told to stop.
    pub(super) async fn run(mut self, client: &Client, mut told: Told, stop: CancellationToken) {
        let mut refused = told.refusals.clone();
        let listens = async {
            loop {
                let (events, passing) = subscribe(client, self.subjects, &self.counts).await;
                tokio::select! {
                    () = self.listen(payloads(events), payloads(passing), &mut told.connections) => {}
                    // Until then the one of the two is heard that was not refused.
                    () = pause_after(&mut refused) => {}
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = listens => {}
        }
    }

    async fn listen(
        &mut self,
        mut events: impl Stream<Item = Bytes> + Unpin,
        mut passing: impl Stream<Item = Bytes> + Unpin,
        connections: &mut watch::Receiver<u64>,
    ) {
        loop {
            let missing = self.early.deadline();
            tokio::select! {
                Some(payload) = events.next() => self.hear_batch(&payload),
                () = sleep_until(missing.unwrap_or_else(Instant::now)), if missing.is_some() => self.look().await,
                Some(payload) = passing.next() => self.hear_passing(&payload),
                // What was said before is not said again.
                Ok(()) = connections.changed() => self.look().await,
                else => return,
            }
        }
    }

    fn hear_batch(&mut self, payload: &[u8]) {
        let Some((_, payload)) = self.keys.open(&self.subjects.events, payload) else { return self.doubt_signature() };
        let Some(publication) = read_batch(payload) else {
            tracing::debug!(bytes = payload.len(), "another node said something that is no batch");
            return;
        };
        self.counts.heard.one();
        if publication.last <= self.follower.hub().applied() {
            return;
        }
        self.early.keep(publication, Instant::now());
        self.apply();
    }

    /// Applies those whose turn has come.
    fn apply(&mut self) {
        while let Some(publication) = self.early.next(self.follower.hub().applied()) {
            self.follower.heard(&publication.records);
        }
    }

    /// Reads what is missing in the database.
    async fn look(&mut self) {
        if self.early.deadline().is_some() {
            self.counts.gaps.one();
        }
        if let Err(error) = self.follower.look().await {
            tracing::debug!(%error, "cannot read what another node has committed; it will be tried again");
        }
        self.apply();
        if self.early.clear() {
            tracing::debug!("a publication is ahead of the database");
        }
    }

    fn hear_passing(&mut self, payload: &[u8]) {
        let Some((at, payload)) = self.keys.open(&self.subjects.passing, payload) else {
            return self.doubt_signature();
        };
        if at.0.abs_diff(Timestamp::now().0) > TIMELY.as_millis() as u64 {
            return self.doubt_moment();
        }
        let hub = self.follower.hub();
        match read_passing(payload) {
            Some(Passing::Typing { conversation, user, stopped, at }) => {
                let typist = user.id;
                let ephemeral = if stopped {
                    Ephemeral::TypingStopped(conversation, user)
                } else {
                    Ephemeral::TypingStarted(conversation, user)
                };
                hub.tell_members(conversation, typist, &passing::Passing::new(&ephemeral, Timestamp(at)));
            }
            Some(Passing::Here { node, users }) => {
                let until = Instant::now() + TRUSTED;
                for user in users {
                    hub.presence().vouch(user, Source::Node(node), until);
                }
            }
            Some(Passing::Left { node, users }) => {
                for user in users {
                    hub.presence().left(user, node);
                }
            }
            Some(Passing::Shown { user }) => hub.presence().note(Turn::Shown(user)),
            None => tracing::debug!(bytes = payload.len(), "another node said something that is not known here"),
        }
    }

    fn doubt_signature(&mut self) {
        self.counts.unsigned.one();
        if self.may_warn() {
            tracing::warn!(
                "something on NATS is not signed with this node's key, and is not believed. Nodes of one database need the same \
                 --jwt-key-file, a copy of the database needs a NATS of its own, and nobody else should be able to publish there"
            );
        }
    }

    fn doubt_moment(&mut self) {
        self.counts.untimely.one();
        if self.may_warn() {
            tracing::warn!(
                "another node's word of who types or is there was not said just now, and is not believed. If that goes on, the \
                 clocks of the nodes' machines differ: set them by NTP"
            );
        }
    }

    /// Whether it is time for a warning again.
    fn may_warn(&mut self) -> bool {
        let due = self.warned.is_none_or(|warned| warned.elapsed() >= WARNED);
        if due {
            self.warned = Some(Instant::now());
        }
        due
    }
}

fn payloads(subscriber: Subscriber) -> impl Stream<Item = Bytes> + Unpin {
    subscriber.map(|message| message.payload)
}

/// Subscribes to both, which waits for NATS if it is not there yet.
async fn subscribe(client: &Client, subjects: &Subjects, counts: &RelayCounts) -> (Subscriber, Subscriber) {
    loop {
        let both = async {
            let events = client.subscribe(subjects.events.clone()).await?;
            // Of their own, so that many who type do not crowd out what was committed.
            let passing = client.subscribe(subjects.passing.clone()).await?;
            Ok::<_, async_nats::SubscribeError>((events, passing))
        };
        match both.await {
            Ok(both) => return both,
            Err(error) => {
                counts.refused.one();
                tracing::error!(%error, "cannot listen to other nodes; it will be tried again");
            }
        }
        sleep(AGAIN).await;
    }
}

/// Waits until NATS refuses to let this node listen, and then for a while.
async fn pause_after(refusals: &mut watch::Receiver<u64>) {
    if refusals.changed().await.is_err() {
        // There is nobody left who would tell.
        std::future::pending::<()>().await;
    }
    sleep(AGAIN).await;
    // Both may have been refused, for which once is enough.
    refusals.mark_unchanged();
}
