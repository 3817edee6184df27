//! What the log says of every request, what is counted of it, and its span if there are traces.

use super::answered::{self, OTHER};
use super::{Gate, client};
use crate::meter::TRACED;
use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode};
use tokio::time::Instant;
use tracing::Span;
use tracing::field::Empty;

/// The header by which a client can name a request to the operator.
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request under way: its number, and what its one line in the log will say. The line holds the route that matched, never
/// the URI, which may hold a ticket.
pub(super) struct Observed {
    id: String,
    method: &'static str,
    route: String,
    started: Instant,
    traced: Span,
}

impl Observed {
    /// Takes down what is known of a request at its beginning.
    pub(super) fn begin(gate: &Gate, request: &Request) -> Self {
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
        // Whoever names a trace may choose one that is sent: only those who are trusted say where a request belongs.
        if !traced.is_disabled() && gate.trusts(client::peer(request.extensions())) {
            (gate.inner.options.take_up)(&traced, request.headers());
        }
        Self { id, method, route, started: Instant::now(), traced }
    }

    /// What it is done within: the span that the log shows, and the one that is traced.
    pub(super) fn spans(&self) -> (Span, Span) {
        let span = tracing::info_span!(parent: &self.traced, "request", request.id = %self.id, client.address = Empty);
        (span, self.traced.clone())
    }

    /// Says what came of it, in the log and to the client, and counts it.
    pub(super) fn end(self, gate: &Gate, response: &mut Response) {
        let Self { id, method, route, started, traced } = self;
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
        if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(id)) {
            response.headers_mut().insert(REQUEST_ID.clone(), value);
        }
    }
}
