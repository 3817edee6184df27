//! What happens to every request: its number, its line in the log, and what is refused before any handler.

use super::app::App;
use super::extract::{ClientAddress, Known, principal};
use super::limits::{Tally, is_limited};
use super::problem::Problem;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use tracing::Instrument;

/// The header by which a client can name a request to the operator.
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives each request a number and one line in the log. The line holds the route that matched, never the URI, which
/// may hold a ticket.
pub(super) async fn observe(request: Request, next: Next) -> Response {
    let id = format!("{:016x}", rand::random::<u64>());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", request.id = %id, client.address = tracing::field::Empty);
    let started = tokio::time::Instant::now();
    async move {
        let mut response = next.run(request).await;
        let status = response.status().as_u16();
        let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
        tracing::debug!(http.method = %method, http.route = %route, http.status = status, milliseconds, "answered");
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(REQUEST_ID.clone(), value);
        }
        response
    }
    .instrument(span)
    .await
}

/// Refuses what no handler should see: pages of strangers, access tokens in URLs, where logs would keep them,
/// and more requests than anybody may make.
pub(super) async fn guard(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    mut request: Request,
    next: Next,
) -> Response {
    tracing::Span::current().record("client.address", tracing::field::display(address));
    let origin = request.headers().get(header::ORIGIN);
    // What is mailed goes by its own token, and its pages send no origin: see there.
    let mailed = request.uri().path().starts_with("/links/");
    if !mailed && !app.options.origins.admit(request.method(), request.uri().path(), origin) {
        let detail = "Pages of this origin may not use this server. Its operator can allow them with --allow-origins, \
                      or say with --public-url where the server is reached.";
        return Problem::new(StatusCode::FORBIDDEN, "foreign_origin", detail).into_response();
    }
    let query = request.uri().query().unwrap_or("");
    let names_token = |(name, _): (std::borrow::Cow<'_, str>, _)| {
        ["access_token", "token", "jwt", "authorization"].contains(&&*name.to_lowercase())
    };
    if !mailed && url::form_urlencoded::parse(query.as_bytes()).any(names_token) {
        let detail = "An access token does not belong into a URL, where logs and histories keep it. Send it as \
                      `Authorization: Bearer`, or get a ticket from /api/v1/stream-tickets for streams.";
        return Problem::new(StatusCode::BAD_REQUEST, "token_in_url", detail).into_response();
    }
    let tally = Tally::default();
    if let Some(limits) = app.limits.as_deref().filter(|_| is_limited(request.uri().path())) {
        let known = principal(request.headers(), request.extensions(), &app).await;
        let user = known.as_ref().ok().and_then(Option::as_ref).map(|principal| principal.user);
        if let Err(problem) = tally.count(limits.request(user, address)) {
            let mut response = problem.into_response();
            tally.tell(response.headers_mut());
            return response;
        }
        // Credentials are checked once.
        request.extensions_mut().insert(Known(known));
        request.extensions_mut().insert(tally.clone());
    }
    let mut response = next.run(request).await;
    tally.tell(response.headers_mut());
    response
}

/// What a panic in a handler becomes: an answer, and a line in the log.
pub(super) fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The server failed at this. Its log says why.")
        .into_response()
}
