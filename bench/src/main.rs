//! `goldcrest-bench`: a load generator that measures Goldcrest beside its peers. `bench/README.md` says how.
//!
//! [`measure`] goes through the [`plan`] in rounds. Each run of a [`scenario`] is [`isolated`]: this program again, in a
//! network of its own, which starts one of the [`peers`], makes load with the [`generator`] and returns [`record`]s. Servers
//! and generator have a core each.

mod answers;
mod claims;
mod clock;
mod cursors;
mod ears;
mod floor;
mod frames;
mod generator;
mod http;
mod isolated;
mod marks;
mod measure;
mod mouths;
mod options;
mod peers;
mod plan;
mod plot;
mod process;
mod record;
mod results;
mod said;
mod scenario;
mod table;
mod tally;
mod way;

use clap::Parser;
use options::{Instead, Options};
use std::process::ExitCode;

/// Bytes of the text of each message.
const TEXT: usize = 100;

fn main() -> ExitCode {
    let options = Options::parse();
    let (directory, page) = (options.measuring.results.clone(), options.measuring.page.clone());
    let done = match options.command {
        None => measure::everything(&options.measuring).and_then(|results| {
            print!("{}", table::tables(&results));
            table::publish(&results, &directory, page.as_deref())
        }),
        Some(Instead::Show { results }) => {
            results::Results::read(&results).and_then(|results| table::publish(&results, &directory, page.as_deref()))
        }
        Some(Instead::One { job, records }) => isolated::here(&job, &records),
        Some(Instead::Floor { address }) => floor::serve(address),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("goldcrest-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
