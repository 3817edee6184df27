//! The `goldcrest` program: parse, run, exit code.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    goldcrest::cli::run(std::env::args_os()).await
}
