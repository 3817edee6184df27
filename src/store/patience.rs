//! No statement without an end: a database server that says nothing for a while counts as lost, whatever its socket is like.
//!
//! A server that was frozen, or a network that swallows everything, never makes an error by itself: whoever asked would wait
//! for as long as the kernel tries, which is a quarter of an hour.
//!
//! And no statement without its answer: a caller goes away at any moment, and the driver forgets what was asked and not yet
//! answered. A BEGIN that it forgets leaves a connection within a transaction that nobody knows of, and on `MariaDB` the next
//! who reads there sees the past. So a server is asked in a task of its own, which hears the answer whoever is left to hear it.
//! Only as many ask as there are connections: who waits for one does so himself, and waits no more when he goes away.

#[cfg(test)]
mod tests;

use super::given_back::GivenUp;
use super::open::ACQUIRE_TIMEOUT;
use parking_lot::Mutex;
use sea_orm::prelude::async_trait::async_trait;
use sea_orm::sqlx::mysql::MySqlDatabaseError;
use sea_orm::sqlx::sqlite::SqliteError;
use sea_orm::{
    AccessMode, ConnAcquireErr, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    IsolationLevel, QueryResult, RuntimeErr, SqlxError, Statement, TransactionOptions, TransactionTrait,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// How long the answer to one statement is waited for. The server itself ends the wait for a lock after ten seconds.
const PATIENCE: Duration = Duration::from_secs(12);

/// A connection or a transaction on which nothing is waited for without an end. What is embedded is no further away than its
/// file, and is waited for.
#[derive(Debug, Clone)]
pub(super) struct Patient<C> {
    db: Arc<C>,
    limit: Option<Duration>,
    answered: Answered,
    /// What a server was asked and has not answered.
    asking: TaskTracker,
    given_up: GivenUp,
    turn: Turn,
}

/// By what right a server is asked.
#[derive(Debug, Clone)]
enum Turn {
    /// Each time by a place of its own, of which there are as many as connections.
    Each(Arc<Semaphore>),
    /// By that of the transaction, until it is over and all that was asked in it is answered.
    Held(Place),
    /// By none: what is embedded is asked as it comes, and so is a server by somebody alone.
    Free,
}

type Place = Option<Arc<OwnedSemaphorePermit>>;

impl Turn {
    /// Of those who share these connections.
    fn of(db: &DatabaseConnection) -> Self {
        let connections = match db.get_database_backend() {
            DbBackend::Postgres => db.get_postgres_connection_pool().options().get_max_connections(),
            DbBackend::MySql => db.get_mysql_connection_pool().options().get_max_connections(),
            _ => return Self::Free,
        };
        Self::Each(Arc::new(Semaphore::new(connections as usize)))
    }

    /// Waits for it as long as for a connection.
    async fn come(&self) -> Result<Place, DbErr> {
        let places = match self {
            Self::Each(places) => places,
            Self::Held(place) => return Ok(place.clone()),
            Self::Free => return Ok(None),
        };
        let none = || DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        let place = tokio::time::timeout(ACQUIRE_TIMEOUT, Arc::clone(places).acquire_owned()).await;
        Ok(Some(Arc::new(place.map_err(|_| none())?.map_err(|_| none())?)))
    }
}

/// When the database last answered anybody by these connections.
#[derive(Debug, Clone, Default)]
struct Answered(Arc<Mutex<Option<Instant>>>);

impl Answered {
    fn note(&self) {
        *self.0.lock() = Some(Instant::now());
    }

    fn since(&self, moment: Instant) -> bool {
        self.0.lock().is_some_and(|last| last > moment)
    }
}

impl Patient<DatabaseConnection> {
    /// What was given up is told to those who take its connections back.
    pub(super) fn new(db: DatabaseConnection, given_up: GivenUp) -> Self {
        let limit = (db.get_database_backend() != DbBackend::Sqlite).then_some(PATIENCE);
        let (answered, asking, turn) = (Answered::default(), TaskTracker::new(), Turn::of(&db));
        Self { db: Arc::new(db), limit, answered, asking, given_up, turn }
    }

    /// One whose statements may take this long each, or time to connect.
    pub(super) fn within_each(db: DatabaseConnection, limit: Duration) -> Self {
        let (answered, asking, given_up) = (Answered::default(), TaskTracker::new(), GivenUp::default());
        Self { db: Arc::new(db), limit: Some(limit), answered, asking, given_up, turn: Turn::Free }
    }

    /// What is behind it, on which everything is waited for.
    pub(super) fn inner(&self) -> &DatabaseConnection {
        &self.db
    }

    pub(super) async fn begin(&self, options: TransactionOptions) -> Result<Patient<DatabaseTransaction>, DbErr> {
        let begun = self.ask_in_turn(move |db| async move { db.begin_with_options(options).await });
        Ok(self.begun(begun.await?))
    }

    /// Begins to read.
    pub(super) async fn begin_reading(
        &self,
        isolation: Option<IsolationLevel>,
    ) -> Result<Patient<DatabaseTransaction>, DbErr> {
        let begun = self
            .ask_in_turn(move |db| async move { db.begin_with_config(isolation, Some(AccessMode::ReadOnly)).await });
        Ok(self.begun(begun.await?))
    }

    fn begun(&self, (db, place): (DatabaseTransaction, Place)) -> Patient<DatabaseTransaction> {
        let Self { limit, answered, asking, given_up, .. } = self.clone();
        Patient { db: Arc::new(db), limit, answered, asking, given_up, turn: Turn::Held(place) }
    }

    /// How many connections are open, and how many of these nobody uses.
    pub(super) fn connections(&self) -> (u32, usize) {
        match self.db.get_database_backend() {
            DbBackend::Postgres => {
                let pool = self.db.get_postgres_connection_pool();
                (pool.size(), pool.num_idle())
            }
            DbBackend::MySql => {
                let pool = self.db.get_mysql_connection_pool();
                (pool.size(), pool.num_idle())
            }
            _ => {
                let pool = self.db.get_sqlite_connection_pool();
                (pool.size(), pool.num_idle())
            }
        }
    }

    /// Closes all connections.
    pub(super) async fn close(self) -> Result<(), DbErr> {
        self.asking.close();
        let closed = async {
            self.asking.wait().await;
            self.db.close_by_ref().await
        };
        within(self.limit, closed).await
    }

    /// For a test to put its connections in doubt.
    #[cfg(test)]
    pub(super) fn given_up(&self) -> &GivenUp {
        &self.given_up
    }

    /// What is asked through it is told to the test.
    #[cfg(test)]
    pub(super) fn watch(&mut self, told: impl Fn(&sea_orm::metric::Info<'_>) + Send + Sync + 'static) {
        Arc::get_mut(&mut self.db).expect("nobody else asks").set_metric_callback(told);
    }
}

impl Patient<DatabaseTransaction> {
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        let (limit, (db, _turn)) = (self.limit, self.alone()?);
        within(limit, db.commit()).await
    }

    pub(super) async fn rollback(self) -> Result<(), DbErr> {
        let (limit, (db, _turn)) = (self.limit, self.alone()?);
        within(limit, db.rollback()).await
    }

    /// The transaction, in which nothing may be under way any more.
    fn alone(self) -> Result<(DatabaseTransaction, Turn), DbErr> {
        let unanswered = || DbErr::Custom("a statement of this transaction was not answered yet".to_owned());
        Ok((Arc::into_inner(self.db).ok_or_else(unanswered)?, self.turn))
    }
}

impl<C: Send + Sync + 'static> Patient<C> {
    async fn ask<T, A>(&self, ask: impl FnOnce(Arc<C>) -> A) -> Result<T, DbErr>
    where
        T: Send + 'static,
        A: Future<Output = Result<T, DbErr>> + Send + 'static,
    {
        Ok(self.ask_in_turn(ask).await?.0)
    }

    /// Asks, with an end, and notes it if it is answered. Gives the place too by which it asked, for what goes on.
    async fn ask_in_turn<T, A>(&self, ask: impl FnOnce(Arc<C>) -> A) -> Result<(T, Place), DbErr>
    where
        T: Send + 'static,
        A: Future<Output = Result<T, DbErr>> + Send + 'static,
    {
        let began = Instant::now();
        let answer = match (self.limit, self.turn.come().await) {
            (_, Err(error)) => Err(error),
            // What is embedded is asked by a thread, which gives up by itself what nobody waits for.
            (None, Ok(place)) => ask(Arc::clone(&self.db)).await.map(|answer| (answer, place)),
            (limit, Ok(place)) => {
                let asked = self.given_up.clone().unless_answered(ask(Arc::clone(&self.db)));
                let asked = within(limit, asked);
                let asked =
                    self.asking.spawn(async move { asked.await.map(|answer| (answer, place)) }.in_current_span());
                asked.await.unwrap_or_else(|error| Err(DbErr::Custom(format!("asking the database failed: {error}"))))
            }
        };
        match &answer {
            Ok(_) => self.answered.note(),
            // Others were answered meanwhile, or nobody was: only the first is said by this error, see `is_busy`.
            Err(error) if is_busy(error) && !self.answered.since(began) => {
                let silence = "no connection to the database was to be had, and it has answered nobody meanwhile";
                return Err(DbErr::Conn(RuntimeErr::Internal(silence.to_owned())));
            }
            Err(_) => {}
        }
        answer
    }
}

