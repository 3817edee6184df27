//! Results: what all runs have found, on which machine, as JSON.

use crate::peers::Peer;
use crate::record::Record;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io, thread};

/// All that was found.
#[derive(Debug, Serialize, Deserialize)]
pub struct Results {
    /// Cores of the machine.
    pub cores: usize,
    /// Its memory in bytes.
    pub memory: u64,
    /// How often each peer had its turn.
    pub rounds: u32,
    /// What was found, in the order of the runs.
    pub records: Vec<Record>,
    /// Runs that failed, and why.
    pub failures: Vec<String>,
}

/// The middle and the ends of what several runs found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
    /// How many runs.
    pub runs: usize,
}

impl Spread {
    /// Of these, if there are any.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median =
            if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) };
        Some(Self { median, least, most, runs: values.len() })
    }
}

impl Results {
    /// None yet.
    pub fn of_this_machine(rounds: u32) -> io::Result<Self> {
        let memory = fs::read_to_string("/proc/meminfo")?;
        let kib = memory.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0);
        let cores = thread::available_parallelism()?.get();
        Ok(Self { cores, memory: kib * 1024, rounds, records: Vec::new(), failures: Vec::new() })
    }

    /// Adds what a run has found.
    pub fn add(&mut self, round: u32, records: Vec<Record>) {
        self.records.extend(records.into_iter().map(|record| Record { round, ..record }));
    }

    /// Keeps them in a directory.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        fs::write(directory.join("results.json"), serde_json::to_vec_pretty(self)?)
    }

    /// Reads them again.
    pub fn read(file: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(file)?)?)
    }

    /// A figure of a peer over all rounds.
    pub fn spread(&self, scenario: &str, peer: &str, figure: &str) -> Option<Spread> {
        let of = self.records.iter().filter(|record| record.scenario == scenario && record.peer == peer);
        Spread::of(of.filter_map(|record| record.figures.get(figure)).copied().collect())
    }

    /// One figure divided by another, round by round, so that what disturbed both drops out.
    pub fn ratio(&self, scenario: &str, figure: &str, of: &str, to: &str) -> Option<Spread> {
        let by_round = |peer: &str| -> BTreeMap<u32, f64> {
            let of = self.records.iter().filter(|record| record.scenario == scenario && record.peer == peer);
            of.filter_map(|record| Some((record.round, *record.figures.get(figure)?))).collect()
        };
        let (of, to) = (by_round(of), by_round(to));
        Spread::of(of.iter().filter_map(|(round, value)| Some(value / to.get(round)?)).collect())
    }

    /// Who took part in a scenario, in the order of [`Peer`].
    pub fn peers(&self, scenario: &str) -> Vec<&str> {
        let of = |peer: &str| self.records.iter().find(|record| record.scenario == scenario && record.peer == peer);
        Peer::value_variants().iter().filter_map(|peer| of(peer.name())).map(|record| record.peer.as_str()).collect()
    }

    /// All scenarios, in the order in which they first came.
    pub fn scenarios(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for record in &self.records {
            if !names.contains(&record.scenario.as_str()) {
                names.push(&record.scenario);
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_middle_and_both_ends() {
        let spread = Spread::of(vec![3.0, 1.0, 2.0]).unwrap();
        assert_eq!(spread, Spread { median: 2.0, least: 1.0, most: 3.0, runs: 3 });
        assert_eq!(Spread::of(vec![1.0, 4.0]).map(|spread| spread.median), Some(2.5));
        assert_eq!(Spread::of(Vec::new()), None);
    }

    #[test]
    fn a_ratio_compares_what_ran_in_the_same_round() {
        let mut results = Results { cores: 1, memory: 0, rounds: 2, records: Vec::new(), failures: Vec::new() };
        let record = |peer: &str, value| Record::new("a", peer).with("cost", value);
        results.add(0, vec![record("ours", 2.0), record("theirs", 4.0)]);
        results.add(1, vec![record("theirs", 40.0), record("ours", 10.0)]);
        let ratio = results.ratio("a", "cost", "ours", "theirs").unwrap();
        assert_eq!((ratio.median, ratio.least, ratio.most), (0.375, 0.25, 0.5));
    }
}
