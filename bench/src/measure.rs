//! Everything in turn: each round has all scenarios, and each scenario all peers, each time beginning with another.

use crate::isolated::{self, Job};
use crate::options::Measuring;
use crate::peers::goldcrest::Contents;
use crate::peers::{Peer, Place};
use crate::plan::{self, Entry};
use crate::record::Record;
use crate::results::Results;
use crate::scenario::{Scenario, Scene};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

/// The packages of what is measured, and their programs.
const SERVER: &str = "goldcrest";
const BARE: &str = "goldcrest-bench-bare";
/// How long a run may take besides what it measures.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long it may take to make the data that runs begin with.
const PREPARING: Duration = Duration::from_mins(30);

/// Measures all that is asked for, and keeps it after each run.
pub fn everything(options: &Measuring) -> io::Result<Results> {
    let entries = plan::plan(options);
    let wants_bare = entries.iter().any(|entry| entry.peers.contains(&Peer::Bare));
    let built = build(options.goldcrest.is_none(), wants_bare)?;
    let goldcrest = match &options.goldcrest {
        Some(path) => fs::canonicalize(path)?,
        None => fs::canonicalize(built.join(SERVER))?,
    };
    let bare = if wants_bare { Some(fs::canonicalize(built.join(BARE))?) } else { None };
    let other = options.other.as_ref().map(fs::canonicalize).transpose()?;
    let rounds = plan::rounds(options);
    let scratch = options.scratch.clone().unwrap_or_else(env::temp_dir);
    let scratch = scratch.join(format!("goldcrest-bench-{}", std::process::id()));
    fs::create_dir_all(&scratch)?;
    let ground = Ground {
        goldcrest,
        bare,
        other,
        scratch: fs::canonicalize(scratch)?,
        cores: thread::available_parallelism()?.get(),
    };
    let measured = ground.measure(&entries, rounds, options);
    fs::remove_dir_all(&ground.scratch)?;
    measured
}

/// Where all runs take place.
struct Ground {
    goldcrest: PathBuf,
    bare: Option<PathBuf>,
    other: Option<PathBuf>,
    scratch: PathBuf,
    cores: usize,
}

impl Ground {
    fn measure(&self, entries: &[Entry], rounds: u32, options: &Measuring) -> io::Result<Results> {
        let mut results = Results::of_this_machine(rounds)?;
        fs::create_dir_all(&options.results)?;
        let all = rounds as usize * entries.iter().map(|entry| entry.peers.len()).sum::<usize>();
        let (start, mut done) = (Instant::now(), 0);
        for round in 0..rounds {
            for entry in entries {
                for turn in 0..entry.peers.len() {
                    let peer = entry.peers[(turn + round as usize) % entry.peers.len()];
                    let (number, took) = (done + 1, start.elapsed().as_secs() / 60);
                    eprintln!("run {number} of {all}, after {took} min: {}, {}", entry.name, peer.name());
                    let begun = Instant::now();
                    done += 1;
                    match self.one(entry, peer, &results) {
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

    fn one(&self, entry: &Entry, peer: Peer, known: &Results) -> io::Result<Vec<Record>> {
        let Contents { people, direct, messages } = entry.data;
        let prepared = self.scratch.join(format!("prepared-{people}-{direct}-{messages}"));
        if matches!(peer, Peer::Goldcrest | Peer::Bare) && !prepared.exists() {
            eprintln!("  preparing data: {people} people, {messages} messages");
            let making = self.scratch.join("making");
            fs::create_dir_all(&making)?;
            let unfinished = making.join("prepared");
            let place = Place { core: None, prepared: unfinished.clone(), ..self.place(&making) };
            isolated::run(&Job::Prepare { place, contents: entry.data }, true, None, &making, PREPARING)?;
            fs::rename(unfinished, &prepared)?;
            fs::remove_dir_all(making)?;
        }
        let scratch = self.scratch.join("run");
        fs::create_dir_all(&scratch)?;
        let place = Place { prepared, ..self.place(&scratch) };
        let scene = Scene { peer, place, span: entry.span, patience: PATIENCE };
        let mut scenario = entry.scenario;
        if let (Scenario::Sends(sends), Peer::Bare) = (&mut scenario, peer) {
            // As large as those of the server in this scenario were.
            let batch = known.spread(&entry.name, Peer::Goldcrest.name(), "messages_per_commit");
            sends.batch = batch.map_or(1.0, |batch| batch.median);
        }
        let job = Job::Measure(scenario, scene);
        let found = isolated::run(
            &job,
            peer != Peer::Other,
            (self.cores > 1).then_some(1),
            &scratch,
            PATIENCE * 5 + entry.span * 10,
        );
        fs::remove_dir_all(&scratch)?;
        let named = |record: Record| Record { scenario: format!("{}{}", record.scenario, entry.suffix), ..record };
        Ok(found?.into_iter().map(named).collect())
    }

    fn place(&self, scratch: &Path) -> Place {
        Place {
            scratch: scratch.to_owned(),
            goldcrest: self.goldcrest.clone(),
            bare: self.bare.clone(),
            other: self.other.clone(),
            peers: Path::new(env!("CARGO_MANIFEST_DIR")).join("peers"),
            prepared: PathBuf::new(),
            core: (self.cores > 1).then_some(0),
        }
    }
}

/// Builds programs of this workspace as they are released, and returns where they are. Both at once: what both depend on would
/// be compiled twice, since each by itself asks for other features of it.
fn build(server: bool, bare: bool) -> io::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join("release");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release"]).current_dir(&root);
    for package in [server.then_some(SERVER), bare.then_some(BARE)].into_iter().flatten() {
        cargo.args(["--package", package]);
    }
    if (server || bare) && !cargo.status()?.success() {
        return Err(io::Error::other("what is to be measured cannot be built"));
    }
    Ok(target)
}
