//! What nodes tell each other of who is there: each says who is with it, and takes the others' word for a while.

use super::{Presence, Source};
use crate::domain::UserId;
use std::collections::HashSet;
use tokio::time::Instant;

impl Presence {
    /// From here on somebody wants to hear who comes to this node and leaves it; of those who are here first.
    pub(in crate::live) fn announce(&self) {
        let here = self.here();
        self.inner.lock().news = Some(here.into_iter().collect());
        self.news.notify_one();
    }

    /// Some of those who may have come to this node or left it since they were last asked for, at most so many, each with
    /// whether he is here now; waits until there are any.
    pub(in crate::live) async fn news(&self, most: usize) -> Vec<(UserId, bool)> {
        loop {
            {
                let (mut inner, now) = (self.inner.lock(), Instant::now());
                let some: Vec<UserId> = inner.news.iter().flat_map(|news| news.iter().copied()).take(most).collect();
                if let Some(news) = &mut inner.news {
                    if some.len() == news.len() {
                        // The memory of a storm is not kept.
                        *news = HashSet::new();
                    } else {
                        for user in &some {
                            news.remove(user);
                        }
                    }
                }
                if !some.is_empty() {
                    let is_here = |user: &UserId| inner.people.get(user).is_some_and(|person| person.is_here(now));
                    return some.iter().map(|user| (*user, is_here(user))).collect();
                }
            }
            self.news.notified().await;
        }
    }

    /// Another node no longer says that somebody is there.
    pub(in crate::live) fn left(&self, user: UserId, node: u64) {
        let source = Source::Node(node);
        let known = {
            let inner = self.inner.lock();
            inner.people.get(&user).is_some_and(|person| person.vouched.iter().any(|(it, _)| *it == source))
        };
        if known {
            self.vouch(user, source, Instant::now());
        }
    }
}
