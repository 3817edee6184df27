//! The options: what the server would refuse, by its own code, and what it takes and nobody should want.

use super::finding::{Finding, Report};
use super::{Patient, is_elsewhere};
use crate::app::Preflight;
use crate::cli::command_line;
use crate::cli::failed::Failed;
use crate::config::{AnonymousChannels, Email, MailMode, Options, RateLimits, Registration};
use std::time::Duration;

/// Proxies commonly end a connection that was silent for so long.
const PROXIES_WAIT: Duration = Duration::from_mins(1);
/// Whoever is spoken to more often than this finds no rest.
const CLIENTS_REST: Duration = Duration::from_secs(5);

pub(super) fn look(patient: &Patient<'_>, preflight: &Preflight, report: &mut Report) -> Result<(), Failed> {
    let options = patient.options;
    report.tell_all(refusals(options, preflight))?;
    report.tell_all(strange_variables())?;
    for warning in &preflight.warnings {
        report.tell(&Finding::warning("options", warning, "leave it as it is only if that is what you want"))?;
    }
    report.tell(&public_url(patient))?;
    report.tell_all(proxies(options))?;
    report.tell(&registration(patient))?;
    report.tell_all(limits(patient))
}

/// What `serve` would not start with.
fn refusals(options: &Options, preflight: &Preflight) -> Vec<Finding> {
    const CORRECT: &str = "the server does not start so: correct the option, or its variable in the environment";
    let mut found: Vec<Finding> =
        preflight.refusals.iter().map(|refusal| Finding::wrong("options", refusal.to_string(), CORRECT)).collect();
    if let Err(error) = crate::telemetry::check(&options.log.log_level) {
        found.push(Finding::wrong("options", format!("--log-level: {error}"), CORRECT));
    }
    if found.is_empty() {
        found.push(Finding::fine("options", "the options go together: the server takes them"));
    }
    found
}

fn strange_variables() -> Vec<Finding> {
    let finding = |name| {
        let advice = "correct its name, or take it out of the environment; docs/options.md lists all there are";
        Finding::warning("environment", format!("{name} is set, and is no option of this version"), advice)
    };
    command_line::strange_variables().into_iter().map(finding).collect()
}

fn public_url(patient: &Patient<'_>) -> Finding {
    const CHECK: &str = "public_url";
    let options = patient.options;
    let Some(url) = &options.public_url else {
        let listen = options.listen;
        if !patient.is_public() {
            return Finding::fine(
                CHECK,
                format!("--listen {listen} is for this machine alone, and no --public-url is needed"),
            );
        }
        let says = format!(
            "--listen {listen} lets others in, and --public-url does not say where they reach this server: pages write \
             only from this machine, and no mail can hold a link"
        );
        return Finding::warning(CHECK, says, "--public-url https://chat.example.org, as people type it");
    };
    if url.scheme() == "https" {
        return Finding::fine(CHECK, format!("--public-url {url} is reached over TLS"));
    }
    if !is_elsewhere(url) {
        return Finding::fine(CHECK, format!("--public-url {url} is for this machine alone"));
    }
    let says = format!("--public-url {url} has no TLS: passwords and messages cross the network in the clear");
    let advice = "put a proxy with TLS before the server (nginx, Caddy), and give --public-url with https://";
    Finding::warning(CHECK, says, advice)
}

fn proxies(options: &Options) -> Vec<Finding> {
    const CHECK: &str = "trusted_proxies";
    let trusted = &options.trusted_proxies;
    if let Some(all) = trusted.iter().find(|network| network.prefix_len() == 0) {
        let says =
            format!("--trusted-proxies {all} believes everybody: whoever asks may claim to come from any address");
        return vec![Finding::wrong(CHECK, says, "--trusted-proxies with the address of the proxy, or its network")];
    }
    let behind_tls = options.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    if trusted.is_empty() && behind_tls {
        let says = "--public-url is https, so a proxy stands before this server, and --trusted-proxies does not name it: \
                    everybody counts as one address, and whoever asks too much uses up what all others may";
        let advice = "--trusted-proxies with where the proxy's requests come from, such as 127.0.0.1 for one on this \
                      machine; \"way from outside\" below may say the address";
        return vec![Finding::wrong(CHECK, says, advice)];
    }
    let named: Vec<String> = trusted.iter().map(ToString::to_string).collect();
    if named.is_empty() {
        return Vec::new();
    }
    vec![Finding::fine(CHECK, format!("X-Forwarded-For counts from {}", named.join(", ")))]
}

fn registration(patient: &Patient<'_>) -> Finding {
    const CHECK: &str = "registration";
    let options = patient.options;
    let mails = crate::app::mail_mode(options) != MailMode::Off;
    match options.registration {
        Registration::Open if patient.is_public() && !(mails && options.email == Email::Required) => {
            let says = "anybody who finds this server may make accounts, as many as he likes, and no account needs an \
                        address that a mail has confirmed";
            let advice = "--registration invite or closed; or --smtp-url with --email required";
            Finding::warning(CHECK, says, advice)
        }
        Registration::Open => Finding::fine(CHECK, "anybody may register (--registration open)"),
        Registration::Invite => Finding::fine(CHECK, "whoever has an invitation may register"),
        Registration::Closed => Finding::fine(CHECK, "the operator makes accounts"),
    }
}

fn limits(patient: &Patient<'_>) -> Vec<Finding> {
    let options = patient.options;
    let mut found = Vec::new();
    if options.rate_limits == RateLimits::Off {
        let says = "--rate-limits off: whoever guesses passwords may guess as fast as he can, and one client can take \
                    all that the server has";
        found.push(Finding::warning(
            "rate_limits",
            says,
            "--rate-limits on, unless this is a benchmark or a trusted network",
        ));
    }
    if options.anonymous_channels == AnonymousChannels::On && patient.is_public() {
        let says = "--anonymous-channels: anybody may read all channels, without an account";
        found.push(Finding::warning("anonymous_channels", says, "leave the option out if channels are for members"));
    }
    let harm = match options.heartbeat {
        long if long >= PROXIES_WAIT => Some("most proxies end a stream that says nothing for a minute"),
        short if short < CLIENTS_REST => Some("every client is woken so often, and the radio of a phone never rests"),
        _ => None,
    };
    if let Some(harm) = harm {
        let says = format!("--heartbeat {}: {harm}", humantime::format_duration(options.heartbeat));
        found.push(Finding::warning("heartbeat", says, "--heartbeat 20s"));
    }
    found
}
