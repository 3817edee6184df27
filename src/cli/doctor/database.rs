//! The database: whether it answers, how far its schema is, whether its pages and its numbers fit together.

use super::Patient;
use super::finding::{Finding, Report};
use super::server::Running;
use super::settings;
use crate::cli::failed::Failed;
use crate::cli::output::counted;
use crate::cli::progress;
use crate::config::DataDir;
use crate::store::{
    CONNECTIONS, Database, Inspection, Kind, Line, OpenError, Pages, Steps, embedded_for_reading, inspect, keeps_log,
    look_at_pages,
};
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// How long the pages of the database are looked at.
const PATIENCE: Duration = Duration::from_mins(1);

/// What to do about a file that is damaged.
const RESTORE: &str = "stop the server, keep a copy of the directory, and put the last backup back (goldcrest restore; \
                       docs/backup.md)";

/// Says how it is, and hands on what its clock shows.
pub(super) async fn look(patient: &Patient<'_>, report: &mut Report) -> Result<Option<Line>, Failed> {
    let place = &patient.options.place;
    let embedded = place.database_url().is_none();
    let is_there = if embedded { DataDir::has_database(&place.data_dir) } else { Ok(true) };
    if let Err(error) = &is_there {
        return report.tell(&unreachable(&error.to_string(), embedded)).map(|()| None);
    }
    if matches!(is_there, Ok(false)) {
        let says = "there is no database yet; the server makes it when it starts";
        report.tell(&Finding::skipped("reachable", says))?;
        return Ok(None);
    }
    let database = match place.database_url() {
        Some(url) => Database { url: url.to_owned() },
        None => embedded_for_reading(&place.data_dir),
    };
    let found = match inspect(&database).await {
        Ok(found) => found,
        Err(error) => {
            report.tell(&match &error {
                OpenError::Spoilt { place, why } => Finding::wrong("reachable", format!("{place}: {why}"), RESTORE),
                error => unreachable(&error.to_string(), embedded),
            })?;
            return Ok(None);
        }
    };
    let name = match found.kind {
        Kind::Sqlite => "SQLite",
        Kind::Postgres => "PostgreSQL",
        Kind::MariaDb => "MariaDB",
    };
    report.tell(&Finding::fine("reachable", format!("the database answers: {name} {}", found.version)))?;
    report.tell(&schema(&found.steps, !matches!(patient.server, Running::Nobody)))?;
    match found.kind {
        Kind::Sqlite => of_sqlite(&place.data_dir, &database, &patient.server, report).await?,
        Kind::Postgres => report.tell_all(settings::of_postgres(&found.settings))?,
        Kind::MariaDb => report.tell_all(settings::of_mariadb(&found.settings, &found.other_collations))?,
    }
    report.tell_all(connections(&found))?;
    if let Running::Here(condition) = &patient.server {
        if condition.replaced {
            let says = "the database was replaced while the server ran, and it writes nothing any more";
            report.tell(&Finding::wrong("replaced", says, "restart the server"))?;
        } else if !condition.database_answers {
            let says = "the running server cannot read its database, though this command can";
            report.tell(&Finding::wrong("answers", says, "see the server's log, and restart it"))?;
        }
    }
    if found.half_copied {
        let says = "a copy into this database was broken off, or is not done yet: no server starts on it";
        report.tell(&Finding::wrong("numbers", says, "run `goldcrest copy` again, to its end (docs/moving.md)"))?;
    } else if found.steps.taken > 0 {
        report.tell(&numbers(found.line))?;
    }
    Ok(found.line)
}

fn unreachable(said: &str, embedded: bool) -> Finding {
    let advice = if embedded {
        "run this as the user that the server runs as, and see that the file can be read"
    } else {
        "see that the database server runs, that it can be reached from here, and that user, password and name in \
         --database-url are right"
    };
    Finding::wrong("reachable", said, advice)
}

fn schema(steps: &Steps, server_runs: bool) -> Finding {
    const CHECK: &str = "schema";
    if let [first, ..] = steps.unknown.as_slice() {
        let says = format!(
            "the database is of a newer goldcrest than this one ({}): it has {first}",
            env!("CARGO_PKG_VERSION")
        );
        return Finding::wrong(
            CHECK,
            says,
            "run that version or a later one; for an earlier one put back a backup of its time",
        );
    }
    if steps.taken == 0 {
        return Finding::skipped(CHECK, "the database is empty; the server makes its tables when it starts");
    }
    if steps.pending.is_empty() {
        return Finding::fine(CHECK, "its schema is that of this version");
    }
    let pending = counted(steps.pending.len(), "step", "steps");
    let says = format!("its schema is of an earlier version, {pending} behind: {}", steps.pending.join(", "));
    let advice = if server_runs {
        "restart the server, which then runs this version and takes them; make a backup before (goldcrest backup)"
    } else {
        "the server takes them when it starts, or `goldcrest migrate` does now; make a backup before (goldcrest backup)"
    };
    Finding::warning(CHECK, says, advice)
}

