//! Traces for OpenTelemetry, if an option says where they go: how long a request took, and its part in a batch.
//!
//! A room that has something to show there makes a span whose target is [`TRACED`]; no other span, and no line of the log,
//! leaves this way. Without the option such a span costs as much as a line that is not logged.

use crate::meter::TRACED;
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use opentelemetry::KeyValue;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tracing::Span;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;
use url::Url;

/// Spans that wait to be sent; more are dropped, and nobody waits.
const WAITING: usize = 4_096;
/// How long a collector has for one answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the last spans have when the server stops.
const LAST_ROUND: Duration = Duration::from_secs(1);

/// Why no traces can be sent.
#[derive(Debug, thiserror::Error)]
#[error("cannot send traces: {0}")]
pub struct NoTraces(String);

/// The way of traces to their collector.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    tasks: TaskTracker,
}

impl Traces {
    /// Sends this part of all traces to a collector that takes OTLP over HTTP.
    pub fn to(collector: &Url, ratio: f64) -> Result<Self, NoTraces> {
        let tasks = TaskTracker::new();
        let carrier = Carrier::new(collector, tasks.clone()).map_err(|error| NoTraces(error.to_string()))?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(carrier)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint(collector))
            .with_timeout(PATIENCE)
            .build()
            .map_err(|error| NoTraces(error.to_string()))?;
        let batches = BatchConfigBuilder::default().with_max_queue_size(WAITING).build();
        let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_service_name("goldcrest").with_attribute(version).build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .with_resource(resource)
            // By the number of the trace alone: nobody who asks decides whether it is kept.
            .with_sampler(Sampler::TraceIdRatioBased(ratio))
            .build();
        Ok(Self { provider, tasks })
    }

    /// What takes the spans.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("goldcrest"))
            .with_location(false)
            .with_threads(false)
            .with_level(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(TRACED, LevelFilter::INFO))
    }

    /// Sends what is left, if the collector takes it at once.
    pub async fn finish(self) {
        let Self { provider, tasks } = self;
        // It waits for its own thread, and that for a task of ours.
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_ROUND));
        let finishing = async {
            if let Ok(Err(error)) = ended.await {
                tracing::debug!(%error, "the last traces were not sent");
            }
            tasks.close();
            tasks.wait().await;
        };
        drop(tokio::time::timeout(LAST_ROUND, finishing).await);
    }
}

/// Where a collector takes traces, unless its URL says so itself.
fn endpoint(collector: &Url) -> String {
    const PATH: &str = "/v1/traces";
    let base = collector.as_str().trim_end_matches('/');
    if base.ends_with(PATH) { base.to_owned() } else { format!("{base}{PATH}") }
}

/// Puts a request's span into the trace that whoever asked began (W3C Trace Context), if he says so.
pub fn take_up(span: &Span, headers: &HeaderMap) {
    if headers.contains_key("traceparent") {
        let begun = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
        // A span that is not traced has no place in any.
        drop(span.set_parent(begun));
    }
}

/// Carries batches of spans, on the tasks of the server though it is asked from a thread of its own.
#[derive(Debug)]
struct Carrier {
    client: reqwest::Client,
    tasks: TaskTracker,
    runtime: Handle,
    /// Whether the last try failed.
    failing: AtomicBool,
}

impl Carrier {
    fn new(collector: &Url, tasks: TaskTracker) -> Result<Self, reqwest::Error> {
        // Fails only if there is one already, which does as well.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("goldcrest/", env!("CARGO_PKG_VERSION")))
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none());
        if collector.scheme() == "http" {
            // Without TLS the machine's certificates are not needed, and a container may have none to load.
            builder = builder.tls_certs_only(std::iter::empty());
        }
        let (client, failing) = (builder.build()?, AtomicBool::new(false));
        Ok(Self { client, tasks, runtime: Handle::current(), failing })
    }
}

#[async_trait]
impl HttpClient for Carrier {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sending = async move {
            let answer = client.execute(request.try_into()?).await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut response = Response::new(answer.bytes().await?);
            (*response.status_mut(), *response.headers_mut()) = (status, headers);
            Ok::<_, reqwest::Error>(response)
        };
        let answer = self.tasks.spawn_on(sending, &self.runtime).await;
        let answer = answer.map_err(HttpError::from).and_then(|answer| answer.map_err(HttpError::from));
        // Told once, and not for each batch of a collector that is gone for a night.
        let fails = answer.as_ref().map_or(true, |answer| !answer.status().is_success());
        if self.failing.swap(fails, Ordering::Relaxed) != fails {
            match &answer {
                Err(error) => tracing::warn!(%error, "traces cannot be sent; until they can, they are dropped"),
                Ok(answer) if fails => {
                    tracing::warn!(http.status = answer.status().as_u16(), "the collector does not take the traces");
                }
                Ok(_) => tracing::info!("traces are sent again"),
            }
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_named_with_or_without_the_path() {
        for (named, asked) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
            ("https://x.example/otlp/", "https://x.example/otlp/v1/traces"),
            ("https://x.example/otlp/v1/traces", "https://x.example/otlp/v1/traces"),
        ] {
            assert_eq!(endpoint(&named.parse().unwrap()), asked);
        }
    }
}
