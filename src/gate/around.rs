//! What is put around all routes, in one pass: a number and a line in the log, what browsers and those in between may do
//! with an answer, and whether the connection ends behind it.
//!
//! It is one layer, where five would read as well. The router keeps what each layer makes of a route in a box, and copies for each
//! request all boxes that it goes through, once for each that it comes to: with the layers before handlers that were nine, and
//! their copies cost a third of what sending a message did.

use super::observe::Observed;
use super::unread::Watch;
use super::{Gate, unread};
use axum::extract::Request;
use axum::response::Response;
use futures_util::future::{BoxFuture, Either};
use http::{HeaderName, HeaderValue, Method, header};
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{Layer, Service};
use tower_http::cors::CorsLayer;
use tracing::Instrument;

/// What an answer depends on where origins differ.
const VARY: HeaderValue = HeaderValue::from_static("origin");
/// The fields that pages of other origins may read.
const EXPOSED: &str = "etag,retry-after,ratelimit,ratelimit-policy,x-request-id";

/// The layer.
#[derive(Debug, Clone)]
pub(super) struct Around {
    gate: Gate,
    cors: Arc<CorsLayer>,
}

impl Around {
    pub(super) fn new(gate: &Gate) -> Self {
        Self { gate: gate.clone(), cors: Arc::new(cors(gate)) }
    }
}

impl<S> Layer<S> for Around {
    type Service = Surrounded<S>;

    fn layer(&self, inner: S) -> Surrounded<S> {
        Surrounded { around: self.clone(), inner }
    }
}

/// A route with all this around it.
#[derive(Debug, Clone)]
pub(super) struct Surrounded<S> {
    around: Around,
    inner: S,
}

impl<S> Service<Request> for Surrounded<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let gate = self.around.gate.clone();
        let observed = Observed::begin(&gate, &request);
        let (request, watch) = unread::watch(request);
        // Who names no origin, and does not ask whether he may, is told what everybody is told.
        let asks = *request.method() == Method::OPTIONS || request.headers().contains_key(header::ORIGIN);
        let answer = if asks {
            Either::Left(self.around.cors.layer(self.inner.clone()).call(request))
        } else {
            Either::Right(self.inner.call(request))
        };
        let spans = observed.spans();
        let answered = async move {
            let Ok(mut response) = answer.await;
            if !asks {
                say_of_origins(&mut response);
            }
            say_of_keeping(&mut response);
            if let Some(watch) = watch {
                Watch::tell(watch, &mut response).await;
            }
            observed.end(&gate, &mut response);
            Ok(response)
        };
        // What is traced within finds it among the spans that are entered.
        Box::pin(answered.instrument(spans.0).instrument(spans.1))
    }
}

/// What [`cors`] says to those who name no origin.
fn say_of_origins(response: &mut Response) {
    let headers = response.headers_mut();
    headers.reserve(8);
    headers.append(header::VARY, VARY);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, const { HeaderValue::from_static(EXPOSED) });
}

/// Answers are about one caller, and nobody in between keeps them; and they are what they are said to be.
fn say_of_keeping(response: &mut Response) {
    let headers = response.headers_mut();
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(const { HeaderValue::from_static("nosniff") });
    headers.entry(header::CACHE_CONTROL).or_insert(const { HeaderValue::from_static("no-store") });
}

fn cors(gate: &Gate) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(gate.origins.allowed())
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
        ])
        .expose_headers(EXPOSED.split(',').map(HeaderName::from_static).collect::<Vec<_>>())
        .max_age(Duration::from_hours(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{GateOptions, Origins};
    use axum::body::Body;
    use std::net::SocketAddr;
    use tower::ServiceExt;

    #[tokio::test]
    async fn who_names_no_origin_is_told_what_he_would_be_told_by_the_rules_for_those_who_do() {
        let options = GateOptions {
            trusted_proxies: Vec::new(),
            streams_per_address: 1,
            body_timeout: Duration::from_secs(1),
            take_up: |_, _| {},
        };
        let gate = Gate::new(options, Origins::new(None, SocketAddr::from(([127, 0, 0, 1], 8080)), &[]), None);
        let varies = async |_: Request| {
            let mut response = Response::new(Body::empty());
            response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
            Ok::<_, Infallible>(response)
        };
        let by_the_rules = cors(&gate).layer(tower::service_fn(varies)).oneshot(Request::default()).await.unwrap();
        let mut said = varies(Request::default()).await.unwrap();
        say_of_origins(&mut said);
        assert_eq!(said.headers(), by_the_rules.headers());
        assert_eq!(said.headers().get_all(header::VARY).iter().count(), 2, "what the handler said stands");
    }
}
