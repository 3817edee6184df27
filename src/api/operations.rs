//! The operations of a WebSocket: the same verbs as over REST, with a `ref` that the reply repeats.

use super::app::App;
use super::extract::parse;
use super::messages::{Delete, Post};
use super::problem::Problem;
use crate::domain::sessions::Principal;
use crate::domain::{ConversationId, MessageId, Refusal, Seq};
use crate::service::Failure;
use crate::transport::{CloseReason, Cursor, Incoming, Outcome};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::net::IpAddr;
use std::sync::Arc;
use tracing::Instrument;

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

/// The first look at a frame: which operation it is, and what the reply has to repeat.
#[derive(Deserialize)]
struct Envelope<'a> {
    op: Option<String>,
    #[serde(rename = "ref", borrow)]
    reference: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Auth {
    token: String,
    after: Option<Seq>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Channel {
    channel: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    id: MessageId,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    conversation_id: ConversationId,
    message_id: MessageId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// What an operation is answered: either its result or what was wrong with it.
#[derive(Serialize)]
struct Reply<'a, T> {
    r#type: &'static str,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a RawValue>,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
    /// What the log has about it, where the server failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Followed {
    conversation_id: ConversationId,
    seq: Seq,
}

#[derive(Serialize)]
struct Unfollowed {
    conversation_id: ConversationId,
}

#[derive(Serialize)]
struct Place {
    position: Seq,
    head: Seq,
}

#[derive(Serialize)]
struct Authenticated {
    user_id: crate::domain::UserId,
    expires_at: Option<crate::domain::Timestamp>,
}

type Reference = Option<Box<RawValue>>;

fn done<T: Serialize>(reference: &Reference, result: T) -> String {
    reply(reference, Ok(result), None)
}

fn refused(reference: &Reference, error: Problem, request_id: &str) -> String {
    // What is wrong with an operation is for its sender alone to find; what is wrong with the server, for its operator.
    let request_id = Some(request_id).filter(|_| error.status().is_server_error());
    reply::<()>(reference, Err(error), request_id)
}

fn reply<T: Serialize>(reference: &Reference, outcome: Result<T, Problem>, request_id: Option<&str>) -> String {
    let ok = outcome.is_ok();
    let (result, error) = outcome.map_or_else(|error| (None, Some(error)), |result| (Some(result), None));
    let reply = Reply { r#type: "reply", reference: reference.as_deref(), ok, result, error, request_id };
    // Our own views always have JSON.
    serde_json::to_string(&reply).unwrap_or_default()
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
            let span = tracing::info_span!("operation", request.id = %id, client.address = %operations.address);
            Box::pin(async move { operations.handle(&frame, &id).await }.instrument(span))
        })
    }

    async fn handle(&self, frame: &str, id: &str) -> Outcome {
        let envelope: Envelope<'_> = match parse_frame(frame) {
            Ok(envelope) => envelope,
            Err(problem) => return Outcome::Reply(refused(&None, problem, id)),
        };
        let reference = envelope.reference.map(ToOwned::to_owned);
        // What a reply repeats is kept until then: it must not be a way to keep much.
        if reference.as_ref().is_some_and(|reference| reference.get().len() > 256) {
            let problem = Refusal::invalid("ref", "A `ref` has at most 256 bytes.").into();
            return Outcome::Reply(refused(&None, problem, id));
        }
        let (_alone, _together) = if envelope.op.as_deref() == Some("auth") {
            (Some(self.gate.write().await), None)
        } else {
            (None, Some(self.gate.read().await))
        };
        let State { principal, read_only } = self.state.lock().clone();
        let outcome = match (envelope.op.as_deref().unwrap_or(""), principal) {
            ("auth", known) => self.auth(frame, &reference, known).await,
            // Nothing is told to whoever has not said who he is.
            (_, None) => return Outcome::Close(CloseReason::Unauthorized),
            ("send", Some(principal)) => self.send(frame, &reference, &principal, read_only).await,
            ("read", Some(principal)) => self.read(frame, &reference, &principal, read_only).await,
            ("edit", Some(principal)) => self.edit(frame, &reference, &principal, read_only).await,
            ("delete", Some(principal)) => self.delete(frame, &reference, &principal, read_only).await,
            ("follow", Some(principal)) => self.follow(frame, &reference, &principal).await,
            ("unfollow", Some(principal)) => self.unfollow(frame, &reference, &principal).await,
            ("ping", Some(_)) => ping(frame, &reference),
            _ => {
                let reason = "Operations are auth, send, edit, delete, read, follow, unfollow and ping.";
                Err(Refusal::invalid("op", reason).into())
            }
        };
        outcome.unwrap_or_else(|problem| Outcome::Reply(refused(&reference, problem, id)))
    }

    async fn auth(&self, frame: &str, reference: &Reference, known: Option<Principal>) -> Result<Outcome, Problem> {
        let auth: Auth = fields(frame)?;
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
                if self.app.services.has_too_many_streams(&principal) {
                    return Ok(Outcome::Close(CloseReason::TooManyStreams));
                }
                let cursor = auth.after.map_or(Cursor::Now, Cursor::After);
                let opened = self.app.services.subscribe(&principal, cursor, &self.channels).await?;
                Some(Box::new(opened))
            }
        };
        let expires = principal.expires;
        let reply = done(reference, Authenticated { user_id: principal.user, expires_at: expires });
        *self.state.lock() = State { principal: Some(principal), read_only: false };
        Ok(Outcome::Authenticated { reply, expires, subscription })
    }

    async fn send(
        &self,
        frame: &str,
        reference: &Reference,
        principal: &Principal,
        read_only: bool,
    ) -> Result<Outcome, Problem> {
        self.check_writable(principal, read_only)?;
        self.app.within_limits(|limits| limits.send(principal.user))?;
        let post: Post = fields(frame)?;
        // One after the other takes its turn; they wait for the disk together.
        let turn = self.turn.lock().await;
        let sent = self.app.services.send_in_turn(principal, post.outgoing()?).await?;
        drop(turn);
        let (message, _) = sent.await?;
        Ok(Outcome::Reply(done(reference, message)))
    }

    async fn edit(
        &self,
        frame: &str,
        reference: &Reference,
        principal: &Principal,
        read_only: bool,
    ) -> Result<Outcome, Problem> {
        self.check_writable(principal, read_only)?;
        self.app.within_limits(|limits| limits.send(principal.user))?;
        let Edit { id, text } = fields(frame)?;
        Ok(Outcome::Reply(done(reference, self.app.services.edit(principal, id, text).await?)))
    }

    async fn delete(
        &self,
        frame: &str,
        reference: &Reference,
        principal: &Principal,
        read_only: bool,
    ) -> Result<Outcome, Problem> {
        self.check_writable(principal, read_only)?;
        self.app.within_limits(|limits| limits.send(principal.user))?;
        let Delete { ids, audience } = fields(frame)?;
        Ok(Outcome::Reply(done(reference, self.app.services.delete_all(principal, ids, audience).await?)))
    }

    async fn read(
        &self,
        frame: &str,
        reference: &Reference,
        principal: &Principal,
        read_only: bool,
    ) -> Result<Outcome, Problem> {
        check_more_than_listens(read_only)?;
        self.app.within_limits(|limits| limits.reading(principal.user))?;
        let Read { conversation_id, message_id } = fields(frame)?;
        let read = self.app.services.mark_read(principal, conversation_id, message_id).await?;
        Ok(Outcome::Reply(done(reference, read)))
    }

    async fn follow(&self, frame: &str, reference: &Reference, principal: &Principal) -> Result<Outcome, Problem> {
        let channel: Channel = fields(frame)?;
        let conversation_id = self.app.services.channel(principal, &channel.channel).await?;
        let reference = reference.clone();
        let reply = move |seq| done(&reference, Followed { conversation_id, seq });
        Ok(Outcome::Follow(conversation_id, Box::new(reply)))
    }

    async fn unfollow(&self, frame: &str, reference: &Reference, principal: &Principal) -> Result<Outcome, Problem> {
        let channel: Channel = fields(frame)?;
        let conversation_id = self.app.services.channel(principal, &channel.channel).await?;
        Ok(Outcome::Unfollow(conversation_id, done(reference, Unfollowed { conversation_id })))
    }

    /// Whether the socket may change anything. It may have outlived its session by the moment that it takes to be ended.
    fn check_writable(&self, principal: &Principal, read_only: bool) -> Result<(), Problem> {
        if read_only {
            let detail = "A socket opened by a ticket only listens. Send `auth` with an access token first.";
            return Err(Problem::new(http::StatusCode::FORBIDDEN, "insufficient_scope", detail));
        }
        if self.app.services.follower().hub().is_revoked(principal.session) {
            return Err(Refusal::Unauthorized.into());
        }
        Ok(())
    }
}

