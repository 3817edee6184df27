//! What a request asks for, wherever it says so: in JSON, also in the body of a GET; in a form; or in the query.

use super::sorry::Sorry;
use crate::compat::fields::{Fields, Form, form};
use crate::compat::{Front, Refused};
use crate::domain::MessageId;
use crate::service::MessagePage;
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use serde_json::Value;

/// Messages in one answer.
const MOST: u64 = 20;
/// The deepest that a range begins: what is skipped is read all the same.
const DEEPEST: u64 = 100_000;

/// Values by name. What the body says comes before what the query says.
#[derive(Debug)]
pub(super) struct Asked(Fields);

impl FromRequest<Front> for Asked {
    type Rejection = Sorry;

    async fn from_request(request: Request, front: &Front) -> Result<Self, Sorry> {
        let (parts, body) = request.into_parts();
        let mut asked = Fields::of_form(parts.uri.query().unwrap_or("").as_bytes());
        let bytes = front.gate.body(body).await.map_err(Refused::from)?;
        if bytes.is_empty() {
            return Ok(Self(asked));
        }
        // Its clients sent JSON under any name or none: `curl --data` calls it a form.
        let json = bytes.trim_ascii_start().starts_with(b"{");
        let said = match form(&parts.headers) {
            Form::UrlEncoded | Form::Multipart if !json => {
                Fields::read(front, Request::from_parts(parts, Body::from(bytes))).await?
            }
            _ => Fields::of_json(&bytes)?,
        };
        asked.0.extend(said.0);
        Ok(Self(asked))
    }
}

impl Asked {
    /// A text; a number is its digits, as the older system took it.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Sorry> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => match self.0.text(name) {
                Some(text) => Ok(Some(text)),
                None => Err(Sorry::bad(format!("'{name}' is not of type 'string'"))),
            },
        }
    }

    /// A text that has to be there.
    pub(super) fn required(&self, name: &str) -> Result<String, Sorry> {
        self.text(name)?.ok_or_else(|| Sorry::bad(format!("'{name}' is a required property")))
    }

    fn number(&self, name: &str) -> Result<Option<u64>, Sorry> {
        let wrong = || Sorry::bad(format!("'{name}' is not of type 'integer', from 0 on"));
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => number.as_u64().map(Some).ok_or_else(wrong),
            Some(Value::String(digits)) => digits.trim().parse().map(Some).map_err(|_| wrong()),
            Some(_) => Err(wrong()),
        }
    }

    /// A range of messages. Those of an offset or a limit count from the oldest, as rows did; unasked, they are the
    /// newest.
    pub(super) fn range(&self) -> Result<MessagePage, Sorry> {
        let (limit, offset) = (self.number("limit")?, self.number("offset")?);
        if limit.is_some_and(|limit| limit > MOST) {
            return Err(Sorry::bad(format!("You may only request {MOST} messages at once.")));
        }
        if offset.is_some_and(|offset| offset > DEEPEST) {
            return Err(Sorry::bad(format!("You may only request messages up to offset {DEEPEST}.")));
        }
        let unasked = limit.is_none() && offset.is_none();
        let after = (!unasked).then_some(MessageId(0));
        Ok(MessagePage { before: None, after, skip: offset.unwrap_or(0), limit: limit.unwrap_or(MOST) })
    }
}
