//! The command's end of the admin socket.

use super::verb::{Denied, Outcome, Verb};
use super::{Address, PATH};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use std::io;
use std::path::Path;
use tokio::net::UnixStream;

/// Why nothing is known to be done.
#[derive(Debug)]
pub(crate) enum AskError {
    /// Nobody listens; nothing was done.
    Nobody(io::Error),
    /// The socket is not ours to use; nothing was done.
    Forbidden(io::Error),
    /// It was asked, and said no.
    Denied(Denied),
    /// It was asked, and no answer came.
    BrokeOff(String),
}

/// Has the running server do it.
pub(crate) async fn ask(socket: &Path, verb: &Verb) -> Result<Outcome, AskError> {
    let address = Address::of(socket).map_err(AskError::Nobody)?;
    let stream = UnixStream::connect(address.path.as_path()).await.map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => AskError::Forbidden(error),
        _ => AskError::Nobody(error),
    })?;
    let patience = verb.patience();
    let (status, body) = tokio::time::timeout(patience, exchange(stream, verb))
        .await
        .map_err(|_| AskError::BrokeOff(format!("no answer in {patience:?}")))?
        .map_err(|error| AskError::BrokeOff(error.to_string()))?;
    if status == StatusCode::OK { Ok(read(&body)?) } else { Err(AskError::Denied(read(&body)?)) }
}

async fn exchange(stream: UnixStream, verb: &Verb) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::post(PATH)
        .header(HOST, "localhost")
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(serde_json::to_vec(verb)?)))?;
    let answered = async move {
        let response = sender.send_request(request).await?;
        let status = response.status();
        Ok::<_, hyper::Error>((status, response.into_body().collect().await?.to_bytes()))
    };
    // The connection does the work and ends with the answer, so both run here, and nothing is left behind.
    let (_, answered) = tokio::join!(connection, answered);
    Ok(answered?)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, AskError> {
    serde_json::from_slice(body).map_err(|_| AskError::BrokeOff("its answer is in another language".to_owned()))
}
