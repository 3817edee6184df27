//! What the operator decides: every option of `goldcrest serve`, with its default and its reason; and the files that they name.

mod choices;
pub mod data_dir;
mod owner;
mod secret;
pub mod signing_key;
pub mod values;

use clap::Args;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

pub use choices::{AnonymousChannels, Email, LogFormat, MailMode, NatsInsecure, RateLimits, Registration};
pub use data_dir::{DataDir, DataDirError};
pub use owner::Keeper;
pub use secret::NatsFile;
pub use signing_key::KeyError;

/// A timer that is always due would keep a core busy.
const SHORTEST_HEARTBEAT: Duration = Duration::from_millis(1);
/// In less, nobody who is not on this very machine does what is waited for.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

/// Options of the server. Each is also read from the environment as `GOLDCREST_` and its name in capitals.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Address to listen on. Port 0 takes any free port and prints it.
    #[arg(long, env = "GOLDCREST_LISTEN", default_value = "127.0.0.1:8080", value_parser = values::listen)]
    pub listen: SocketAddr,

    /// Where the data is.
    #[command(flatten)]
    pub place: Place,

    /// The way to other nodes.
    #[command(flatten)]
    pub nats: Nats,

    /// Where browsers and clients reach this server, such as `https://chat.example.org`. Its origin is the one whose
    /// pages may write. Without it those are the pages at the server's own port, by the name localhost or an address of
    /// this machine; pages at other ports are strangers too.
    #[arg(long, env = "GOLDCREST_PUBLIC_URL", value_parser = values::public_url)]
    pub public_url: Option<Url>,

    /// Other origins whose pages may use this server, such as `https://app.example.org,https://example.org`.
    #[arg(long, env = "GOLDCREST_ALLOW_ORIGINS", value_delimiter = ',', value_parser = values::origin)]
    pub allow_origins: Vec<Url>,

    /// Proxies whose X-Forwarded-For and traceparent count, as networks or single hosts such as 10.0.0.0/8,192.0.2.1.
    #[arg(long, env = "GOLDCREST_TRUSTED_PROXIES", value_delimiter = ',', value_parser = values::network)]
    pub trusted_proxies: Vec<IpNet>,

    /// Who may register.
    #[arg(long, env = "GOLDCREST_REGISTRATION", value_enum, default_value_t = Registration::Open)]
    pub registration: Registration,

    /// Whether an account counts only once its e-mail address is confirmed.
    #[arg(long, env = "GOLDCREST_EMAIL", value_enum, default_value_t = Email::Optional)]
    pub email: Email,

    /// How mail is sent.
    #[command(flatten)]
    pub mail: Mail,

    /// Whether anybody may read and follow channels, without an account.
    #[arg(long, env = "GOLDCREST_ANONYMOUS_CHANNELS", value_enum, default_value_t = AnonymousChannels::Off)]
    #[arg(num_args = 0..=1, default_missing_value = "on")]
    pub anonymous_channels: AnonymousChannels,

    /// The interfaces of older systems.
    #[command(flatten)]
    pub compat: Compat,

    /// What signs the tokens.
    #[command(flatten)]
    pub keys: Keys,

    /// How long an access token is good.
    #[arg(long, env = "GOLDCREST_ACCESS_TOKEN_LIFETIME", default_value = "15m", value_parser = values::seconds)]
    pub access_token_lifetime: Duration,

    /// How long a session lasts that is not used.
    #[arg(long, env = "GOLDCREST_SESSION_LIFETIME", default_value = "30d", value_parser = values::seconds)]
    pub session_lifetime: Duration,

    /// The fewest characters of a password.
    #[arg(long, env = "GOLDCREST_PASSWORD_MIN_LENGTH", default_value_t = 8, value_parser = values::password_length)]
    pub password_min_length: usize,

    /// How often an idle stream hears that it is alive. Shorter than the idle timeout of every proxy on the way.
    #[arg(long, env = "GOLDCREST_HEARTBEAT", default_value = "20s", value_parser = values::at_least(SHORTEST_HEARTBEAT))]
    pub heartbeat: Duration,

    /// How long the socket of a stream, or of a long answer, may take no byte at all before it is closed.
    #[arg(long, env = "GOLDCREST_STALL_TIMEOUT", default_value = "60s", value_parser = values::at_least(SHORTEST_WAIT))]
    pub stall_timeout: Duration,

    /// How long a WebSocket without credentials has for its first `auth`.
    #[arg(long, env = "GOLDCREST_AUTH_TIMEOUT", default_value = "10s", value_parser = values::at_least(SHORTEST_WAIT))]
    pub auth_timeout: Duration,

    /// How long a client has to send the head of a request; three times as long for its body.
    #[arg(long, env = "GOLDCREST_READ_TIMEOUT", default_value = "10s", value_parser = values::at_least(SHORTEST_WAIT))]
    pub read_timeout: Duration,

    /// How long events are kept for clients to catch up on. Messages are kept whatever this says.
    #[arg(long, env = "GOLDCREST_EVENT_RETENTION", default_value = "30d", value_parser = values::seconds)]
    pub event_retention: Duration,

    /// How long messages are kept, such as 365d. By default for ever. What is older is deleted for all, and can be read
    /// nowhere any more, also not in events.
    #[arg(long, env = "GOLDCREST_MESSAGE_RETENTION", value_parser = values::message_retention)]
    pub message_retention: Option<Duration>,

    /// Bytes of recent events kept in memory for streams that fall behind a little.
    #[arg(long, env = "GOLDCREST_RING_BYTES", default_value_t = 16 * 1024 * 1024, value_parser = values::number::<usize>)]
    pub ring_bytes: usize,

    /// Events queued for one stream before it has to read on from memory or disk by itself.
    #[arg(long, env = "GOLDCREST_STREAM_QUEUE", default_value_t = 256, value_parser = values::count)]
    pub stream_queue: usize,

    /// Changes that may wait to be written before more are refused with 503.
    #[arg(long, env = "GOLDCREST_WRITE_QUEUE", default_value_t = 4096, value_parser = values::count)]
    pub write_queue: usize,

    /// Streams that one user may have open.
    #[arg(long, env = "GOLDCREST_MAX_STREAMS_PER_USER", default_value_t = 100, value_parser = values::count)]
    pub max_streams_per_user: usize,

    /// Streams that may be open from one address.
    #[arg(long, env = "GOLDCREST_MAX_STREAMS_PER_ADDRESS", default_value_t = 2000, value_parser = values::count)]
    pub max_streams_per_address: usize,

    /// Connections in all. Keep it below the limit of open files, so that the database and others have theirs.
    #[arg(long, env = "GOLDCREST_MAX_CONNECTIONS", default_value_t = 18_000, value_parser = values::count)]
    pub max_connections: usize,

    /// Whether callers are slowed down who ask for too much. `off` is for benchmarks and trusted networks.
    #[arg(long, env = "GOLDCREST_RATE_LIMITS", value_enum, default_value_t = RateLimits::On)]
    #[arg(num_args = 0..=1, default_missing_value = "on")]
    pub rate_limits: RateLimits,

    /// Requests a minute: of each user, and of each address without good credentials.
    #[arg(long, env = "GOLDCREST_REQUESTS_PER_MINUTE", default_value = "300")]
    #[arg(value_parser = values::at_least_one::<NonZeroU32>)]
    pub requests_per_minute: NonZeroU32,

    /// Messages a minute of each user, of which half may come at once; edits, deletions and whatever else reaches others
    /// count too. They also count as requests, so a bot that says more needs more of both.
    #[arg(long, env = "GOLDCREST_SENDS_PER_MINUTE", default_value = "240")]
    #[arg(value_parser = values::at_least_one::<NonZeroU32>)]
    pub sends_per_minute: NonZeroU32,

    /// How long streams and requests have to end when the server is told to stop.
    #[arg(long, env = "GOLDCREST_SHUTDOWN_GRACE", default_value = "3s", value_parser = values::duration)]
    pub shutdown_grace: Duration,

    /// How long the server serves on when it is told to stop, while /readyz says 503 already: for a load balancer to look
    /// elsewhere first.
    #[arg(long, env = "GOLDCREST_SHUTDOWN_DELAY", default_value = "0s", value_parser = values::duration)]
    pub shutdown_delay: Duration,

    /// Address for Prometheus, which finds /metrics there; by default none. Nobody is asked who he is there: choose one that
    /// strangers do not reach, such as 127.0.0.1:9090.
    #[arg(long, env = "GOLDCREST_METRICS_LISTEN", value_parser = values::listen)]
    pub metrics_listen: Option<SocketAddr>,

    /// Where traces go.
    #[command(flatten)]
    pub traces: Traces,

    /// What the log looks like.
    #[command(flatten)]
    pub log: Log,
}

