//! What the operating system says of this process.

use rustix::param::clock_ticks_per_second;
use std::fs;

/// How much of the machine it takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Process {
    /// Memory that is in use, in bytes, with the files that are mapped.
    pub resident_bytes: u64,
    /// Memory that was asked for, in bytes.
    pub virtual_bytes: u64,
    /// The time that it has had on the machine's processors, in seconds.
    pub processor_seconds: f64,
    /// Threads.
    pub threads: u64,
    /// Files and sockets that are open.
    pub open_files: usize,
}

impl Process {
    /// This process at the moment; nothing where the system has no `/proc`.
    pub fn now() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let open_files = fs::read_dir("/proc/self/fd").ok()?.count();
        Self::read(&status, &stat, open_files, clock_ticks_per_second())
    }

    #[expect(clippy::cast_precision_loss, reason = "ticks of a processor are few enough")]
    fn read(status: &str, stat: &str, open_files: usize, ticks_per_second: u64) -> Option<Self> {
        let field = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            value.split_whitespace().next()?.parse::<u64>().ok()
        };
        // The name of the program stands in parentheses and may hold anything; `utime` and `stime` are fields 14 and 15.
        let (_, fields) = stat.rsplit_once(')')?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().ok());
        let ticks: u64 = ticks.sum::<Option<u64>>()?;
        Some(Self {
            resident_bytes: field("VmRSS")? * 1024,
            virtual_bytes: field("VmSize")? * 1024,
            processor_seconds: ticks as f64 / ticks_per_second as f64,
            threads: field("Threads")?,
            open_files,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_says_is_read() {
        let status = "Name:\tgold crest\nVmSize:\t  20480 kB\nVmRSS:\t    2048 kB\nThreads:\t3\n";
        let stat = "7 (gold) crest) S 1 7 7 0 -1 4194304 100 0 0 0 150 25 0 0 20 0 3 0 100 20971520 512 1";
        let read = Process::read(status, stat, 9, 100).unwrap();
        let expected = Process {
            resident_bytes: 2 << 20,
            virtual_bytes: 20 << 20,
            processor_seconds: 1.75,
            threads: 3,
            open_files: 9,
        };
        assert_eq!(read, expected);
        assert_eq!(Process::read("", stat, 9, 100), None, "a system that says less");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_found() {
        let now = Process::now().unwrap();
        assert!(now.resident_bytes > 1 << 16 && now.open_files > 2 && now.threads > 0, "{now:?}");
    }
}
