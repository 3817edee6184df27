//! Results as tables in Markdown.

use crate::claims::{self, short};
use crate::plot;
use crate::results::{Results, Spread};
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

/// Between these lines of a page stand the results.
const BEGIN: &str = "<!-- results: written by goldcrest-bench -->";
const END: &str = "<!-- end of results -->";

/// Puts the results into a directory, and into a page between two lines of it, if one is named.
pub fn publish(results: &Results, directory: &Path, page: Option<&Path>) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    results.write(directory)?;
    let plots = plot::draw(results, directory)?;
    let text = whole(results, &plots, "");
    fs::write(directory.join("README.md"), format!("# Results\n\n{text}"))?;
    let Some(page) = page else { return Ok(()) };
    let before = fs::read_to_string(page)?;
    let ends = before.split_once(BEGIN).and_then(|(top, rest)| Some((top, rest.split_once(END)?.1)));
    let Some((top, bottom)) = ends else {
        return Err(io::Error::other(format!("{} has no place for results: {BEGIN} … {END}", page.display())));
    };
    let text = whole(results, &plots, "results/");
    fs::write(page, format!("{top}{BEGIN}\n\n{text}\n{END}{bottom}"))
}

fn whole(results: &Results, plots: &[(String, &str)], folder: &str) -> String {
    let gib = (results.memory + (1 << 29)) / (1 << 30);
    let (cores, rounds) = (results.cores, results.rounds);
    let mut page = format!("A machine with {cores} cores and {gib} GiB of memory, {rounds} interleaved rounds. ");
    page.push_str("Figures are medians, with the least and the most of all rounds in parentheses.\n\n");
    let _ = writeln!(page, "## What has to hold\n\n{}", claims::table(results));
    for (file, title) in plots {
        let _ = writeln!(page, "![{title}]({folder}{file})\n");
    }
    page.push_str("## All figures\n");
    page.push_str(&tables(results));
    page
}

/// All results: for each scenario a table with a column for each peer.
pub fn tables(results: &Results) -> String {
    let mut page = String::new();
    for scenario in results.scenarios() {
        let peers = results.peers(scenario);
        let mut figures: Vec<&str> = Vec::new();
        for record in results.records.iter().filter(|record| record.scenario == scenario) {
            let new: Vec<&str> =
                record.figures.keys().map(String::as_str).filter(|key| !figures.contains(key)).collect();
            figures.extend(new);
        }
        let _ = writeln!(
            page,
            "\n### {scenario}\n\n| figure | {} |\n|---|{}",
            peers.join(" | "),
            "---|".repeat(peers.len())
        );
        for figure in figures {
            let of = |peer: &&str| results.spread(scenario, peer, figure);
            let cells: Vec<String> =
                peers.iter().map(|peer| of(peer).map_or_else(String::new, |it| cell(figure, it))).collect();
            let _ = writeln!(page, "| {} | {} |", figure.replace('_', " "), cells.join(" | "));
        }
    }
    for failure in &results.failures {
        let _ = writeln!(page, "\nA run failed: {failure}");
    }
    page
}

fn cell(figure: &str, spread: Spread) -> String {
    let mebibytes = figure == "resident_bytes" || figure == "heartbeat_bytes";
    let divisor = if mebibytes { 1_048_576.0 } else { 1.0 };
    let show = |value: f64| short(value / divisor);
    let unit = if mebibytes { " MiB" } else { "" };
    let ends =
        if spread.runs > 1 { format!(" ({}–{})", show(spread.least), show(spread.most)) } else { String::new() };
    format!("{}{unit}{ends}", show(spread.median))
}
