//! Puts all the rooms together: the only file that sees every one of them but the command line, which calls it.

mod adapters;
mod alarm;
mod ending;
mod neighbours;
mod preflight;
mod waiting;
mod watched;

use crate::admin::AdminSocket;
use crate::api::{App, AppOptions, routes};
use crate::config::{
    AnonymousChannels, DataDir, DataDirError, Email, KeyError, MailMode, Options, RateLimits, Registration, signing_key,
};
use crate::gate::{Gate, GateOptions, Limits, Origins, Rates};
use crate::lifecycle::{self, StopSignals};
use crate::live::{Follower, FollowerOptions, Hub, HubOptions, NatsOptions, Relay, RelayError, RelayKeys};
use crate::mail::{MailError, Postman, Way, Writer};
use crate::service::tokens::Tokens;
use crate::service::{Admission, Post, Rules, Services};
use crate::store::{Database, OpenError, Sequencer, Store, StoreError, database_url};
use crate::transport::{Door, DoorOptions, Pace, listen};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use adapters::Adapters;
use alarm::Alarm;
use ending::Running;
use watched::Watched;

pub use adapters::AdaptersError;
pub use neighbours::nats;
pub use preflight::{Preflight, mail_mode, preflight, signing_key_file};

/// How much longer a revoked session is remembered than its tokens last, for clocks and caches.
const REVOCATION_MARGIN: Duration = Duration::from_mins(5);

/// How many times the stall timeout the kernel waits for a peer that acknowledges nothing. Not once: it also counts a
/// window that never opens wide enough for a whole segment as silence, though a slow reader takes bytes through it.
const SILENCE: u32 = 5;

/// Why the server did not start, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// There is no key to sign tokens with.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// With a database server the key must be given: other nodes need the same.
    #[error("with --database-url the signing key must be given: --jwt-key-file FILE, the same on every node")]
    KeyNotGiven,
    /// Where NATS is cannot be read.
    #[error("--nats-url takes {0}. In a user and password / @ : and , are written %2F %40 %3A and %2C")]
    NatsUnreadable(String),
    /// Several nodes have nothing in common without a database server.
    #[error("--nats-url ties nodes of one database server together: give --database-url too, the same to each")]
    NatsWithoutServer,
    /// Whoever reaches NATS would read everybody's messages.
    #[error(
        "NATS carries everybody's messages, and --nats-url names no credentials for it: write nats://USER:PASSWORD@HOST:4222, or \
         give --nats-credentials-file FILE. If nobody but these nodes can reach it, say --nats-insecure"
    )]
    NatsWithoutCredentials,
    /// There is no way to the other nodes.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database cannot be read.
    #[error("cannot read the database: {0}")]
    Store(#[from] StoreError),
    /// Mail was asked for, and something that it takes was not given.
    #[error("to send mail, {0} must be given")]
    MailNeeds(&'static str),
    /// Mail cannot be sent so.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// An older system's interface cannot be mounted so.
    #[error(transparent)]
    Adapters(#[from] AdaptersError),
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}. Is another server running there? Choose another with {2}")]
    Listen(SocketAddr, io::Error, &'static str),
    /// The system does not let us.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
    /// It ran, and ended since something in it was broken.
    #[error(
        "the server ended itself: a part that it cannot do without has failed, which its log names. Start it again"
    )]
    Broken,
}

/// The parts that commands and the server share, with the writing task running.
#[derive(Debug)]
pub struct Composed {
    /// What may be done.
    pub services: Services,
    /// The way to the writing task.
    pub sequencer: Sequencer,
    /// The database, to be closed last.
    pub store: Store,
    /// Ends the writing task, after what it has taken.
    pub stop: CancellationToken,
    /// The writing task.
    pub tracker: TaskTracker,
    /// What tells other nodes of it, if there are any, and its end.
    relaying: (TaskTracker, CancellationToken),
    /// Rings when a task of these, or of the server's, has broken off.
    alarm: Alarm,
}

/// What leads out of the process, beside the database.
#[derive(Debug, Default)]
pub struct WaysOut {
    /// The way of letters, if there is one.
    pub post: Option<Post>,
    /// The way to other nodes, if there are any.
    pub nats: Option<NatsOptions>,
}

impl Composed {
    /// Writes what was taken, tells other nodes of it, and closes the database.
    pub async fn close(self) {
        self.stop_writing().await;
        self.stop_telling().await;
        self.close_database().await;
    }

    async fn stop_writing(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }

    async fn stop_telling(&self) {
        let (tracker, stop) = &self.relaying;
        stop.cancel();
        tracker.close();
        tracker.wait().await;
    }

    async fn close_database(self) {
        drop((self.services, self.sequencer));
        self.store.close().await;
    }
}

