//! Who is there: users with open streams, or who polled of late, and what of that has not been told yet.
//!
//! Somebody may be known to be there from several sources. Those of this node are counted streams; all others (a poll that
//! is over, and another node that says so) vouch for him until a moment. What has changed waits in a set to be told, so
//! that however many come and go at once, there is at most one entry for each of them.

mod news;
#[cfg(test)]
mod tests;

use crate::domain::{ConversationId, UserId};
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long somebody is still there whose last stream has ended: a page that is loaded again is back by then.
const GRACE: Duration = Duration::from_millis(500);
/// How long somebody is there who has polled.
const POLL: Duration = Duration::from_secs(30);
/// Changes of who may see whom that wait to be told. Beyond that they are not told of.
const CHANGES: usize = 65_536;

/// Who says that somebody is there, without a stream that is counted here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A stream that has just ended.
    Ended,
    /// A poll that was answered.
    Poll,
    /// Another node, by its number.
    Node(u64),
}

impl Source {
    /// Whether it is this node that says so.
    fn is_here(self) -> bool {
        !matches!(self, Self::Node(_))
    }
}

/// Something that those who see each other may have to hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Turn {
    /// Somebody has come or gone.
    Moved(UserId),
    /// Somebody shows himself or no longer does, or perhaps neither.
    Settings(UserId),
    /// He surely does otherwise than before.
    Shown(UserId),
    /// Somebody is in a conversation, or no longer.
    Member(ConversationId, UserId),
    /// Several came to be in a conversation together.
    Together(ConversationId),
    /// What one of two says to the other as a contact is otherwise.
    Contact(UserId, UserId),
    /// The first has blocked the second, or does so no longer.
    Block(UserId, UserId),
}

/// What is known of somebody's being there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether he is there.
    pub online: bool,
    /// Whether he was told to be, and if so, whether in a way that anybody could see.
    pub told: Option<bool>,
}

/// All who are there.
#[derive(Debug, Default)]
pub struct Presence {
    inner: Mutex<Inner>,
    /// Wakes the one who tells.
    waiting: Notify,
    /// Wakes the one who tells other nodes.
    news: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    people: HashMap<UserId, Person>,
    /// When to look whether they are still there: at most one entry for each.
    due: BTreeSet<(Instant, UserId)>,
    turns: HashSet<Turn>,
    /// Changes of who may see whom among the turns.
    changes: usize,
    /// Who may have come to this node or left it, where other nodes are to hear of that.
    news: Option<HashSet<UserId>>,
}

#[derive(Debug, Default)]
struct Person {
    streams: u32,
    vouched: Vec<(Source, Instant)>,
    due: Option<Instant>,
    told: Option<bool>,
}

impl Person {
    fn is_online(&self, now: Instant) -> bool {
        self.streams > 0 || self.until().is_some_and(|until| until > now)
    }

    /// Whether he is there by what this node itself knows.
    fn is_here(&self, now: Instant) -> bool {
        self.streams > 0 || self.vouched.iter().any(|(source, until)| source.is_here() && *until > now)
    }

    /// Until when others vouch for him.
    fn until(&self) -> Option<Instant> {
        self.vouched.iter().map(|(_, until)| *until).max()
    }
}

impl Presence {
    /// A stream of his has opened, or a poll begun.
    pub(super) fn came(&self, user: UserId) {
        let mut inner = self.inner.lock();
        let person = inner.people.entry(user).or_default();
        person.streams += 1;
        let (is_first, is_told) = (person.streams == 1, person.told.is_some());
        if is_first && inner.note_news(user) {
            self.news.notify_one();
        }
        if !is_told {
            inner.turns.insert(Turn::Moved(user));
            self.waiting.notify_one();
        }
    }

    /// A stream of his is over.
    pub(super) fn went(&self, user: UserId) {
        let mut inner = self.inner.lock();
        let Some(person) = inner.people.get_mut(&user) else { return };
        person.streams = person.streams.saturating_sub(1);
        if person.streams == 0 {
            inner.vouch(user, Source::Ended, Instant::now() + GRACE);
            self.waiting.notify_one();
        }
    }

    /// A poll of his is over.
    pub(super) fn polled(&self, user: UserId) {
        self.vouch(user, Source::Poll, Instant::now() + POLL);
        self.went(user);
    }

    /// Takes it that somebody is there until a moment, unless the same source says otherwise before.
    pub fn vouch(&self, user: UserId, source: Source, until: Instant) {
        self.inner.lock().vouch(user, source, until);
        self.waiting.notify_one();
    }

    /// Something may change who sees whom.
    pub fn note(&self, turn: Turn) {
        let mut inner = self.inner.lock();
        if inner.changes < CHANGES && inner.turns.insert(turn) {
            inner.changes += 1;
            self.waiting.notify_one();
        }
    }

    /// Some of what is to be told, at most so many; waits until there is something.
    pub async fn next(&self, most: usize) -> Vec<Turn> {
        loop {
            let wait = {
                let mut inner = self.inner.lock();
                if inner.look(Instant::now()) {
                    self.news.notify_one();
                }
                let turns = inner.take(most);
                if !turns.is_empty() {
                    return turns;
                }
                inner.due.first().map(|(due, _)| *due)
            };
            match wait {
                Some(due) => drop(tokio::time::timeout_at(due, self.waiting.notified()).await),
                None => self.waiting.notified().await,
            }
        }
    }

