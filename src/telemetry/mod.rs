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
    let lines = tracing_subscriber::fmt().with_env_filter(filter(level)?).with_writer(std::io::stderr);
    if json {
        lines.json().flatten_event(true).init();
    } else {
        lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).init();
    }
    Ok(())
}

fn filter(level: &str) -> Result<EnvFilter, BadFilter> {
    let mut filter = parse(level)?;
    // Libraries below us may put statements or headers into their finer lines: they warn at most, and are never louder than
    // all else.
    let theirs = filter.max_level_hint().map_or(LevelFilter::WARN, |all| all.min(LevelFilter::WARN));
    for library in ["sqlx", "sea_orm", "hyper", "hyper_util", "tungstenite", "rustls", "h2", "reqwest"] {
        filter = filter.add_directive(format!("{library}={theirs}").parse()?);
    }
    // What it has to say comes to us as events, and would be said twice.
    Ok(filter.add_directive("async_nats=off".parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_warn_at_most_and_are_no_louder_than_the_rest() {
        for (level, theirs) in [("trace", "warn"), ("info", "warn"), ("goldcrest=debug,error", "warn")] {
            assert!(filter(level).unwrap().to_string().contains(&format!("sqlx={theirs}")), "{level}");
        }
        for level in ["error", "off", "goldcrest=error"] {
            let theirs = level.rsplit('=').next().unwrap();
            assert!(filter(level).unwrap().to_string().contains(&format!("sqlx={theirs}")), "{level}");
        }
    }

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
