//! What the log says of every request, what is counted of it, and its span if there are traces.

use super::Gate;
use super::answered::{self, OTHER};
use crate::meter::TRACED;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode};
use tracing::Instrument;
use tracing::field::Empty;

/// The header by which a client can name a request to the operator.
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives each request a number and one line in the log. The line holds the route that matched, never the URI, which
/// may hold a ticket.
pub(super) async fn observe(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let id = format!("{:016x}", rand::random::<u64>());
    let method = answered::method(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let traced = tracing::info_span!(
        target: TRACED,
        "request",
        otel.kind = "server",
        otel.name = %format_args!("{method} {route}"),
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        request.id = %id
    );
    if !traced.is_disabled() {
        (gate.inner.options.take_up)(&traced, request.headers());
    }
    let span = tracing::info_span!(parent: &traced, "request", request.id = %id, client.address = Empty);
    let started = tokio::time::Instant::now();
    let entered = traced.clone();
    async move {
        let mut response = next.run(request).await;
        let status = response.status().as_u16();
        let took = started.elapsed();
        let milliseconds = took.as_secs_f64() * 1000.0;
        tracing::debug!(http.method = %method, http.route = %route, http.status = status, milliseconds, "answered");
        traced.record("http.response.status_code", status);
        if status >= 500 {
            traced.record("otel.status_code", "ERROR");
        }
        // Whoever asks may try all methods on all routes.
        let method = if response.status() == StatusCode::METHOD_NOT_ALLOWED { OTHER } else { method };
        let counted = gate.answered().of(&(method, route));
        counted.statuses.of(&status).one();
        counted.time.took(took);
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(REQUEST_ID.clone(), value);
        }
        response
    }
    .instrument(span)
    // What is traced within finds it among the spans that are entered.
    .instrument(entered)
    .await
}
