//! The law: which room may know which, what is banned and what to do instead, and how a file is judged by it.

use super::scanner::{self, Scan};
use std::fmt::{self, Write as _};

/// A folder or file directly under `src/`, and what it may import from the others.
pub struct Room {
    pub name: &'static str,
    /// The question that the room answers.
    pub answers: &'static str,
    pub may_import: MayImport,
}

pub enum MayImport {
    These(&'static [&'static str]),
    Everything,
}

use MayImport::{Everything, These};

pub const ROOMS: &[Room] = &[
    Room { name: "domain", answers: "What is true?", may_import: These(&[]) },
    Room { name: "store", answers: "What is kept?", may_import: These(&["domain"]) },
    Room { name: "live", answers: "Who hears it?", may_import: These(&["domain", "store"]) },
    Room { name: "mail", answers: "How does mail leave?", may_import: These(&["domain"]) },
    Room { name: "service", answers: "What may be done?", may_import: These(&["domain", "store", "live", "mail"]) },
    Room { name: "transport", answers: "How do bytes travel?", may_import: These(&["domain", "live"]) },
    Room { name: "gate", answers: "Who gets in?", may_import: These(&["domain", "transport", "config"]) },
    Room {
        name: "api",
        answers: "What is our language?",
        may_import: These(&["domain", "service", "transport", "gate", "config"]),
    },
    Room {
        name: "compat",
        answers: "What are their languages?",
        may_import: These(&["domain", "service", "transport", "gate"]),
    },
    Room { name: "config", answers: "What was asked for at the start?", may_import: These(&[]) },
    Room { name: "telemetry", answers: "How is it watched?", may_import: These(&[]) },
    Room {
        name: "admin",
        answers: "How does the operator reach a running server?",
        may_import: These(&["domain", "service"]),
    },
    Room { name: "lifecycle", answers: "How does it end?", may_import: These(&[]) },
    Room {
        name: "app",
        answers: "How is it put together?",
        may_import: These(&[
            "domain",
            "store",
            "live",
            "mail",
            "service",
            "transport",
            "gate",
            "api",
            "compat",
            "config",
            "telemetry",
            "admin",
            "lifecycle",
        ]),
    },
    Room { name: "cli", answers: "What does an operator type?", may_import: Everything },
    Room { name: "lib", answers: "Where is what?", may_import: Everything },
    Room { name: "main", answers: "What is the exit code?", may_import: Everything },
];

/// The adapters in `compat/`. None knows another, and only the room's front page and those who see everything know
/// them by name, so that each can be deleted with its folder and one line.
pub const ADAPTERS: &[&str] = &["babbel", "msgboard", "chat", "oms", "kinglet"];

/// Other people's crates that only some rooms may name.
pub struct Belonging {
    pub crates: &'static [&'static str],
    pub rooms: &'static [&'static str],
    pub why: &'static str,
}

pub const BELONGINGS: &[Belonging] = &[
    Belonging {
        crates: &["sea_orm", "sea_query", "sqlx"],
        rooms: &["store"],
        why: "how things are kept can change without any rule hearing of it",
    },
    Belonging {
        crates: &["axum", "axum_extra"],
        rooms: &["transport", "gate", "api", "compat", "app"],
        why: "what may be done does not depend on how it was asked",
    },
    Belonging {
        crates: &["schemars"],
        rooms: &["domain", "service", "transport", "api"],
        why: "a shape is described where it is declared, beside `serde`, and nowhere twice",
    },
    Belonging {
        crates: &["async_nats"],
        rooms: &["live"],
        why: "nobody who says or does something knows whether there are other nodes",
    },
    Belonging { crates: &["lettre"], rooms: &["mail"], why: "nobody who has something to say waits for a mail server" },
];

/// Spellings that must not occur outside tests.
pub struct Ban {
    pub spellings: &'static [&'static str],
    /// Rooms in which it is allowed all the same.
    pub allowed_in: &'static [&'static str],
    pub instead: &'static str,
}

pub const BANS: &[Ban] = &[
    Ban {
        spellings: &[".unwrap", ".expect", ".unwrap_err", ".expect_err"],
        allowed_in: &[],
        instead: "no input may make a panic: return a reason, or say `let … else`",
    },
    Ban { spellings: &["todo!", "unimplemented!"], allowed_in: &[], instead: "finish it, or leave it out" },
    Ban { spellings: &["dbg!"], allowed_in: &[], instead: "use `tracing`" },
    Ban {
        spellings: &["println!", "print!", "eprintln!", "eprint!"],
        allowed_in: &["cli", "main"],
        instead: "use `tracing`; standard output belongs to the command line",
    },
    Ban {
        spellings: &["unbounded_channel", "UnboundedSender", "UnboundedReceiver", "mpsc::channel()"],
        allowed_in: &[],
        instead: "use a bounded channel and decide what happens when it is full",
    },
    Ban {
        spellings: &["tokio::spawn", "task::spawn", "task::spawn_local"],
        allowed_in: &["lifecycle"],
        instead: "spawn on the tracker that the shutdown waits for",
    },
];

