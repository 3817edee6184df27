//! Results as plots: bars with the ends of their spread, as SVG that stands by itself.

use crate::claims::short;
use crate::results::{Results, Spread};
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

/// A plot: a figure in some scenarios.
struct Plot {
    file: &'static str,
    title: &'static str,
    /// What the names of its scenarios begin with, and what they end with.
    scenarios: (&'static str, &'static str),
    figure: &'static str,
}

const PLOTS: &[Plot] = &[
    Plot {
        file: "fan-out-processor",
        title: "Fan-out at a low rate: processor time for each delivery, µs",
        scenarios: ("fan-out", " low"),
        figure: "cpu_us_per_delivery",
    },
    Plot {
        file: "fan-out-latency",
        title: "Fan-out at a low rate: 99 of 100 deliveries are there after so many ms",
        scenarios: ("fan-out", " low"),
        figure: "latency_p99_ms",
    },
    Plot {
        file: "fan-out-saturated",
        title: "Fan-out at saturation: deliveries a second",
        scenarios: ("fan-out", " full"),
        figure: "deliveries_per_s",
    },
    Plot {
        file: "fan-out-saturated-processor",
        title: "Fan-out at saturation: processor time for each delivery, µs",
        scenarios: ("fan-out", " full"),
        figure: "cpu_us_per_delivery",
    },
    Plot {
        file: "idle-memory",
        title: "Resident memory for each idle stream, bytes",
        scenarios: ("idle", ""),
        figure: "memory_bytes_per_stream",
    },
    Plot {
        file: "connect",
        title: "Streams opened a second",
        scenarios: ("connect", ""),
        figure: "streams_opened_per_s",
    },
    Plot {
        file: "sends",
        title: "Durable sends by connections: messages a second",
        scenarios: ("sends", ""),
        figure: "messages_per_s",
    },
    Plot { file: "resume", title: "Resuming: events a second", scenarios: ("resume", ""), figure: "events_per_s" },
];

/// Colours of peers, to be told apart by those who see few colours too.
const COLOURS: &[(&str, &str)] = &[
    ("goldcrest", "#e69f00"),
    ("nchan", "#0072b2"),
    ("pushpin", "#cc79a7"),
    ("floor", "#999999"),
    ("bare loop", "#999999"),
];

const WIDTH: f64 = 860.0;
const LEFT: f64 = 220.0;
const BAR: f64 = 18.0;
/// What is kept to the right of the longest bar for its figures.
const RIGHT: f64 = 190.0;

/// Draws all that there are figures for. Returns the names of the files with their titles.
pub fn draw(results: &Results, directory: &Path) -> io::Result<Vec<(String, &'static str)>> {
    let mut drawn = Vec::new();
    for plot in PLOTS {
        let groups = groups(results, plot);
        if !groups.is_empty() {
            let file = format!("{}.svg", plot.file);
            fs::write(directory.join(&file), svg(plot.title, &groups))?;
            drawn.push((file, plot.title));
        }
    }
    Ok(drawn)
}

/// For each scenario those who took part, and what they have.
type Groups<'a> = Vec<(&'a str, Vec<(&'a str, Spread)>)>;

fn groups<'a>(results: &'a Results, plot: &Plot) -> Groups<'a> {
    let (begin, end) = plot.scenarios;
    let wanted = results.scenarios().into_iter().filter(|name| name.starts_with(begin) && name.ends_with(end));
    let bars = |scenario: &'a str| -> Vec<(&'a str, Spread)> {
        let peers = results.peers(scenario).into_iter();
        peers.filter_map(|peer| Some((peer, results.spread(scenario, peer, plot.figure)?))).collect()
    };
    wanted.map(|scenario| (scenario, bars(scenario))).filter(|(_, bars)| !bars.is_empty()).collect()
}

fn svg(title: &str, groups: &Groups) -> String {
    let all = || groups.iter().flat_map(|(_, bars)| bars);
    let most = all().map(|(_, spread)| spread.most).fold(f64::MIN_POSITIVE, f64::max);
    let scale = (WIDTH - LEFT - RIGHT) / most;
    let mut bars = String::new();
    let mut y = 56.0;
    for (scenario, peers) in groups {
        let _ = writeln!(bars, r#"<text x="12" y="{:.0}" font-weight="bold">{scenario}</text>"#, y + 13.0);
        y += BAR + 4.0;
        for (peer, spread) in peers {
            let colour = COLOURS.iter().find(|(name, _)| name == peer).map_or("#009e73", |(_, colour)| colour);
            let (middle, least, end) = (spread.median * scale, spread.least * scale, spread.most * scale);
            let line = y + BAR / 2.0;
            let _ =
                writeln!(bars, r#"<text x="{:.0}" y="{:.0}" text-anchor="end">{peer}</text>"#, LEFT - 8.0, y + 13.0);
            let _ = writeln!(
                bars,
                r#"<rect x="{LEFT}" y="{y:.0}" width="{middle:.1}" height="{:.0}" fill="{colour}"/>"#,
                BAR - 3.0
            );
            let _ = writeln!(
                bars,
                r#"<path d="M{:.1} {line:.1}H{:.1}" stroke="black" stroke-width="1.5"/>"#,
                LEFT + least,
                LEFT + end
            );
            let ends = format!(" ({}–{})", short(spread.least), short(spread.most));
            let ends = if spread.runs > 1 { ends } else { String::new() };
            let said = short(spread.median);
            let _ = writeln!(bars, r#"<text x="{:.1}" y="{:.0}">{said}{ends}</text>"#, LEFT + end + 8.0, y + 13.0);
            y += BAR;
        }
        y += 10.0;
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y:.0}" font-family="sans-serif" font-size="13">
<title>{title}</title>
<rect width="{WIDTH}" height="{y:.0}" fill="#fff"/>
<text x="12" y="28" font-size="16" font-weight="bold">{title}</text>
{bars}</svg>
"##
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;

    #[test]
    fn a_plot_has_a_bar_for_each_who_took_part() {
        let mut results = Results { cores: 2, memory: 0, rounds: 1, records: Vec::new(), failures: Vec::new() };
        let record = |peer: &str, rate| Record::new("connect sse 1000", peer).with("streams_opened_per_s", rate);
        results.add(0, vec![record("goldcrest", 9_000.0), record("nchan", 12_000.0)]);
        let plot = PLOTS.iter().find(|plot| plot.file == "connect").unwrap();
        let drawn = svg(plot.title, &groups(&results, plot));
        assert_eq!(drawn.matches("<rect x=").count(), 2, "{drawn}");
        assert!(drawn.contains(">9000</text>") && drawn.contains(">12000</text>"), "{drawn}");
    }
}
