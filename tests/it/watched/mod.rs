//! What an operator sees of a server: its metrics, whether it is ready, its traces, and what is made to look at them with.

mod boards;
mod metrics;
mod readiness;
mod traces;

use crate::support::Server;
use crate::support::server::http_client;
use std::collections::BTreeMap;

/// A server that gives out its metrics.
pub async fn watched() -> Server {
    Server::options().set("--metrics-listen", "127.0.0.1:0").start().await
}

/// All metrics of a server, as its text has them.
pub struct Metrics {
    pub text: String,
}

impl Metrics {
    pub async fn of(server: &Server) -> Self {
        let address = server.own_addresses["metrics"];
        let answer = http_client().build().unwrap();
        let answer = answer.get(format!("http://{address}/metrics")).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        Self { text: answer.text().await.unwrap() }
    }

    /// A sample, written as Prometheus writes it: its name, and all its labels.
    pub fn value(&self, sample: &str) -> Option<f64> {
        let line = self.text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))?;
        Some(line.parse().unwrap_or_else(|_| panic!("{sample} is no number: {line}")))
    }

    pub fn get(&self, sample: &str) -> f64 {
        self.value(sample).unwrap_or_else(|| panic!("there is no {sample} in\n{}", self.text))
    }

    /// The kind of each metric, and what is said of it.
    pub fn described(&self) -> BTreeMap<String, (String, String)> {
        let of = |line: &str| line.split_once(' ').map(|(name, rest)| (name.to_owned(), rest.to_owned())).unwrap();
        let kinds: BTreeMap<_, _> = self.text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(of).collect();
        let help = self.text.lines().filter_map(|line| line.strip_prefix("# HELP ")).map(of);
        help.map(|(name, says)| (name.clone(), (kinds[&name].clone(), says))).collect()
    }
}
