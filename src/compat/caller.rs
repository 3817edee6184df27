//! Who calls, by what `Authorization` shows.

use super::{Front, Refused, Scheme};
use crate::domain::UserId;
use crate::domain::sessions::Principal;
use crate::gate::Bounds;
use crate::service::Failure;
use axum::extract::FromRequestParts;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header, request::Parts};

/// Whoever calls, if anything says so. What says something wrong is refused.
#[derive(Debug)]
pub(super) struct Caller(pub(super) Option<Principal>);

/// What was found out before the handler without the cost of a hash, be it that the credentials are not good.
#[derive(Debug, Clone)]
pub(super) struct Recalled(pub(super) Result<Option<Principal>, Failure>);

/// What a request shows.
enum Shown {
    Nothing,
    Basic {
        name: String,
        password: String,
    },
    Bearer(String),
    Token(String),
    /// A scheme that this adapter does not take.
    Other,
    Unreadable,
}

fn shown(front: &Front, headers: &HeaderMap) -> Shown {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Shown::Nothing };
    let Ok(value) = value.to_str() else { return Shown::Unreadable };
    let (scheme, rest) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
    let rest = rest.trim();
    let is = |known: Scheme, word: &str| front.takes(known) && scheme.eq_ignore_ascii_case(word);
    if is(Scheme::Basic, "basic") {
        let decoded = STANDARD.decode(rest).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        return match decoded.as_deref().and_then(|pair| pair.split_once(':')) {
            Some((name, password)) => Shown::Basic { name: name.to_owned(), password: password.to_owned() },
            None => Shown::Unreadable,
        };
    }
    if is(Scheme::Bearer, "bearer") {
        return Shown::Bearer(rest.to_owned());
    }
    if is(Scheme::Token, "token") {
        return if rest.is_empty() || rest.contains(' ') { Shown::Unreadable } else { Shown::Token(rest.to_owned()) };
    }
    Shown::Other
}

/// Who calls, as far as it costs no hash to tell.
pub(super) async fn recall(front: &Front, headers: &HeaderMap) -> Result<Option<Principal>, Failure> {
    match shown(front, headers) {
        Shown::Basic { name, password } => front.services.recall_password(&name, &password).await,
        Shown::Bearer(token) => front.services.check_bearer(&token).await.map(Some),
        Shown::Token(token) => front.services.check_adapter_session(front.name(), &token).await.map(Some),
        Shown::Nothing | Shown::Other | Shown::Unreadable => Ok(None),
    }
}

/// With whom a request is counted before it is known who calls.
pub(super) fn counted_with(front: &Front, headers: &HeaderMap) -> Option<UserId> {
    let Shown::Basic { name, password } = shown(front, headers) else { return None };
    front.services.seen_password(&name, &password)
}

/// Who calls. Passwords are hashed only within the limits of logging in.
pub(super) async fn caller(front: &Front, parts: &mut Parts) -> Result<Option<Principal>, Refused> {
    let recalled = match parts.extensions.get::<Recalled>() {
        Some(Recalled(outcome)) => outcome.clone(),
        None => recall(front, &parts.headers).await,
    };
    if let Some(principal) = recalled? {
        return Ok(Some(principal));
    }
    match shown(front, &parts.headers) {
        Shown::Unreadable => Err(Refused::MalformedCredentials),
        Shown::Basic { name, password } => {
            let Ok(bounds) = Bounds::from_request_parts(parts, front).await;
            if front.services.is_guess(&name, &password) {
                bounds.login(&name)?;
            }
            Ok(Some(front.services.check_password(&name, password, bounds.address()).await?))
        }
        // Of a token all is known by now.
        Shown::Nothing | Shown::Other | Shown::Bearer(_) | Shown::Token(_) => Ok(None),
    }
}

/// The name and the password that a request shows, whether anybody has them yet or not: for whoever registers by them.
pub(super) fn offered(front: &Front, headers: &HeaderMap) -> Result<Option<(String, String)>, Refused> {
    match shown(front, headers) {
        Shown::Basic { name, password } => Ok(Some((name, password))),
        Shown::Unreadable => Err(Refused::MalformedCredentials),
        Shown::Nothing | Shown::Bearer(_) | Shown::Token(_) | Shown::Other => Ok(None),
    }
}

impl FromRequestParts<Front> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, front: &Front) -> Result<Self, Response> {
        caller(front, parts).await.map(Self).map_err(|refused| front.refuse(&refused))
    }
}

impl Caller {
    /// Whoever calls, who must have said so.
    pub(super) fn required(self) -> Result<Principal, Refused> {
        self.0.ok_or(Refused::NoCredentials)
    }
}
