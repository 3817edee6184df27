//! What can be typed.

use crate::peers::Peer;
use clap::{Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Measures Goldcrest beside its peers. Without a command, everything, which takes some hours.
#[derive(Debug, Parser)]
#[command(name = "goldcrest-bench", version)]
pub struct Options {
    /// Instead of measuring.
    #[command(subcommand)]
    pub command: Option<Instead>,
    /// What and how.
    #[command(flatten)]
    pub measuring: Measuring,
}

/// What is measured, and how.
#[derive(Debug, clap::Args)]
pub struct Measuring {
    /// The program to measure. By default it is built with `cargo build --release`.
    #[arg(long, value_name = "PATH")]
    pub goldcrest: Option<PathBuf>,
    /// A few minutes: one round of everything at a tenth of its size, which shows that all works, and no more.
    #[arg(long)]
    pub quick: bool,
    /// How often each peer has its turn in each scenario.
    #[arg(long, value_name = "N")]
    pub rounds: Option<u32>,
    /// Seconds that each part of a scenario lasts.
    #[arg(long, value_name = "N")]
    pub seconds: Option<u64>,
    /// Only scenarios in whose name one of these words stands, such as `fan-out,storm`.
    #[arg(long, value_name = "WORDS", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Only these peers.
    #[arg(long, value_name = "PEERS", value_delimiter = ',')]
    pub peers: Vec<Peer>,
    /// Another server that runs already, described in JSON: see `bench/peers/other.json`. It is measured where it is, in the network
    /// of this machine.
    #[arg(long, value_name = "FILE")]
    pub other: Option<PathBuf>,
    /// Where results go.
    #[arg(long, value_name = "DIRECTORY", default_value = "bench/results")]
    pub results: PathBuf,
    /// A page to put the results into, such as `bench/README.md`.
    #[arg(long, value_name = "FILE")]
    pub page: Option<PathBuf>,
    /// Where runs keep their data, which is deleted in the end. Durable sends are as quick as the disk that it is on.
    #[arg(long, value_name = "DIRECTORY")]
    pub scratch: Option<PathBuf>,
}

/// Instead of measuring.
#[derive(Debug, Subcommand)]
pub enum Instead {
    /// Makes tables and plots of results again; `--results` and `--page` come before it.
    Show {
        /// The file `results.json`.
        results: PathBuf,
    },
    /// One run, in the namespace it is started in.
    #[command(hide = true)]
    One {
        /// What is to be done, as JSON.
        job: String,
        /// Where its records go.
        records: PathBuf,
    },
    /// The floor: a server that does nothing but write.
    #[command(hide = true)]
    Floor {
        /// Where to listen.
        address: SocketAddr,
    },
}
