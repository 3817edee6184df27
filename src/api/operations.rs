//! The operations of a WebSocket: the same verbs as over REST, with a `ref` that the reply repeats.

mod frames;
mod list;

use super::app::App;
use super::messages::{Delete, Post};
use super::problem::Problem;
use crate::domain::Refusal;
use crate::domain::sessions::Principal;
use crate::meter::TRACED;
use crate::service::Failure;
use crate::service::streams::NoStream;
use crate::transport::{CloseReason, Cursor, Incoming, Manner, Outcome};
use frames::{
    Asked, Auth, Authenticated, Edit, Follow, Followed, Ping, Place, Read, Reference, Typed, Typing, Unfollow,
    Unfollowed,
};
use frames::{done, fields, refuse};
use list::Op;
use parking_lot::Mutex;
use std::net::IpAddr;
use std::sync::Arc;
use tracing::Instrument;

pub use list::{OPERATIONS, OperationType};

/// What one socket may do.
pub(super) struct Operations {
    app: App,
    state: Mutex<State>,
    channels: Vec<String>,
    /// Where the socket comes from, for the log.
    address: IpAddr,
    /// Held while a message takes its turn. It is fair, and asked for in the order of the frames.
    turn: tokio::sync::Mutex<()>,
    /// Held alone by `auth`, and together by all else: what comes after it waits for what it leads to, and two never
    /// both find a socket that belongs to nobody. It is fair too.
    gate: tokio::sync::RwLock<()>,
}

#[derive(Debug, Clone)]
struct State {
    principal: Option<Principal>,
    /// Opened by a ticket, which is good for listening only.
    read_only: bool,
}

impl Operations {
    /// The operations of a socket that was opened by somebody, or by nobody yet.
    pub(super) fn new(
        app: App,
        principal: Option<Principal>,
        by_ticket: bool,
        channels: Vec<String>,
        address: IpAddr,
    ) -> Arc<Self> {
        Arc::new(Self {
            app,
            state: Mutex::new(State { principal, read_only: by_ticket }),
            channels,
            address,
            turn: tokio::sync::Mutex::default(),
            gate: tokio::sync::RwLock::default(),
        })
    }

    /// What the transport calls for each frame.
    pub(super) fn incoming(self: Arc<Self>) -> Incoming {
        Box::new(move |frame| {
            let operations = Arc::clone(&self);
            let id = format!("{:016x}", rand::random::<u64>());
            let traced =
                tracing::info_span!(target: TRACED, parent: None, "operation", otel.kind = "server", request.id = %id);
            let span = tracing::info_span!(parent: &traced, "operation", request.id = %id, client.address = %operations.address);
            Box::pin(async move { operations.handle(&frame, &id).await }.instrument(span).instrument(traced))
        })
    }

    async fn handle(&self, frame: &str, id: &str) -> Outcome {
        let (operation, reference) = match frames::open(frame) {
            Ok(opened) => opened,
            Err(problem) => return refuse(&None, problem, id),
        };
        let operation = Op::of(&operation);
        let (_alone, _together) = if operation == Some(Op::Auth) {
            (Some(self.gate.write().await), None)
        } else {
            (None, Some(self.gate.read().await))
        };
        let State { principal, read_only } = self.state.lock().clone();
        let reference = &reference;
        let by = |principal| Asked { frame, reference, principal, read_only };
        let outcome = match (operation, principal) {
            (Some(Op::Auth), known) => self.auth(frame, reference, known).await,
            // Nothing is told to whoever has not said who he is.
            (_, None) => return Outcome::Close(CloseReason::AuthRequired),
            (Some(Op::Send), Some(principal)) => self.send(by(principal)).await,
            (Some(Op::Read), Some(principal)) => self.read(by(principal)).await,
            (Some(Op::Edit), Some(principal)) => self.edit(by(principal)).await,
            (Some(Op::Delete), Some(principal)) => self.delete(by(principal)).await,
            (Some(Op::Typing), Some(principal)) => self.typing(by(principal)).await,
            (Some(Op::Follow), Some(principal)) => self.follow(by(principal)).await,
            (Some(Op::Unfollow), Some(principal)) => self.unfollow(by(principal)).await,
            (Some(Op::Ping), Some(principal)) => ping(&by(principal)),
            (None, Some(_)) => Err(Refusal::invalid("op", format!("Operations are {}.", list::names())).into()),
        };
        outcome.unwrap_or_else(|problem| refuse(reference, problem, id))
    }

