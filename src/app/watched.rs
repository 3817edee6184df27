//! What every room has counted, under the names that Prometheus finds it by, and the address where it does.
//!
//! This is the one list of metrics. `docs/metrics.md` shows it, and a test compares the two with a running server. A room
//! that counts something new says so here, under a heading of its own.

use super::Composed;
use crate::config::Options;
use crate::domain::Timestamp;
use crate::gate::{Gate, Limits};
use crate::live::{Follower, Relay};
use crate::mail::Outbox;
use crate::service::Services;
use crate::store::{Sequencer, Store};
use crate::telemetry::{CONTENT_TYPE, Exposition, Kind, Metric, Process};
use crate::transport::{Door, DoorOptions};
use axum::Router;
use axum::routing::get;
use http::header;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Those who ask at a time: one, or two while they are being exchanged.
const READERS: usize = 16;

/// Everything that counts something.
#[derive(Debug)]
pub(super) struct Watched {
    services: Services,
    store: Store,
    sequencer: Sequencer,
    gate: Gate,
    outbox: Option<Outbox>,
    started: Timestamp,
}

impl Watched {
    pub(super) fn new(composed: &Composed, gate: &Gate, outbox: Option<Outbox>) -> Self {
        let Composed { services, store, sequencer, .. } = composed;
        let (services, store, sequencer) = (services.clone(), store.clone(), sequencer.clone());
        Self { services, store, sequencer, gate: gate.clone(), outbox, started: Timestamp::now() }
    }

