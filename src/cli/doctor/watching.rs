//! The ways to watch a server: who reaches its metrics, and whether its traces arrive.

use super::finding::{Finding, Report};
use super::server::Running;
use super::{Patient, is_elsewhere};
use crate::cli::failed::Failed;
use crate::cli::health;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

/// How long another machine has to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// What the metrics of every goldcrest begin with.
const OURS: &str = "# HELP goldcrest_";

pub(super) async fn look(patient: &Patient<'_>, report: &mut Report) -> Result<(), Failed> {
    if let Some(listen) = patient.options.metrics_listen {
        report.tell(&metrics(patient, listen).await)?;
    }
    if let Some(collector) = &patient.options.traces.otlp_url {
        report.tell_all(traces(collector).await)?;
    }
    Ok(())
}

async fn metrics(patient: &Patient<'_>, listen: SocketAddr) -> Finding {
    const CHECK: &str = "metrics";
    if matches!(patient.server, Running::Here(_)) && listen.port() != 0 {
        let answer = timeout(PATIENCE, health::ask(health::reachable(listen), "/metrics")).await;
        let ours = matches!(&answer, Ok(Ok(answer)) if answer.contains(OURS));
        if !ours {
            let says = format!("the server that runs here does not give out its metrics at {listen}");
            return Finding::wrong(
                CHECK,
                says,
                "restart the server with --metrics-listen, or see what else listens there",
            );
        }
    }
    if listen.ip().to_canonical().is_loopback() {
        return Finding::fine(CHECK, format!("the metrics at {listen} are for this machine alone"));
    }
    let says = format!(
        "--metrics-listen {listen} lets others in, and asks nobody who he is: they see how much is said, and when"
    );
    let advice = "--metrics-listen 127.0.0.1:9090, or an address in a network that strangers do not reach";
    Finding::warning(CHECK, says, advice)
}

async fn traces(collector: &Url) -> Vec<Finding> {
    const CHECK: &str = "traces";
    let (host, port) = (collector.host_str().unwrap_or_default(), collector.port_or_known_default().unwrap_or(4318));
    let mut found = Vec::new();
    // A literal of IPv6 stands in brackets in a URL, and in none here.
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    found.push(match timeout(PATIENCE, TcpStream::connect((bare, port))).await {
        Ok(Ok(_)) => Finding::fine(CHECK, format!("somebody listens where --otlp-url leads to, {host}:{port}")),
        Ok(Err(error)) => Finding::warning(
            CHECK,
            format!("nobody is to be reached where --otlp-url leads to, {host}:{port}: {error}. Traces are dropped"),
            "start the collector, or correct --otlp-url: its port for OTLP over HTTP, commonly 4318",
        ),
        Err(_) => Finding::warning(
            CHECK,
            format!(
                "nobody answers in {} s where --otlp-url leads to, {host}:{port}. Traces are dropped",
                PATIENCE.as_secs()
            ),
            "see that the collector can be reached from here",
        ),
    });
    if collector.scheme() == "http" && is_elsewhere(collector) {
        let says = "traces go over the network in the clear: routes, times and numbers";
        found.push(Finding::warning(CHECK, says, "https:// in --otlp-url, unless the network is your own"));
    }
    found
}