/// Opens the database and puts together what may be done with it. The caller holds the data directory.
pub async fn compose(options: &Options, ways: WaysOut) -> Result<Composed, StartError> {
    let (key, previous_key) = keys(options)?;
    let tokens = Tokens::new(&key, previous_key.as_deref(), &options.keys.jwt_audience);
    let url = if let Some(url) = options.place.database_url() {
        url.to_owned()
    } else {
        DataDir::open(&options.place.data_dir)?.stayed()?;
        database_url(&options.place.data_dir)
    };
    let store = Store::open(&Database { url }).await?;
    let clock = store.clock().await?;
    let tokens = tokens.since(clock.first_session);
    let revocations_kept = options.access_token_lifetime + REVOCATION_MARGIN;
    let revoked = store.revoked_since(crate::domain::Timestamp::now().minus(revocations_kept)).await?;
    let hub_options =
        HubOptions { ring_bytes: options.ring_bytes, stream_queue: options.stream_queue, revocations_kept };
    let hub = Arc::new(Hub::new(hub_options, clock.head, revoked));
    let (relay, task) = match &ways.nats {
        Some(nats) => {
            let keys = RelayKeys::new(&key, previous_key.as_deref());
            Some(Relay::open(nats, clock.line, keys).await?).unzip()
        }
        None => (None, None),
    };
    let follower = Arc::new(Follower::new(hub, store.clone()).with_relay(relay));
    let relaying = (TaskTracker::new(), CancellationToken::new());
    let alarm = Alarm::default();
    if let Some(task) = task {
        alarm.watch(&relaying.0, "relay", task.run(Arc::clone(&follower), relaying.1.clone()));
    }
    let stop = CancellationToken::new();
    let tracker = TaskTracker::new();
    let hand_over = {
        let follower = Arc::clone(&follower);
        Box::new(move |records, through| -> futures_util::future::BoxFuture<'static, ()> {
            let follower = Arc::clone(&follower);
            Box::pin(async move { follower.committed(records, through).await })
        })
    };
    let last_told = {
        let follower = Arc::clone(&follower);
        Box::new(move || follower.last_told())
    };
    let (sequencer, writing) = Sequencer::new(store.clone(), options.write_queue, hand_over, last_told, stop.clone());
    alarm.watch(&tracker, "writer", writing);
    let services = Services::new(store.clone(), sequencer.clone(), follower, tokens, rules(options), ways.post);
    Ok(Composed { services, sequencer, store, stop, tracker, relaying, alarm })
}

/// The key that signs, and the one before it.
fn keys(options: &Options) -> Result<(Vec<u8>, Option<Vec<u8>>), StartError> {
    let keys = &options.keys;
    let (path, may_create) = signing_key_file(options)?;
    if may_create {
        DataDir::open(&options.place.data_dir)?;
    }
    let current = signing_key::load_or_create(&path, may_create)?;
    let load = |path: &std::path::PathBuf| signing_key::load_or_create(Path::new(path), false);
    let previous = keys.jwt_previous_key_file.as_ref().map(load).transpose()?;
    Ok((current, previous))
}

fn rules(options: &Options) -> Rules {
    Rules {
        admission: match options.registration {
            Registration::Open => Admission::Open,
            Registration::Invite => Admission::Invite,
            Registration::Closed => Admission::Closed,
        },
        email_required: options.email == Email::Required,
        public_url: options.public_url.clone(),
        password_min_length: options.password_min_length,
        access_token_lifetime: options.access_token_lifetime,
        session_lifetime: options.session_lifetime,
        streams_per_user: options.max_streams_per_user,
        event_retention: options.event_retention,
        message_retention: options.message_retention,
    }
}

/// The way of letters, if there is one, and who carries them.
fn mail(options: &Options) -> Result<Option<(Post, Postman)>, StartError> {
    let wanted = &options.mail;
    let needs = StartError::MailNeeds;
    let way = match preflight::mail_mode(options) {
        MailMode::Off => return Ok(None),
        MailMode::Log => Way::Log,
        MailMode::Smtp => Way::Smtp {
            url: wanted.smtp_url().ok_or(needs("--smtp-url"))?.to_owned(),
            from: wanted.mail_from.clone().ok_or(needs("--mail-from"))?,
        },
    };
    let writer = Writer::new(options.public_url.as_ref().ok_or(needs("--public-url"))?);
    let (outbox, postman) = crate::mail::open(&way)?;
    Ok(Some((Post { outbox, writer }, postman)))
}

fn gate(options: &Options, listening: SocketAddr) -> Gate {
    let rates = Rates {
        requests: options.requests_per_minute,
        sends: options.sends_per_minute,
        invited: options.registration == Registration::Invite,
    };
    let limits = (options.rate_limits == RateLimits::On).then(|| Limits::new(rates));
    let origins = origins(options, listening);
    let options = GateOptions {
        trusted_proxies: options.trusted_proxies.clone(),
        streams_per_address: options.max_streams_per_address,
        body_timeout: options.read_timeout * 3,
        take_up: crate::telemetry::take_up,
    };
    Gate::new(options, origins, limits)
}

fn origins(options: &Options, listening: SocketAddr) -> Origins {
    Origins::new(options.public_url.as_ref(), listening, &options.allow_origins)
}

fn app_options(options: &Options) -> AppOptions {
    AppOptions { anonymous_channels: options.anonymous_channels == AnonymousChannels::On, pace: pace(options) }
}

