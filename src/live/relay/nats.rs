//! The connection to NATS: who we say that we are there, and what is told of it in the log.

use super::counts::RelayCounts;
use async_nats::{Client, ConnectOptions, Event, ServerAddr, ServerError};
use parking_lot::Mutex;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;

/// How long connecting may take until the next server is tried.
const CONNECTING: Duration = Duration::from_secs(5);
/// How often the other side is asked whether it is there; after two questions without an answer it is not.
const ASKED_EVERY: Duration = Duration::from_secs(5);
/// Publications on their way to the socket at most: what does not go out is not kept, the database has it.
const LEAVING: usize = 16;
/// Publications that have come and were not looked at, for each subscription. More are dropped, and found in the database.
const COMING: usize = 128;

/// Why there is no way to the other nodes.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The file of credentials is not there, or none.
    #[error("cannot read the credentials for NATS in {}: {why}", file.display())]
    Credentials {
        /// Where they were looked for.
        file: PathBuf,
        /// What stands in the way.
        why: io::Error,
    },
    /// The server cannot be reached, or does not let us in.
    #[error("cannot connect to NATS: {0}")]
    Server(String),
}

/// Where NATS is, and how to get in.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// Its servers, such as `nats://127.0.0.1:4222`, without credentials. Never empty.
    pub servers: Vec<String>,
    /// What lets us in.
    pub credentials: Credentials,
}

/// What NATS is shown.
#[derive(Clone)]
pub enum Credentials {
    /// Nothing: anybody can hear what is said there.
    None,
    /// A user and his password.
    Password(String, String),
    /// A token.
    Token(String),
    /// A file with a JWT and the seed of its key, as `nsc` writes it.
    File(PathBuf),
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::None => "None",
            Self::Password(..) => "Password",
            Self::Token(_) => "Token",
            Self::File(_) => "File",
        })
    }
}

/// What NATS tells of the connection. Clones each see all of it.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// How often there was a connection.
    pub(super) connections: watch::Receiver<u64>,
    /// How often this node was not let listen.
    pub(super) refusals: watch::Receiver<u64>,
}

/// Connects as soon as it can, and again whenever it has to.
pub(super) async fn connect(options: &NatsOptions, counts: Arc<RelayCounts>) -> Result<(Client, Told), RelayError> {
    let (connected, connections) = watch::channel(0);
    let (refused, refusals) = watch::channel(0);
    let complaints = Mutex::new(Complaints::default());
    let connect = with_credentials(&options.credentials)
        .await?
        .name("goldcrest")
        .no_echo()
        .retry_on_initial_connect()
        .connection_timeout(CONNECTING)
        .ping_interval(ASKED_EVERY)
        .client_capacity(LEAVING)
        .subscription_capacity(COMING)
        .event_callback(move |event| {
            log(&event, &mut complaints.lock());
            match event {
                Event::Connected => {
                    counts.connected.store(true, Ordering::Relaxed);
                    connected.send_modify(|count| *count += 1);
                }
                Event::Disconnected | Event::Closed => counts.connected.store(false, Ordering::Relaxed),
                Event::ServerError(error) if is_refused(&error) => {
                    counts.refused.one();
                    refused.send_modify(|count| *count += 1);
                }
                _ => {}
            }
            std::future::ready(())
        });
    let client = connect.connect(servers(options)?).await.map_err(unreachable)?;
    Ok((client, Told { connections, refusals }))
}

/// What the log says already of this connection.
#[derive(Debug, Default)]
struct Complaints {
    /// That this node may not listen.
    refused: bool,
    /// The last of whatever else the server said.
    other: Option<ServerError>,
}

/// Whether we may not listen where we want to. The connection stays, and nothing is heard on it.
fn is_refused(error: &ServerError) -> bool {
    matches!(error, ServerError::Other(text) if text.to_lowercase().contains("permissions violation for subscription"))
}

/// Connects once, and says what stands in the way.
pub async fn try_nats(options: &NatsOptions) -> Result<(), RelayError> {
    let connect = with_credentials(&options.credentials).await?.connection_timeout(CONNECTING);
    let client = connect.connect(servers(options)?).await.map_err(unreachable)?;
    client.flush().await.map_err(unreachable)
}

fn servers(options: &NatsOptions) -> Result<Vec<ServerAddr>, RelayError> {
    options.servers.iter().map(|server| server.parse().map_err(unreachable)).collect()
}

fn unreachable(error: impl std::fmt::Display) -> RelayError {
    RelayError::Server(error.to_string())
}

async fn with_credentials(credentials: &Credentials) -> Result<ConnectOptions, RelayError> {
    Ok(match credentials {
        Credentials::None => ConnectOptions::new(),
        Credentials::Password(user, password) => ConnectOptions::with_user_and_password(user.clone(), password.clone()),
        Credentials::Token(token) => ConnectOptions::with_token(token.clone()),
        Credentials::File(path) => ConnectOptions::with_credentials_file(path)
            .await
            .map_err(|why| RelayError::Credentials { file: path.clone(), why })?,
    })
}

/// Tells the operator. What a server complains of again and again it is told of once for each connection.
fn log(event: &Event, complaints: &mut Complaints) {
    match event {
        Event::Connected => {
            *complaints = Complaints::default();
            tracing::info!("connected to NATS");
        }
        Event::Disconnected => tracing::warn!(
            "NATS is gone: other nodes are heard of through the database, up to half a second later, and typing and presence \
             not at all"
        ),
        Event::SlowConsumer(_) => tracing::debug!("NATS said more than this node took; it reads the database"),
        Event::LameDuckMode | Event::Draining | Event::Closed => tracing::info!("NATS: {event}"),
        Event::ServerError(error) if is_refused(error) => {
            if !std::mem::replace(&mut complaints.refused, true) {
                tracing::warn!(
                    %error,
                    "NATS does not let this node listen to the others, which it hears of through the database now. Its user has to \
                     be let publish and subscribe on goldcrest.>; it will be tried again"
                );
            }
        }
        Event::ServerError(error) => {
            if complaints.other.as_ref() != Some(error) {
                tracing::warn!(%error, "NATS refuses something; it will be tried again");
            }
            complaints.other = Some(error.clone());
        }
        Event::ClientError(error) => tracing::warn!(%error, "NATS cannot be reached; it will be tried again"),
    }
}