/// A file that may do a banned thing so many times, neither more nor less.
pub struct Exception {
    pub file: &'static str,
    pub spelling: &'static str,
    pub times: usize,
    pub why: &'static str,
}

pub const EXCEPTIONS: &[Exception] = &[];

/// Nine files in ten have fewer lines than this …
pub const SMALL: usize = 400;
/// … and none has more than this, but for the catalogues below: long lists, no logic.
pub const LARGEST: usize = 800;

/// File and reason.
pub const LONG_FILES: &[(&str, &str)] = &[];

/// One file under `src/`.
pub struct Source {
    /// From `src/` on, with `/`.
    pub name: String,
    text: String,
    room: String,
    adapter: Option<&'static str>,
    scan: Result<Scan, String>,
}

impl Source {
    pub fn new(name: &str, text: String) -> Self {
        let stem = name.strip_suffix(".rs").unwrap_or(name);
        let mut module: Vec<String> = stem.split('/').map(str::to_owned).collect();
        let room = module[0].clone();
        let adapter = (room == "compat")
            .then(|| ADAPTERS.iter().copied().find(|adapter| module.get(1).is_some_and(|name| name == adapter)))
            .flatten();
        let in_test = module.iter().skip(1).any(|part| part == "tests");
        let last_is_only_a_file = module.last().is_some_and(|last| last == "mod");
        if last_is_only_a_file || stem == "lib" || stem == "main" {
            module.pop();
        }
        let scan = scanner::scan(&text, &module, in_test).map_err(|error| error.to_string());
        Self { name: name.to_owned(), text, room, adapter, scan }
    }

    /// Whether this is the file that says what the room shows to the others.
    fn is_front_page(&self) -> bool {
        self.name == format!("{}.rs", self.room) || self.name == format!("{}/mod.rs", self.room)
    }

    fn law(&self) -> Option<&'static Room> {
        ROOMS.iter().find(|room| room.name == self.room)
    }

    fn verdict(&self, line: usize, against: impl Into<String>) -> Verdict {
        Verdict { file: self.name.clone(), line, against: against.into() }
    }

    /// The lines in which a spelling occurs outside tests: as such, or multiplied out of the braces of a `use`.
    fn lines_with(&self, spelling: &str) -> Vec<usize> {
        let Ok(scan) = &self.scan else { return Vec::new() };
        let wanted = scanner::words_of(spelling);
        let words: Vec<_> = scan.words.iter().filter(|word| !word.in_test).collect();
        let as_such = words
            .windows(wanted.len())
            .filter(|found| found.iter().zip(&wanted).all(|(word, wanted)| word.text == *wanted))
            .map(|found| found[0].line);
        let end = format!("::{spelling}");
        let multiplied_out = scan
            .paths
            .iter()
            .filter(|path| path.from_braces && !path.in_test)
            .filter(|path| format!("::{}", path.spelled.join("::")).ends_with(&end))
            .map(|path| path.line);
        as_such.chain(multiplied_out).collect()
    }
}

/// What a file does against the law.
#[derive(Debug)]
pub struct Verdict {
    pub file: String,
    pub line: usize,
    pub against: String,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src/{}:{}: {}", self.file, self.line, self.against)
    }
}

/// Which rooms the file knows of, and may it.
pub fn imports(source: &Source) -> Vec<Verdict> {
    let scan = match &source.scan {
        Ok(scan) => scan,
        Err(error) => return vec![source.verdict(1, format!("cannot be read as Rust: {error}"))],
    };
    let Some(law) = source.law() else {
        let against = format!("`{}` is no room: give it a line in the table of rooms, or move it", source.room);
        return vec![source.verdict(1, against)];
    };
    let These(allowed) = law.may_import else { return Vec::new() };
    let paths = scan.paths.iter().filter_map(|path| Some((path, path.leads_to.as_deref()?)));
    paths
        .filter_map(|(path, place)| {
            let spelled = path.spelled.join("::");
            let against = match place.first().map(String::as_str) {
                None | Some("*") => format!("`{spelled}` lets in the whole house: name what is meant"),
                Some(room) if room == source.room => {
                    let adapter = ADAPTERS.iter().find(|adapter| place.get(1).is_some_and(|name| name == *adapter))?;
                    if room != "compat" || source.is_front_page() || source.adapter == Some(*adapter) {
                        return None;
                    }
                    format!(
                        "`{spelled}` ties the adapter `{adapter}` to another file of `compat`: each must be deletable"
                    )
                }
                Some(room) if !allowed.contains(&room) => {
                    format!("`{spelled}`: `{}` may import {}, not `{room}`", law.name, list(allowed))
                }
                Some(_) if path.reexported && !source.is_front_page() => {
                    format!("`pub use {spelled}` hands on what is another room's: only the front page of a room may")
                }
                Some(_) => return None,
            };
            Some(source.verdict(path.line, against))
        })
        .collect()
}

