//! What the figures have to be, and whether they are.

use crate::results::Results;
use std::fmt::Write as _;

/// A figure and its limit.
#[derive(Debug, Clone, Copy)]
struct Claim {
    says: &'static str,
    value: Value,
    limit: Limit,
}

#[derive(Debug, Clone, Copy)]
enum Value {
    /// Of Goldcrest, in a scenario.
    Ours { scenario: &'static str, figure: &'static str },
    /// That divided by the same of another, round by round.
    Ratio { scenario: &'static str, figure: &'static str, to: &'static str },
    /// That divided by what Goldcrest has in another scenario.
    Growth { scenario: &'static str, figure: &'static str, since: &'static str },
    /// That divided by what another has in another scenario.
    Across { scenario: &'static str, figure: &'static str, to: &'static str, there: &'static str },
}

#[derive(Debug, Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

use Limit::{AtLeast, AtMost};
use Value::{Across, Growth, Ours, Ratio};

const OURS: &str = "goldcrest";
const CPU: &str = "cpu_us_per_delivery";
const P99: &str = "latency_p99_ms";

fn claims() -> Vec<Claim> {
    let mut all = Vec::new();
    let mut add = |says, value, limit| all.push(Claim { says, value, limit });
    let sizes = [
        ("fan-out sse 1000 low", "fan-out sse 1000 full", 0.75),
        ("fan-out sse 10000 low", "fan-out sse 10000 full", 0.75),
        ("fan-out ws 1000 low", "fan-out ws 1000 full", 0.9),
        ("fan-out ws 10000 low", "fan-out ws 10000 full", 0.9),
    ];
    for (low, full, share) in sizes {
        add("processor per delivery, of nchan's", Ratio { scenario: low, figure: CPU, to: "nchan" }, AtMost(share));
        add("processor per delivery, of the floor's", Ratio { scenario: low, figure: CPU, to: "floor" }, AtMost(1.15));
        add("processor per delivery, of nchan's", Ratio { scenario: full, figure: CPU, to: "nchan" }, AtMost(0.5));
        for scenario in [low, full] {
            add("p99 of latency, of nchan's", Ratio { scenario, figure: P99, to: "nchan" }, AtMost(1.0));
            add("messages lost", Ours { scenario, figure: "lost" }, AtMost(0.0));
        }
    }
    for scenario in ["idle sse 10000", "idle ws 10000"] {
        add("bytes of memory for a stream", Ours { scenario, figure: "memory_bytes_per_stream" }, AtMost(2048.0));
        add("percent of a core for heartbeats", Ours { scenario, figure: "server_load_percent" }, AtMost(2.0));
    }
    let sent = "messages_per_s";
    for scenario in ["sends sqlite 1", "sends sqlite 16", "sends sqlite 64", "sends sqlite 256"] {
        add("messages, of the bare loop's", Ratio { scenario, figure: sent, to: "bare loop" }, AtLeast(0.5));
    }
    let ungrouped = Across { scenario: "sends sqlite 64", figure: sent, to: "bare loop", there: "sends sqlite 1" };
    add("messages, of the bare loop's one by one", ungrouped, AtLeast(4.0));
    for scenario in ["resume 100000 from the ring", "resume 100000 from the database"] {
        add("events a second", Ours { scenario, figure: "events_per_s" }, AtLeast(100_000.0));
        add("events lost or doubled", Ours { scenario, figure: "lost_or_doubled" }, AtMost(0.0));
    }
    add(
        "seconds until all are live again",
        Ours { scenario: "storm 8000", figure: "live_again_after_s" },
        AtMost(10.0),
    );
    add("messages lost", Ours { scenario: "storm 8000", figure: "lost" }, AtMost(0.0));
    let growths = [
        ("fan-out sse 10000 low", CPU, "fan-out sse 1000 low"),
        ("fan-out ws 10000 low", CPU, "fan-out ws 1000 low"),
        ("fan-out sse 1000 low, much stored", CPU, "fan-out sse 1000 low, little stored"),
        ("sends sqlite 64, much stored", "cpu_us_per_message", "sends sqlite 64, little stored"),
    ];
    for (scenario, figure, since) in growths {
        add("cost, of that in the smaller scenario", Growth { scenario, figure, since }, AtMost(1.2));
    }
    all
}

/// A table of what has to be, and what is.
pub fn table(results: &Results) -> String {
    let mut page = String::from("| scenario | what | limit | measured | holds |\n|---|---|---|---|---|\n");
    for claim in claims() {
        let (scenario, measured) = measured(results, claim.value);
        let (limit, holds): (String, fn(f64, f64) -> bool) = match claim.limit {
            AtMost(limit) => (format!("≤ {limit}"), |value, limit| value <= limit),
            AtLeast(limit) => (format!("≥ {limit}"), |value, limit| value >= limit),
        };
        let bound = match claim.limit {
            AtMost(bound) | AtLeast(bound) => bound,
        };
        let (value, verdict) = match measured {
            None => ("not measured".to_owned(), ""),
            Some((value, ends)) => {
                (format!("{}{ends}", short(value)), if holds(value, bound) { "yes" } else { "**no**" })
            }
        };
        let _ = writeln!(page, "| {scenario} | {} | {limit} | {value} | {verdict} |", claim.says);
    }
    page.push_str(&slow_reader(results));
    page
}

fn measured(results: &Results, value: Value) -> (&'static str, Option<(f64, String)>) {
    let median = |scenario, peer, figure| results.spread(scenario, peer, figure).map(|spread| spread.median);
    let with_ends = |spread: crate::results::Spread| {
        let ends = format!(" ({}–{})", short(spread.least), short(spread.most));
        (spread.median, if spread.runs > 1 { ends } else { String::new() })
    };
    match value {
        Ours { scenario, figure } => (scenario, results.spread(scenario, OURS, figure).map(with_ends)),
        Ratio { scenario, figure, to } => (scenario, results.ratio(scenario, figure, OURS, to).map(with_ends)),
        Growth { scenario, figure, since } => {
            let both = median(scenario, OURS, figure).zip(median(since, OURS, figure));
            (scenario, both.map(|(now, before)| (now / before, String::new())))
        }
        Across { scenario, figure, to, there } => {
            let both = median(scenario, OURS, figure).zip(median(there, to, figure));
            (scenario, both.map(|(ours, theirs)| (ours / theirs, String::new())))
        }
    }
}

/// The one claim whose limit was measured too: the spread of runs without the slow reader.
fn slow_reader(results: &Results) -> String {
    let of = |scenario| results.spread(scenario, OURS, P99);
    let (Some(without), Some(with)) = (of("slow reader 1000, without"), of("slow reader 1000, with")) else {
        return "| slow reader 1000 | p99 of the others in ms | what it is without | not measured | |\n".to_owned();
    };
    let verdict = if with.median <= without.most { "yes" } else { "**no**" };
    let (limit, value) = (short(without.most), short(with.median));
    format!("| slow reader 1000 | p99 of the others in ms | ≤ {limit}, the most without | {value} | {verdict} |\n")
}

/// With as many digits as say something.
pub fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;

    #[test]
    fn what_does_not_hold_is_told_from_what_does_and_what_was_not_measured() {
        let mut results = Results { cores: 2, memory: 0, rounds: 1, records: Vec::new(), failures: Vec::new() };
        let record = |peer: &str, cpu| Record::new("fan-out sse 1000 low", peer).with(CPU, cpu);
        results.add(0, vec![record(OURS, 8.0), record("nchan", 10.0), record("floor", 7.9)]);
        let table = table(&results);
        let line = |words: &str| table.lines().find(|line| line.contains(words)).unwrap().to_owned();
        assert!(line("1000 low | processor per delivery, of nchan's").ends_with("0.80 | **no** |"), "{table}");
        assert!(line("1000 low | processor per delivery, of the floor's").ends_with("1.01 | yes |"), "{table}");
        assert!(line("1000 low | p99").ends_with("not measured |  |"), "{table}");
    }
}
