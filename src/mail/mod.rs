//! How mail leaves: letters from templates, a bounded queue in memory, and the one task that hands them to a mail server.
//!
//! A letter that is lost costs nobody anything but another click, so the queue is not on disk. What must not happen is
//! that somebody waits for a mail server: whoever writes a letter only puts it into the queue, and has reserved a place
//! there before he promised anything.

mod carried;
mod letters;
mod outbox;
mod postman;

pub use carried::Carried;
pub use letters::{Letter, Writer};
pub use outbox::{NoRoom, Outbox, Place};
pub use postman::{MailError, Postman, Way};

use tokio::sync::mpsc;

/// Letters that wait for the postman.
const WAITING: usize = 1_000;

/// A queue, and the postman who empties it.
pub fn open(way: &Way) -> Result<(Outbox, Postman), MailError> {
    let (queue, letters) = mpsc::channel(WAITING);
    let postman = Postman::new(letters, way)?;
    Ok((Outbox::new(queue, postman.carried()), postman))
}

/// Whether a letter can be addressed so: stricter than what counts as an address elsewhere.
pub fn is_address(text: &str) -> bool {
    text.parse::<lettre::Address>().is_ok()
}
