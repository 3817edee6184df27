//! What a request says in its body: JSON, a form, or a form in parts, as the frameworks of the older systems took them all.

use super::{Front, Refused};
use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Request};
use bytes::Bytes;
use http::{HeaderMap, header};
use serde_json::{Map, Value};

/// From here on not each whole number is one that a floating-point number can be.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The named values of a body. Those of forms are texts; of a name that comes twice the last one counts.
#[derive(Debug, Default)]
pub(super) struct Fields(pub(super) Map<String, Value>);

/// What the content type says a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing is said.
    Unnamed,
    /// `application/json` and its kin.
    Json,
    /// `application/x-www-form-urlencoded`
    UrlEncoded,
    /// `multipart/form-data`
    Multipart,
    /// Anything else.
    Other,
}

/// What the headers say the body is.
pub(super) fn form(headers: &HeaderMap) -> Form {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Form::Unnamed };
    let kind = value.to_str().unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match kind.as_str() {
        "" => Form::Unnamed,
        "application/x-www-form-urlencoded" => Form::UrlEncoded,
        "multipart/form-data" => Form::Multipart,
        kind if kind.ends_with("/json") || kind.ends_with("+json") => Form::Json,
        _ => Form::Other,
    }
}

impl Fields {
    /// Reads a body by what its headers say it is. An empty one has no fields, whatever it is called.
    pub(super) async fn read(front: &Front, request: Request) -> Result<Self, Refused> {
        let (parts, body) = request.into_parts();
        let bytes = front.gate.body(body).await?;
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        match form(&parts.headers) {
            Form::Json => Self::of_json(&bytes),
            Form::UrlEncoded => Ok(Self::of_form(&bytes)),
            Form::Multipart => Self::of_parts(parts.headers, bytes).await,
            Form::Unnamed | Form::Other => Err(Refused::MediaType),
        }
    }

    /// Reads a JSON object.
    pub(super) fn of_json(bytes: &[u8]) -> Result<Self, Refused> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Refused::Malformed("The body is not a JSON object.".to_owned())),
            Err(error) => Err(Refused::Malformed(format!("The body is not JSON: {error}."))),
        }
    }

    /// Reads a form, or a query.
    pub(super) fn of_form(bytes: &[u8]) -> Self {
        let pairs = url::form_urlencoded::parse(bytes);
        Self(pairs.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect())
    }

    async fn of_parts(headers: HeaderMap, bytes: Bytes) -> Result<Self, Refused> {
        let malformed = || Refused::Malformed("The form cannot be read.".to_owned());
        let mut request = Request::new(Body::from(bytes));
        *request.headers_mut() = headers;
        let mut parts = Multipart::from_request(request, &()).await.map_err(|_| malformed())?;
        let mut fields = Map::new();
        while let Some(part) = parts.next_field().await.map_err(|_| malformed())? {
            let Some(name) = part.name().map(str::to_owned) else { continue };
            let value = part.text().await.map_err(|_| malformed())?;
            fields.insert(name, Value::String(value));
        }
        Ok(Self(fields))
    }

    /// A value as it was given.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A text; a number is its digits, as forms have them. None where it is too long for all of them to be known.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) if number.as_f64().is_some_and(|it| number.is_f64() && it.abs() >= EXACT) => None,
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}
