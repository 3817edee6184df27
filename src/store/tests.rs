//! What tests of this room and of those above it begin with: an empty database and the plainest rows.

use super::{
    Abort, Batch, Change, Database, HandOver, LastTold, NewConversation, NewMessage, Sequencer, Store, SubmitError,
    database_url,
};
use crate::domain::conversations::{Conversation, Kind, PostPolicy, Role};
use crate::domain::events::{Ended, Happening, Topic};
use crate::domain::messages::Message;
use crate::domain::users::{Status, User, Username};
use crate::domain::{ConversationId, Seq, SessionId, Timestamp, UserId};
use parking_lot::Mutex;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio_util::sync::CancellationToken;

/// The database of a directory, made if there is none: in it, or on the database server of the test run
/// (`scripts/databases`), with which it goes away.
#[allow(clippy::disallowed_methods, reason = "a test has no options, and its runner says where the database server is")]
pub(crate) async fn database(home: &Path) -> Database {
    let Ok(server) = std::env::var("GOLDCREST_TEST_DATABASE_URL") else {
        return Database { url: database_url(home) };
    };
    let place = home.join("database");
    if let Ok(url) = std::fs::read_to_string(&place) {
        return Database { url };
    }
    let name = format!("goldcrest_{:016x}", rand::random::<u64>());
    let admin = sea_orm::Database::connect(&server).await.expect("a database server");
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database can be made");
    admin.close().await.expect("the connection closes");
    let (server, _) = server.rsplit_once('/').expect("a URL names a database");
    let url = format!("{server}/{name}");
    std::fs::write(place, &url).expect("it is remembered");
    Database { url }
}

/// The same, opened.
pub(crate) async fn open(home: &Path) -> Store {
    Store::open(&database(home).await).await.expect("a database opens")
}

/// The same, with a count of the statements that its writer runs.
pub(crate) async fn open_counting(home: &Path) -> (Store, Arc<AtomicUsize>) {
    let mut store = open(home).await;
    let statements: Arc<AtomicUsize> = Arc::default();
    let count = Arc::clone(&statements);
    store.write.watch(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    (store, statements)
}

/// The same, with the statements themselves.
pub(crate) async fn open_noting(home: &Path) -> (Store, Arc<Mutex<Vec<String>>>) {
    let mut store = open(home).await;
    let statements: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&statements);
    store.write.watch(move |info| noted.lock().push(info.statement.to_string()));
    (store, statements)
}

/// The steps of `SQLite`'s plan of a statement.
pub(crate) async fn plan(store: &Store, sql: &str) -> Vec<String> {
    let statement = Statement::from_string(DbBackend::Sqlite, format!("EXPLAIN QUERY PLAN {sql}"));
    let rows = store.read.query_all_raw(statement).await.expect("a plan");
    rows.iter().map(|row| row.try_get::<String>("", "detail").expect("a step")).collect()
}

/// An account of which only the name matters.
pub(crate) fn user(name: &str) -> User {
    User::named(Username::stored(name.to_owned()))
}

/// A conversation of which only the kind matters.
pub(crate) fn conversation(kind: Kind) -> Conversation {
    Conversation {
        namespace: None,
        id: ConversationId(0),
        kind,
        name: None,
        post: PostPolicy::Members,
        created_at: Timestamp(0),
        people: Vec::new(),
    }
}

/// Of what nobody knows anything.
pub(crate) fn nobody_told() -> LastTold {
    Box::new(|| (Seq(0), None))
}

/// A writer whose events nobody hears.
pub(crate) fn writer(store: &Store) -> Sequencer {
    let hand_over: HandOver = Box::new(|_, _| Box::pin(std::future::ready(())));
    let (sequencer, writing) = Sequencer::new(store.clone(), 64, hand_over, nobody_told(), CancellationToken::new());
    tokio::spawn(writing);
    sequencer
}

/// Makes somebody, and somebody whose account is deleted.
pub(crate) struct OneIsGone;

impl Change for OneIsGone {
    type Output = (UserId, UserId);

    async fn decide(&self, batch: &mut Batch) -> Result<Self::Output, Abort> {
        let (here, gone) = (batch.insert_user(user("ann")), batch.insert_user(user("ben")));
        batch.update_user(&User { status: Status::Deleted, ..gone.clone() }).await?;
        Ok((here.id, gone.id))
    }
}

/// What these changes come to as one batch of a writer that remembers nothing.
pub(crate) async fn together<C: Change>(
    store: &Store,
    changes: impl IntoIterator<Item = C>,
) -> Vec<Result<C::Output, SubmitError>> {
    let hand_over: HandOver = Box::new(|_, _| Box::pin(std::future::ready(())));
    let stop = CancellationToken::new();
    let (sequencer, writing) = Sequencer::new(store.clone(), 512, hand_over, nobody_told(), stop.clone());
    let outcomes: Vec<_> = changes.into_iter().map(|change| sequencer.submit_in_turn(change)).collect();
    let answers = async {
        let outcomes = futures_util::future::join_all(outcomes.into_iter().map(|outcome| outcome.unwrap())).await;
        stop.cancel();
        outcomes
    };
    tokio::join!(answers, writing).0
}

/// People, each of whom wrote a message into one group and hid one of another's.
pub(crate) struct Crowd(pub i64);

impl Change for Crowd {
    type Output = Vec<(UserId, Message)>;

    async fn decide(&self, batch: &mut Batch) -> Result<Self::Output, Abort> {
        let people: Vec<User> = (0..self.0).map(|number| batch.insert_user(user(&format!("u{number}")))).collect();
        let members = people.iter().map(|user| (user.id, Role::Member)).collect();
        let place = batch.insert_conversation(NewConversation { conversation: conversation(Kind::Group), members });
        batch.emit(Topic::Conversation(place.id), &Happening::SessionRevoked(Ended { id: SessionId(1) }));
        let said: Vec<(UserId, Message)> = people
            .iter()
            .map(|author| {
                let message = Message::by(Some(author.reference()), place.id, "words".to_owned());
                (author.id, batch.insert_message(NewMessage { message, body_hash: 1 }))
            })
            .collect();
        for (user, (_, message)) in people.iter().zip(said.iter().cycle().skip(1)) {
            batch.hide_messages(user.id, std::slice::from_ref(message)).await?;
        }
        Ok(said)
    }
}
