//! The server itself: whether one runs on the data, and whether it is the one that listens where the options say.

use super::Patient;
use super::finding::{Finding, Report};
use super::probe::{self, NotProbed, Probed, Route};
use crate::admin::{AskError, Outcome, Verb, ask};
use crate::cli::failed::Failed;
use crate::cli::health;
use crate::cli::output::counted;
use crate::config::DataDir;
use crate::service::condition::Condition;
use std::net::SocketAddr;
use url::Url;

/// Who has the data directory.
#[derive(Debug)]
pub(super) enum Running {
    /// A server, and what it says of itself.
    Here(Box<Condition>),
    /// Somebody of whom no more than this is known, and what to do about it.
    Somebody(String, &'static str),
    /// Nobody.
    Nobody,
}

/// Asks whoever has a data directory.
pub(super) async fn find(data_dir: Option<&DataDir>) -> Running {
    let Some(data_dir) = data_dir else { return Running::Nobody };
    let socket = data_dir.admin_socket();
    let no_answer = match ask(&socket, &Verb::Describe {}).await {
        Ok(Outcome::Described { condition }) => return Running::Here(Box::new(condition)),
        Ok(_) | Err(AskError::Denied(_)) => {
            let says =
                "a server runs here, and does not know what it is asked: it is of another version than this program";
            return Running::Somebody(says.to_owned(), "restart the server, which then runs this version");
        }
        Err(AskError::BrokeOff(how)) => {
            let says = format!("a server runs here, and breaks off when it is asked how it is: {how}");
            return Running::Somebody(says, "see the server's log");
        }
        Err(AskError::Forbidden(error)) => {
            let says = format!("{} cannot be opened: {error}", socket.display());
            return Running::Somebody(says, "run this as the user that the server runs as");
        }
        Err(AskError::Nobody(error)) => error,
    };
    match data_dir.held_by() {
        Ok(None) => Running::Nobody,
        Ok(Some(holder)) => {
            let holder = holder.process.map_or_else(|| "a process".to_owned(), |process| format!("process {process}"));
            let says =
                format!("{holder} holds the data directory and does not answer at {}: {no_answer}", socket.display());
            Running::Somebody(says, "if it starts or stops just now, try again in a moment; otherwise stop it")
        }
        Err(error) => {
            let says = format!("who holds the data directory cannot be seen: {error}");
            Running::Somebody(says, "run this as the user that the server runs as")
        }
    }
}

/// Says how it is, and hands on what a probe past all proxies has shown.
pub(super) async fn look(patient: &Patient<'_>, report: &mut Report) -> Result<Option<Probed>, Failed> {
    let listen = patient.options.listen;
    match &patient.server {
        Running::Here(condition) => report.tell(&version(condition))?,
        Running::Somebody(says, advice) => report.tell(&Finding::wrong("running", says, *advice))?,
        Running::Nobody => {
            report.tell(&Finding::skipped("running", "no server runs on this data"))?;
            if listen.port() != 0 {
                report.tell_all(taken(listen).await)?;
            }
            return Ok(None);
        }
    }
    if listen.port() == 0 {
        let says = "--listen has port 0, so nobody knows where the server is";
        report.tell(&Finding::skipped("listening", says))?;
        return Ok(None);
    }
    if let Err(failed) = health::readiness(listen).await {
        let advice = "give this command the options that the server was started with, --listen above all; if they are the \
                      same, see the server's log";
        report.tell(&Finding::wrong("listening", failed.to_string(), advice))?;
        return Ok(None);
    }
    let probed = probe_past_proxies(listen).await;
    let Ok(here) = probed else {
        let says =
            format!("what listens on {listen} is ready, and shows no stream: it is another version, or something else");
        report.tell(&Finding::wrong("listening", says, "restart the server, which then runs this version"))?;
        return Ok(None);
    };
    if let Running::Here(condition) = &patient.server
        && condition.instance != here.seen.instance
    {
        let says = format!("another server listens on {listen} than the one that has this data");
        report.tell(&Finding::wrong(
            "listening",
            says,
            "name this one's data with --data-dir, or its address with --listen",
        ))?;
        return Ok(Some(here));
    }
    report.tell(&Finding::fine("listening", format!("it listens on {listen}, and is ready")))?;
    Ok(Some(here))
}

fn version(condition: &Condition) -> Finding {
    const CHECK: &str = "running";
    let own = env!("CARGO_PKG_VERSION");
    let Condition { version, process, streams, .. } = condition;
    let streams = counted(*streams, "stream", "streams");
    if version == own {
        return Finding::fine(
            CHECK,
            format!("a server of this version ({own}) runs here as process {process}, with {streams} open"),
        );
    }
    let says = format!("the server that runs here is version {version}, and this program {own}");
    Finding::warning(CHECK, says, "restart the server, if it is to be of this version")
}

/// Without a server on this data nobody should be where it would listen.
async fn taken(listen: SocketAddr) -> Option<Finding> {
    const CHECK: &str = "listening";
    let who = match probe_past_proxies(listen).await {
        Ok(_) => "a goldcrest on other data",
        Err(NotProbed::Unreachable(_)) => return None,
        Err(_) => "another program",
    };
    let says = format!("{who} listens on {listen} already, so that a server on this data could not");
    Some(Finding::wrong(CHECK, says, "name the right data with --data-dir, or another address with --listen"))
}

/// The way to the server that passes no proxy.
async fn probe_past_proxies(listen: SocketAddr) -> Result<Probed, NotProbed> {
    let base = Url::parse(&format!("http://{}/", health::reachable(listen)));
    let base = base.map_err(|error| NotProbed::Unreachable(error.to_string()))?;
    probe::take(&base, Route::Direct).await
}
