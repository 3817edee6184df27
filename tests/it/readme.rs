//! What the README and `docs/` say is what the program does: the tour is run, and the tables are compared with the code.

mod keys;
mod older;
mod streams;
pub mod tables;
mod tour;

pub fn page(file: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text between a heading and the next one of its level or above.
pub fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let from = page.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("there is no section {heading:?}"));
    let text = &page[from + heading.len() + 2..];
    let level = heading.chars().take_while(|c| *c == '#').count();
    let ends = (1..=level).filter_map(|level| text.find(&format!("\n{} ", "#".repeat(level))));
    ends.min().map_or(text, |end| &text[..end])
}
