//! The tables in `docs/`, compared with what they are about.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use clap::{Args, Command};
use goldcrest::api::OPERATIONS;
use goldcrest::api::routes::LIST;
use goldcrest::config::Options;
use goldcrest::domain::ephemeral::PASSING;
use goldcrest::domain::events::{EventType, TYPES};
use goldcrest::transport::control::CONTROLS;
use serde_json::Value;

use super::{page, section};
use crate::support::spoken::STREAMS;

#[test]
fn docs_options_md_and_the_readme_list_every_option_as_the_program_has_it() {
    let mut table = String::from("| option | environment | default | what it is |\n|---|---|---|---|\n");
    let mut short = String::from("| option | environment | default |\n|---|---|---|\n");
    let command = Options::augment_args(Command::new("serve"));
    for option in command.get_arguments() {
        let name = option.get_long().unwrap();
        let variable = option.get_env().unwrap_or_else(|| panic!("--{name} is not read from the environment"));
        let variable = variable.to_str().unwrap();
        assert_eq!(variable, format!("GOLDCREST_{}", name.replace('-', "_").to_uppercase()));
        let defaults = option.get_default_values();
        let default = match defaults {
            // A word of its own for yes and no: in the environment there is no flag without a value.
            _ if !option.get_action().takes_values() => panic!("--{name} takes no value"),
            [] => "none".to_owned(),
            values => format!("`{}`", values.iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>().join(",")),
        };
        let mut what = option.get_help().unwrap_or_else(|| panic!("--{name} has no help")).to_string();
        let words: Vec<String> = option
            .get_possible_values()
            .iter()
            .map(|value| format!("`{}`: {}", value.get_name(), uncapitalised(&value.get_help().unwrap().to_string())))
            .collect();
        if !words.is_empty() {
            write!(what, " ({})", words.join("; ")).unwrap();
        }
        writeln!(table, "| `--{name}` | `{variable}` | {default} | {what} |").unwrap();
        writeln!(short, "| `--{name}` | `{variable}` | {default} |").unwrap();
    }
    let readme = page("README.md");
    assert!(section(&readme, "### All options").contains(&short), "README.md should hold this:\n\n{short}");
    assert!(page("docs/options.md").contains(&table), "docs/options.md should hold this:\n\n{table}");
}

fn uncapitalised(text: &str) -> String {
    let (first, rest) = text.split_at(1);
    first.to_lowercase() + rest
}

#[test]
fn docs_streams_md_and_the_browsers_code_know_every_event() {
    let streams = page("docs/streams.md");
    let table = |kinds: &[EventType]| {
        let mut table = String::from("| type | what happened | who hears it | data |\n|---|---|---|---|\n");
        for kind in kinds {
            let data = &STREAMS["components"]["messages"][kind.kind]["payload"]["properties"]["data"];
            let (what, data) = (in_a_line(kind.says), shape(&streams, data));
            writeln!(table, "| `{}` | {what} | {} | {data} |", kind.kind, kind.heard_by).unwrap();
        }
        table
    };
    for (chapter, kinds) in [("## Events", TYPES), ("## What passes", PASSING)] {
        let table = table(kinds);
        assert!(section(&streams, chapter).contains(&table), "docs/streams.md should hold this:\n\n{table}");
    }
    let readme = page("README.md");
    let snippet = section_of(&readme, "for (const type of [", "])");
    let heard: BTreeSet<&str> = snippet.split('\'').skip(1).step_by(2).collect();
    assert_eq!(heard, TYPES.iter().map(|kind| kind.kind).collect());
    // The first apostrophe opens a type: the comment before it has none.
    let snippet = section_of(&readme, "// What passes is so for now", "])");
    let heard: BTreeSet<&str> = snippet.split('\'').skip(1).step_by(2).collect();
    assert_eq!(heard, PASSING.iter().map(|kind| kind.kind).collect());
}

#[test]
fn docs_streams_md_lists_what_a_stream_says_of_itself() {
    let streams = page("docs/streams.md");
    let mut table = String::from("| type | fields | meaning |\n|---|---|---|\n");
    for kind in CONTROLS {
        let payload = &STREAMS["components"]["messages"][kind.kind]["payload"];
        writeln!(table, "| `{}` | {} | {} |", kind.kind, fields(payload, &["type"]), in_a_line(kind.says)).unwrap();
    }
    assert!(streams.contains(&table), "docs/streams.md should hold this:\n\n{table}");
}

