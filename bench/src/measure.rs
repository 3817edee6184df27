//! Everything in turn: each round has all scenarios, and each scenario all peers, each time beginning with another.

use crate::isolated::{self, Job};
use crate::options::Measuring;
use crate::peers::{Peer, Place};
use crate::plan::{self, Entry};
use crate::record::Record;
use crate::results::Results;
use crate::scenario::Scene;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

/// How long a run may take besides what it measures.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures all that is asked for, and keeps it after each run.
pub fn everything(options: &Measuring) -> io::Result<Results> {
    let goldcrest = match &options.goldcrest {
        Some(path) => fs::canonicalize(path)?,
        None => build()?,
    };
    let entries = plan::plan(options);
    let rounds = plan::rounds(options);
    let scratch = options.scratch.clone().unwrap_or_else(env::temp_dir);
    let scratch = scratch.join(format!("goldcrest-bench-{}", std::process::id()));
    fs::create_dir_all(&scratch)?;
    let ground =
        Ground { goldcrest, scratch: fs::canonicalize(scratch)?, cores: thread::available_parallelism()?.get() };
    let measured = ground.measure(&entries, rounds, options);
    fs::remove_dir_all(&ground.scratch)?;
    measured
}

/// Where all runs take place.
struct Ground {
    goldcrest: PathBuf,
    scratch: PathBuf,
    cores: usize,
}

impl Ground {
    fn measure(&self, entries: &[Entry], rounds: u32, options: &Measuring) -> io::Result<Results> {
        let mut results = Results::of_this_machine(rounds)?;
        fs::create_dir_all(&options.results)?;
        for round in 0..rounds {
            for entry in entries {
                for turn in 0..entry.peers.len() {
                    let peer = entry.peers[(turn + round as usize) % entry.peers.len()];
                    eprintln!("round {} of {rounds}: {}, {}", round + 1, entry.name, peer.name());
                    let begun = Instant::now();
                    match self.one(entry, peer) {
                        Ok(records) => results.add(round, records),
                        Err(error) => {
                            eprintln!("  failed: {error}");
                            results.failures.push(format!("{}, {}: {error}", entry.name, peer.name()));
                        }
                    }
                    eprintln!("  {:.0} s", begun.elapsed().as_secs_f64());
                    results.write(&options.results)?;
                }
            }
        }
        Ok(results)
    }

    fn one(&self, entry: &Entry, peer: Peer) -> io::Result<Vec<Record>> {
        let prepared = self.scratch.join(format!("prepared-{}", entry.people));
        if peer == Peer::Goldcrest && !prepared.exists() {
            let making = self.scratch.join("making");
            fs::create_dir_all(&making)?;
            let place = Place { core: None, prepared: prepared.clone(), ..self.place(&making) };
            let job = Job::Prepare { place, people: entry.people, direct: false };
            isolated::run(&job, None, &making, Duration::from_secs(1800))?;
        }
        let scratch = self.scratch.join("run");
        fs::create_dir_all(&scratch)?;
        let place = Place { prepared, ..self.place(&scratch) };
        let scene = Scene { peer, place, span: entry.span, patience: PATIENCE };
        let job = Job::Measure(entry.scenario, scene);
        let found = isolated::run(&job, (self.cores > 1).then_some(1), &scratch, PATIENCE * 5 + entry.span * 10);
        fs::remove_dir_all(&scratch)?;
        found
    }

    fn place(&self, scratch: &Path) -> Place {
        Place {
            scratch: scratch.to_owned(),
            goldcrest: self.goldcrest.clone(),
            peers: Path::new(env!("CARGO_MANIFEST_DIR")).join("peers"),
            prepared: PathBuf::new(),
            core: (self.cores > 1).then_some(0),
        }
    }
}

/// Builds the program to measure as it is released.
fn build() -> io::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built =
        Command::new(cargo).args(["build", "--release", "--package", "goldcrest"]).current_dir(&root).status()?;
    if !built.success() {
        return Err(io::Error::other("the program to measure cannot be built"));
    }
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    fs::canonicalize(target.join("release/goldcrest"))
}
