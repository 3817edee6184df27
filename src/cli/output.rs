//! What a command says on standard output: lines, and lists as tables.

use super::failed::Failed;
use super::printable::{Printable, PrintableJson};
use serde::Serialize;
use std::fmt::{Display, Write as _};
use std::io::{self, Write};

/// Prints a line, now.
pub(super) fn line(line: impl Display) -> Result<(), Failed> {
    let mut out = io::stdout().lock();
    // Not `println!`: that panics when whoever reads has gone.
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Failed::output)
}

/// Prints a value for machines, on one line.
pub(super) fn json(value: &impl Serialize) -> Result<(), Failed> {
    let json = serde_json::to_string(value).map_err(|error| Failed::Output(error.into()))?;
    line(PrintableJson(&json))
}

/// Tells people something beside the output.
pub(super) fn note(note: impl Display) {
    // Whether anybody reads it is not for the command to mind.
    drop(writeln!(io::stderr().lock(), "goldcrest: {note}"));
}

/// Prints rows under a heading, each column as wide as it needs.
pub(super) fn table<const N: usize>(heading: [&str; N], rows: Vec<[String; N]>) -> Result<(), Failed> {
    line(draw(heading, rows))
}

fn draw<const N: usize>(heading: [&str; N], rows: Vec<[String; N]>) -> String {
    let rows = rows.into_iter().map(|row| row.map(|cell| Printable(&cell).to_string()));
    let rows: Vec<[String; N]> = std::iter::once(heading.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut drawn = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            // Writing to a text cannot fail.
            let _ = write!(line, "{cell:width$}  ");
        }
        drawn.push_str(line.trim_end());
        drawn.push('\n');
    }
    drawn.truncate(drawn.trim_end().len());
    drawn
}

/// A number and what it counts.
pub(super) fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, one: &str, many: &str) -> String {
    let noun = if count == N::from(1) { one } else { many };
    format!("{count} {noun}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_wide_as_it_needs() {
        let rows = vec![["1".into(), "Ольга".into()], ["12".into(), "b\u{1b}".into()]];
        assert_eq!(draw(["ID", "NAME"], rows), "ID  NAME\n1   Ольга\n12  b\\u{1b}");
        assert_eq!(draw(["ID", "NAME"], Vec::new()), "ID  NAME");
    }
}