/// Where the data is.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// Directory of the embedded database, the signing key and the admin socket.
    #[arg(long, global = true, env = "GOLDCREST_DATA_DIR", default_value = "./data")]
    pub data_dir: PathBuf,

    /// A database server instead of the embedded database: postgres://… or mysql://…
    #[arg(long, global = true, env = "GOLDCREST_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,

    /// File with what --database-url takes, instead of it: a password that stands in no list of processes and in no
    /// environment.
    #[arg(long, global = true, env = "GOLDCREST_DATABASE_URL_FILE", value_name = "FILE", value_parser = secret::line)]
    #[arg(conflicts_with = "database_url")]
    database_url_file: Option<String>,
}

impl Place {
    /// The database server, if there is one.
    pub fn database_url(&self) -> Option<&str> {
        self.database_url.as_deref().or(self.database_url_file.as_deref())
    }

    /// Whether it is named twice, which only shows once both ends of a command line are put together.
    pub fn is_named_twice(&self) -> bool {
        self.database_url.is_some() && self.database_url_file.is_some()
    }
}

/// The way to the other nodes that share the database, where there are several.
#[derive(Debug, Clone, Args)]
pub struct Nats {
    /// NATS, by which nodes of one database server hear of each other at once, such as
    /// `nats://user:password@10.0.0.5:4222`, or tls:// and so on; several servers of one NATS with commas between.
    #[arg(id = "nats_url", long = "nats-url", env = "GOLDCREST_NATS_URL", hide_env_values = true)]
    url: Option<String>,

