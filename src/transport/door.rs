//! The front door: accepts, counts and tunes sockets, lets hyper speak HTTP/1.1 on them, and hands them on.

mod idle;
mod watched;

use super::Traffic;
use super::takeover::{Run, Taken, head};
use crate::meter::Raised;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use idle::Patience;
use parking_lot::Mutex;
use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use time::OffsetDateTime;
use time::macros::format_description;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use watched::{Signs, Watched};

/// Waiting connections that the kernel keeps for us, as far as it lets us.
const BACKLOG: i32 = 4096;
/// How long to wait after accepting failed for want of descriptors or memory: somebody will close something.
const BREATH: Duration = Duration::from_millis(50);
/// How long a connection that is over is kept for its last answer to be read, and how much is read from it meanwhile.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_READS: usize = 256;

/// How the door is kept.
#[derive(Debug, Clone, Copy)]
pub struct DoorOptions {
    /// Connections in all.
    pub connections: usize,
    /// How long a client has to send the head of a request. It may be idle between two for longer.
    pub head_timeout: Duration,
    /// How long a socket may take no byte of an answer before it is closed. Streams have a timer of their own.
    pub stall: Duration,
    /// After this long without an answer from the other side the kernel gives a connection up.
    pub silence: Duration,
}

/// Who is on the other side of a socket: in the extensions of each request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// The accept loop and what it needs.
#[derive(Debug)]
pub struct Door {
    router: Router,
    options: DoorOptions,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    closing: CancellationToken,
    closed: CancellationToken,
    traffic: Arc<Traffic>,
}

/// Listens on an address.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(address),
        socket2::Type::STREAM,
        Some(socket2::Protocol::TCP),
    )?;
    // A restart must not wait for the last connections of the run before.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

impl Door {
    /// A door to this router, at which that is counted. `closing` ends accepting and asks connections to end; `closed` ends them.
    pub fn new(
        router: Router,
        options: DoorOptions,
        traffic: Arc<Traffic>,
        tasks: TaskTracker,
        closing: CancellationToken,
        closed: CancellationToken,
    ) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(options.connections));
        Arc::new(Self { router, options, places, tasks, closing, closed, traffic })
    }

    /// Another door, to another router, that is kept like this one: the connections at both are counted together.
    pub fn beside(&self, router: Router) -> Arc<Self> {
        let Self { options, ref places, ref tasks, ref closing, ref closed, ref traffic, .. } = *self;
        let (places, tasks, traffic) = (Arc::clone(places), tasks.clone(), Arc::clone(traffic));
        let (closing, closed) = (closing.clone(), closed.clone());
        Arc::new(Self { router, options, places, tasks, closing, closed, traffic })
    }

    /// Accepts until told to close.
    pub async fn open(self: Arc<Self>, listener: TcpListener) {
        let mut complained = false;
        loop {
            let accepted = tokio::select! {
                // Whoever comes when it is closed waits for the next who opens here.
                biased;
                () = self.closing.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((socket, peer)) => {
                    complained = false;
                    // Only now: a door at which nobody knocks keeps no place from another.
                    let place = tokio::select! {
                        () = self.closing.cancelled() => return,
                        place = Arc::clone(&self.places).acquire_owned() => place,
                    };
                    // The semaphore is never closed.
                    let Ok(place) = place else { return };
                    let door = Arc::clone(&self);
                    self.traffic.accepted.one();
                    let open = self.traffic.connections.raise();
                    self.tasks.spawn(async move {
                        let taken = door.serve(socket, peer).await;
                        if let Some((run, taken)) = taken {
                            // A task of its own: this one has grown with hyper in it, and a stream stays for long.
                            let stream = run(taken);
                            let closed = door.closed.clone();
                            door.tasks.spawn(stay(stream, closed, (place, open)));
                        }
                    });
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    // EMFILE and its like: those who are in are served on, and the next are taken when some have left.
                    if !std::mem::replace(&mut complained, true) {
                        tracing::warn!(%error, "cannot accept connections at the moment");
                    }
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }

    /// Speaks HTTP on a connection until it ends or an answer takes the socket over.
    async fn serve(&self, socket: TcpStream, peer: SocketAddr) -> Option<(Run, Taken)> {
        if let Err(error) = tune(&socket, self.options.silence) {
            tracing::debug!(%error, "a socket could not be tuned");
        }
        let taken: Arc<Mutex<Option<(Run, Bytes)>>> = Arc::default();
        let signs = Arc::new(Signs::default());
        let service = {
            let router = self.router.clone();
            let taken = Arc::clone(&taken);
            hyper::service::service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(Peer(peer));
                let answer = router.clone().oneshot(request.map(Body::new));
                let taken = Arc::clone(&taken);
                Box::pin(async move {
                    let Ok(mut response) = answer.await;
                    let mark = response.extensions_mut().remove::<super::TakeOver>();
                    if let Some(run) = mark.and_then(|mark| mark.take()) {
                        let head = head(response.status(), response.headers(), &date());
                        *taken.lock() = Some((run, head));
                        // hyper has had its part; the socket is taken from under it.
                        pending::<()>().await;
                    }
                    Ok::<Response<Body>, Infallible>(response)
                })
            })
        };
        let DoorOptions { connections, head_timeout, stall, .. } = self.options;
        let io = TokioIo::new(Watched::new(socket, stall, Arc::clone(&signs)));
        let mut connection = http1::Builder::new()
            .timer(Patience::new(head_timeout, Arc::clone(&self.places), connections, Arc::clone(&signs)))
            .header_read_timeout(head_timeout)
            .max_headers(100)
            .max_buf_size(64 * 1024)
            .serve_connection(io, service);
        let mut closing = std::pin::pin!(self.closing.cancelled());
        let mut closed = std::pin::pin!(self.closed.cancelled());
        let mut asked = false;
        let ended = poll_fn(|context| {
            if !asked && closing.as_mut().poll(context).is_ready() {
                asked = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            if closed.as_mut().poll(context).is_ready() {
                return Poll::Ready(true);
            }
            let over = connection.poll_without_shutdown(context);
            // An answer before this one may still be on its way out; it is hyper's, and goes first.
            if taken.lock().is_some() && !signs.has_unsent() {
                return Poll::Ready(false);
            }
            over.map(|_| true)
        })
        .await;
        if ended {
            linger(connection.into_parts().io.into_inner().socket).await;
            return None;
        }
        let parts = connection.into_parts();
        let (run, head) = taken.lock().take()?;
        let (socket, read_ahead) = (parts.io.into_inner().socket, parts.read_buf);
        let (closing, traffic) = (self.closing.clone(), Arc::clone(&self.traffic));
        Some((run, Taken { socket, head, read_ahead, closing, traffic }))
    }
}

/// Lets the last answer be read before the connection goes: closing with bytes unread, of a body that was refused for
/// instance, would make the kernel throw the answer away.
async fn linger(mut socket: TcpStream) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    if socket.shutdown().await.is_err() {
        return;
    }
    let mut waste = vec![0u8; 16 * 1024];
    let drained = async {
        for _ in 0..LINGER_READS {
            if !socket.read(&mut waste).await.is_ok_and(|count| count > 0) {
                return;
            }
        }
    };
    // Whoever has not closed by then has had his time.
    drop(tokio::time::timeout(LINGER, drained).await);
}

