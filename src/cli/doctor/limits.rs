//! Open files and memory, against the connections that the options allow.

use super::Patient;
use super::finding::{Finding, Report};
use super::server::Running;
use crate::cli::failed::Failed;
use crate::cli::progress::bytes;
use crate::config::Options;
use crate::lifecycle::{connections_within, most_files};

/// What the program takes for itself, with some passwords being hashed.
const BASE: u64 = 128 << 20;
/// What an open stream costs, with what the kernel keeps for its socket: a round figure on the safe side.
const STREAM: u64 = 8 << 10;

pub(super) fn look(patient: &Patient<'_>, report: &mut Report) -> Result<(), Failed> {
    let wanted = patient.options.max_connections;
    let (files, whose) = match &patient.server {
        Running::Here(condition) => match files_of(condition.process) {
            Some(files) => (files, "the running server"),
            None => (most_files(), "this command, and so perhaps the server,"),
        },
        _ => (most_files(), "this command, and so perhaps the server,"),
    };
    let connections = connections_within(files).min(wanted);
    report.tell(&judge_files(files, wanted, connections, whose))?;
    let held = match &patient.server {
        Running::Here(condition) => resident(condition.process).unwrap_or(0),
        _ => 0,
    };
    report.tell(&judge_memory(needed(patient.options, connections), available(held)))
}

fn judge_files(files: u64, wanted: usize, connections: usize, whose: &str) -> Finding {
    const CHECK: &str = "open_files";
    let says = format!("{whose} may open {files} files, which is enough for {connections} connections");
    if connections >= wanted {
        return Finding::fine(CHECK, format!("{says} (--max-connections)"));
    }
    let says = format!("{says}, and --max-connections allows {wanted}: whoever comes later waits at the door");
    let room = wanted.saturating_add(2048).next_power_of_two();
    let advice = format!(
        "raise the hard limit: LimitNOFILE={room} (systemd), ulimits: nofile: {room} (Docker), ulimit -n {room} (a shell)"
    );
    Finding::warning(CHECK, says, advice)
}

/// The hard limit of a process: the server raises its own to that when it starts.
fn files_of(process: u32) -> Option<u64> {
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).ok()?;
    hard_limit(&limits)
}

fn hard_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let hard = line.split_whitespace().nth(1)?;
    if hard == "unlimited" { Some(u64::MAX) } else { hard.parse().ok() }
}

/// The memory that a process holds.
fn resident(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    kilobytes(&status, "VmRSS:")
}

/// What a line of this name says, in bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let number = text.lines().find_map(|line| line.strip_prefix(name))?.trim().trim_end_matches(" kB");
    Some(number.parse::<u64>().ok()? * 1024)
}

fn needed(options: &Options, connections: usize) -> u64 {
    let connections = u64::try_from(connections).unwrap_or(u64::MAX);
    let ring = u64::try_from(options.ring_bytes).unwrap_or(u64::MAX);
    connections.saturating_mul(STREAM).saturating_add(ring).saturating_add(BASE)
}

fn judge_memory(needed: u64, available: Option<u64>) -> Finding {
    const CHECK: &str = "memory";
    let says = format!("with so many streams open the server takes about {}, roughly", bytes(needed));
    match available {
        Some(available) if available < needed => Finding::warning(
            CHECK,
            format!("{says}, and there are {}", bytes(available)),
            "give it more, or allow less with --max-connections and --ring-bytes",
        ),
        Some(available) => Finding::fine(CHECK, format!("{says}; there are {}", bytes(available))),
        None => Finding::fine(CHECK, says),
    }
}

/// What the server may take here: the bound of its control group, if it has one, and what the machine has to give beside
/// what the server holds already.
fn available(held: u64) -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| kilobytes(&text, "MemAvailable:"));
    let machine = machine.map(|free| free.saturating_add(held));
    let bounds = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let group = bounds.iter().find_map(|file| std::fs::read_to_string(file).ok()?.trim().parse::<u64>().ok());
    machine.into_iter().chain(group).min()
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn the_hard_limit_counts() {
        let limits = "Limit   Soft Limit  Hard Limit  Units\nMax open files            1024       524288       files\n";
        assert_eq!(hard_limit(limits), Some(524_288));
        assert_eq!(hard_limit("Max open files            1024       unlimited       files"), Some(u64::MAX));
        assert_eq!(hard_limit("nothing"), None);
    }

    #[test]
    fn memory_is_told_in_kilobytes() {
        let status = "Name:\tgoldcrest\nVmRSS:\t    1234 kB\nThreads:\t3\n";
        assert_eq!(kilobytes(status, "VmRSS:"), Some(1234 * 1024));
        assert_eq!(kilobytes(status, "VmSwap:"), None);
    }

    #[test]
    fn too_few_files_or_too_little_memory_is_worth_a_word() {
        assert_eq!(judge_files(65_536, 18_000, 18_000, "it").verdict, Verdict::Fine);
        let few = judge_files(1024, 18_000, 960, "it");
        assert_eq!(few.verdict, Verdict::Warning);
        assert!(few.advice.is_some_and(|advice| advice.contains("LimitNOFILE=32768")));
        assert_eq!(judge_memory(1 << 30, Some(2 << 30)).verdict, Verdict::Fine);
        assert_eq!(judge_memory(1 << 30, Some(1 << 20)).verdict, Verdict::Warning);
    }
}