async fn of_sqlite(data_dir: &Path, database: &Database, server: &Running, report: &mut Report) -> Result<(), Failed> {
    let keeps_log = keeps_log(data_dir).unwrap_or(false);
    match server {
        Running::Here(condition) => report.tell_all(settings::of_sqlite(keeps_log, &condition.writer))?,
        _ if keeps_log => report.tell(&Finding::fine(
            "durability",
            "it keeps a write-ahead log, and the server syncs it before anybody is answered (synchronous=FULL)",
        ))?,
        _ => report.tell(&Finding::warning(
            "durability",
            "it keeps no write-ahead log: something else than goldcrest has changed the file",
            "the server turns it on when it starts; if it is off again afterwards, find out who turns it off",
        ))?,
    }
    let was_open = is_open(data_dir);
    let mut last = Instant::now();
    let tell = |table: &str, done: usize, of: usize| {
        if last.elapsed() > Duration::from_millis(200) {
            last = Instant::now();
            progress::draw_if_seen(&format!("looking at the pages of the database: {table}, {done} of {of} tables"));
        }
    };
    let looked = look_at_pages(database, Instant::now() + PATIENCE, tell).await;
    progress::draw_if_seen("");
    report.tell(&match looked {
        Ok(Pages::Whole) => Finding::fine("pages", "its pages fit together (quick_check)"),
        Ok(Pages::Partly(done, of)) => Finding::fine(
            "pages",
            format!(
                "its pages fit together as far as there was time to look, {done} of {of} tables in {} s; `goldcrest \
                 backup` checks all of them",
                PATIENCE.as_secs()
            ),
        ),
        // Whoever began to write meanwhile did not know of somebody who looks at the bare file.
        Ok(Pages::Damaged(_)) if matches!(server, Running::Nobody) && !was_open && is_open(data_dir) => {
            Finding::skipped("pages", "a server started while the pages were looked at; try again")
        }
        Ok(Pages::Damaged(said)) => Finding::wrong("pages", format!("the database is damaged: {said}"), RESTORE),
        Err(error) => Finding::skipped("pages", format!("its pages could not be looked at: {error}")),
    })
}

/// Whether somebody has the database open, or died with it open.
fn is_open(data_dir: &Path) -> bool {
    data_dir.join("goldcrest.db-wal").exists()
}

/// Whether this server, and others beside it, find a connection.
fn connections(found: &Inspection) -> Option<Finding> {
    const CHECK: &str = "connections";
    let number = |name: &str| found.settings.get(name).and_then(|value| value.parse::<u64>().ok());
    let most = number("max_connections")?.saturating_sub(number("superuser_reserved_connections").unwrap_or(0));
    let used = found.connections?;
    let left = most.saturating_sub(used);
    let says = format!(
        "{used} of {most} connections of the database server are taken, and each goldcrest needs {CONNECTIONS}"
    );
    Some(if left >= u64::from(CONNECTIONS) {
        Finding::fine(CHECK, says)
    } else {
        Finding::warning(CHECK, says, "raise max_connections in the database server's configuration")
    })
}

/// Whether the clock and the log tell the same story.
fn numbers(line: Option<Line>) -> Finding {
    const CHECK: &str = "numbers";
    const ADVICE: &str = "stop the server, and put the last backup back (goldcrest restore); if somebody has changed the \
                          tables by hand, that is what has come of it";
    let Some(Line { head, beginning, last_at, log }) = line else {
        return Finding::wrong(CHECK, "the clock row is missing: without it nothing can be written", ADVICE);
    };
    let wrong = |says: String| Finding::wrong(CHECK, says, ADVICE);
    match log {
        Some((_, newest, _)) if newest != head => wrong(format!(
            "the clock's last event is {head}, and the log's is {newest}: numbers would be given twice, or missed"
        )),
        Some((oldest, ..)) if oldest < beginning => {
            wrong(format!("the log begins with event {oldest}, and the clock says that it begins with {beginning}"))
        }
        Some((_, _, at)) if at > last_at => {
            wrong(format!("the last event happened at {at}, after the moment that the clock has for it, {last_at}"))
        }
        None if beginning.0 <= head.0 => {
            wrong(format!("the log is empty, and the clock says that it has the events from {beginning} to {head}"))
        }
        Some((oldest, newest, _)) => {
            Finding::fine(CHECK, format!("the clock and the log agree: events {oldest} to {newest}"))
        }
        None => {
            Finding::fine(CHECK, format!("the clock and the log agree: no event is kept, the next is {}", head.next()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;
    use crate::domain::{Seq, Timestamp};

    #[test]
    fn a_clock_that_does_not_fit_the_log_is_wrong() {
        let verdict = |head, beginning, log: Option<(i64, i64, i64)>| {
            let log = log.map(|(first, last, at)| (Seq(first), Seq(last), Timestamp(at)));
            numbers(Some(Line { head: Seq(head), beginning: Seq(beginning), last_at: Timestamp(100), log })).verdict
        };
        assert_eq!(verdict(9, 3, Some((3, 9, 100))), Verdict::Fine);
        assert_eq!(verdict(0, 1, None), Verdict::Fine);
        assert_eq!(verdict(9, 10, None), Verdict::Fine, "all of it was forgotten, or renumbered");
        assert_eq!(verdict(8, 3, Some((3, 9, 100))), Verdict::Wrong);
        assert_eq!(verdict(10, 3, Some((3, 9, 100))), Verdict::Wrong);
        assert_eq!(verdict(9, 4, Some((3, 9, 100))), Verdict::Wrong);
        assert_eq!(verdict(9, 3, Some((3, 9, 101))), Verdict::Wrong);
        assert_eq!(verdict(9, 3, None), Verdict::Wrong);
        assert_eq!(numbers(None).verdict, Verdict::Wrong);
    }

    #[test]
    fn a_schema_of_the_future_is_wrong_and_one_of_the_past_worth_a_word() {
        let steps = |pending: &[&str], unknown: &[&str]| Steps {
            taken: 3,
            pending: pending.iter().map(ToString::to_string).collect(),
            unknown: unknown.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(schema(&steps(&[], &[]), true).verdict, Verdict::Fine);
        assert_eq!(schema(&steps(&["m1"], &[]), true).verdict, Verdict::Warning);
        assert_eq!(schema(&steps(&["m1"], &["m9"]), true).verdict, Verdict::Wrong);
    }
}
