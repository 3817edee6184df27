//! The server's log: to standard error, for people or for machines, never with a text, a token or a password.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};

/// Whether a level, or a filter by module, is one.
pub fn check(level: &str) -> Result<(), ParseError> {
    EnvFilter::builder().parse(level).map(drop)
}

/// Starts the log. `level` is a level or a filter by module.
pub fn start(json: bool, level: &str) -> Result<(), ParseError> {
    let filter: EnvFilter = EnvFilter::builder().parse(level)?;
    // Libraries below us may put statements or headers into their finer lines: they stay at `info`.
    let mut filter = filter;
    let libraries = ["sqlx", "sea_orm", "hyper", "hyper_util", "tungstenite", "rustls", "h2", "reqwest"];
    // Where nothing at all is wanted, theirs would be the only lines.
    let wanted = filter.max_level_hint() != Some(LevelFilter::OFF);
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
