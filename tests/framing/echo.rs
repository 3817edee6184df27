//! Our front door and our `WebSocket`, which here says everything back, for the cases that `scripts/framing` tries.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that cannot go on panics")]

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use goldcrest::transport::{Addresses, Door, DoorOptions, Pace, echo, listen};
use http::{HeaderMap, StatusCode, header};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tungstenite::handshake::derive_accept_key;

/// Longer than any case takes.
const LONG: Duration = Duration::from_hours(1);
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let listener = listen((HERE, 0).into()).unwrap();
    println!("echo is listening on {}", listener.local_addr().unwrap());
    let options = DoorOptions { connections: 64, head_timeout: LONG, stall: LONG, silence: LONG };
    let router = Router::new().route("/", get(upgrade)).with_state(Addresses::new(64));
    let (closing, closed) = (CancellationToken::new(), CancellationToken::new());
    Door::new(router, options, Arc::default(), TaskTracker::new(), closing, closed).open(listener).await;
}

/// The server's half of a handshake with a client that is known to know its own.
async fn upgrade(State(addresses): State<Addresses>, headers: HeaderMap) -> Response {
    let accept = derive_accept_key(headers[header::SEC_WEBSOCKET_KEY].as_bytes());
    let head =
        [(header::CONNECTION, "Upgrade"), (header::UPGRADE, "websocket"), (header::SEC_WEBSOCKET_ACCEPT, &*accept)];
    let mut response = (StatusCode::SWITCHING_PROTOCOLS, head).into_response();
    let pace = Pace { heartbeat: LONG, stall: LONG, auth: LONG };
    response.extensions_mut().insert(echo(pace, addresses.admit(HERE).unwrap()));
    response
}
