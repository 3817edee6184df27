//! Whether the server lives, whether it can be given work, and whether streams arrive as it sends them.

use super::app::App;
use super::openapi::{Answers, Asks, Operation};
use super::problem::Problem;
use super::stream;
use crate::gate::Way;
use crate::service::condition::Unready;
use crate::transport::{CloseReason, TakeOver, farewell, probe, sse_head};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, Method, StatusCode, header};
use serde::Serialize;
use serde_json::json;
use std::net::IpAddr;
use std::time::Duration;

/// Events of a probe, and the time between them: enough to tell one that came by itself from one that was held back.
const FRAMES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(300);

/// The process answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The server can be given work: its database answers, it keeps up with it, and it is not about to stop.
pub(super) async fn readyz(State(app): State<App>) -> Result<&'static str, Problem> {
    match app.services.readiness() {
        Ok(()) => Ok("ready\n"),
        Err(reason) => Err(unready(reason)),
    }
}

fn unready(reason: Unready) -> Problem {
    let problem = match reason {
        Unready::Replaced => {
            let detail = "The database was replaced while the server ran. Restart the server.";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "database_replaced", detail)
        }
        Unready::Stopping => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "shutting_down", "The server is shutting down.")
        }
        Unready::DatabaseLost => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "database_lost", "The database does not answer.")
        }
        Unready::Behind(span) => {
            let seconds = span.as_secs();
            let detail = format!("For {seconds} s this node has not told its streams of what the database holds.");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "behind", detail)
        }
    };
    problem.retry_after(5)
}

/// What is answered while the server has not opened its database yet, which takes long if there is much to migrate: it
/// lives, and is not to be given work.
pub fn waiting_room() -> Router {
    Router::new().route("/healthz", get(healthz)).fallback(starting)
}

async fn starting(headers: HeaderMap) -> Response {
    // Any status but 200 would end a browser's `EventSource` for good.
    let wants = headers.get(header::ACCEPT).and_then(|wants| wants.to_str().ok());
    if wants.is_some_and(|wants| wants.contains("text/event-stream")) {
        return (sse_head(), farewell(CloseReason::Unavailable)).into_response();
    }
    let detail = "The server is starting: it opens its database, and brings the tables up to date.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "starting", detail).retry_after(5).into_response()
}

/// One event of a probe: which it is, who sends it, and how the request came here.
#[derive(Debug, Serialize)]
struct Probe<'a> {
    frame: u32,
    of: u32,
    instance: &'a str,
    /// The asker's own address, as it is counted.
    client: IpAddr,
    /// Addresses that `X-Forwarded-For` named.
    hops: usize,
    /// Whether they count.
    trusted: bool,
}

/// A stream that ends by itself.
pub(super) struct ProbeStream(Response);

impl IntoResponse for ProbeStream {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answers for ProbeStream {
    fn answers(operation: &mut Operation<'_>) {
        let says = "Four events `probe`. The `data` of each has its place (`frame`, from 1, and `of`), `instance`, which is \
                    another after each start of the server, `client`, the address by which the limits count the asker, \
                    `hops`, how many addresses `X-Forwarded-For` named, and `trusted`, whether `--trusted-proxies` has \
                    whoever opened the connection.";
        let event = json!({
            "type": "object",
            "properties": {
                "event": { "type": "string", "enum": ["probe"] },
                "data": { "type": "string", "contentMediaType": "application/json" },
            },
            "required": ["event", "data"],
        });
        operation.answers(200, says, Some(("text/event-stream", event)));
    }
}

impl Asks for Way {
    fn asks(_: &mut Operation<'_>) {}
}

/// `GET /healthz/stream`
pub(super) async fn stream(State(app): State<App>, way: Way, method: Method) -> Result<ProbeStream, Problem> {
    let Way { client, hops, trusted } = way;
    let permit = stream::place(&app, client)?;
    let mut response = sse_head().into_response();
    if method == Method::HEAD {
        return Ok(ProbeStream(response));
    }
    let frame = |frame| {
        let seen = Probe { frame, of: FRAMES, instance: app.services.instance(), client, hops, trusted };
        // Numbers and plain texts always have JSON.
        format!("event: probe\ndata: {}\n\n", serde_json::to_string(&seen).unwrap_or_default())
    };
    let frames = (1..=FRAMES).map(frame).collect();
    response.extensions_mut().insert::<TakeOver>(probe(frames, PAUSE, permit));
    Ok(ProbeStream(response))
}
