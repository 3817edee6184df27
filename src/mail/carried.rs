//! What became of letters since the start, for whoever watches the server.

use crate::meter::{Counter, Level};

/// Letters, by what became of them.
#[derive(Debug, Default)]
pub struct Carried {
    /// The mail server took them, or the log did.
    pub sent: Counter,
    /// Tries after which a letter is tried again later.
    pub delayed: Counter,
    /// The mail server will not have them, or their address is none.
    pub refused: Counter,
    /// Tried as often as letters are, or found no place among those that wait for another try.
    pub given_up: Counter,
    /// Letters that wait for another try.
    pub kept: Level,
}
