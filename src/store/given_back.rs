//! Which connection to a database may be given to the next, when it comes back and when it is taken.

use parking_lot::Mutex;
use sea_orm::SqlxError;
use sea_orm::sqlx::pool::PoolConnectionMetadata;
use sea_orm::sqlx::{Connection, MySqlConnection, PgConnection, Row, raw_sql};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a connection that is given back, or was idle for a while, has to answer once more.
const LAST_WORD: Duration = Duration::from_secs(2);
/// How long a connection is idle before it is asked again: when it was given back it answered.
const IDLE: Duration = Duration::from_secs(1);
/// For how long connections are in doubt after something was given up: far longer than that one takes to come back.
const DOUBT: Duration = Duration::from_mins(1);

/// When something was last given up unanswered on some connections. The driver forgets what it was: a BEGIN among it leaves a
/// connection within a transaction that nobody has counted, and which connection that is cannot be said of it. So for a while
/// each is asked that comes back, which costs more than a sign of life.
#[derive(Debug, Clone, Default)]
pub(super) struct GivenUp(Arc<Mutex<Option<Instant>>>);

impl GivenUp {
    pub(super) fn note(&self) {
        *self.0.lock() = Some(Instant::now());
    }

    fn lately(&self) -> bool {
        self.0.lock().is_some_and(|moment| moment.elapsed() < DOUBT)
    }

    /// The answer to what is asked. Should it be dropped before there is one, that is noted first: the connection comes back
    /// at once.
    pub(super) async fn unless_answered<T>(self, asked: impl Future<Output = T>) -> T {
        // What is declared last is dropped first.
        let asked = pin!(asked);
        let mut unanswered = Unanswered(Some(self));
        let answer = asked.await;
        unanswered.0 = None;
        answer
    }
}

struct Unanswered(Option<GivenUp>);

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(given_up) = &self.0 {
            given_up.note();
        }
    }
}

/// The answer of a connection that may be silent. One whose statement was given up may never say anything again, and would
/// keep its place in the pool for as long.
async fn last_word<T>(asked: impl Future<Output = Result<T, SqlxError>>) -> Result<T, SqlxError> {
    let silence = |_| Err(SqlxError::Io(std::io::ErrorKind::TimedOut.into()));
    tokio::time::timeout(LAST_WORD, asked).await.unwrap_or_else(silence)
}

/// Whether a connection that is taken is good, which need not be asked of one that answered just now.
pub(super) async fn still_answers<C: Connection>(
    connection: &mut C,
    known: PoolConnectionMetadata,
) -> Result<bool, SqlxError> {
    if known.idle_for >= IDLE {
        last_word(connection.ping()).await?;
    }
    Ok(true)
}

/// Whether a connection that is given back is in no transaction any more. `SQLite` ends one by itself where a disk is full, and
/// the ROLLBACK that comes then fails; whoever counts transactions goes on counting that one, and what is written next would
/// stand within it and never be committed.
pub(super) async fn is_settled<C: Connection>(connection: &mut C) -> Result<bool, SqlxError> {
    if connection.is_in_transaction() {
        // The rollback of one that was given up may be on its way.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

/// The same of a connection to `MariaDB`. Where it is in doubt it is asked to end what may have begun: readers there would see
/// what was true then, and not what was committed since.
pub(super) async fn is_settled_mariadb(connection: &mut MySqlConnection, given_up: GivenUp) -> Result<bool, SqlxError> {
    if given_up.lately() {
        last_word(raw_sql("ROLLBACK").execute(&mut *connection)).await?;
    } else {
        last_word(connection.ping()).await?;
    }
    Ok(!connection.is_in_transaction())
}

/// The same of a connection to `PostgreSQL`, which would log a warning of each ROLLBACK without a BEGIN. It is asked whether its
/// transaction began with this very statement; as one that is not prepared, since those have a moment for each of their parts.
pub(super) async fn is_settled_postgres(connection: &mut PgConnection, given_up: GivenUp) -> Result<bool, SqlxError> {
    let is_free = if given_up.lately() {
        let question = raw_sql("SELECT transaction_timestamp() = statement_timestamp()");
        last_word(question.fetch_one(&mut *connection)).await?.try_get(0)?
    } else {
        last_word(connection.ping()).await?;
        true
    };
    Ok(is_free && !connection.is_in_transaction())
}
