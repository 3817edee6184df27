//! The README's tour, pasted into bash as it stands, beside a server on an empty data directory.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::{page, section};
use crate::support::deadline::PATIENCE;
use crate::support::signal::{Signal, signal};
use crate::support::{Server, within};

/// Stands between the outputs of two blocks.
const MARK: &str = "=== the next block ===";

pub(super) struct Step {
    pub typed: String,
    pub shown: String,
}

#[tokio::test]
async fn the_tour_gives_what_it_shows() {
    let server = Server::start().await;
    let readme = page("README.md");
    let steps = steps(section(&readme, "## A tour"));
    assert!(steps.len() > 10, "the tour has {} steps", steps.len());
    let here = |script: &str| script.replace("127.0.0.1:8080", &server.address.to_string());
    give_what_they_show(&steps, server.data_dir().parent().unwrap(), here).await;
}

/// Fails unless each block prints what stands below it, pasted into one bash after the other, with addresses of our own.
pub(super) async fn give_what_they_show(steps: &[Step], place: &Path, here: impl Fn(&str) -> String) {
    let mut script = String::new();
    for step in steps {
        assert!(!step.typed.contains(MARK));
        write!(script, "{}\necho '{MARK}'\n", step.typed).unwrap();
    }
    let said = bash(place, &here(&script)).await;
    let mut said: Vec<&str> = said.split(&format!("{MARK}\n")).collect();
    assert_eq!(said.pop(), Some(""), "nothing is printed behind the last block");
    assert_eq!(said.len(), steps.len(), "the tour breaks off:\n{}", said.join("\n---\n"));
    let mut wrong = String::new();
    for (step, said) in steps.iter().zip(said) {
        let shown = here(&step.shown);
        let (shown, said) = (shown.trim_end(), said.trim_end());
        if !fits(&timeless(shown), &timeless(said)) {
            write!(wrong, "\n--- typed\n{}\n--- the page shows\n{shown}\n--- printed\n{said}\n", step.typed).unwrap();
        }
    }
    assert!(wrong.is_empty(), "a block does not give what is shown below it:\n{wrong}");
}

#[tokio::test]
async fn the_tour_does_not_wait_for_ever() {
    let server = Server::start().await;
    let readme = page("README.md");
    let tour = steps(section(&readme, "## A tour"));
    // The first block again, as if the tour was pasted twice: the names are taken, and there is no token.
    let first = &tour[0].typed;
    let waits = tour.iter().find(|step| step.typed.contains("heard()")).expect("something is waited for");
    let script = format!("{first}\n{first}\n{}\nkill $listener\n", waits.typed);
    let script = script.replace("127.0.0.1:8080", &server.address.to_string());
    let said = bash(server.data_dir().parent().unwrap(), &script).await;
    assert!(said.contains("username_taken"), "{said}");
    assert!(said.contains("Nothing of 'ready' came") && said.contains("Authorization: Bearer"), "{said}");
}

/// Runs it where somebody would who has just started a server: its data is in `./data`, the program in the path.
async fn bash(directory: &Path, script: &str) -> String {
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_goldcrest")).parent().unwrap().display();
    // No test depends on what the environment of its runner sets.
    // What it has started ends with it, however it ends.
    let place = format!(
        "exec 2>&1\ntrap 'kill $(jobs -p) 2>/dev/null' EXIT\nunset \"${{!GOLDCREST_@}}\"\nPATH={programs}:$PATH\n"
    );
    let mut bash = Command::new("bash");
    bash.args(["-c", &(place + script)]).env("no_proxy", "*");
    bash.current_dir(directory).env("TMPDIR", directory);
    bash.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let bash = bash.spawn().unwrap();
    let mut told = ToldToEnd(bash.id());
    let mut end = std::pin::pin!(bash.wait_with_output());
    if let Ok(output) = tokio::time::timeout(PATIENCE * 2, &mut end).await {
        told.0 = None;
        return String::from_utf8(output.unwrap().stdout).unwrap();
    }
    drop(told);
    let said = within(PATIENCE, "bash to end", end).await.unwrap().stdout;
    panic!("waited in vain for the tour to end, which said:\n{}", String::from_utf8_lossy(&said));
}

/// Asks a process to end when nobody waits for it any more. Killed, a shell would leave behind what it has started.
struct ToldToEnd(Option<u32>);

impl Drop for ToldToEnd {
    fn drop(&mut self) {
        if let Some(process) = self.0 {
            signal(Signal::TERM, process);
        }
    }
}

/// The ```sh blocks, each with the ```text block that follows it before the next.
pub(super) fn steps(section: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = section.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let block = block.join("\n");
        match language {
            "sh" => steps.push(Step { typed: block, shown: String::new() }),
            "text" => steps.last_mut().expect("output follows a command").shown = block,
            other => panic!("a block of {other:?} in the tour"),
        }
    }
    steps
}

/// Every moment becomes the same one.
fn timeless(text: &str) -> String {
    const FORM: &str = "0000-00-00T00:00:00.000Z";
    let is_moment = |text: &str| {
        text.len() >= FORM.len()
            && text.bytes().zip(FORM.bytes()).all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                form => byte == form,
            })
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let taken = if is_moment(rest) { FORM.len() } else { next.len_utf8() };
        out.push_str(if taken == FORM.len() { FORM } else { &rest[..taken] });
        rest = &rest[taken..];
    }
    out
}

/// Whether the text is what is shown, where `…` stands for anything without a quotation mark, a space or a line end.
fn fits(shown: &str, said: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = parts.next().and_then(|first| said.strip_prefix(first)) else { return false };
    for part in parts {
        let wild = rest.find(|c: char| c == '"' || c.is_whitespace()).unwrap_or(rest.len());
        match rest[wild..].strip_prefix(part) {
            Some(after) if wild > 0 => rest = after,
            _ => return false,
        }
    }
    rest.is_empty()
}

#[test]
fn what_is_long_and_random_is_masked_and_nothing_else() {
    assert!(fits(r#"{"a":"x…","b":1}"#, r#"{"a":"xyz","b":1}"#));
    assert!(!fits(r#"{"a":"x…","b":1}"#, r#"{"a":"xyz","b":2}"#));
    assert!(!fits(r#"{"a":"x…"}"#, r#"{"a":"xyz","b":1}"#));
    assert!(!fits("a", "ab"));
    assert_eq!(timeless(r#""at":"2026-11-21T05:36:46.662Z","#), r#""at":"0000-00-00T00:00:00.000Z","#);
}
