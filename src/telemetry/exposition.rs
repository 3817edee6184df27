//! What was counted as Prometheus reads it: its text format, version 0.0.4.
//!
//! Our own, since the format is these few lines. The crate `prometheus-client` writes `OpenMetrics` alone, which not every
//! reader takes (`promtool check metrics` among them), with a lock around each histogram; `metrics` counts in a place that
//! all can reach.

use crate::meter::Seen;
use std::fmt::Write;

/// The type of what is written.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How a metric is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, until the server is started again.
    Counter,
    /// It is what it is now.
    Gauge,
    /// It says how often something was how large.
    Histogram,
}

impl Kind {
    /// The word that Prometheus has for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Names and values that tell one sample of a metric from another.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

/// All metrics, one after the other.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
}

/// One metric, whose samples are written.
#[derive(Debug)]
pub struct Metric<'a> {
    name: &'a str,
    text: &'a mut String,
}

impl Exposition {
    /// Begins a metric.
    pub fn metric<'a>(&'a mut self, name: &'a str, kind: Kind, help: &str) -> Metric<'a> {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        // Writing to memory does not fail.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {}\n", kind.word());
        Metric { name, text: &mut self.text }
    }

    /// All that was written.
    pub fn into_text(self) -> String {
        self.text
    }
}

impl Metric<'_> {
    /// A value.
    pub fn sample(&mut self, labels: Labels<'_>, value: impl Into<Value>) -> &mut Self {
        self.line("", labels, None, value.into());
        self
    }

    /// A value without labels, if there is one.
    pub fn sample_if(&mut self, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.sample(&[], value);
        }
    }

    /// What a histogram has seen.
    pub fn histogram(&mut self, labels: Labels<'_>, seen: &Seen) -> &mut Self {
        for (bound, count) in &seen.buckets {
            self.line("_bucket", labels, Some(&bound.to_string()), Value::Count(*count));
        }
        self.line("_bucket", labels, Some("+Inf"), Value::Count(seen.count));
        self.line("_sum", labels, None, Value::Number(seen.sum));
        self.line("_count", labels, None, Value::Count(seen.count));
        self
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, bound: Option<&str>, value: Value) {
        let _ = write!(self.text, "{}{suffix}", self.name);
        let mut before = '{';
        for (name, value) in labels.iter().copied().chain(bound.map(|bound| ("le", bound))) {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.text, "{before}{name}=\"{value}\"");
            before = ',';
        }
        if before == ',' {
            self.text.push('}');
        }
        let _ = match value {
            Value::Count(count) => writeln!(self.text, " {count}"),
            Value::Level(level) => writeln!(self.text, " {level}"),
            Value::Number(number) => writeln!(self.text, " {number}"),
        };
    }
}

/// A value as it is written.
#[derive(Debug, Clone, Copy)]
pub enum Value {
    /// How many.
    Count(u64),
    /// How many, or how far from zero.
    Level(i64),
    /// How much.
    Number(f64),
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

impl From<u32> for Value {
    fn from(count: u32) -> Self {
        Self::Count(u64::from(count))
    }
}

impl From<i64> for Value {
    fn from(level: i64) -> Self {
        Self::Level(level)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(whether: bool) -> Self {
        Self::Count(u64::from(whether))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_format_of_prometheus() {
        let mut exposition = Exposition::default();
        let mut metric = exposition.metric("a_total", Kind::Counter, "Some \\ in\nlines.");
        metric.sample(&[], 1u64).sample(&[("why", "\"so\\\n"), ("b", "c")], 2u64);
        exposition.metric("b_seconds", Kind::Gauge, "Time.").sample(&[], 1.5).sample(&[("x", "y")], -3i64);
        let seen = Seen { buckets: vec![(0.0005, 1), (10.0, 3)], sum: 12.25, count: 4 };
        exposition.metric("c", Kind::Histogram, "Sizes.").histogram(&[("k", "v")], &seen);
        let expected = r#"# HELP a_total Some \\ in\nlines.
# TYPE a_total counter
a_total 1
a_total{why="\"so\\\n",b="c"} 2
# HELP b_seconds Time.
# TYPE b_seconds gauge
b_seconds 1.5
b_seconds{x="y"} -3
# HELP c Sizes.
# TYPE c histogram
c_bucket{k="v",le="0.0005"} 1
c_bucket{k="v",le="10"} 3
c_bucket{k="v",le="+Inf"} 4
c_sum{k="v"} 12.25
c_count{k="v"} 4
"#;
        assert_eq!(exposition.into_text(), expected);
    }
}
