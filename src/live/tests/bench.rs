//! A database, a hub that hears of commits when a test says so, and streams that are polled by hand.

use crate::domain::conversations::{Kind, Member, Role};
use crate::domain::events::{ConversationView, Ended, Happening, MemberChange, Record, Topic};
use crate::domain::messages::Message;
use crate::domain::{ConversationId, MessageId, Refusal, Seq, SessionId, Timestamp, UserId};
use crate::live::event::Event;
use crate::live::hub::Applied;
use crate::live::{Cursor, Follower, Hub, HubOptions, Manner, Step, Subscription, Wish};
use crate::store::tests::{conversation, nobody_told, open, user};
use crate::store::{Abort, Batch, Change, HandOver, NewConversation, NewMessage, Sequencer, Store};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What happens.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    User(&'static str),
    Room(Kind, Vec<UserId>),
    Say(ConversationId),
    Erase(ConversationId, MessageId),
    SayAndErase(ConversationId),
    Note(UserId),
    Join(ConversationId, UserId),
    Leave(ConversationId, UserId),
    Revoke(UserId, SessionId),
    /// Deletes the oldest events, so many.
    Forget(i64),
    /// Deletes the oldest messages, so many.
    Expire(u64),
    /// What a conversation hears of that.
    Expired(ConversationId, MessageId),
}

impl Change for Act {
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        match self {
            Self::User(name) => drop(batch.insert_user(user(name))),
            Self::Room(kind, people) => make(batch, *kind, people).await?,
            Self::Say(room) => drop(say(batch, *room)),
            Self::SayAndErase(room) => {
                let id = say(batch, *room).id;
                let kept = batch.message(id).await?.ok_or(Refusal::NotFound("message"))?;
                batch.erase_messages(vec![kept]);
            }
            Self::Erase(_, id) => {
                let kept = batch.message(*id).await?.ok_or(Refusal::NotFound("message"))?;
                batch.erase_messages(vec![kept]);
            }
            Self::Note(user) => {
                batch.emit(Topic::User(*user), &Happening::SessionRevoked(Ended { id: SessionId(0) }));
            }
            Self::Join(room, user) => {
                let change = change(batch, *user, Some(Role::Member)).await?;
                batch.insert_stay(*room, *user, Role::Member);
                batch.emit(Topic::Conversation(*room), &Happening::MemberAdded(change));
            }
            Self::Leave(room, user) => {
                let change = change(batch, *user, None).await?;
                batch.end_stay(*room, *user).await?;
                batch.emit(Topic::Conversation(*room), &Happening::MemberRemoved(change));
            }
            Self::Revoke(user, session) => {
                batch.emit(Topic::User(*user), &Happening::SessionRevoked(Ended { id: *session }));
            }
            Self::Forget(most) => {
                batch.forget_events(Timestamp(i64::MAX), *most).await?;
            }
            Self::Expire(most) => drop(batch.expire_messages(Timestamp(i64::MAX), *most).await?),
            Self::Expired(..) => {}
        }
        Ok(())
    }
}

fn say(batch: &mut Batch, room: ConversationId) -> Message {
    let message = Message::by(None, room, "hello".to_owned());
    batch.insert_message(NewMessage { message, body_hash: 0 })
}

async fn change(batch: &mut Batch, user: UserId, role: Option<Role>) -> Result<MemberChange, Abort> {
    let user = batch.user(user).await?.ok_or(Refusal::NotFound("user"))?.reference();
    Ok(MemberChange { user, role, by: None })
}

async fn make(batch: &mut Batch, kind: Kind, people: &[UserId]) -> Result<(), Abort> {
    let mut members = Vec::new();
    for person in people {
        let user = batch.user(*person).await?.ok_or(Refusal::NotFound("user"))?.reference();
        members.push(Member { user, role: Role::Member });
    }
    let first = people.iter().map(|user| (*user, Role::Member)).collect();
    let conversation = batch.insert_conversation(NewConversation { conversation: conversation(kind), members: first });
    let topic = Topic::Conversation(conversation.id);
    batch.emit(topic, &Happening::ConversationCreated(ConversationView::new(conversation, Some(members))));
    Ok(())
}

