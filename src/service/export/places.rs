//! The exports that are under way: one of an account, so many of all, and a few that read at a time.

use super::NoExport;
use crate::domain::UserId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Exports under way at the same time, of all users: each may keep a part in memory until its reader has taken it. One that
/// gave way keeps its last part for as long too, so this is no bound of that memory, but of how fast it grows: by so many parts
/// in each [`KEPT`], while there are readers who take too little to be done and too much to be given up.
const OPEN: usize = 64;
/// How long one keeps its place where others want it. The door gives up who takes nothing; who takes a little
/// now and then is to keep nobody away.
const KEPT: Duration = Duration::from_mins(10);
/// Those that read from the database at the same time: the others wait for their turn.
const READING: usize = 4;

/// The exports that are under way.
#[derive(Debug, Clone)]
pub(in crate::service) struct Places {
    since: Arc<Mutex<HashMap<UserId, Instant>>>,
    reading: Arc<Semaphore>,
}

/// One of the places, for one user.
#[derive(Debug)]
pub(super) struct Place {
    owner: UserId,
    since: Instant,
    places: Places,
}

impl Places {
    pub(in crate::service) fn new() -> Self {
        Self { since: Arc::default(), reading: Arc::new(Semaphore::new(READING)) }
    }

    pub(super) fn take(&self, owner: UserId) -> Result<Place, NoExport> {
        let now = Instant::now();
        let mut taken = self.since.lock();
        if taken.contains_key(&owner) {
            return Err(NoExport::UnderWay);
        }
        if taken.len() >= OPEN {
            let oldest = taken.iter().min_by_key(|(_, since)| **since).map(|(user, since)| (*user, *since));
            let (user, _) = oldest.filter(|(_, since)| now - *since > KEPT).ok_or(NoExport::TooMany)?;
            taken.remove(&user);
        }
        taken.insert(owner, now);
        Ok(Place { owner, since: now, places: self.clone() })
    }
}

impl Place {
    /// Waits until it may read. None if others have been given the place.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let turn = self.places.reading.acquire().await.ok()?;
        (self.places.since.lock().get(&self.owner) == Some(&self.since)).then_some(turn)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.since.lock();
        // Another may have been taken for the same user meanwhile.
        if taken.get(&self.owner) == Some(&self.since) {
            taken.remove(&self.owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(number: usize) -> UserId {
        UserId(i64::try_from(number).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_slow_gives_way_where_all_places_are_taken() {
        let places = Places::new();
        let mut slow: Vec<Place> = (0..OPEN).map(|number| places.take(user(number)).unwrap()).collect();
        assert!(matches!(places.take(user(0)), Err(NoExport::UnderWay)));
        assert!(matches!(places.take(user(OPEN)), Err(NoExport::TooMany)));
        tokio::time::advance(KEPT + Duration::from_secs(1)).await;
        let late = places.take(user(OPEN)).unwrap();
        assert!(late.turn().await.is_some());
        let (lost, kept): (Vec<_>, Vec<_>) = {
            let mut turns = Vec::new();
            for place in &slow {
                turns.push(place.turn().await.is_none());
            }
            slow.drain(..).zip(turns).partition(|(_, gone)| *gone)
        };
        assert_eq!((lost.len(), kept.len()), (1, OPEN - 1));
        // What is left of one that gave way takes nothing from its owner's next.
        let owner = lost[0].0.owner;
        drop(kept);
        let again = places.take(owner).unwrap();
        drop(lost);
        assert!(again.turn().await.is_some());
        assert!(matches!(places.take(owner), Err(NoExport::UnderWay)));
    }

    #[tokio::test(start_paused = true)]
    async fn few_read_at_a_time() {
        let places = Places::new();
        let taken: Vec<Place> = (0..=READING).map(|number| places.take(user(number)).unwrap()).collect();
        let mut turns = Vec::new();
        for place in &taken[..READING] {
            turns.push(place.turn().await.unwrap());
        }
        let wait = Duration::from_secs(1);
        assert!(tokio::time::timeout(wait, taken[READING].turn()).await.is_err(), "it waits");
        turns.pop();
        assert!(tokio::time::timeout(wait, taken[READING].turn()).await.unwrap().is_some());
    }
}
