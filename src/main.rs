//! Goldcrest: parse, run, exit code.

use clap::Parser;
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(version, about)]
struct CommandLine {
    #[command(flatten)]
    options: goldcrest::config::Options,
}

#[tokio::main]
async fn main() -> ExitCode {
    match goldcrest::app::serve(CommandLine::parse().options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("goldcrest: {error}");
            ExitCode::FAILURE
        }
    }
}