/// Keeps a place while a stream lasts.
async fn stay(
    stream: Pin<Box<dyn Future<Output = ()> + Send>>,
    closed: CancellationToken,
    _place: (tokio::sync::OwnedSemaphorePermit, Raised),
) {
    tokio::select! {
        () = stream => {}
        () = closed.cancelled_owned() => {}
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

fn tune(socket: &TcpStream, silence: Duration) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let socket = socket2::SockRef::from(socket);
    let keepalive = socket2::TcpKeepalive::new().with_time(Duration::from_secs(30));
    #[cfg(target_os = "linux")]
    let keepalive = keepalive.with_interval(Duration::from_secs(10)).with_retries(3);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(silence))?;
    #[cfg(not(target_os = "linux"))]
    let _ = silence;
    Ok(())
}

/// The date of an answer (RFC 9110, section 5.6.7).
fn date() -> String {
    let format =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    let seconds = crate::domain::Timestamp::now().seconds();
    let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(&format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn connections_at_all_doors_count_together_and_a_quiet_door_keeps_no_place() {
        let patience = Duration::from_mins(1);
        let options = DoorOptions { connections: 2, head_timeout: patience, silence: patience, stall: patience };
        let (tasks, token) = (TaskTracker::new(), CancellationToken::new());
        let first = Door::new(Router::new(), options, Arc::default(), tasks.clone(), token.clone(), token.clone());
        let mut held = Vec::new();
        for (door, left) in [(Arc::clone(&first), 1), (first.beside(Router::new()), 0)] {
            let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
            let address = listener.local_addr().unwrap();
            tasks.spawn(door.open(listener));
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
            assert!(client.read(&mut [0; 512]).await.unwrap() > 0, "it is answered");
            assert_eq!(first.places.available_permits(), left);
            held.push(client);
        }
        token.cancel();
    }
}
