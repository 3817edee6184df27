//! Where a stream goes on from, and why it cannot do so without a gap.

use super::hub::Hub;
use super::log::Log;
use crate::domain::Seq;
use crate::store::StoreError;

/// Where a stream wants to go on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// From what is applied when it starts.
    Now,
    /// After this event.
    After(Seq),
    /// A cursor was given, but is none.
    Malformed,
}

/// Why a stream cannot go on from its cursor without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// The events after the cursor are no longer kept.
    HistoryExpired,
    /// There was no such event yet: the cursor is from another server or another database.
    BeyondHead,
    /// The cursor is no number.
    MalformedCursor,
    /// The database was replaced by another.
    HistoryReplaced,
}

impl Cursor {
    /// The place that a stream goes on from, after all that is applied if the cursor is no use, and what is missing then.
    pub(super) async fn resolve(self, hub: &Hub, log: &Log) -> Result<(Seq, Option<Gap>), StoreError> {
        let applied = hub.applied();
        let after = match self {
            Self::Now => return Ok((applied, None)),
            Self::Malformed => return Ok((applied, Some(Gap::MalformedCursor))),
            Self::After(after) => after,
        };
        // What the ring holds needs no look at the database, and in a storm of returning streams that is most.
        if after <= applied && hub.ring(|ring| ring.reaches(after)) {
            return Ok((after, None));
        }
        let clock = log.store().clock().await?;
        // The head that the database had after the cursor was handed out is the only one that can disprove it.
        Ok(if after > clock.head {
            (applied, Some(Gap::BeyondHead))
        } else if after < clock.beginning.previous() {
            (applied, Some(Gap::HistoryExpired))
        } else {
            (after, None)
        })
    }
}
