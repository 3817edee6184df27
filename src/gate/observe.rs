//! What the log says of every request, and what is counted of it.

use super::{Gate, answered};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue};
use tracing::Instrument;

/// The header by which a client can name a request to the operator.
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives each request a number and one line in the log. The line holds the route that matched, never the URI, which
/// may hold a ticket.
pub(super) async fn observe(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let id = format!("{:016x}", rand::random::<u64>());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", request.id = %id, client.address = tracing::field::Empty);
    let started = tokio::time::Instant::now();
    async move {
        let mut response = next.run(request).await;
        let status = response.status().as_u16();
        let took = started.elapsed();
        let milliseconds = took.as_secs_f64() * 1000.0;
        tracing::debug!(http.method = %method, http.route = %route, http.status = status, milliseconds, "answered");
        let counted = gate.answered().of(&(answered::method(&method), route));
        counted.statuses.of(&status).one();
        counted.time.took(took);
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(REQUEST_ID.clone(), value);
        }
        response
    }
    .instrument(span)
    .await
}
