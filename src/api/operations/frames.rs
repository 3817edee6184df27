//! The frames of a socket's operations: what is asked in them, and the one shape of a reply.

use super::list::Operation;
use crate::api::extract::parse;
use crate::api::fields::Text;
use crate::api::problem::Problem;
use crate::domain::sessions::Principal;
use crate::domain::{ConversationId, MessageId, Refusal, Seq, Timestamp, UserId};
use crate::transport::Outcome;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What a reply has to repeat, as it was given.
pub(super) type Reference = Option<Box<RawValue>>;

/// The most bytes of a `ref`: it is kept until the reply, and must not be a way to keep much.
const REFERENCE_BYTES: usize = 256;

/// The first look at a frame: which operation it is, and what the reply has to repeat.
#[derive(Deserialize)]
struct Envelope<'a> {
    op: Option<String>,
    #[serde(rename = "ref", borrow)]
    reference: Option<&'a RawValue>,
}

/// Who somebody is.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Auth {
    /// An access token, or an API key.
    pub(super) token: String,
    /// The `seq` of the last event that was dealt with; without it, from now on. Only in the first frame of a socket
    /// that was opened without credentials.
    pub(super) after: Option<Seq>,
}

/// A channel to hear.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Follow {
    /// Its name.
    pub(super) channel: String,
}

/// A channel to hear no longer.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Unfollow {
    /// Its name.
    pub(super) channel: String,
}

/// A message, and what it is to say.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    /// Which message.
    pub(super) id: MessageId,
    #[schemars(with = "Text")]
    pub(super) text: String,
}

/// How far one has read.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Read {
    /// Which conversation.
    pub(super) conversation_id: ConversationId,
    /// Through which message.
    pub(super) message_id: MessageId,
}

/// Where one types, or no longer does.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Typing {
    /// Which conversation.
    pub(super) conversation_id: ConversationId,
    /// Whether it is over.
    #[serde(default)]
    pub(super) stopped: bool,
}

/// Nothing besides.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ping {}

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

/// That a channel is heard.
#[derive(Serialize, JsonSchema)]
pub(super) struct Followed {
    /// Which one.
    pub(super) conversation_id: ConversationId,
    /// Its events after this one follow.
    pub(super) seq: Seq,
}

/// That the others are told of it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Typed {
    /// Where.
    pub(super) conversation_id: ConversationId,
}

/// That a channel is heard no longer.
#[derive(Serialize, JsonSchema)]
pub(super) struct Unfollowed {
    /// Which one.
    pub(super) conversation_id: ConversationId,
}

/// How far the stream is.
#[derive(Serialize, JsonSchema)]
pub(super) struct Place {
    /// Everything up to here has been sent.
    pub(super) position: Seq,
    /// The last event of the server.
    pub(super) head: Seq,
}

/// Who is known now.
#[derive(Serialize, JsonSchema)]
pub(super) struct Authenticated {
    /// Whose socket it is.
    pub(super) user_id: UserId,
    /// When the token ends; never, if it is an API key.
    pub(super) expires_at: Option<Timestamp>,
}

/// An operation of somebody who has said who he is.
pub(super) struct Asked<'a> {
    pub(super) frame: &'a str,
    pub(super) reference: &'a Reference,
    pub(super) principal: Principal,
    /// Whether the socket was opened by a ticket, which is good for listening only.
    pub(super) read_only: bool,
}

impl Asked<'_> {
    /// Its fields.
    pub(super) fn fields<T: Operation>(&self) -> Result<T, Problem> {
        fields(self.frame)
    }

    /// The reply with its result, which is all that it leads to.
    pub(super) fn done<T: Operation>(&self, result: T::Result) -> Outcome {
        Outcome::Reply(done::<T>(self.reference, result))
    }

    /// Refuses what a ticket is not good for.
    pub(super) fn require_more_than_a_ticket(&self) -> Result<(), Problem> {
        if self.read_only {
            let detail = "A socket opened by a ticket only listens. Send `auth` with an access token first.";
            return Err(Problem::new(http::StatusCode::FORBIDDEN, "insufficient_scope", detail));
        }
        Ok(())
    }
}

/// Which operation a frame asks for, and what the reply has to repeat.
pub(super) fn open(frame: &str) -> Result<(String, Reference), Problem> {
    let envelope = serde_json::from_str(frame);
    let Envelope { op, reference } = envelope.map_err(|error: serde_json::Error| {
        if error.is_data() {
            Refusal::invalid("op", "A frame is a JSON object with `op` and, if a reply is to be known, `ref`.").into()
        } else {
            Problem::new(http::StatusCode::BAD_REQUEST, "malformed_json", format!("The frame is not JSON: {error}."))
        }
    })?;
    if reference.is_some_and(|reference| reference.get().len() > REFERENCE_BYTES) {
        return Err(Refusal::invalid("ref", format!("A `ref` has at most {REFERENCE_BYTES} bytes.")).into());
    }
    Ok((op.unwrap_or_default(), reference.map(ToOwned::to_owned)))
}

/// The fields of an operation beside `op` and `ref`, none of them unknown.
pub(super) fn fields<T: Operation>(frame: &str) -> Result<T, Problem> {
    let mut object: serde_json::Map<String, serde_json::Value> = parse(frame.as_bytes())?;
    object.remove("op");
    object.remove("ref");
    let rest = serde_json::to_vec(&object).unwrap_or_default();
    parse(&rest)
}

/// The reply to what was done.
pub(super) fn done<T: Operation>(reference: &Reference, result: T::Result) -> String {
    reply(reference, Ok(result), None)
}

/// The reply to what was not, which is all that it leads to.
pub(super) fn refuse(reference: &Reference, error: Problem, request_id: &str) -> Outcome {
    // What is wrong with an operation is for its sender alone to find; what is wrong with the server, for its operator.
    let request_id = Some(request_id).filter(|_| error.status().is_server_error());
    Outcome::Reply(reply::<()>(reference, Err(error), request_id))
}

fn reply<T: Serialize>(reference: &Reference, outcome: Result<T, Problem>, request_id: Option<&str>) -> String {
    let ok = outcome.is_ok();
    let (result, error) = outcome.map_or_else(|error| (None, Some(error)), |result| (Some(result), None));
    let reply = Reply { r#type: "reply", reference: reference.as_deref(), ok, result, error, request_id };
    // Our own views always have JSON.
    serde_json::to_string(&reply).unwrap_or_default()
}
