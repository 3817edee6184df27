//! What is refused before any handler of an adapter.

use super::caller::{Recalled, counted_with, recall};
use super::{Front, Refused};
use crate::gate::{ClientAddress, Tally};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header;
use tower_http::catch_panic::CatchPanicLayer;

/// An adapter's routes with what stands before each of them.
pub fn mount(front: Front) -> Router {
    let panicked = front.clone();
    (front.adapter.router)(front.clone())
        .layer(CatchPanicLayer::custom(move |_: Box<dyn std::any::Any + Send + 'static>| {
            tracing::error!(adapter = panicked.name(), "a handler panicked");
            panicked.refuse(&Refused::Panicked)
        }))
        .layer(axum::middleware::from_fn_with_state(front, guard))
}

async fn guard(
    State(front): State<Front>,
    ClientAddress(address): ClientAddress,
    mut request: Request,
    next: Next,
) -> Response {
    tracing::Span::current().record("client.address", tracing::field::display(address));
    if front.checks_host() && !front.is_own_host(request.headers()) {
        return front.refuse(&Refused::ForeignHost);
    }
    if is_foreign(&front, &request) {
        return front.refuse(&Refused::ForeignOrigin);
    }
    let tally = Tally::default();
    if let Some(limits) = front.gate.limits() {
        // Wrong credentials are refused by the handler, in its own words.
        let recalled = recall(&front, request.headers()).await;
        let known = recalled.as_ref().ok().and_then(Option::as_ref).map(|principal| principal.user);
        let user = known.or_else(|| counted_with(&front, request.headers()));
        if let Err(refused) = tally.count(limits.request(user, address)) {
            let mut response = front.refuse(&refused.into());
            tally.tell(response.headers_mut());
            return response;
        }
        request.extensions_mut().insert(Recalled(recalled));
        request.extensions_mut().insert(tally.clone());
    }
    let mut response = next.run(request).await;
    tally.tell(response.headers_mut());
    response
}

/// Whether somebody else's page sent this. These protocols change things by GET as well, and browsers add passwords by
/// themselves, so more is asked than of our own: a browser that says where a request comes from is believed.
fn is_foreign(front: &Front, request: &Request) -> bool {
    let origin = request.headers().get(header::ORIGIN);
    let origins = front.gate.origins();
    // As if each were a stream: reading is not free either.
    if origin.is_some() {
        return !origins.admit(request.method(), true, origin);
    }
    // What browsers say of requests that carry no origin (W3C Fetch Metadata).
    if let Some(site) = request.headers().get("sec-fetch-site") {
        return site != "same-origin" && site != "none";
    }
    // Over plain HTTP they do not say it, but may name the page that sent it.
    let referer = request.headers().get(header::REFERER);
    referer.is_some_and(|referer| !front.is_own_page(request.headers(), referer))
}