    /// File with what --nats-url takes, instead of it.
    #[arg(id = "nats_url_file", long = "nats-url-file", env = "GOLDCREST_NATS_URL_FILE", value_name = "FILE")]
    #[arg(value_parser = secret::nats, conflicts_with = "nats_url")]
    url_file: Option<NatsFile>,

    /// File with the credentials for NATS, as nsc writes it, instead of a user and password in the URL.
    #[arg(long, env = "GOLDCREST_NATS_CREDENTIALS_FILE")]
    pub nats_credentials_file: Option<PathBuf>,

    /// Whether NATS may be used without credentials. Whoever reaches it reads everybody's messages there.
    #[arg(long, env = "GOLDCREST_NATS_INSECURE", value_enum, default_value_t = NatsInsecure::Off)]
    #[arg(num_args = 0..=1, default_missing_value = "on")]
    pub nats_insecure: NatsInsecure,
}

impl Nats {
    /// The servers of NATS, of which there may be none. Read here and not where values are read: that would show the URL, and
    /// the password in it, where it is refused.
    pub fn servers(&self) -> Result<Vec<Url>, String> {
        match (&self.url_file, &self.url) {
            (Some(file), _) => Ok(file.0.clone()),
            (None, Some(urls)) => urls.split(',').map(values::nats).collect(),
            (None, None) => Ok(Vec::new()),
        }
    }
}

/// The interfaces of older systems, for their clients.
#[derive(Debug, Clone, Args)]
pub struct Compat {
    /// Older systems whose clients are served, under /compat/NAME/, such as `msgboard,chat=open`. What a word behind = does
    /// stands on the system's page.
    #[arg(long, env = "GOLDCREST_COMPAT", value_delimiter = ',', value_parser = values::adapter)]
    pub compat: Vec<WantedAdapter>,