fn check_more_than_listens(read_only: bool) -> Result<(), Problem> {
    if read_only {
        let detail = "A socket opened by a ticket only listens. Send `auth` with an access token first.";
        return Err(Problem::new(http::StatusCode::FORBIDDEN, "insufficient_scope", detail));
    }
    Ok(())
}

fn ping(frame: &str, reference: &Reference) -> Result<Outcome, Problem> {
    let Nothing {} = fields(frame)?;
    let reference = reference.clone();
    Ok(Outcome::Where(Box::new(move |(position, head)| done(&reference, Place { position, head }))))
}

fn parse_frame(frame: &str) -> Result<Envelope<'_>, Problem> {
    let envelope = serde_json::from_str(frame);
    envelope.map_err(|error: serde_json::Error| {
        if error.is_data() {
            Refusal::invalid("op", "A frame is a JSON object with `op` and, if a reply is to be known, `ref`.").into()
        } else {
            Problem::new(http::StatusCode::BAD_REQUEST, "malformed_json", format!("The frame is not JSON: {error}."))
        }
    })
}

/// The fields of an operation beside `op` and `ref`, none of them unknown.
fn fields<T: serde::de::DeserializeOwned>(frame: &str) -> Result<T, Problem> {
    let mut object: serde_json::Map<String, serde_json::Value> = parse(frame.as_bytes())?;
    object.remove("op");
    object.remove("ref");
    let rest = serde_json::to_vec(&object).unwrap_or_default();
    parse(&rest)
}