/// Whether other people's crates are named only where they belong.
pub fn crates(source: &Source) -> Vec<Verdict> {
    let Ok(scan) = &source.scan else { return Vec::new() };
    let elsewhere = BELONGINGS.iter().filter(|belonging| !belonging.rooms.contains(&source.room.as_str()));
    elsewhere
        .flat_map(|belonging| {
            let named = scan.words.iter().filter(|word| belonging.crates.contains(&word.text.as_str()));
            named.map(|word| {
                let against = format!("`{}` belongs under {}: {}", word.text, list(belonging.rooms), belonging.why);
                source.verdict(word.line, against)
            })
        })
        .collect()
}

/// Banned spellings, and exceptions that do not fit what is there.
pub fn bans(sources: &[Source], exceptions: &[Exception]) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for source in sources {
        for ban in BANS.iter().filter(|ban| !ban.allowed_in.contains(&source.room.as_str())) {
            for spelling in ban.spellings {
                let lines = source.lines_with(spelling);
                let excepted = exceptions.iter().any(|exception| {
                    exception.file == source.name && exception.spelling == *spelling && exception.times == lines.len()
                });
                if !excepted {
                    let against = format!("`{spelling}`: {}", ban.instead);
                    verdicts.extend(lines.into_iter().map(|line| source.verdict(line, against.clone())));
                }
            }
        }
    }
    for Exception { file, spelling, times, why } in exceptions {
        let found = sources.iter().find(|source| source.name == *file).map_or(0, |it| it.lines_with(spelling).len());
        if found != *times {
            let against = format!("`{spelling}` is excepted {times} times (\"{why}\") and occurs {found} times");
            verdicts.push(Verdict { file: (*file).to_owned(), line: 1, against });
        }
    }
    verdicts
}

/// Whether the file begins by saying what it is.
pub fn opening(source: &Source) -> Option<Verdict> {
    let says = source
        .text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("//! "))
        .is_some_and(|text| !text.trim().is_empty());
    (!says).then(|| source.verdict(1, "opens without a `//!` sentence that says what it is for"))
}

/// Nine files in ten are small, and none is large.
pub fn sizes(sources: &[Source], long_files: &[(&str, &str)]) -> Vec<Verdict> {
    let lines = |source: &Source| source.text.lines().count();
    let is_catalogue = |source: &Source| long_files.iter().any(|(file, _)| *file == source.name);
    let logic: Vec<&Source> = sources.iter().filter(|source| !is_catalogue(source)).collect();
    let large = logic.iter().filter(|source| lines(source) > LARGEST);
    let mut verdicts: Vec<Verdict> = large
        .map(|source| source.verdict(LARGEST + 1, format!("has {} lines; {LARGEST} are the most", lines(source))))
        .collect();
    let not_small: Vec<&&Source> = logic.iter().filter(|source| lines(source) >= SMALL).collect();
    if not_small.len() * 10 > logic.len() {
        verdicts.extend(not_small.iter().map(|source| {
            let (many, all) = (not_small.len(), logic.len());
            let against =
                format!("has {} lines, and {many} files of {all} have {SMALL} or more: one in ten may", lines(source));
            source.verdict(SMALL, against)
        }));
    }
    verdicts
}

/// The table of rooms, as ARCHITECTURE.md shows it.
pub fn rooms_as_markdown() -> String {
    let mut table = String::from("| room | answers | may import |\n|---|---|---|\n");
    for room in ROOMS {
        let may_import = match room.may_import {
            These(rooms) => list(rooms),
            Everything => "everything".to_owned(),
        };
        writeln!(table, "| `{}` | {} | {may_import} |", room.name, room.answers).unwrap();
    }
    table
}

/// The table of other people's crates, as ARCHITECTURE.md shows it.
pub fn crates_as_markdown() -> String {
    let mut table = String::from("| crate | only under | so that |\n|---|---|---|\n");
    for belonging in BELONGINGS {
        writeln!(table, "| {} | {} | {} |", list(belonging.crates), list(belonging.rooms), belonging.why).unwrap();
    }
    table
}

fn list(names: &[&str]) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