/// The parts, with the commits that the hub has not heard of yet.
pub(crate) struct Bench {
    _home: tempfile::TempDir,
    pub(super) store: Store,
    pub(super) follower: Arc<Follower>,
    sequencer: Sequencer,
    committed: Arc<Mutex<VecDeque<Record>>>,
}

impl Bench {
    /// With people of these names and so little memory that a stream falls behind at once.
    pub(crate) async fn new(people: &[&'static str], ring_bytes: usize, stream_queue: usize) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let store = open(home.path()).await;
        let committed: Arc<Mutex<VecDeque<Record>>> = Arc::default();
        let taken = Arc::clone(&committed);
        let hand_over: HandOver = Box::new(move |records, _| {
            taken.lock().extend(records);
            Box::pin(std::future::ready(()))
        });
        let (sequencer, writing) =
            Sequencer::new(store.clone(), 64, hand_over, nobody_told(), CancellationToken::new());
        tokio::spawn(writing);
        let options = HubOptions { ring_bytes, stream_queue, revocations_kept: Duration::from_mins(1) };
        let hub = Arc::new(Hub::new(options, Seq(0), []));
        let follower = Arc::new(Follower::new(hub, store.clone()));
        let bench = Self { _home: home, store, follower, sequencer, committed };
        for name in people {
            bench.commit(Act::User(name)).await;
        }
        bench
    }

    pub(super) fn hub(&self) -> &Hub {
        self.follower.hub()
    }

    /// Writes to open outlets whenever nothing else is done. It ends when what is returned is cancelled.
    pub(crate) fn pump(&self) -> CancellationToken {
        let (hub, stop) = (Arc::clone(self.follower.hub()), CancellationToken::new());
        let until = stop.clone();
        tokio::spawn(async move { hub.pump(until).await });
        stop
    }

    /// Writes it; the hub does not hear of it yet.
    pub(super) async fn commit(&self, act: Act) {
        self.sequencer.submit(act.clone()).await.unwrap_or_else(|error| panic!("{act:?}: {error}"));
    }

    /// Lets the hub hear of the next commits, so many events of them.
    pub(super) fn apply(&self, most: usize) {
        for _ in 0..most {
            let Some(record) = self.committed.lock().pop_front() else { return };
            assert_eq!(self.hub().apply(&Arc::new(Event::new(&record))), Applied::Done);
        }
    }

    pub(super) fn apply_all(&self) {
        self.apply(usize::MAX);
    }

    /// Writes it and lets the hub hear of it.
    pub(crate) async fn happen(&self, act: Act) {
        self.commit(act).await;
        self.apply_all();
    }

    /// What was committed and not yet heard of.
    pub(super) fn take_committed(&self) -> Vec<Record> {
        self.committed.lock().drain(..).collect()
    }

    pub(super) async fn head(&self) -> Seq {
        self.store.clock().await.expect("a clock").head
    }

    pub(crate) async fn open(&self, user: UserId, cursor: Cursor) -> Subscription {
        self.follower.subscribe(wish(user, cursor)).await.expect("a stream opens")
    }
}

pub(super) fn wish(user: UserId, cursor: Cursor) -> Wish {
    Wish {
        user,
        session: SessionId(user.0),
        only: None,
        follows: Vec::new(),
        cursor,
        manner: Manner::Stream,
        limit: None,
    }
}

/// One look, without waiting for anything.
pub(super) fn glance(stream: &mut Subscription) -> Poll<Step> {
    stream.poll_next(&mut Context::from_waker(Waker::noop()))
}

/// The next step, or none if the stream is live and has nothing.
pub(super) async fn next(stream: &mut Subscription) -> Option<Step> {
    std::future::poll_fn(|context| match stream.poll_next(context) {
        Poll::Ready(step) => Poll::Ready(Some(step)),
        Poll::Pending if stream.is_live() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// The message of an event that shows one, and whether it shows its text.
pub(super) fn shown(event: &Event) -> Option<(MessageId, bool)> {
    Some((event.message?, String::from_utf8_lossy(event.frames.sse()).contains(r#""text":"hello""#)))
}

/// The places of all events that there are for the stream.
pub(super) async fn drain(stream: &mut Subscription) -> Vec<i64> {
    let mut seqs = Vec::new();
    while let Some(step) = next(stream).await {
        match step {
            Step::Event(event) => seqs.push(event.seq.0),
            other => panic!("{other:?} after {seqs:?}"),
        }
    }
    seqs
}