    /// Gives back what could not be told.
    pub fn put_back(&self, turns: impl IntoIterator<Item = Turn>) {
        let mut inner = self.inner.lock();
        for turn in turns {
            if inner.turns.insert(turn) {
                inner.changes += usize::from(!matches!(turn, Turn::Moved(_)));
            }
        }
        self.waiting.notify_one();
    }

    /// Trusts the polls of somebody no longer, one of whose sessions has ended: he is there if he comes again.
    pub(super) fn doubt(&self, user: UserId) {
        let polled = self
            .inner
            .lock()
            .people
            .get(&user)
            .is_some_and(|person| person.vouched.iter().any(|(source, _)| *source == Source::Poll));
        if polled {
            self.vouch(user, Source::Poll, Instant::now() + GRACE);
        }
    }

    /// How it stands with somebody.
    pub fn standing(&self, user: UserId) -> Standing {
        let inner = self.inner.lock();
        let person = inner.people.get(&user);
        Standing {
            online: person.is_some_and(|person| person.is_online(Instant::now())),
            told: person.and_then(|person| person.told),
        }
    }

    /// Those of these people who are there.
    pub fn online_among(&self, people: impl IntoIterator<Item = UserId>) -> HashSet<UserId> {
        let (inner, now) = (self.inner.lock(), Instant::now());
        people.into_iter().filter(|user| inner.people.get(user).is_some_and(|person| person.is_online(now))).collect()
    }

    /// All who are there by what this node itself knows: of the others their own nodes know.
    pub fn here(&self) -> Vec<UserId> {
        let (inner, now) = (self.inner.lock(), Instant::now());
        inner.people.iter().filter(|(_, person)| person.is_here(now)).map(|(user, _)| *user).collect()
    }

    /// All who are here, or were until now.
    pub fn last_here(&self) -> Vec<UserId> {
        let was_here = |person: &Person| person.vouched.is_empty() || person.vouched.iter().any(|(it, _)| it.is_here());
        let inner = self.inner.lock();
        inner.people.iter().filter(|(_, person)| was_here(person)).map(|(user, _)| *user).collect()
    }

    /// Whether anything is known of somebody's being there.
    pub(super) fn knows(&self, user: UserId) -> bool {
        self.inner.lock().people.contains_key(&user)
    }

    /// Remembers what was told of somebody: that he is there, and whether anybody could see that.
    pub fn tell(&self, user: UserId, visible: bool) {
        let mut inner = self.inner.lock();
        if let Some(person) = inner.people.get_mut(&user) {
            person.told = Some(visible);
        }
    }

    /// Forgets somebody who was told to be gone. If he has come back, that is told anew.
    pub fn forget(&self, user: UserId) {
        let mut inner = self.inner.lock();
        match inner.people.get_mut(&user) {
            Some(person) if person.is_online(Instant::now()) => {
                person.told = None;
                inner.turns.insert(Turn::Moved(user));
                self.waiting.notify_one();
            }
            _ => inner.remove(user),
        }
    }

    /// Forgets somebody of whom there is nothing to tell: he has no account.
    pub fn remove(&self, user: UserId) {
        self.inner.lock().remove(user);
    }
}

impl Inner {
    fn remove(&mut self, user: UserId) {
        if let Some(due) = self.people.remove(&user).and_then(|person| person.due) {
            self.due.remove(&(due, user));
        }
    }

    fn vouch(&mut self, user: UserId, source: Source, until: Instant) {
        let person = self.people.entry(user).or_default();
        person.vouched.retain(|(known, _)| *known != source);
        person.vouched.push((source, until));
        if person.told.is_none() {
            self.turns.insert(Turn::Moved(user));
        }
        self.look_at(user, until);
    }

    /// Looks at somebody at a moment, or before if that was to be.
    fn look_at(&mut self, user: UserId, moment: Instant) {
        let Some(person) = self.people.get_mut(&user) else { return };
        match person.due {
            Some(due) if due <= moment => {}
            due => {
                person.due = Some(moment);
                if let Some(due) = due {
                    self.due.remove(&(due, user));
                }
                self.due.insert((moment, user));
            }
        }
    }

    /// Somebody may have come to this node or left it. Whether anybody wants to hear of that.
    fn note_news(&mut self, user: UserId) -> bool {
        self.news.as_mut().is_some_and(|news| news.insert(user))
    }

    /// Looks at those who are due. Whether there may be news for other nodes.
    fn look(&mut self, now: Instant) -> bool {
        let mut news = false;
        while let Some((due, user)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
            self.due.remove(&(due, user));
            let Some(person) = self.people.get_mut(&user) else { continue };
            person.due = None;
            person.vouched.retain(|(_, until)| *until > now);
            let next = if person.streams == 0 { person.vouched.iter().map(|(_, until)| *until).min() } else { None };
            let (is_here, is_online) = (person.is_here(now), person.is_online(now));
            news |= !is_here && self.note_news(user);
            if let Some(next) = next {
                self.look_at(user, next);
            } else if !is_online {
                self.turns.insert(Turn::Moved(user));
            }
        }
        news
    }

    fn take(&mut self, most: usize) -> Vec<Turn> {
        if self.turns.len() <= most {
            self.changes = 0;
            // The memory of a storm is not kept.
            return std::mem::take(&mut self.turns).into_iter().collect();
        }
        let turns: Vec<Turn> = self.turns.iter().take(most).copied().collect();
        for turn in &turns {
            self.turns.remove(turn);
            self.changes -= usize::from(!matches!(turn, Turn::Moved(_)));
        }
        turns
    }
}
