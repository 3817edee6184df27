//! The law of the house as tables, and the tests that read `src/` by it. In prose it stands in ARCHITECTURE.md.
//!
//! Whoever draws a better house changes the tables here, that page (a test compares them) and the sources at once.

mod law;
mod left_out;
mod scanner;
mod seen_to_fail;

use law::{EXCEPTIONS, LONG_FILES, Source, Verdict};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn rooms_import_only_what_the_law_lets_them() {
    none(every_source().iter().flat_map(law::imports));
}

#[test]
fn other_peoples_crates_stay_in_their_rooms() {
    none(every_source().iter().flat_map(law::crates));
}

#[test]
fn nothing_banned_is_used_and_every_exception_is_needed() {
    none(law::bans(&every_source(), EXCEPTIONS));
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    none(every_source().iter().filter_map(law::opening));
}

#[test]
fn files_stay_small() {
    none(law::sizes(&every_source(), LONG_FILES));
}

#[test]
fn architecture_md_shows_the_same_law() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for table in [law::rooms_as_markdown(), law::crates_as_markdown()] {
        assert!(
            page.contains(&table),
            "ARCHITECTURE.md does not show the law as it is. It should hold this:\n\n{table}"
        );
    }
}

/// Fails with all verdicts at once, one a line, in the form that editors make links of.
fn none(verdicts: impl IntoIterator<Item = Verdict>) {
    let said: Vec<String> = verdicts.into_iter().map(|verdict| verdict.to_string()).collect();
    assert!(said.is_empty(), "the house has {} against its law:\n{}\n", said.len(), said.join("\n"));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn every_source() -> Vec<Source> {
    let src = root().join("src");
    let mut files = Vec::new();
    collect(&src, &mut files);
    files.sort();
    assert!(!files.is_empty(), "there is nothing under {}", src.display());
    files
        .into_iter()
        .map(|file| {
            let text = fs::read_to_string(&file).unwrap();
            let name = file.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/");
            Source::new(&name, text)
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
