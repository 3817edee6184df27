//! Who calls, by the token that a login gave.

use super::super::caller::caller;
use super::super::{Front, Refused};
use super::complaint::{Complaint, refuse};
use crate::domain::sessions::Principal;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{StatusCode, header};

/// Whoever calls, who has shown a token.
pub(super) struct Known(pub(super) Principal);

impl FromRequestParts<Front> for Known {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, front: &Front) -> Result<Self, Response> {
        match caller(front, parts).await {
            Ok(Some(principal)) => Ok(Self(principal)),
            Ok(None) => Err(refuse(&Refused::NoCredentials)),
            Err(Refused::MalformedCredentials) => Err(malformed(parts)),
            Err(refused) => Err(refuse(&refused)),
        }
    }
}

/// What is wrong with a header that names the scheme and no token.
fn malformed(parts: &Parts) -> Response {
    let shown = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let reason = match shown.map(|shown| shown.split_whitespace().count()) {
        Some(0 | 1) => "Invalid token header. No credentials provided.",
        Some(_) => "Invalid token header. Token string should not contain spaces.",
        None => "Invalid token.",
    };
    let mut response = Complaint::Detail(StatusCode::UNAUTHORIZED, reason.to_owned()).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, http::HeaderValue::from_static("Token"));
    response
}