    /// Addresses of their own for some of these, at whose root their paths begin, such as `chat=127.0.0.1:9000`: for
    /// clients that cannot be given another path.
    #[arg(long, env = "GOLDCREST_COMPAT_LISTEN", value_delimiter = ',', value_parser = values::adapter_address)]
    pub compat_listen: Vec<AdapterAddress>,

    /// How long a login through one of them lasts, instead of as long as it did in the older system.
    #[arg(long, env = "GOLDCREST_COMPAT_SESSION_LIFETIME", value_parser = values::seconds)]
    pub compat_session_lifetime: Option<Duration>,
}

/// An older system to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedAdapter {
    /// Its name.
    pub name: String,
    /// The word behind `=`, if there is one.
    pub mode: Option<String>,
}

/// An address of its own for an older system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterAddress {
    /// Its name.
    pub name: String,
    /// Where to listen.
    pub listen: SocketAddr,
}

/// What signs the tokens.
#[derive(Debug, Clone, Args)]
pub struct Keys {
    /// File with the key that signs tokens: at least 32 bytes, readable only by its owner. By default jwt.key in the
    /// data directory, made on first start; with a database server it must be given.
    #[arg(long, env = "GOLDCREST_JWT_KEY_FILE")]
    pub jwt_key_file: Option<PathBuf>,

    /// File with the key before that, whose tokens are still taken.
    #[arg(long, env = "GOLDCREST_JWT_PREVIOUS_KEY_FILE")]
    pub jwt_previous_key_file: Option<PathBuf>,

    /// The audience that tokens are made for and must name.
    #[arg(long, env = "GOLDCREST_JWT_AUDIENCE", default_value = "goldcrest")]
    pub jwt_audience: String,
}

/// How mail is sent.
#[derive(Debug, Clone, Args)]
pub struct Mail {
    /// Where mails go: by default to the mail server, if one is named, and otherwise nowhere. Their links lead to
    /// --public-url, which must be given too.
    #[arg(long, env = "GOLDCREST_MAIL", value_enum)]
    pub mail: Option<MailMode>,

    /// The mail server, such as `smtps://user:password@mail.example.org` or
    /// `smtp://user:password@mail.example.org:587?tls=required`.
    #[arg(long, env = "GOLDCREST_SMTP_URL", hide_env_values = true)]
    smtp_url: Option<String>,

    /// File with what --smtp-url takes, instead of it.
    #[arg(long, env = "GOLDCREST_SMTP_URL_FILE", value_name = "FILE", value_parser = secret::line)]
    #[arg(conflicts_with = "smtp_url")]
    smtp_url_file: Option<String>,

    /// The address that mails come from, such as `Goldcrest <chat@example.org>`.
    #[arg(long, env = "GOLDCREST_MAIL_FROM")]
    pub mail_from: Option<String>,
}

impl Mail {
    /// The mail server, if one is named.
    pub fn smtp_url(&self) -> Option<&str> {
        self.smtp_url.as_deref().or(self.smtp_url_file.as_deref())
    }
}

/// Where traces go.
#[derive(Debug, Clone, Args)]
pub struct Traces {
    /// A collector of OpenTelemetry that traces are sent to, by OTLP over HTTP, such as `http://127.0.0.1:4318`. By default
    /// none are made. They hold routes, numbers and times, and nothing that anybody wrote.
    #[arg(long, env = "GOLDCREST_OTLP_URL", hide_env_values = true, value_parser = values::collector)]
    pub otlp_url: Option<Url>,

    /// Which part of all traces is sent, from 0 to 1.
    #[arg(long, env = "GOLDCREST_OTLP_RATIO", default_value_t = 1.0, value_parser = values::ratio)]
    pub otlp_ratio: f64,
}

/// What the log looks like.
#[derive(Debug, Clone, Args)]
pub struct Log {
    /// Lines for people or for machines.
    #[arg(long, env = "GOLDCREST_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// What is logged: error, warn, info, debug, trace, or a filter such as goldcrest=debug,info.
    #[arg(long, env = "GOLDCREST_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
}
