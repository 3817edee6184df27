//! The `goldcrest` program: parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("goldcrest: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(goldcrest::cli::run(std::env::args_os()));
    // Whatever had to be finished is. A thread that looks up a name, or copies a file that nobody wants any more, is not
    // waited for.
    runtime.shutdown_background();
    code
}
