//! What is refused before any handler.

use super::app::App;
use super::extract::{Known, principal};
use super::problem::Problem;
use super::{cookie, web};
use crate::gate::{ClientAddress, Tally};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{StatusCode, header};
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Whether requests for a path are counted at all. A supervisor's are not, and streams have a bucket of their own, whose
/// refusal an `EventSource` survives. The web app's files are many at once, and each is given out for less than counting
/// it would take.
pub(super) fn is_limited(path: &str) -> bool {
    !["/healthz", "/readyz", "/stream", "/ws"].contains(&path) && !web::is_part(path)
}

/// Whether a path opens a stream, which no foreign page may though it only reads.
pub(super) fn is_stream(path: &str) -> bool {
    ["/stream", "/ws", "/healthz/stream"].contains(&path)
}

/// The layer of all this: one, as [`Gate::around`](crate::gate::Gate::around) is, and for the same reason.
#[derive(Debug, Clone)]
pub(super) struct Guard(pub(super) App);

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { app: self.0.clone(), inner }
    }
}

/// A route behind it.
#[derive(Debug, Clone)]
pub(super) struct Guarded<S> {
    app: App,
    inner: S,
}

impl<S> Service<Request> for Guarded<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let guarded = guard(self.app.clone(), request, self.inner.clone());
        Box::pin(AssertUnwindSafe(guarded).catch_unwind().map(|outcome| Ok(outcome.unwrap_or_else(panicked))))
    }
}

/// Refuses what no handler should see: pages of strangers, access tokens in URLs, where logs would keep them,
/// and more requests than anybody may make.
async fn guard<S>(app: App, mut request: Request, mut next: S) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let ClientAddress(address) = ClientAddress::of(&app.gate, request.extensions(), request.headers());
    tracing::Span::current().record("client.address", tracing::field::display(address));
    let origin = request.headers().get(header::ORIGIN);
    // What is mailed goes by its own token, and its pages send no origin: see there.
    let mailed = request.uri().path().starts_with("/links/");
    if !mailed && !app.gate.origins().admit(request.method(), is_stream(request.uri().path()), origin) {
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
    // Before the credentials are looked at, which may renew it.
    let renewal = cookie::await_renewal(&mut request);
    let mut tally = None;
    let told = |mut response: Response, tally: Option<Tally>| {
        if let Some(renewal) = renewal {
            renewal.tell(&mut response);
        }
        if let Some(tally) = tally {
            tally.tell(response.headers_mut());
        }
        response
    };
    if let Some(limits) = app.gate.limits().filter(|_| is_limited(request.uri().path())) {
        let tally = &*tally.insert(Tally::default());
        let known = principal(request.headers(), request.extensions(), &app).await;
        let user = known.as_ref().ok().and_then(Option::as_ref).map(|principal| principal.user);
        if let Err(refused) = tally.count(limits.request(user, address)) {
            return told(Problem::from(refused).into_response(), Some(tally.clone()));
        }
        // Credentials are checked once.
        request.extensions_mut().insert(Known(known));
        request.extensions_mut().insert(tally.clone());
    }
    let Ok(response) = next.call(request).await;
    told(response, tally)
}

/// What a panic in a handler becomes: an answer, and a line in the log.
fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The server failed at this. Its log says why.")
        .into_response()
}
