//! Whether the dashboard and the rules of alarm ask for what a server gives out.

use super::{Metrics, watched};
use crate::readme::page;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const DASHBOARD: &str = "deploy/grafana-dashboard.json";
const ALERTS: &str = "deploy/prometheus-alerts.yml";

/// The metrics that a text in the language of Prometheus names.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("goldcrest_") || word.starts_with("process_")).collect()
}

/// Labels that a text selects by, or groups by, with the metric that it does so of.
fn labels(query: &str) -> Vec<&str> {
    let selected = query.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    let selected = selected.flat_map(|(inside, _)| inside.split("\",").filter_map(|one| one.split(['=', '!']).next()));
    let grouped = query.split(" by (").skip(1).filter_map(|rest| rest.split_once(')'));
    selected.chain(grouped.flat_map(|(inside, _)| inside.split(','))).map(str::trim).collect()
}

/// The samples of a metric, as it is read.
fn samples(described: &BTreeMap<String, (String, String)>) -> BTreeSet<String> {
    let each = described.iter().flat_map(|(name, (kind, _))| match kind.as_str() {
        "histogram" => ["_bucket", "_sum", "_count"].map(|suffix| format!("{name}{suffix}")).to_vec(),
        _ => vec![name.clone()],
    });
    each.collect()
}

fn check(file: &str, query: &str, described: &BTreeMap<String, (String, String)>) {
    let known = samples(described);
    let names = named(query);
    for name in &names {
        assert!(known.contains(*name), "{file}: there is no {name}: {query}");
    }
    let says: String = names
        .iter()
        .filter_map(|name| described.get(name.trim_end_matches("_bucket")).map(|(_, says)| says.as_str()))
        .collect();
    for label in labels(query) {
        // Prometheus says itself whom it has asked.
        let everywhere = ["instance", "job", "le"].contains(&label);
        assert!(everywhere || says.contains(&format!("`{label}`")), "{file}: no label {label}: {query}");
    }
}

#[tokio::test]
async fn each_query_of_the_dashboard_asks_for_what_the_server_gives_and_each_metric_has_a_panel() {
    let described = Metrics::of(&watched().await).await.described();
    let dashboard: Value = serde_json::from_str(&page(DASHBOARD)).expect("JSON");
    let panels = dashboard["panels"].as_array().unwrap();
    let mut shown = BTreeSet::new();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty() && panel["description"].is_string(), "{panel}");
        for target in targets {
            let query = target["expr"].as_str().unwrap();
            let names = named(query);
            assert!(!names.is_empty(), "{query}");
            check(DASHBOARD, query, &described);
            shown.extend(names.into_iter().map(|name| name.trim_end_matches("_bucket").to_owned()));
            let legend = target["legendFormat"].as_str().unwrap();
            for label in legend.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap()) {
                let grouped = labels(query).contains(&label) || (!query.contains(" by (") && label == "instance");
                assert!(grouped, "{legend} of {query}");
            }
        }
    }
    let told: Vec<_> = described.keys().filter(|name| !shown.contains(*name)).collect();
    // What is the same in another measure, or a moment.
    let elsewhere =
        ["goldcrest_ring_events", "process_start_time_seconds", "process_virtual_memory_bytes"].map(str::to_owned);
    assert_eq!(told, elsewhere.iter().collect::<Vec<_>>(), "each metric has a panel");
}

#[tokio::test]
async fn each_alert_asks_for_what_the_server_gives() {
    let described = Metrics::of(&watched().await).await.described();
    let alerts = page(ALERTS);
    let queries: Vec<&str> = alerts
        .split("expr: ")
        .skip(1)
        .map(|rest| rest.split("\n        for:").next().unwrap().split("\n        labels:").next().unwrap())
        .collect();
    assert!(queries.len() >= 8 && queries.len() == alerts.matches("- alert: ").count(), "{queries:?}");
    for query in queries {
        check(ALERTS, query, &described);
        assert!(!named(query).is_empty() || query.starts_with("up{"), "{query}");
    }
}
