//! The server's log: to standard error, for people or for machines, never with a text, a token or a password.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};

/// Why what was asked for is no filter of the log.
#[derive(Debug, thiserror::Error)]
pub enum BadFilter {
    /// It has another form.
    #[error(transparent)]
    Unreadable(#[from] ParseError),
    /// A bare word that is no level.
    #[error(
        "`{0}` is no level. Levels are error, warn, info, debug, trace and off; a filter is written as in goldcrest=debug,info."
    )]
    NoLevel(String),
}

/// Whether a level, or a filter by module, is one.
pub fn check(level: &str) -> Result<(), BadFilter> {
    parse(level).map(drop)
}

fn parse(level: &str) -> Result<EnvFilter, BadFilter> {
    // A mistyped level would be taken for a module of which all is wanted, and nothing of anything else.
    for part in level.split(',').map(str::trim) {
        let is_bare = !part.is_empty() && !part.contains(['=', ':', '[', ']', '{', '}']);
        if is_bare && part.parse::<LevelFilter>().is_err() {
            return Err(BadFilter::NoLevel(part.to_owned()));
        }
    }
    Ok(EnvFilter::builder().parse(level)?)
}

/// Starts the log. `level` is a level or a filter by module.
pub fn start(json: bool, level: &str) -> Result<(), BadFilter> {
    // Libraries below us may put statements or headers into their finer lines: they stay at `info`.
    let mut filter = parse(level)?;
    let libraries = ["sqlx", "sea_orm", "hyper", "hyper_util", "tungstenite", "rustls", "h2", "reqwest"];
    // Where nothing at all is wanted, theirs would be the only lines.
    let wanted = filter.max_level_hint() != Some(LevelFilter::OFF);
    // What it has to say comes to us as events, and would be said twice.
    filter = filter.add_directive("async_nats=off".parse()?);
    for library in libraries.into_iter().filter(|_| wanted) {
        filter = filter.add_directive(format!("{library}=warn").parse()?);
    }
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        lines.json().flatten_event(true).init();
    } else {
        lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).init();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_level_is_no_filter() {
        for level in [
            "info",
            "WARN",
            "off",
            "goldcrest=debug,info",
            "goldcrest::service=warn",
            "info,goldcrest[request]=trace",
            "",
        ] {
            assert!(check(level).is_ok(), "{level}");
        }
        for level in ["warning", "loud", "goldcrest=debug,inf", "goldcrest=loud"] {
            assert!(check(level).is_err(), "{level}");
        }
    }
}
