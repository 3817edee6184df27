//! What a check has found, and how that is told to people and to programs.

use crate::cli::failed::Failed;
use crate::cli::output::{self, counted};
use crate::cli::printable::Printable;
use serde::Serialize;
use std::fmt::Write;

/// How wide the lines for people are, and where their texts begin.
const WIDTH: usize = 100;
const INDENT: usize = 11;

/// How it is with something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// As it should be.
    Fine,
    /// It works, and may not for long, or not for everybody.
    Warning,
    /// It does not work, or not as promised.
    Wrong,
    /// There was nothing to look at, or no way to.
    Skipped,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Warning => "warning",
            Self::Wrong => "WRONG",
            Self::Skipped => "-",
        }
    }
}

/// What one check has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// A name for programs, that stays.
    pub check: &'static str,
    pub verdict: Verdict,
    /// What was found, in a sentence.
    pub says: String,
    /// What to do about it; nothing where all is well.
    pub advice: Option<String>,
}

impl Finding {
    pub fn fine(check: &'static str, says: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Fine, says: says.into(), advice: None }
    }

    pub fn skipped(check: &'static str, says: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Skipped, says: says.into(), advice: None }
    }

    pub fn warning(check: &'static str, says: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Warning, says: says.into(), advice: Some(advice.into()) }
    }

    pub fn wrong(check: &'static str, says: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Wrong, says: says.into(), advice: Some(advice.into()) }
    }
}

/// Tells findings one by one, and counts them.
#[derive(Debug)]
pub(super) struct Report {
    json: bool,
    group: &'static str,
    fine: usize,
    warnings: usize,
    wrong: usize,
}

impl Report {
    pub fn new(json: bool) -> Self {
        Self { json, group: "", fine: 0, warnings: 0, wrong: 0 }
    }

    /// What comes next is about this.
    pub fn begin(&mut self, group: &'static str) -> Result<(), Failed> {
        self.group = group;
        if self.json { Ok(()) } else { output::line(group) }
    }

    /// Tells a finding.
    pub fn tell(&mut self, finding: &Finding) -> Result<(), Failed> {
        match finding.verdict {
            Verdict::Fine => self.fine += 1,
            Verdict::Warning => self.warnings += 1,
            Verdict::Wrong => self.wrong += 1,
            Verdict::Skipped => {}
        }
        if self.json {
            #[derive(Serialize)]
            struct Line<'a> {
                group: &'static str,
                #[serde(flatten)]
                finding: &'a Finding,
            }
            return output::json(&Line { group: self.group, finding });
        }
        output::line(drawn(finding))
    }

    /// Tells several.
    pub fn tell_all(&mut self, findings: impl IntoIterator<Item = Finding>) -> Result<(), Failed> {
        findings.into_iter().try_for_each(|finding| self.tell(&finding))
    }

    /// Tells how it was on the whole. That something is wrong is a failure of the command.
    pub fn end(&self) -> Result<(), Failed> {
        let Self { json, fine, warnings, wrong, .. } = *self;
        if !json {
            let warnings = counted(warnings, "warning", "warnings");
            output::line(format_args!("{fine} ok, {warnings}, {wrong} wrong"))?;
        }
        if wrong > 0 { Err(Failed::Unwell(wrong)) } else { Ok(()) }
    }
}

fn drawn(finding: &Finding) -> String {
    let mut drawn = format!("  {:<width$}", finding.verdict.word(), width = INDENT - 2);
    wrap(&mut drawn, &Printable(&finding.says).to_string(), INDENT);
    if let Some(advice) = &finding.advice {
        let _ = write!(drawn, "\n{:INDENT$}→ ", "");
        wrap(&mut drawn, &Printable(advice).to_string(), INDENT + 2);
    }
    drawn
}

/// Adds a text that begins so far from the margin, in lines that all begin there. No word is broken: it may be a command
/// to copy.
fn wrap(drawn: &mut String, text: &str, indent: usize) {
    let mut column = indent;
    for (place, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if place > 0 && column + 1 + length > WIDTH {
            let _ = write!(drawn, "\n{:indent$}", "");
            column = indent;
        } else if place > 0 {
            drawn.push(' ');
            column += 1;
        }
        drawn.push_str(word);
        column += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_to_people_keeps_its_margin() {
        let finding = Finding::warning("x", "word ".repeat(30).trim_end(), "do\u{1b} this");
        let drawn = drawn(&finding);
        let lines: Vec<&str> = drawn.lines().collect();
        assert_eq!(lines.len(), 3, "{drawn}");
        assert!(lines[0].starts_with("  warning  word") && lines[1].starts_with("           word"), "{drawn}");
        assert_eq!(lines[2], "           → do\\u{1b} this");
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{drawn}");
    }
}
