//! The way to other nodes: whether NATS lets us in. Nothing is said there.

use super::finding::{Finding, Report};
use crate::app::nats;
use crate::cli::failed::Failed;
use crate::compat::names_this_machine;
use crate::config::Options;
use crate::live::try_nats;
use std::time::Duration;
use url::{Host, Url};

const CHECK: &str = "nats";
/// How long reaching it, TLS and the login may take together.
const PATIENCE: Duration = Duration::from_secs(15);

pub(super) async fn look(options: &Options, report: &mut Report) -> Result<(), Failed> {
    let wanted = match nats(options) {
        Ok(Some(wanted)) => wanted,
        Ok(None) => {
            return report.tell(&Finding::skipped(CHECK, "no --nats-url: this node is alone, or hears of others late"));
        }
        Err(_) => return report.tell(&Finding::skipped(CHECK, "how to get there is not said rightly: see above")),
    };
    let tried = tokio::time::timeout(PATIENCE, try_nats(&wanted)).await;
    let tried = tried.map_or_else(
        |_| Err(format!("no answer in {} s", PATIENCE.as_secs())),
        |done| done.map_err(|error| error.to_string()),
    );
    // Of a scheme that it does not know the parser takes an address for a name.
    let host = |url: &Url| url.host_str().and_then(|host| Host::parse(host).ok());
    let is_open = |url: &Url| url.scheme() == "nats" && !host(url).is_some_and(|host| names_this_machine(&host));
    report.tell(&match tried {
        Ok(()) if options.nats.servers().unwrap_or_default().iter().any(is_open) => Finding::warning(
            CHECK,
            "NATS lets us in, and everybody's messages go over the network to it as they are",
            "turn on TLS in NATS and write tls:// in --nats-url, unless nobody else is on that network",
        ),
        Ok(()) => Finding::fine(CHECK, "NATS lets us in as --nats-url says; nothing was said there"),
        Err(said) => Finding::wrong(
            CHECK,
            format!("{said}. Until it does, nodes hear of each other up to half a second late, and of typing and presence not at all"),
            "look at the name, port, user and password in --nats-url, and whether that user may publish and subscribe on goldcrest.>",
        ),
    })
}
