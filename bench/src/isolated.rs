//! One run: a process in fresh namespaces, bounded in time, with which all that it started ends.

use crate::peers::{Place, goldcrest};
use crate::process::on_core;
use crate::record::Record;
use crate::scenario::{self, Scenario, Scene};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

/// What is done there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Job {
    /// Measure.
    Measure(Scenario, Scene),
    /// Make the data that runs begin with.
    Prepare {
        /// Where it goes.
        place: Place,
        /// What is in it.
        contents: goldcrest::Contents,
    },
}

/// Does it elsewhere, and returns what it found. What is not `alone` stays in the network that is here.
pub fn run(job: &Job, alone: bool, core: Option<usize>, scratch: &Path, limit: Duration) -> io::Result<Vec<Record>> {
    let records = scratch.join("records.json");
    let this = env::current_exe()?;
    // Sockets that have been used block their ports for a minute, but only in their own network. With the first process of a
    // process namespace all others in it end, and that one ends with us.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if alone {
        command.args(["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        if !is_root()? {
            // As who one is, so that servers need not think that they are root; with what it takes to have a network.
            command.args(["--map-current-user", "--keep-caps"]);
        }
        command.args(["sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]);
    }
    let inner = on_core(core, &this);
    command.arg(inner.get_program()).args(inner.get_args());
    command.arg("one").arg(serde_json::to_string(job)?).arg(&records);
    let mut child = command.stdin(Stdio::null()).spawn()?;
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begun.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::other(format!("it took longer than {limit:?}")));
        }
        thread::sleep(Duration::from_millis(50));
    };
    if !status.success() {
        return Err(io::Error::other(format!("it ended with {status}")));
    }
    let found: Result<Vec<Record>, String> = serde_json::from_slice(&fs::read(records)?)?;
    found.map_err(io::Error::other)
}

/// Does it here.
pub fn here(job: &str, records: &Path) -> io::Result<()> {
    let found = match serde_json::from_str(job)? {
        Job::Measure(scenario, scene) => scenario::run(scenario, &scene),
        Job::Prepare { place, contents } => goldcrest::prepare(&place, contents).map(|()| Vec::new()),
    };
    fs::write(records, serde_json::to_vec(&found.map_err(|error| error.to_string()))?)
}

fn is_root() -> io::Result<bool> {
    let status = fs::read_to_string("/proc/self/status")?;
    let user = status.lines().find_map(|line| line.strip_prefix("Uid:")).and_then(|ids| ids.split_whitespace().nth(1));
    Ok(user == Some("0"))
}
