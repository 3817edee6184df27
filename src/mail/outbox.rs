//! The queue of letters: a place in it is reserved before anything is promised.

use super::Letter;
use tokio::sync::mpsc::{self, OwnedPermit};

/// Why a letter cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRoom {
    /// This server sends no mail.
    Off,
    /// Too many letters wait.
    Full,
}

/// The way to the postman. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Outbox {
    queue: Option<mpsc::Sender<Letter>>,
}

/// A place in the queue.
#[derive(Debug)]
pub struct Place(OwnedPermit<Letter>);

impl Outbox {
    pub(super) fn new(queue: mpsc::Sender<Letter>) -> Self {
        Self { queue: Some(queue) }
    }

    /// Whether this server sends mail.
    pub fn works(&self) -> bool {
        self.queue.is_some()
    }

    /// Keeps a place for a letter that is still to be written.
    pub fn reserve(&self) -> Result<Place, NoRoom> {
        let queue = self.queue.clone().ok_or(NoRoom::Off)?;
        // It may also be closed: the postman has gone home, and the server is about to stop.
        queue.try_reserve_owned().map(Place).map_err(|_| NoRoom::Full)
    }
}

impl Place {
    /// Puts the letter there.
    pub fn put(self, letter: Letter) {
        drop(self.0.send(letter));
    }
}
