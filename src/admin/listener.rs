//! The server's end of the admin socket.

use super::verb::{Denied, Verb};
use super::{Address, PATH, VERB_BYTES};
use crate::service::Services;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use std::convert::Infallible;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Commands that run side by side; more wait in the socket's backlog.
const AT_ONCE: usize = 16;
/// How long a command has to say what it wants. The other end is a program of ours on this machine.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// How long commands under way have to end with the server: they wait for at most one commit.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The socket, listening and in its place.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl AdminSocket {
    /// Binds the socket, with mode 0600 from the moment it has its name. Only for the process that holds the data
    /// directory's lock: what is in the socket's place counts as left by a dead server, and is replaced.
    pub fn bind(socket: &Path) -> io::Result<Self> {
        let private = socket.with_file_name(".admin");
        match fs::remove_dir_all(&private) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        DirBuilder::new().mode(0o700).create(&private)?;
        let bound = Self::bind_within(&private, socket);
        fs::remove_dir_all(&private)?;
        Ok(Self { listener: bound?, path: socket.to_owned() })
    }

    fn bind_within(private: &Path, socket: &Path) -> io::Result<UnixListener> {
        let unnamed = private.join("s");
        let listener = UnixListener::bind(Address::of(&unnamed)?.path.as_path())?;
        fs::set_permissions(&unnamed, Permissions::from_mode(0o600))?;
        fs::rename(&unnamed, socket)?;
        Ok(listener)
    }

    /// Serves until told to stop, then takes the socket away.
    pub async fn serve(self, services: Services, stop: CancellationToken) {
        let room = Arc::new(Semaphore::new(AT_ONCE));
        let commands = TaskTracker::new();
        loop {
            let Ok(place) = Arc::clone(&room).acquire_owned().await else { break };
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let command = converse(stream, services.clone(), stop.clone());
                    commands.spawn(async move {
                        command.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    // No descriptors left, most likely: the socket stays, and is tried again.
                    tracing::warn!(%error, "the admin socket cannot accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, "the admin socket was not there to be removed");
        }
        commands.close();
        if tokio::time::timeout(LAST_WORDS, commands.wait()).await.is_err() {
            tracing::warn!("a command at the admin socket was cut off");
        }
    }
}

async fn converse(stream: UnixStream, services: Services, stop: CancellationToken) {
    let service = service_fn(move |request| {
        let services = services.clone();
        async move { Ok::<_, Infallible>(answer(request, &services).await) }
    });
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ_TIMEOUT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(conversation);
    let ended = tokio::select! {
        ended = conversation.as_mut() => ended,
        () = stop.cancelled() => {
            conversation.as_mut().graceful_shutdown();
            conversation.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a command at the admin socket hung up");
    }
}

async fn answer(request: Request<Incoming>, services: &Services) -> Response<Full<Bytes>> {
    if request.uri().path() != PATH {
        return refuse(StatusCode::NOT_FOUND, "This server has no such path here.");
    }
    if request.method() != Method::POST {
        return refuse(StatusCode::METHOD_NOT_ALLOWED, "Only POST is understood here.");
    }
    let body = Limited::new(request.into_body(), VERB_BYTES).collect();
    let Ok(Ok(body)) = tokio::time::timeout(READ_TIMEOUT, body).await else {
        return refuse(StatusCode::BAD_REQUEST, "The verb did not arrive whole, or is too long.");
    };
    // The parser's own words could repeat a password, so they are not passed on.
    let Ok(verb) = serde_json::from_slice::<Verb>(&body.to_bytes()) else {
        let detail = "This server does not know this command. Use the goldcrest program of the same version.";
        return refuse(StatusCode::BAD_REQUEST, detail);
    };
    match verb.carry_out(services).await {
        Ok(outcome) => reply(StatusCode::OK, &outcome),
        Err(denied) => {
            let status =
                if denied.refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::SERVICE_UNAVAILABLE };
            reply(status, &denied)
        }
    }
}

fn refuse(status: StatusCode, detail: &str) -> Response<Full<Bytes>> {
    reply(status, &Denied { detail: detail.to_owned(), refused: true })
}

fn reply(status: StatusCode, body: &impl Serialize) -> Response<Full<Bytes>> {
    // Plain structures of texts and numbers always have JSON.
    let json = serde_json::to_vec(body).unwrap_or_default();
    let mut response = Response::new(Full::new(Bytes::from(json)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_socket_is_its_owners_and_replaces_a_dead_one() {
        let home = tempfile::tempdir().unwrap();
        // Deeper than a socket's address is long.
        let deep = home.path().join("d".repeat(120));
        fs::create_dir(&deep).unwrap();
        for directory in [home.path(), &deep] {
            let path = directory.join("admin.sock");
            drop(AdminSocket::bind(&path).unwrap());
            let _socket = AdminSocket::bind(&path).unwrap();
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            assert!(!directory.join(".admin").exists());
            UnixStream::connect(Address::of(&path).unwrap().path.as_path()).await.unwrap();
        }
    }
}