#[test]
fn docs_streams_md_lists_every_reason_for_an_end() {
    let streams = page("docs/streams.md");
    let mut table = String::from("| reason | last event | WebSocket code | come back |\n|---|---|---|---|\n");
    for reason in STREAMS["channels"]["websocket"]["x-close-reasons"].as_array().unwrap() {
        let last = reason["last"].as_str().map_or("none".to_owned(), |last| format!("`{last}`"));
        let codes: Vec<String> = reason["codes"].as_array().unwrap().iter().map(ToString::to_string).collect();
        let codes = codes.join(", ");
        let (word, back) = (reason["reason"].as_str().unwrap(), reason["comeBack"].as_str().unwrap());
        writeln!(table, "| `{word}` | {last} | {codes} | {back} |").unwrap();
    }
    // The one that nothing can be said of any more, since the socket takes no byte.
    table.push_str("| `stalled` | none | none: the socket took no byte | yes |\n");
    assert!(streams.contains(&table), "docs/streams.md should hold this:\n\n{table}");
}

#[test]
fn docs_streams_md_lists_the_operations_of_a_websocket() {
    let streams = page("docs/streams.md");
    let mut table = String::from("| op | what it is for | fields | result |\n|---|---|---|---|\n");
    let messages = &STREAMS["components"]["messages"];
    for operation in OPERATIONS {
        let word = operation.word;
        let what = in_a_line(operation.says.split(|line| line.is_empty()).next().unwrap());
        let takes = fields(&messages[word]["payload"], &["op", "ref"]);
        let gives = shape(&streams, &messages[format!("{word}.reply")]["payload"]["properties"]["result"]);
        writeln!(table, "| `{word}` | {what} | {takes} | {gives} |").unwrap();
    }
    assert!(streams.contains(&table), "docs/streams.md should hold this:\n\n{table}");
}

/// The lines of a comment as one, without the full stop that a cell does not have.
fn in_a_line(says: &[&str]) -> String {
    let words: Vec<&str> = says.iter().map(|line| line.trim()).collect();
    words.join(" ").trim_end_matches('.').to_owned()
}

