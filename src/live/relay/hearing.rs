//! What this node hears from the others: batches are applied in order, and what passes is told to whom it concerns here.

use super::super::follower::Follower;
use super::super::passing;
use super::super::presence::{Source, Turn};
use super::Subjects;
use super::counts::RelayCounts;
use super::early::Early;
use super::word::{Passing, read_batch, read_passing};
use crate::domain::Timestamp;
use crate::domain::ephemeral::Ephemeral;
use async_nats::{Client, Subscriber};
use futures_util::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// How long a node's word that somebody is with it counts. It says so again long before.
const TRUSTED: Duration = Duration::from_secs(25);

/// The one who hears it.
pub(super) struct Hearing {
    follower: Arc<Follower>,
    counts: Arc<RelayCounts>,
    early: Early,
}

impl Hearing {
    pub(super) fn new(follower: Arc<Follower>, counts: Arc<RelayCounts>) -> Self {
        Self { follower, counts, early: Early::default() }
    }

    /// Hears until told to stop.
    pub(super) async fn run(
        mut self,
        client: &Client,
        subjects: &Subjects,
        mut connections: watch::Receiver<u64>,
        stop: CancellationToken,
    ) {
        let Some((mut events, mut passing)) = subscribe(client, subjects, &stop).await else { return };
        loop {
            let missing = self.early.deadline();
            tokio::select! {
                () = stop.cancelled() => return,
                Some(message) = events.next() => self.hear_batch(&message.payload),
                () = sleep_until(missing.unwrap_or_else(Instant::now)), if missing.is_some() => self.look().await,
                Some(message) = passing.next() => self.hear_passing(&message.payload),
                // What was said before is not said again.
                Ok(()) = connections.changed() => self.look().await,
            }
        }
    }

    fn hear_batch(&mut self, payload: &[u8]) {
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

    fn hear_passing(&self, payload: &[u8]) {
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
}

/// Subscribes to both, which waits for NATS if it is not there yet. None if it is time to stop first.
async fn subscribe(client: &Client, subjects: &Subjects, stop: &CancellationToken) -> Option<(Subscriber, Subscriber)> {
    let both = async {
        let events = client.subscribe(subjects.events.clone()).await?;
        // Of their own, so that many who type do not crowd out what was committed.
        let passing = client.subscribe(subjects.passing.clone()).await?;
        Ok::<_, async_nats::SubscribeError>((events, passing))
    };
    tokio::select! {
        () = stop.cancelled() => None,
        both = both => both.inspect_err(|error| tracing::error!(%error, "cannot listen to other nodes")).ok(),
    }
}
