//! Servers' processes: started on a core, watched through `/proc`, and ended with whoever started them.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take until it can be connected to.
const START: Duration = Duration::from_mins(1);

/// A server, with the processes that it starts itself.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Its processor time before it was measured, for what is no child of ours.
    pub name: String,
}

/// What processes have used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Seconds of processor time, in the program and in the kernel for it.
    pub seconds: f64,
    /// Resident memory in bytes.
    pub resident: u64,
}

/// A command that runs on one core, if one is named.
pub fn on_core(core: Option<usize>, program: impl AsRef<std::ffi::OsStr>) -> Command {
    match core {
        None => Command::new(program),
        Some(core) => {
            let mut command = Command::new("taskset");
            command.arg("--cpu-list").arg(core.to_string()).arg(program);
            command
        }
    }
}

impl Process {
    /// Starts a command. What it says goes into a file.
    pub fn start(name: &str, mut command: Command, log: &Path) -> io::Result<Self> {
        let file = fs::File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .map_err(|error| io::Error::other(format!("{name} cannot be started: {error}")))?;
        Ok(Self { child, name: name.to_owned() })
    }

    /// Waits until it can be connected to there.
    pub fn wait_for(&mut self, address: SocketAddr, log: &Path) -> io::Result<()> {
        let begun = Instant::now();
        loop {
            if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
                return Ok(());
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || begun.elapsed() > START {
                let said = fs::read_to_string(log).unwrap_or_default();
                let name = &self.name;
                return Err(io::Error::other(format!("{name} does not listen on {address} ({ended:?}): {said}")));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it has used, with all processes under it.
    pub fn usage(&self) -> io::Result<Usage> {
        usage_of(self.child.id())
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) -> io::Result<()> {
        let asked = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status()?;
        if asked.success() {
            let begun = Instant::now();
            while begun.elapsed() < START {
                if self.child.try_wait()?.is_some() {
                    return Ok(());
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
        self.child.kill()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; whatever is left ends with the process namespace.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process and all under it have used.
pub fn usage_of(process: u32) -> io::Result<Usage> {
    let mut stats = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(number) = entry?.file_name().to_string_lossy().parse::<u32>() else { continue };
        // Processes end while they are looked at.
        let Ok(line) = fs::read_to_string(format!("/proc/{number}/stat")) else { continue };
        if let Some(stat) = Stat::read(&line) {
            stats.insert(number, stat);
        }
    }
    if !stats.contains_key(&process) {
        return Err(io::Error::other("the server has ended"));
    }
    let mut all = vec![process];
    let mut looked_at = 0;
    while looked_at < all.len() {
        let parent = all[looked_at];
        all.extend(stats.iter().filter(|(_, stat)| stat.parent == parent).map(|(number, _)| *number));
        looked_at += 1;
    }
    let mut usage = Usage::default();
    for number in all {
        let stat = &stats[&number];
        #[expect(clippy::cast_precision_loss, reason = "ticks of a run are few")]
        let ticks = stat.ticks as f64;
        #[expect(clippy::cast_precision_loss, reason = "there are a hundred in a second")]
        let per_second = rustix::param::clock_ticks_per_second() as f64;
        usage.seconds += ticks / per_second;
        usage.resident += resident(number);
    }
    Ok(usage)
}

/// Resident memory of one process, in bytes.
fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// What is used of `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// In the program and in the kernel for it.
    ticks: u64,
}

impl Stat {
    fn read(line: &str) -> Option<Self> {
        // The name stands in parentheses and may hold anything.
        let (_, rest) = line.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |place: usize| fields.get(place)?.parse::<u64>().ok();
        Some(Self { parent: fields.get(1)?.parse().ok()?, ticks: ticks(11)? + ticks(12)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let line = "7 (a) b (c) S 3 7 7 0 -1 4194560 1 0 0 0 120 34 5 6 20 0 1 0 99 1 2";
        assert_eq!(Stat::read(line), Some(Stat { parent: 3, ticks: 154 }));
    }

    #[test]
    fn this_process_has_memory() {
        assert!(usage_of(std::process::id()).unwrap().resident > 100_000);
    }
}
