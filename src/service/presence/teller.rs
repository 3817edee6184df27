//! The one task that tells who has come and gone, and to whom: many at once, and in parts.

use super::{Failure, Services};
use crate::domain::ephemeral::{CLOSE_LIMIT, Ephemeral, PresenceView};
use crate::domain::{ConversationId, Timestamp, UserId};
use crate::live::{Passing, Presence, Reason, Sight, Turn};
use crate::store::{Abort, Batch, Change, Regards};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How much is told at a time, and of how many people.
const TURNS: usize = 500;
/// How long to wait with telling when the database does not answer.
const BREATH: Duration = Duration::from_secs(1);
/// How often it is written down who is there: after a crash they were last seen then.
const REFRESH: Duration = Duration::from_mins(5);
/// People in one change: few enough that others hardly wait.
const WRITTEN: usize = 1_000;

/// What is to be told of one person.
#[derive(Debug, Default)]
struct Order {
    /// He has come or gone.
    moved: bool,
    /// Whether he shows himself may be otherwise, and whether it surely is.
    settings: bool,
    shown: bool,
    /// Those who are told for a reason of their own.
    some: HashMap<UserId, Reason>,
}

impl Order {
    fn tell(&mut self, viewer: UserId, reason: Reason) {
        let known = self.some.entry(viewer).or_insert(reason);
        *known = reason.max(*known);
    }
}

type Orders = HashMap<UserId, Order>;

impl Services {
    /// Tells who comes and goes until told to stop, and writes down then who was there.
    pub async fn keep_presence(&self, stop: CancellationToken) {
        let hub = self.follower().hub();
        let mut refresh = tokio::time::interval_at(Instant::now() + REFRESH, REFRESH);
        loop {
            let turns = tokio::select! {
                () = stop.cancelled() => break,
                _ = refresh.tick() => {
                    self.write_seen(hub.presence().here(), Timestamp::now()).await;
                    continue;
                }
                turns = hub.presence().next(TURNS) => turns,
            };
            if let Err(error) = self.tell(&turns).await {
                tracing::warn!(%error, "cannot tell who comes and goes; it will be tried again");
                hub.presence().put_back(turns);
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(BREATH) => {}
                }
            }
        }
        self.write_seen(hub.presence().last_here(), Timestamp::now()).await;
    }

    async fn tell(&self, turns: &[Turn]) -> Result<(), Failure> {
        let presence = self.follower().hub().presence();
        let mut orders = Orders::new();
        let mut places: HashMap<ConversationId, Regrouped> = HashMap::new();
        for turn in turns {
            match *turn {
                Turn::Moved(user) => orders.entry(user).or_default().moved = true,
                Turn::Settings(user) => orders.entry(user).or_default().settings = true,
                Turn::Shown(user) => orders.entry(user).or_default().shown = true,
                Turn::Member(place, user) => places.entry(place).or_default().changed.push(user),
                Turn::Together(place) => places.entry(place).or_default().together = true,
                Turn::Contact(one, other) => {
                    orders.entry(one).or_default().tell(other, Reason::Contact);
                    orders.entry(other).or_default().tell(one, Reason::Contact);
                }
                Turn::Block(blocker, blocked) => orders.entry(blocker).or_default().tell(blocked, Reason::Block),
            }
        }
        // One place after the other, since each may be many pairs; and before anybody is told to be gone, who has to be
        // taken back from those whom he left before.
        for (place, regrouped) in places {
            let most = CLOSE_LIMIT + regrouped.changed.len() as u64;
            if let Some(members) = self.store().members_within(place, most).await? {
                self.carry_out(regrouped.orders(presence, &members)).await?;
            }
        }
        self.carry_out(orders).await
    }

    async fn carry_out(&self, orders: Orders) -> Result<(), Failure> {
        let at = Timestamp::now();
        let mut gone = Vec::new();
        let people: Vec<UserId> = orders.keys().copied().collect();
        for some in people.chunks(TURNS) {
            let mut regards: HashMap<UserId, Regards> =
                self.store().regards(some).await?.into_iter().map(|regards| (regards.user.id, regards)).collect();
            for user in some {
                match (regards.remove(user), orders.get(user)) {
                    (Some(regards), Some(order)) => {
                        if self.tell_of(&regards, order, at) {
                            gone.push(*user);
                        }
                        // Many may hear of many: their streams get a chance to take it.
                        tokio::task::yield_now().await;
                    }
                    _ => self.follower().hub().presence().remove(*user),
                }
            }
        }
        self.write_seen(gone, at).await;
        Ok(())
    }

    /// Tells of one person what there is to tell. Returns whether he has gone.
    fn tell_of(&self, regards: &Regards, order: &Order, at: Timestamp) -> bool {
        let hub = self.follower().hub();
        let user = regards.user.id;
        let standing = hub.presence().standing(user);
        let gone = order.moved && !standing.online;
        let last_seen_at = if gone { Some(at) } else { regards.last_seen_at };
        let view = PresenceView {
            user: regards.user.clone(),
            online: standing.online,
            last_seen_at: last_seen_at.filter(|_| !standing.online),
        };
        let passing = |view| Passing::new(&Ephemeral::PresenceChanged(view), at);
        let unseen = passing(PresenceView::unseen(regards.user.clone()));
        let seen = if regards.shown { passing(view) } else { unseen.clone() };
        let sight = Sight { regards, seen: &seen, unseen: &unseen };
        if order.moved || order.settings || order.shown {
            let news = match (standing.online, standing.told) {
                (true, None) => regards.shown,
                (true, Some(visible)) => visible != regards.shown,
                // Who has not been seen to come is not seen to go.
                (false, told) => order.moved && told == Some(true) || order.shown,
            };
            if news {
                hub.tell_all(&sight);
            }
            if standing.online {
                hub.presence().tell(user, regards.shown);
            } else if order.moved {
                hub.presence().forget(user);
            }
        }
        let some: HashMap<UserId, Reason> = order
            .some
            .iter()
            .filter(|(_, reason)| match reason {
                // Of those who are not there nothing new is to be seen, and nothing is taken back.
                Reason::Joined => standing.online && regards.shown,
                Reason::Left => standing.told == Some(true),
                Reason::Contact | Reason::Block => true,
            })
            .map(|(viewer, reason)| (*viewer, *reason))
            .collect();
        if !some.is_empty() {
            hub.tell_some(&sight, &some);
        }
        gone
    }

    /// Writes when these people were last there. If it cannot be written, it is not known.
    async fn write_seen(&self, people: Vec<UserId>, at: Timestamp) {
        for some in people.chunks(WRITTEN) {
            if let Err(error) = self.sequencer().submit(Seen { people: some.to_vec(), at }).await {
                tracing::warn!(%error, "cannot write when people were last there");
                return;
            }
        }
    }
}