fn pace(options: &Options) -> Pace {
    Pace { heartbeat: options.heartbeat, stall: options.stall_timeout, auth: options.auth_timeout }
}

/// Runs the server until it is asked to stop.
pub async fn serve(options: Options) -> Result<(), StartError> {
    // Before anything that may take long: the first process of a container is not ended by a signal that nobody hears.
    let mut stop_signals = StopSignals::listen()?;
    let adapters = Adapters::chosen(&options)?;
    for warning in adapters.warnings().into_iter().chain(preflight::of_mail(&options)) {
        tracing::warn!("{warning}");
    }
    let connections = lifecycle::raise_file_limit(options.max_connections);
    let data_dir = DataDir::open(&options.place.data_dir)?;
    let _lock = data_dir.lock()?;
    let (post, postman) = mail(&options)?.unzip();
    let listener = listen_at(options.listen, "--listen")?;
    let address = listener.local_addr()?;
    let metrics = options.metrics_listen.map(|at| listen_at(at, "--metrics-listen")).transpose()?;

    // Connections end before the tasks behind them, and those before the writer.
    let (closing, closed, resting) = (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
    let (connections_open, background) = (TaskTracker::new(), TaskTracker::new());
    let gate = gate(&options, address);
    let waiting = waiting::wait_at(&listener, &options, &gate, &background)?;
    let outbox = post.as_ref().map(|post| post.outbox.clone());
    let ways = WaysOut { post, nats: nats(&options)? };
    let composed = tokio::select! {
        composed = compose(&options, ways) => composed?,
        // What it was at is rolled back, or goes on from there at the next start.
        signal = stop_signals.next() => {
            lifecycle::tell_service_manager("STOPPING=1");
            tracing::info!(signal, "stopped before anything was served");
            return Ok(());
        }
    };
    let services = composed.services.clone();
    let ours = routes::router(App::new(services.clone(), gate.clone(), app_options(&options), adapters::pages()));
    let router = gate.around(adapters.beside(ours, &services, &gate));
    let door_options = DoorOptions {
        connections,
        head_timeout: options.read_timeout,
        stall: options.stall_timeout,
        silence: options.stall_timeout * SILENCE,
    };
    let door = Door::new(
        router,
        door_options,
        Arc::clone(gate.traffic()),
        connections_open.clone(),
        closing.clone(),
        closed.clone(),
    );
    waiting.close().await;
    let alarm = composed.alarm.clone();
    alarm.watch(&background, "door", Arc::clone(&door).open(listener));
    for own in adapters.listen()? {
        let at = own.listener.local_addr()?;
        let gate = gate.with_origins(origins(&options, at));
        let router = gate.around(adapters.at_root(own.adapter, &services, &gate));
        alarm.watch(&background, "adapter_door", door.beside(router).open(own.listener));
        announce(own.adapter.name, at);
    }
    if let Some(listener) = metrics {
        let at = listener.local_addr()?;
        let watched = Watched::new(&composed, &gate, outbox);
        alarm.watch(&background, "metrics_door", watched.door(&options, &background, &resting).open(listener));
        announce("metrics", at);
    }
    let follower = Arc::clone(services.follower());
    let following = resting.clone();
    alarm.watch(&background, "follower", async move { follower.follow(FollowerOptions::default(), following).await });
    for _ in 0..tokio::runtime::Handle::current().metrics().num_workers() {
        let hub = Arc::clone(services.follower().hub());
        let pumping = resting.clone();
        alarm.watch(&background, "pump", async move { hub.pump(pumping).await });
    }
    let housekeeper = services.clone();
    let keeping = resting.clone();
    alarm.watch(&background, "housekeeper", async move {
        keeping.run_until_cancelled(housekeeper.keep_house()).await;
    });
    let teller = services.clone();
    let telling = resting.clone();
    alarm.watch(&background, "presence", async move { teller.keep_presence(telling).await });
    let clerk = services.clone();
    let writing = resting.clone();
    alarm.watch(&background, "letters", async move { clerk.keep_post(writing).await });
    if let Some(postman) = postman {
        alarm.watch(&background, "postman", postman.run(resting.clone()));
    }
    let operator = AdminSocket::bind(&data_dir.admin_socket())?;
    alarm.watch(&background, "admin_socket", operator.serve(services.clone(), resting.clone()));
    announce("goldcrest", address);
    lifecycle::tell_service_manager("READY=1");

    Running { composed, closing, closed, resting, connections: connections_open, background }
        .until_stopped(&options, stop_signals)
        .await
}

fn listen_at(address: SocketAddr, option: &'static str) -> Result<TcpListener, StartError> {
    listen(address).map_err(|error| StartError::Listen(address, error, option))
}

/// Says on standard output where something is reached, once it is. The server itself comes last.
fn announce(what: &str, address: SocketAddr) {
    use std::io::Write;
    let mut out = io::stdout().lock();
    // A closed standard output is nobody's concern: the log says it too.
    drop(writeln!(out, "{what} is listening on http://{address}").and_then(|()| out.flush()));
    tracing::info!(what, %address, "listening");
}
