//! What the listeners of `/stream` are told: each new message on the board, as the only one in an array.

use super::BOARD;
use super::shapes::MessageShape;
use crate::domain::events::Topic;
use crate::domain::messages::Message;
use crate::domain::{ConversationId, Seq, UserId};
use crate::service::accounts::PublicUser;
use crate::service::{Failure, Services};
use crate::transport::{CloseReason, Dialect, Event};
use dashmap::DashMap;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// What listeners are told of, and what tells whether they still listen to the board.
const CREATED: &str = "message.created";
const UPDATED: &str = "conversation.updated";
/// How long an author is shown as he was when he was looked up: long enough for a replay, too short to be noticed.
const FRESH: Duration = Duration::from_secs(1);
/// Authors remembered, at most.
const AUTHORS: usize = 1_000;

/// The language of the stream.
#[derive(Debug)]
pub(super) struct News {
    services: Services,
    authors: Arc<Authors>,
    board: Arc<Board>,
}

/// What the board was at the last event that may have changed it: all listeners ask for the same.
type Board = tokio::sync::Mutex<Option<(Seq, Option<ConversationId>)>>;

impl News {
    /// In which these are asked for what our own events do not say: what an author says of himself, and since when he
    /// is here.
    pub(super) fn new(services: Services) -> Self {
        Self { services, authors: Arc::default(), board: Arc::default() }
    }
}

#[derive(Deserialize)]
struct Envelope {
    data: Message,
}

/// Listeners follow one channel, for as long as it is the board: what has the name then they hear when they come back. Should
/// that be the same channel again, they hear all that was said in it meanwhile, which `GET /messages` shows too.
async fn still_the_board(services: &Services, known: &Board, event: &Event) -> Result<(), CloseReason> {
    let mut known = known.lock().await;
    let board = match *known {
        Some((seq, board)) if seq == event.seq => board,
        _ => {
            let board = services.find_commons(BOARD).await.map_err(|failure| cannot_tell(event, &failure))?;
            *known = Some((event.seq, board));
            board
        }
    };
    // It may have been renamed again since, which is why the event's own name says nothing.
    if board.map(Topic::Conversation) == Some(event.topic) { Ok(()) } else { Err(CloseReason::Renamed) }
}

fn cannot_tell(event: &Event, failure: &Failure) -> CloseReason {
    tracing::warn!(%failure, event.seq = event.seq.0, "cannot tell of what happened on the board");
    CloseReason::Unavailable
}

impl Dialect for News {
    fn name(&self) -> &'static str {
        "msgboard"
    }

    fn tells(&self, event: &Event) -> bool {
        [CREATED, UPDATED].contains(&event.kind())
    }

    fn data(&self, event: Arc<Event>) -> BoxFuture<'static, Result<Option<String>, CloseReason>> {
        let (services, authors, board) = (self.services.clone(), Arc::clone(&self.authors), Arc::clone(&self.board));
        Box::pin(async move {
            if event.kind() == UPDATED {
                return still_the_board(&services, &board, &event).await.map(|()| None);
            }
            let Ok(Envelope { data: message }) = serde_json::from_slice(event.frames.envelope()) else {
                return Ok(None);
            };
            if message.deleted_at.is_some() {
                return Ok(None);
            }
            let author = authors.of(&services, &message).await.map_err(|failure| cannot_tell(&event, &failure))?;
            let shape = author.map(|author| [MessageShape::new(message, &author)]);
            Ok(shape.and_then(|shape| serde_json::to_string(&shape).ok()))
        })
    }
}

/// Authors who were looked up a moment ago. Many listeners that come back at once ask for the same few.
#[derive(Debug, Default)]
struct Authors {
    known: DashMap<UserId, Arc<Known>>,
}

#[derive(Debug)]
struct Known {
    since: Instant,
    author: OnceCell<Option<PublicUser>>,
}

impl Known {
    fn new() -> Arc<Self> {
        Arc::new(Self { since: Instant::now(), author: OnceCell::new() })
    }
}

impl Authors {
    /// Who wrote a message, if he is told of.
    async fn of(&self, services: &Services, message: &Message) -> Result<Option<PublicUser>, Failure> {
        let Some(author) = &message.author else { return Ok(None) };
        if self.known.len() >= AUTHORS {
            self.known.clear();
        }
        let known = {
            let mut known = self.known.entry(author.id).or_insert_with(Known::new);
            if known.since.elapsed() > FRESH {
                *known = Known::new();
            }
            Arc::clone(&known)
        };
        let find = async || Ok(services.authors([message]).await?.remove(&author.id));
        known.author.get_or_try_init(find).await.cloned()
    }
}