    async fn auth(&self, frame: &str, reference: &Reference, known: Option<Principal>) -> Result<Outcome, Problem> {
        let auth: Auth = fields(frame)?;
        // A socket that belongs to nobody ends with its first wrong try, and was counted when it was opened.
        if let Some(known) = &known {
            self.count(known)?;
        }
        let principal = match self.app.services.check_bearer(&auth.token).await {
            Ok(principal) => principal,
            Err(Failure::Refused(Refusal::TokenExpired)) if known.is_none() => {
                return Ok(Outcome::Close(CloseReason::TokenExpired));
            }
            Err(Failure::Refused(_)) if known.is_none() => return Ok(Outcome::Close(CloseReason::Unauthorized)),
            Err(_) if known.is_none() => return Ok(Outcome::Close(CloseReason::Unavailable)),
            Err(failure) => return Err(failure.into()),
        };
        let subscription = match &known {
            Some(known) if (known.user, known.session) != (principal.user, principal.session) => {
                let detail = "This socket belongs to another session. Open a new one for other credentials.";
                return Err(Problem::new(http::StatusCode::FORBIDDEN, "other_session", detail));
            }
            Some(_) => None,
            None => {
                let cursor = auth.after.map_or(Cursor::Now, Cursor::After);
                match self.app.services.subscribe(&principal, cursor, &self.channels, Manner::Stream).await {
                    Ok(opened) => Some(Box::new(opened)),
                    Err(NoStream::TooMany) => return Ok(Outcome::Close(CloseReason::TooManyStreams)),
                    Err(NoStream::Failure(failure)) => return Err(failure.into()),
                }
            }
        };
        let expires = principal.expires;
        let reply = done::<Auth>(reference, Authenticated { user_id: principal.user, expires_at: expires });
        *self.state.lock() = State { principal: Some(principal), read_only: false };
        Ok(Outcome::Authenticated { reply, expires, subscription })
    }

    async fn send(&self, asked: Asked<'_>) -> Result<Outcome, Problem> {
        self.check_writes(&asked)?;
        let post: Post = asked.fields()?;
        // One after the other takes its turn; they wait for the disk together.
        let turn = self.turn.lock().await;
        let sent = self.app.services.send_in_turn(&asked.principal, post.outgoing()?).await?;
        drop(turn);
        let (message, _) = sent.await?;
        Ok(asked.done::<Post>(message))
    }

    async fn edit(&self, asked: Asked<'_>) -> Result<Outcome, Problem> {
        self.check_writes(&asked)?;
        let Edit { id, text } = asked.fields()?;
        Ok(asked.done::<Edit>(self.app.services.edit(&asked.principal, id, text).await?))
    }

    async fn delete(&self, asked: Asked<'_>) -> Result<Outcome, Problem> {
        self.check_writes(&asked)?;
        let Delete { ids, audience } = asked.fields()?;
        Ok(asked.done::<Delete>(self.app.services.delete_all(&asked.principal, ids, audience).await?))
    }

    async fn read(&self, asked: Asked<'_>) -> Result<Outcome, Problem> {
        asked.require_more_than_a_ticket()?;
        self.app.gate.within(|limits| limits.reading(asked.principal.user))?;
        let Read { conversation_id, message_id } = asked.fields()?;
        Ok(asked.done::<Read>(self.app.services.mark_read(&asked.principal, conversation_id, message_id).await?))
    }

    async fn typing(&self, asked: Asked<'_>) -> Result<Outcome, Problem> {
        asked.require_more_than_a_ticket()?;
        self.check_session(&asked)?;
        self.app.gate.within(|limits| limits.typing(asked.principal.user))?;
        let Typing { conversation_id, stopped } = asked.fields()?;
        self.app.services.type_in(&asked.principal, conversation_id, stopped).await?;
        Ok(asked.done::<Typing>(Typed { conversation_id }))
    }

    async fn follow(&self, asked: Asked<'_>) -> Result<Outcome, Problem> {
        self.count(&asked.principal)?;
        let Follow { channel } = asked.fields()?;
        let conversation_id = self.app.services.channel(&asked.principal, &channel).await?;
        let reference = asked.reference.clone();
        let reply = move |seq| done::<Follow>(&reference, Followed { conversation_id, seq });
        Ok(Outcome::Follow(conversation_id, Box::new(reply)))
    }

    async fn unfollow(&self, asked: Asked<'_>) -> Result<Outcome, Problem> {
        self.count(&asked.principal)?;
        let Unfollow { channel } = asked.fields()?;
        let conversation_id = self.app.services.channel(&asked.principal, &channel).await?;
        let reply = done::<Unfollow>(asked.reference, Unfollowed { conversation_id });
        Ok(Outcome::Unfollow(conversation_id, reply))
    }

    /// Counts what has to be looked up with the other requests of this user.
    fn count(&self, principal: &Principal) -> Result<(), Problem> {
        Ok(self.app.gate.within(|limits| limits.operation(principal.user))?)
    }

    /// Whether the socket has a session left: it may have outlived it by the moment that it takes to be ended.
    fn check_session(&self, asked: &Asked<'_>) -> Result<(), Problem> {
        if self.app.services.follower().hub().is_revoked(asked.principal.session) {
            return Err(Refusal::Unauthorized.into());
        }
        Ok(())
    }

    /// Whether the socket may write one thing more.
    fn check_writes(&self, asked: &Asked<'_>) -> Result<(), Problem> {
        asked.require_more_than_a_ticket()?;
        self.check_session(asked)?;
        Ok(self.app.gate.within(|limits| limits.send(asked.principal.user))?)
    }
}

fn ping(asked: &Asked<'_>) -> Result<Outcome, Problem> {
    let Ping {} = asked.fields()?;
    let reference = asked.reference.clone();
    Ok(Outcome::Where(Box::new(move |(position, head)| done::<Ping>(&reference, Place { position, head }))))
}
