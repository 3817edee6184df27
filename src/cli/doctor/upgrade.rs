//! Whether a WebSocket gets through: the handshake, and a ping that is answered.

use crate::cli::remote::{self, chain};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tungstenite::handshake::derive_accept_key;
use url::Url;

/// How long each half may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// An empty ping of a client, and an empty pong of a server (RFC 6455, section 5.2).
const PING: [u8; 6] = [0x89, 0x80, 1, 2, 3, 4];
const PONG: [u8; 2] = [0x8A, 0x00];

/// Tries it; the error says what came instead.
pub(super) async fn attempt(base: &Url) -> Result<(), String> {
    let client = remote::client(base, |builder| builder.read_timeout(PATIENCE)).map_err(|failed| failed.to_string())?;
    let url = base.join("ws").map_err(|error| error.to_string())?;
    let key = STANDARD.encode(rand::random::<[u8; 16]>());
    let request = client
        .get(url)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, &key);
    let response = tokio::time::timeout(PATIENCE, request.send()).await;
    let response = response.map_err(|_| "no answer".to_owned())?.map_err(|error| chain(&error))?;
    if response.status().as_u16() != 101 {
        return Err(format!("the handshake is answered with {}", response.status()));
    }
    let accepted =
        response.headers().get(SEC_WEBSOCKET_ACCEPT).is_some_and(|value| *value == derive_accept_key(key.as_bytes()));
    if !accepted {
        return Err("the handshake is answered by somebody else".to_owned());
    }
    let mut socket = response.upgrade().await.map_err(|error| chain(&error))?;
    let answer = async {
        socket.write_all(&PING).await?;
        let mut answer = [0; 2];
        socket.read_exact(&mut answer).await.map(|_| answer)
    };
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(PONG)) => Ok(()),
        Ok(Ok(_)) => Err("a ping is answered with something else".to_owned()),
        Ok(Err(error)) => Err(format!("a ping gets no answer: {error}")),
        Err(_) => Err("a ping gets no answer".to_owned()),
    }
}