    /// A door of its own, at which nobody waits for a place among the clients. It stays open until all else has ended.
    pub(super) fn door(self, options: &Options, tasks: &TaskTracker, until: &CancellationToken) -> Arc<Door> {
        let watched = Arc::new(self);
        let answer = move || {
            let watched = Arc::clone(&watched);
            async move {
                // The system takes its time to count the files of thousands of streams.
                let process = tokio::task::spawn_blocking(Process::now).await.ok().flatten();
                let page = watched.tell(process);
                ([(header::CONTENT_TYPE, CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")], page)
            }
        };
        let router = Router::new().route("/metrics", get(answer));
        let door_options = DoorOptions {
            connections: READERS,
            head_timeout: options.read_timeout,
            stall: options.stall_timeout,
            silence: options.stall_timeout,
        };
        Door::new(router, door_options, Arc::default(), tasks.clone(), until.clone(), until.clone())
    }

    /// All of it, as it is now.
    fn tell(&self, process: Option<Process>) -> String {
        let mut page = Page(Exposition::default());
        self.of_server(&mut page);
        self.of_streams(&mut page);
        self.of_line(&mut page);
        self.of_neighbours(&mut page);
        self.of_writing(&mut page);
        self.of_requests(&mut page);
        self.of_accounts(&mut page);
        self.of_process(process, &mut page);
        page.0.into_text()
    }

    fn of_server(&self, page: &mut Page) {
        page.gauge("goldcrest_build_info", "Always 1; `version` is the version that runs.")
            .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1u64);
        let ready = self.services.readiness().is_ok();
        page.gauge("goldcrest_ready", "Whether /readyz says that the server can be given work: 1, or 0.")
            .sample(&[], ready);
        page.gauge(
            "goldcrest_tasks",
            "Tasks of the server that are alive: one for each connection and stream, and some more.",
        )
        .sample(&[], Handle::current().metrics().num_alive_tasks());
    }

    fn of_streams(&self, page: &mut Page) {
        let traffic = self.gate.traffic();
        let ways = traffic.ways();
        let mut open = page.gauge("goldcrest_streams", "Streams that are open, by `transport`.");
        for (name, way) in ways {
            open.sample(&[("transport", name)], way.open.now());
        }
        let mut opened = page.counter("goldcrest_streams_opened_total", "Streams that were opened, by `transport`.");
        for (name, way) in ways {
            opened.sample(&[("transport", name)], way.opened.total());
        }
        let says = "Streams that ended, by `transport` and `reason`: one of those in docs/streams.md, `left` if the other side \
                    went, `answered` for a poll that was.";
        let mut ended = page.counter("goldcrest_streams_ended_total", says);
        for (name, way) in ways {
            for (reason, count) in way.ended.all() {
                ended.sample(&[("transport", name), ("reason", reason)], count.total());
            }
        }
        let says = "Streams that were not let in, and told in their own language when to come back, by `transport` and `reason`.";
        let mut refused = page.counter("goldcrest_streams_refused_total", says);
        for (name, way) in ways {
            for (reason, count) in way.turned_away.all() {
                refused.sample(&[("transport", name), ("reason", reason)], count.total());
            }
        }
        let says = "Events that were given to a stream, once for each stream, by `transport`.";
        let mut deliveries = page.counter("goldcrest_deliveries_total", says);
        for (name, way) in ways {
            deliveries.sample(&[("transport", name)], way.deliveries.total());
        }
        let says = "Bytes of streams that sockets have taken, by `transport`; of polls, those of their answers.";
        let mut bytes = page.counter("goldcrest_delivered_bytes_total", says);
        for (name, way) in ways {
            bytes.sample(&[("transport", name)], way.bytes.total());
        }

        let heard = self.follower().hub().heard();
        page.gauge("goldcrest_users_connected", "Users who have a stream open.")
            .sample(&[], self.follower().hub().people());
        let says =
            "Streams that read by themselves at the moment: they have just come, or are too slow for what is new.";
        page.gauge("goldcrest_streams_lagging", says).sample(&[], heard.lagging.now());
        let says = "How often a stream was too slow for its queue, which was dropped: it reads on by itself, and misses nothing.";
        page.counter("goldcrest_stream_queue_overflows_total", says).sample(&[], heard.overflows.total());
        let says = "How many events had happened since the cursor that a stream came with.";
        page.histogram("goldcrest_resume_depth_events", says).histogram(&[], &heard.depth.seen());
        page.gauge("goldcrest_connections", "Connections of clients that are open, streams among them.")
            .sample(&[], traffic.connections.now());
        page.counter("goldcrest_connections_accepted_total", "Connections of clients that were accepted.")
            .sample(&[], traffic.accepted.total());
    }

    fn of_line(&self, page: &mut Page) {
        let follower = self.follower();
        let (hub, heard) = (follower.hub(), follower.hub().heard());
        page.gauge("goldcrest_head_seq", "The last event in the database, as far as this node knows.")
            .sample(&[], follower.head().0);
        page.gauge("goldcrest_applied_seq", "The last event that this node's streams were told of.")
            .sample(&[], hub.applied().0);
        let says = "For how long there is something in the database that this node's streams were not told of.";
        page.gauge("goldcrest_behind_seconds", says).sample(&[], follower.behind().as_secs_f64());
        page.counter("goldcrest_events_total", "Events that this node's streams were told of, whoever wrote them.")
            .sample(&[], heard.events.total());
        let says = "Events that were read from the database, since another node wrote them and this one had not heard of them.";
        page.counter("goldcrest_events_fetched_total", says).sample(&[], heard.fetched.total());
        let (events, bytes) = hub.remembered();
        page.gauge("goldcrest_ring_events", "The newest events, which are kept in memory.").sample(&[], events);
        page.gauge("goldcrest_ring_bytes", "The bytes of these.").sample(&[], bytes);
        page.gauge(
            "goldcrest_log_readers",
            "Streams that read a page of the log in the database, or wait for their turn.",
        )
        .sample(&[], heard.reading.now());
        page.counter("goldcrest_log_pages_total", "Pages of the log that streams have read.")
            .sample(&[], heard.pages.total());
        page.counter("goldcrest_log_page_events_total", "Events on these pages.")
            .sample(&[], heard.page_events.total());
        page.histogram("goldcrest_log_page_seconds", "How long such a page took, with the wait for a turn.")
            .histogram(&[], &heard.page_time.seen());
        page.counter(
            "goldcrest_sessions_revoked_total",
            "Sessions that ended: logged out, shut out, deleted, or run out.",
        )
        .sample(&[], heard.revoked.total());
    }

    /// Without other nodes these have no samples.
    fn of_neighbours(&self, page: &mut Page) {
        let counts = self.follower().relay().map(Relay::counts);
        let says = "Whether NATS is there, over which nodes tell each other: 1, or 0.";
        page.gauge("goldcrest_relay_connected", says)
            .sample_if(counts.map(|counts| counts.connected.load(Ordering::Relaxed)));
        let says = "Batches of other nodes that were heard of over NATS.";
        page.counter("goldcrest_relay_batches_total", says).sample_if(counts.map(|counts| counts.heard.total()));
        let says = "How often a batch of another node did not come over NATS, and was read from the database.";
        page.counter("goldcrest_relay_gaps_total", says).sample_if(counts.map(|counts| counts.gaps.total()));
        let says =
            "What this node did not tell the others, since NATS was away or took too long: they read the database.";
        page.counter("goldcrest_relay_unsaid_total", says).sample_if(counts.map(|counts| counts.unsaid.total()));
    }

    fn of_writing(&self, page: &mut Page) {
        let written = self.sequencer.written();
        let (waiting, most) = self.sequencer.waiting();
        page.gauge("goldcrest_write_queue", "Changes that wait to be written.").sample(&[], waiting);
        page.gauge("goldcrest_write_queue_limit", "Changes that may wait; more are refused with 503.")
            .sample(&[], most);
        let says = "Changes, by `outcome`: done, refused by a rule, or why they were not written.";
        let mut changes = page.counter("goldcrest_changes_total", says);
        for (outcome, count) in written.changes.all() {
            changes.sample(&[("outcome", outcome)], count.total());
        }
        let says = "Transactions, by `outcome`: committed, without anything to write, or why they were not.";
        let mut batches = page.counter("goldcrest_batches_total", says);
        for (outcome, count) in written.batches.all() {
            batches.sample(&[("outcome", outcome)], count.total());
        }
        page.histogram("goldcrest_batch_changes", "Changes that share one committed transaction.")
            .histogram(&[], &written.batch_changes.seen());
        page.histogram("goldcrest_batch_events", "Events in one committed transaction.")
            .histogram(&[], &written.batch_events.seen());
        page.histogram(
            "goldcrest_batch_seconds",
            "How long a committed transaction took, with the wait for the clock.",
        )
        .histogram(&[], &written.batch_time.seen());
        page.histogram("goldcrest_commit_seconds", "How long its COMMIT took, in which the disk is waited for.")
            .histogram(&[], &written.commit_time.seen());
        let (open, idle) = self.store.readers();
        let used = u64::from(open).saturating_sub(idle as u64);
        page.gauge("goldcrest_database_connections", "Connections to the database for reading, by `state`.")
            .sample(&[("state", "idle")], idle)
            .sample(&[("state", "used")], used);
    }

    fn of_requests(&self, page: &mut Page) {
        let mut routes = self.gate.answered().all();
        routes.sort_by(|(one, _), (other, _)| (&one.1, one.0).cmp(&(&other.1, other.0)));
        let says = "Requests, by `method`, `route` and `status`. A `route` is one of the server's own, never what was asked for.";
        let mut requests = page.counter("goldcrest_http_requests_total", says);
        for ((method, route), counted) in &routes {
            for (status, count) in counted.statuses.all() {
                let labels = [("method", *method), ("route", route.as_str()), ("status", &*status.to_string())];
                requests.sample(&labels, count.total());
            }
        }
        let says = "How long it took until the head of an answer was there, by `method` and `route`. A poll is held as long as it asks.";
        let mut time = page.histogram("goldcrest_http_request_seconds", says);
        for ((method, route), counted) in &routes {
            time.histogram(&[("method", *method), ("route", route.as_str())], &counted.time.seen());
        }
        let says = "How often a caller was slowed down, by the `bucket` that was empty: over HTTP with 429, on a WebSocket in its reply.";
        let mut limited = page.counter("goldcrest_rate_limited_total", says);
        for (bucket, count) in self.gate.limits().into_iter().flat_map(Limits::refused) {
            limited.sample(&[("bucket", bucket)], count);
        }
    }

    fn of_accounts(&self, page: &mut Page) {
        let logins = self.services.logins();
        page.counter("goldcrest_logins_total", "Attempts to log in with a password, by `outcome`.")
            .sample(&[("outcome", "accepted")], logins.accepted.total())
            .sample(&[("outcome", "refused")], logins.refused.total());
        let mut waiting = page.gauge(
            "goldcrest_mails_waiting",
            "Mails that were not sent yet, by `where` they wait: in the queue, or for another try.",
        );
        if let Some(outbox) = &self.outbox {
            waiting.sample(&[("where", "queue")], outbox.waiting());
            waiting.sample(&[("where", "retry")], outbox.carried().kept.now());
        }
        let mut mails = page.counter("goldcrest_mails_total", "Attempts to send a mail, by `outcome`.");
        if let Some(carried) = self.outbox.as_ref().map(Outbox::carried) {
            mails.sample(&[("outcome", "sent")], carried.sent.total());
            mails.sample(&[("outcome", "delayed")], carried.delayed.total());
            mails.sample(&[("outcome", "refused")], carried.refused.total());
            mails.sample(&[("outcome", "given_up")], carried.given_up.total());
        }
    }

    fn of_process(&self, now: Option<Process>, page: &mut Page) {
        let started = Duration::from_millis(u64::try_from(self.started.0).unwrap_or(0)).as_secs_f64();
        page.gauge("process_start_time_seconds", "When the server began, in seconds since 1970.").sample(&[], started);
        page.gauge("process_resident_memory_bytes", "Memory in use, with the files that are mapped.")
            .sample_if(now.map(|now| now.resident_bytes));
        page.gauge("process_virtual_memory_bytes", "Memory that was asked for.")
            .sample_if(now.map(|now| now.virtual_bytes));
        page.counter("process_cpu_seconds_total", "Time on the processors.")
            .sample_if(now.map(|now| now.processor_seconds));
        page.gauge("process_open_fds", "Files and sockets that are open.").sample_if(now.map(|now| now.open_files));
        page.gauge("process_max_fds", "Files and sockets that may be open.")
            .sample(&[], crate::lifecycle::file_limit());
        page.gauge("process_threads", "Threads.").sample_if(now.map(|now| now.threads));
    }

    fn follower(&self) -> &Arc<Follower> {
        self.services.follower()
    }
}

/// Metrics by their kind.
struct Page(Exposition);

impl Page {
    fn counter<'a>(&'a mut self, name: &'a str, says: &str) -> Metric<'a> {
        self.0.metric(name, Kind::Counter, says)
    }

    fn gauge<'a>(&'a mut self, name: &'a str, says: &str) -> Metric<'a> {
        self.0.metric(name, Kind::Gauge, says)
    }

    fn histogram<'a>(&'a mut self, name: &'a str, says: &str) -> Metric<'a> {
        self.0.metric(name, Kind::Histogram, says)
    }
}
