//! A line that moves while a long work goes on, for who looks at a terminal.

use std::fmt::Display;
use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// How often the line is drawn anew.
const EVERY: Duration = Duration::from_millis(200);
/// After this long without anything new it is shown that there is nothing.
const SILENT: Duration = Duration::from_secs(3);

/// Does a work, and shows meanwhile how far a file has grown that it writes, and of how many bytes at most.
pub(super) async fn watching<T>(what: &str, file: &Path, of: u64, work: impl Future<Output = T>) -> T {
    if !io::stderr().is_terminal() {
        return work.await;
    }
    let mut work = std::pin::pin!(work);
    let mut every = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            done = &mut work => {
                draw("");
                return done;
            }
            _ = every.tick() => {
                let now = std::fs::metadata(file).map_or(0, |file| file.len());
                draw(&format!("{what}: {} of {}", bytes(now.min(of)), bytes(of)));
            }
        }
    }
}

/// A line that moves while something is counted, a few times a second; and other lines where there is no terminal.
pub(super) struct Bar {
    of: u64,
    drawn: Option<Instant>,
    /// What was shown last, and when there was something to show.
    shown: String,
    told: Instant,
    is_seen: bool,
}

impl Bar {
    /// One that ends with this number.
    pub(super) fn new(of: u64) -> Self {
        let is_seen = io::stderr().is_terminal();
        Self { of, drawn: None, shown: String::new(), told: Instant::now(), is_seen }
    }

    /// Whether anybody sees it.
    pub(super) fn is_seen(&self) -> bool {
        self.is_seen
    }

    /// Shows how far it is, unless that was just shown.
    pub(super) fn show(&mut self, what: impl Display, done: u64) {
        let now = Instant::now();
        self.told = now;
        if !self.is_seen || self.drawn.is_some_and(|last| now.duration_since(last) < EVERY) {
            return;
        }
        self.drawn = Some(now);
        self.shown = format!("{} {done} of {} rows: {what}", filled(done, self.of), self.of);
        draw(&self.shown);
    }

    /// Shows for how long there has been nothing new, if that is long.
    pub(super) fn wait(&self) {
        let since = self.told.elapsed();
        if self.is_seen && since >= SILENT {
            draw(&format!("{}; no answer for {} s", self.shown, since.as_secs()));
        }
    }

    /// Takes it away.
    pub(super) fn end(self) {
        if self.is_seen {
            draw("");
        }
    }
}

fn filled(done: u64, of: u64) -> String {
    const WIDTH: u64 = 24;
    let part = |whole: u64| done.min(of).saturating_mul(whole).checked_div(of).unwrap_or(whole);
    let full = usize::try_from(part(WIDTH)).unwrap_or_default();
    format!("[{:-<24}] {:>3} %", "#".repeat(full), part(100))
}

/// Writes over the line, if somebody looks at a terminal.
pub(super) fn draw_if_seen(line: &str) {
    if io::stderr().is_terminal() {
        draw(line);
    }
}

/// Writes over the line. Whether anybody sees it is not for the work to mind.
fn draw(line: &str) {
    let mut errors = io::stderr().lock();
    drop(write!(errors, "\r\u{1b}[K{line}").and_then(|()| errors.flush()));
}

/// So many bytes, in words.
pub(super) fn bytes(count: u64) -> String {
    let mut tenths = count.saturating_mul(10);
    let mut unit = "bytes";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if tenths < 10_240 {
            break;
        }
        (tenths, unit) = (tenths / 1024, next);
    }
    match unit {
        "bytes" => format!("{count} {unit}"),
        _ => format!("{}.{} {unit}", tenths / 10, tenths % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills() {
        assert_eq!(filled(0, 50), "[------------------------]   0 %");
        assert_eq!(filled(25, 50), "[############------------]  50 %");
        assert_eq!(filled(50, 50), "[########################] 100 %");
        assert_eq!(filled(0, 0), "[########################] 100 %");
    }

    #[test]
    fn bytes_are_told_in_units_that_fit() {
        for (count, told) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (5 * 1024 * 1024, "5.0 MiB"),
            (3 << 30, "3.0 GiB"),
        ] {
            assert_eq!(bytes(count), told);
        }
    }
}
