//! The command line: the server itself, the operator's commands, and two clients.
//!
//! What the operator does to the data goes one way only: an `admin::Verb`, carried out by the server through its admin
//! socket if one runs, and otherwise by the command itself, which then holds the data directory.

mod backup;
mod command_line;
mod confirmation;
mod copy;
mod doctor;
mod failed;
mod health;
mod keys;
mod migrate;
mod offline;
mod operator;
mod output;
mod password;
mod printable;
mod progress;
mod remote;
mod restore;
mod send;
mod stoppable;
mod tail;
mod token;
mod users;

pub use failed::Failed;

use crate::config::{LogFormat, Options};
use crate::lifecycle;
use crate::telemetry::Traces;
use command_line::{Command, CommandLine};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// What is logged by a command that is not the server: its own words say what it did.
const QUIET: &str = "warn";
/// The same where the command says all that it finds by itself.
const SILENT: &str = "off";

/// Does what the command line says, and tells how that went as an exit code.
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let CommandLine { options, command } = match CommandLine::read(arguments) {
        Ok(read) => read,
        Err(answer) => {
            // `--help` and `--version` come this way too, with 0. If even printing fails, the code has to do.
            drop(answer.print());
            return ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(2));
        }
    };
    lifecycle::keep_files_private();
    // Options are many, and several futures hold them.
    match Box::pin(carry_out(options, command)).await {
        Ok(()) | Err(Failed::NobodyReads) => ExitCode::SUCCESS,
        Err(failed) => {
            drop(writeln!(std::io::stderr(), "goldcrest: {failed}"));
            ExitCode::FAILURE
        }
    }
}

async fn carry_out(options: Options, command: Option<Command>) -> Result<(), Failed> {
    let served = match &command {
        None => Some(&options),
        Some(Command::Serve(options)) => Some(&**options),
        Some(_) => None,
    };
    let log = served.map(|options| &options.log);
    let quiet = if matches!(command, Some(Command::Doctor(_))) { SILENT } else { QUIET };
    let (json, level) = log.map_or((false, quiet), |log| (log.log_format == LogFormat::Json, &log.log_level));
    let traces =
        served.and_then(|options| options.traces.otlp_url.as_ref().map(|url| (url, options.traces.otlp_ratio)));
    let traces = traces.map(|(url, ratio)| Traces::to(url, ratio)).transpose();
    let traces = traces.map_err(|error| Failed::Input(format!("--otlp-url: {error}")))?;
    crate::telemetry::start(json, level, traces.as_ref())
        .map_err(|error| Failed::Input(format!("--log-level: {error}")))?;
    if log.is_some() {
        for name in command_line::strange_variables() {
            tracing::warn!("{name} is set, and is no option of this version: docs/options.md lists all there are");
        }
    }
    let carried_out = match command {
        None => crate::app::serve(options).await.map_err(Failed::from),
        Some(Command::Serve(options)) => crate::app::serve(*options).await.map_err(Failed::from),
        Some(Command::Migrate) => migrate::run(&options.place).await,
        Some(Command::Backup(command)) => backup::run(&options, command).await,
        Some(Command::Restore(command)) => restore::run(&options, command).await,
        Some(Command::Copy(command)) => Box::pin(copy::run(&options, command)).await,
        Some(Command::Doctor(command)) => doctor::run(*command).await,
        Some(Command::Health(command)) => health::run(command, options.listen).await,
        Some(Command::User(command)) => users::run(&options, command).await,
        Some(Command::Token(command)) => token::run(&options, command).await,
        Some(Command::Key(command)) => keys::run(&options, command).await,
        Some(Command::Send(command)) => send::run(command).await,
        Some(Command::Tail(command)) => tail::run(command).await,
    };
    if let Some(traces) = traces {
        traces.finish().await;
    }
    carried_out
}