/// How the members of a conversation have changed.
#[derive(Debug, Default)]
struct Regrouped {
    /// Who came, went, or both.
    changed: Vec<UserId>,
    /// Whether several came at once.
    together: bool,
}

impl Regrouped {
    /// Tells those who are there of those who came or went, and the other way round; and if the conversation became too
    /// large or small enough by that, all of all.
    fn orders(&self, presence: &Presence, members: &[UserId]) -> Orders {
        let limit = usize::try_from(CLOSE_LIMIT).unwrap_or(usize::MAX);
        let mut orders = Orders::new();
        let here = presence.online_among(members.iter().copied());
        let everybody = if members.len() > limit {
            Some(Reason::Left)
        } else {
            (self.together || members.len() + self.changed.len() > limit).then_some(Reason::Joined)
        };
        if let Some(reason) = everybody {
            for user in &here {
                let order = orders.entry(*user).or_default();
                for viewer in &here {
                    order.tell(*viewer, reason);
                }
            }
        }
        for user in &self.changed {
            let joined = members.contains(user) && members.len() <= limit;
            let reason = if joined { Reason::Joined } else { Reason::Left };
            for other in &here {
                orders.entry(*user).or_default().tell(*other, reason);
                orders.entry(*other).or_default().tell(*user, reason);
            }
        }
        orders
    }
}

/// Says that people were there at a moment.
struct Seen {
    people: Vec<UserId>,
    at: Timestamp,
}

impl Change for Seen {
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        batch.seen(&self.people, self.at).await
    }
}