/// The schema behind a reference.
fn resolved(schema: &'static Value) -> &'static Value {
    match schema["$ref"].as_str() {
        Some(reference) => STREAMS.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// The fields of an object, those that need not be there in parentheses.
fn fields(schema: &'static Value, but: &[&str]) -> String {
    let schema = resolved(schema);
    let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let names = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    let names = names.filter(|name| !but.contains(name));
    let names: Vec<_> =
        names.map(|name| if required(name) { format!("`{name}`") } else { format!("(`{name}`)") }).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// What the page calls such an object, if it does; or its fields.
fn shape(streams: &str, schema: &'static Value) -> String {
    let words = |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let names: BTreeSet<String> =
        resolved(schema)["properties"].as_object().into_iter().flatten().map(|it| it.0.clone()).collect();
    let known = rows(section(streams, "## What the data holds"));
    let row = known.iter().find(|row| words(&row[1]) == names && row[0].starts_with("a "));
    row.map_or_else(|| fields(schema, &[]), |row| row[0].clone())
}

#[test]
fn docs_errors_md_lists_every_code_with_its_status() {
    let mut source = String::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api"), &mut source);
    let mut given = BTreeSet::new();
    // Problems are made in three ways: with a status and a code side by side, …
    for (before, after) in pairs(&source, ", \"") {
        let Some((name, status)) = before.rsplit_once("::").map(|(_, name)| (name, status(name))) else { continue };
        if let (Some(status), Some(code)) = (status, word(after)) {
            assert!(name.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
            given.insert((code.to_owned(), status));
        }
    }
    // … as one of those that pass by themselves, or as a field that there is not.
    given.extend(pairs(&source, "unavailable(\"").filter_map(|(_, after)| Some((word(after)?.to_owned(), 503))));
    given.extend(pairs(&source, "{ \"unknown_field").map(|_| ("unknown_field".to_owned(), 422)));
    assert!(given.len() > 30, "{given:?}");
    let errors = page("docs/errors.md");
    let listed = rows(section(&errors, "## Codes"));
    let listed: BTreeSet<(String, u16)> =
        listed.iter().map(|row| (row[0].trim_matches('`').to_owned(), row[1].parse().unwrap())).collect();
    let missing: Vec<_> = given.difference(&listed).collect();
    let invented: Vec<_> = listed.difference(&given).collect();
    assert!(missing.is_empty() && invented.is_empty(), "not listed: {missing:?}; never given: {invented:?}");
}

#[test]
fn docs_logging_md_lists_every_event_of_the_log() {
    let mut told = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(source) = std::fs::read_to_string(path) {
                told.extend(pairs(&source, "event.name = \"").filter_map(|(_, it)| Some(word(it)?.to_owned())));
            }
        }
    }
    let logging = page("docs/logging.md");
    let listed = rows(section(&logging, "## Events"));
    let listed: BTreeSet<String> = listed.iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    assert_eq!(listed, told);
}

#[test]
fn docs_features_md_names_routes_that_there_are_and_every_test_of_its_features() {
    let tests = tests_of_features();
    let routes: BTreeSet<String> = LIST
        .iter()
        .map(|(method, path, _)| {
            let path: Vec<String> = path.split('/').map(as_docs_write_it).collect();
            format!("{} {}", method.to_uppercase(), path.join("/"))
        })
        .collect();
    let mut named = BTreeSet::new();
    for row in rows(&page("docs/features.md")) {
        let [feature, calls, test] = &row[..] else { panic!("a feature, its calls and its test: {row:?}") };
        let test = test.trim_matches('`').to_owned();
        assert!(tests.contains(&test), "{feature}: there is no test {test}");
        assert!(named.insert(test), "{feature}: its test is another's too");
        for call in calls.split("`, `").map(|call| call.trim_matches('`')) {
            let route = call.split('?').next().unwrap();
            assert!(routes.contains(route), "{feature}: there is no route {route}");
        }
    }
    let unnamed: Vec<_> = tests.difference(&named).collect();
    assert!(unnamed.is_empty() && !named.is_empty(), "docs/features.md does not name {unnamed:?}");
}

/// `{id}` as `ID`.
pub(super) fn as_docs_write_it(part: &str) -> String {
    match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(name) => name.to_uppercase(),
        None => part.to_owned(),
    }
}

/// The tests of what older systems can do, each as `system::test`.
fn tests_of_features() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/api/wishes");
    let mut tests = BTreeSet::new();
    let mut files = vec![folder.clone()];
    while let Some(file) = files.pop() {
        if file.is_dir() {
            files.extend(std::fs::read_dir(file).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let source = std::fs::read_to_string(&file).unwrap();
        let module = file.strip_prefix(&folder).unwrap().with_extension("");
        let module: Vec<&str> = module.iter().map(|part| part.to_str().unwrap()).collect();
        for (_, test) in
            source.match_indices("#[tokio::test]\nasync fn ").map(|(place, mark)| source[place..].split_at(mark.len()))
        {
            let (name, _) = test.split_once('(').unwrap();
            tests.insert(format!("{}::{name}", module.join("::")));
        }
    }
    tests
}

#[test]
fn what_the_pages_name_is_in_the_sources() {
    let mut sources = String::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut sources);
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let words: BTreeSet<&str> = sources.split(|c| !is_word(c)).collect();
    for file in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let page = page(file);
        let names = page.split('`').skip(1).step_by(2).filter(|name| name.contains("::"));
        let mut count = 0;
        for name in names.filter(|name| name.split("::").all(|part| !part.is_empty() && part.chars().all(is_word))) {
            count += 1;
            for part in name.split("::") {
                assert!(words.contains(part), "{file} names `{name}`, and there is no `{part}` under src/");
            }
        }
        assert!(count > 0, "{file} names nothing");
    }
}

#[test]
fn the_pages_count_the_connections_of_a_node_as_the_program_takes_them() {
    let words =
        ["none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    let count = words[goldcrest::store::CONNECTIONS as usize];
    for (file, says) in [
        ("docs/cluster.md", format!("Each node keeps up to {count} connections to it.")),
        ("docs/sizing.md", format!("take up to {count} connections from each node")),
    ] {
        assert!(page(file).contains(&says), "{file} does not say {says:?}");
    }
}

fn collect(folder: &Path, sources: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, sources);
        } else {
            // A file is a module of its name, whoever declares it.
            writeln!(sources, "{}", path.file_stem().unwrap().to_str().unwrap()).unwrap();
            sources.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

fn status(name: &str) -> Option<u16> {
    let spoken = name.to_lowercase().replace('_', " ");
    let found = (400..600).filter_map(|code| http::StatusCode::from_u16(code).ok()).find(|status| {
        let reason = status.canonical_reason().unwrap_or_default();
        reason.to_lowercase().replace('-', " ") == spoken
            // The names of the crate are older than those of RFC 9110.
            || (name == "UNPROCESSABLE_ENTITY" && status.as_u16() == 422)
            || (name == "PAYLOAD_TOO_LARGE" && status.as_u16() == 413)
    });
    found.map(|status| status.as_u16())
}

/// What stands before each occurrence on its line, and what behind it.
fn pairs<'a>(text: &'a str, mark: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    text.lines().flat_map(move |line| {
        line.match_indices(mark).map(move |(place, _)| (&line[..place], &line[place + mark.len()..]))
    })
}

/// The word up to the closing quotation mark.
fn word(text: &str) -> Option<&str> {
    let (word, _) = text.split_once('"')?;
    (!word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')).then_some(word)
}

fn section_of<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("there is no {from:?}"));
    rest.split_once(to).unwrap_or_else(|| panic!("there is no {to:?} behind {from:?}")).0
}

/// The cells of the rows of the tables in a text, without headings.
pub fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in text.lines() {
        if line.starts_with("|---") {
            rows.pop();
        } else if let Some(row) = line.strip_prefix("| ") {
            rows.push(row.trim_end_matches(" |").split(" | ").map(str::to_owned).collect());
        }
    }
    rows
}