#[async_trait]
impl<C: ConnectionTrait + Send + Sync + 'static> ConnectionTrait for Patient<C> {
    fn get_database_backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.ask(move |db| async move { db.execute_raw(statement).await }).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let sql = sql.to_owned();
        self.ask(move |db| async move { db.execute_unprepared(&sql).await }).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.ask(move |db| async move { db.query_one_raw(statement).await }).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.ask(move |db| async move { db.query_all_raw(statement).await }).await
    }

    fn support_returning(&self) -> bool {
        self.db.support_returning()
    }
}

/// What is asked, with an end if there is a limit.
pub(super) async fn within<T>(
    limit: Option<Duration>,
    asked: impl Future<Output = Result<T, DbErr>>,
) -> Result<T, DbErr> {
    let Some(limit) = limit else { return asked.await };
    tokio::time::timeout(limit, asked).await.unwrap_or_else(|_| {
        let silence = format!("the database server said nothing for {} s", limit.as_secs());
        Err(DbErr::Conn(RuntimeErr::Internal(silence)))
    })
}

/// Whether there was no connection for as long as one is waited for, while the database answered those who had one: it is not
/// lost, and has too much to do.
pub(super) fn is_busy(error: &DbErr) -> bool {
    matches!(error, DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))
}

/// Whether an error is about the database or the way to it, not about what was asked of it: later, the same may succeed.
pub(super) fn is_passing(error: &DbErr) -> bool {
    let cause = match error {
        DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => return true,
        DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => &**cause,
        _ => return false,
    };
    match cause {
        SqlxError::Io(_)
        | SqlxError::Tls(_)
        | SqlxError::Protocol(_)
        | SqlxError::PoolTimedOut
        | SqlxError::PoolClosed
        | SqlxError::WorkerCrashed => true,
        SqlxError::Database(said) => {
            if said.try_downcast_ref::<SqliteError>().is_some() {
                return said.code().and_then(|code| code.parse().ok()).is_some_and(is_passing_result);
            }
            let number = said.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number);
            number.is_some_and(is_passing_number) || said.code().is_some_and(|code| is_passing_state(&code))
        }
        _ => false,
    }
}

/// By the codes that the SQL standard has for it, and those that `PostgreSQL` has added.
fn is_passing_state(code: &str) -> bool {
    code.len() == 5
        && (["08", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class))
            // Read only, as a standby is; ended since it was idle, or took too long; a lock that was not to be had.
            || ["25006", "25P03", "25P04", "55P03", "70100"].contains(&code))
}

/// What `SQLite` says (<https://sqlite.org/rescode.html>) of a file that is locked, of memory, of a disk that cannot be read or
/// written, or is full, and of a file that cannot be opened. What is behind the first eight bits says more of the same.
fn is_passing_result(code: u32) -> bool {
    [5, 7, 10, 13, 14].contains(&(code & 0xff))
}

/// What `MariaDB` has no code of the standard for: a full disk or table, a file that cannot be written, a COMMIT that failed, a
/// lock that was not to be had or found no room, too many transactions, read only.
fn is_passing_number(number: u16) -> bool {
    [1021, 1026, 1030, 1114, 1180, 1205, 1206, 1290, 1598, 1637, 1836, 1874].contains(&number)
}
