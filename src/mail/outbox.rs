//! The queue of letters: a place in it is reserved before anything is promised.

use super::{Carried, Letter};
use std::sync::Arc;
use tokio::sync::mpsc::{self, OwnedPermit};

/// Too many letters wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoom;

/// The way to the postman. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbox {
    queue: mpsc::Sender<Letter>,
    carried: Arc<Carried>,
}

/// A place in the queue.
#[derive(Debug)]
pub struct Place(OwnedPermit<Letter>);

impl Outbox {
    pub(super) fn new(queue: mpsc::Sender<Letter>, carried: Arc<Carried>) -> Self {
        Self { queue, carried }
    }

    /// What became of letters since the start.
    pub fn carried(&self) -> &Arc<Carried> {
        &self.carried
    }

    /// How many wait for the postman.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Keeps a place for a letter that is still to be written.
    pub fn reserve(&self) -> Result<Place, NoRoom> {
        // It may also be closed: the postman has gone home, and the server is about to stop.
        self.queue.clone().try_reserve_owned().map(Place).map_err(|_| NoRoom)
    }
}

impl Place {
    /// Puts the letter there.
    pub fn put(self, letter: Letter) {
        drop(self.0.send(letter));
    }
}
