//! Results as tables in Markdown.

use crate::results::{Results, Spread};
use std::fmt::Write as _;

/// Figures that are shown, by the ends of their names: unit, what they are divided by, digits behind the point.
const UNITS: &[(&str, &str, f64, usize)] = &[
    ("_ms", "ms", 1.0, 2),
    ("_us_per_delivery", "µs", 1.0, 2),
    ("_bytes", "MiB", 1_048_576.0, 1),
    ("_percent", "%", 1.0, 1),
];

/// All results: for each scenario a table with a column for each peer.
pub fn tables(results: &Results) -> String {
    let mut page = String::new();
    let gib = results.memory / (1 << 30);
    let _ = writeln!(
        page,
        "Cores: {}, memory: {gib} GiB, rounds: {}. Medians, with the least and the most of all rounds.",
        results.cores, results.rounds
    );
    for scenario in results.scenarios() {
        let _ = write!(page, "\n### {scenario}\n\n");
        let of = || results.records.iter().filter(|record| record.scenario == scenario);
        let mut peers: Vec<&str> = Vec::new();
        let mut figures: Vec<&str> = Vec::new();
        for record in of() {
            if !peers.contains(&record.peer.as_str()) {
                peers.push(&record.peer);
            }
            for figure in record.figures.keys() {
                if !figures.contains(&figure.as_str()) {
                    figures.push(figure);
                }
            }
        }
        let _ = writeln!(page, "| figure | {} |", peers.join(" | "));
        let _ = writeln!(page, "|---|{}", "---|".repeat(peers.len()));
        for figure in figures {
            let cells: Vec<String> = peers
                .iter()
                .map(|peer| {
                    results.spread(scenario, peer, figure).map_or_else(String::new, |spread| cell(figure, spread))
                })
                .collect();
            let _ = writeln!(page, "| {} | {} |", figure.replace('_', " "), cells.join(" | "));
        }
    }
    for failure in &results.failures {
        let _ = write!(page, "\nFailed: {failure}\n");
    }
    page
}

fn cell(figure: &str, spread: Spread) -> String {
    let unit = UNITS.iter().find(|(end, ..)| figure.ends_with(end));
    let (unit, divisor, digits) = unit.map_or(("", 1.0, 0), |(_, unit, divisor, digits)| (*unit, *divisor, *digits));
    let show = |value: f64| format!("{:.digits$}", value / divisor);
    let ends =
        if spread.runs > 1 { format!(" ({}–{})", show(spread.least), show(spread.most)) } else { String::new() };
    format!("{}{}{unit}{ends}", show(spread.median), if unit.is_empty() { "" } else { " " })
}
