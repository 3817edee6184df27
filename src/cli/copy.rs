//! `goldcrest copy`: from the embedded database to a database server, where the same server goes on.

use super::backup::cannot;
use super::failed::Failed;
use super::output::{self, counted};
use super::progress::Bar;
use super::stoppable::Stoppable;
use crate::config::{DataDir, DataDirError, Options, values};
use crate::store::{Database, MoveError, Moved, Moving, Progress};
use clap::Args;
use parking_lot::Mutex;
use std::path::Path;
use std::time::Duration;
use url::Url;

/// What stands for a password where a command line is shown.
const PASSWORD: &str = "PASSWORD";
/// How things are where it was ended on the way.
const NOT_COPIED: &str = "not all of it was copied. The embedded database is as it was, and a server may be started on it; run \
                          the same again, and the copy begins anew";
/// The same in the last step.
const NOT_KNOWN: &str = "whether the last step of the copy was done is not known. No server starts on the embedded database now: \
                         run the same again, which says so, or copies anew";
/// How often it is looked whether it goes on at all.
const LOOKED_AT: Duration = Duration::from_secs(1);
/// How long both databases have to be closed when it failed.
const CLOSING: Duration = Duration::from_secs(2);

/// Where to.
#[derive(Debug, Args)]
pub(super) struct Command {
    /// The database to copy to, empty and for Goldcrest alone: `postgres://USER:PASSWORD@HOST/NAME`, or `mysql://…`. By
    /// default that of --database-url, which is also read from the environment: a command line can be seen by everybody on
    /// the machine, and the password in it.
    #[arg(value_name = "TO")]
    to: Option<String>,
}

/// Does it.
pub(super) async fn run(options: &Options, command: Command) -> Result<(), Failed> {
    let place = &options.place;
    let to = target(command.to, place.database_url().map(str::to_owned))?;
    if !DataDir::has_database(&place.data_dir)? {
        return Err(Failed::no_database(&place.data_dir));
    }
    let data_dir = DataDir::open(&place.data_dir)?;
    let lock = data_dir.lock().map_err(|error| match error {
        held @ DataDirError::Held { .. } => {
            Failed::Input(format!("{held}. Stop it first: what it wrote meanwhile would not be copied"))
        }
        error => error.into(),
    })?;
    let mut asked = Stoppable::listen()?;
    let target = Database { url: to.clone() };
    let beginning = Box::pin(async { Ok(Moving::begin(data_dir.path(), &target).await?) });
    let moving = asked.or_stop(NOT_COPIED, beginning).await?;
    let carried = asked.or_stop(NOT_COPIED, Box::pin(go_through(&data_dir, &moving))).await;
    let moved = match carried {
        Ok(before) => last_step(&data_dir, &moving, &mut asked, before.as_deref()).await,
        Err(error) => Err(error),
    };
    let at = moving.place().to_owned();
    // One that does not answer any more would be waited for.
    drop(tokio::time::timeout(CLOSING, moving.close()).await);
    let moved = moved?;
    drop(lock);
    tell(options, &data_dir, &to, &at, moved)
}

/// Everything but the last step. Gives where the embedded database was copied to before, if it was.
async fn go_through(data_dir: &DataDir, moving: &Moving) -> Result<Option<String>, Failed> {
    let before = data_dir.moved_to()?;
    // The target has no clock now: whether an earlier copy was done there is no question any more.
    let before = before.filter(|place| place != moving.place());
    if before.is_none() {
        data_dir.unmark_moved().map_err(|error| cannot("change", data_dir.path(), &error))?;
    }
    carry(moving).await?;
    Ok(before)
}

/// The last step, after which the target is served, and the embedded database no more.
async fn last_step(
    data_dir: &DataDir,
    moving: &Moving,
    asked: &mut Stoppable,
    before: Option<&str>,
) -> Result<Moved, Failed> {
    // Before it and not after it: at no moment two servers can start.
    data_dir.mark_moved(moving.place()).map_err(|error| {
        let place = data_dir.path().display();
        Failed::Input(format!("cannot note in {place} that it was copied: {error}"))
    })?;
    let finishing = Box::pin(async { Ok(moving.finish().await?) });
    match asked.or_stop(NOT_KNOWN, finishing).await {
        // It may have been done.
        Err(error @ (Failed::Stopped { .. } | Failed::Copy(MoveError::Unknown(..)))) => Err(error),
        Err(error) => Err(taken_back(data_dir, before, error)),
        finished => finished,
    }
}

/// Lets the embedded database be served again, since what was to be served in its place is not.
fn taken_back(data_dir: &DataDir, before: Option<&str>, error: Failed) -> Failed {
    let done = match before {
        None => data_dir.unmark_moved(),
        Some(place) => data_dir.mark_moved(place),
    };
    match done {
        Ok(()) => error,
        Err(why) => Failed::Input(format!(
            "{error}. That it was not copied cannot be noted in {}: {why}. As long as that file is there no server starts on the \
             embedded database: delete it, or run the same again",
            data_dir.moved().display()
        )),
    }
}

/// One place, named once.
fn target(to: Option<String>, option: Option<String>) -> Result<String, Failed> {
    let wrong = |reason: &str| Err(Failed::Input(reason.to_owned()));
    match (to, option) {
        (Some(to), Some(option)) if to != option => wrong(
            "two databases are named to copy to: say TO, or --database-url (GOLDCREST_DATABASE_URL), and not both",
        ),
        // The URL is not shown: there is a password in it.
        (Some(to), _) if !values::is_database_server(&to) => wrong(
            "TO is the URL of a database server, and begins with postgres:// or mysql://. The data to copy is found by \
             --data-dir",
        ),
        (Some(to), _) | (None, Some(to)) if !values::is_readable(&to) => wrong(values::UNREADABLE),
        (Some(to), _) | (None, Some(to)) => Ok(to),
        (None, None) => wrong(
            "name the database to copy to: goldcrest copy postgres://USER:PASSWORD@HOST/NAME, or mysql://…, or set \
             GOLDCREST_DATABASE_URL",
        ),
    }
}

async fn carry(moving: &Moving) -> Result<(), Failed> {
    let bar = Mutex::new(Bar::new(moving.rows()));
    let mut printed = Ok(());
    let mut comparing = false;
    let tell = &mut |progress| {
        let mut bar = bar.lock();
        match progress {
            Progress::Copying(table, rows) => bar.show(format_args!("copying {table}"), rows),
            Progress::Comparing(table, rows) => {
                if !bar.is_seen() && !std::mem::replace(&mut comparing, true) && printed.is_ok() {
                    printed = output::line("reading all of it back, and comparing");
                }
                bar.show(format_args!("comparing {table}"), rows);
            }
            Progress::Copied(table, rows) if rows > 0 && !bar.is_seen() && printed.is_ok() => {
                printed = output::line(format_args!("copied {table}: {}", counted(rows, "row", "rows")));
            }
            Progress::Copied(..) => {}
        }
    };
    let carried: Result<(), MoveError> = {
        let mut carrying = std::pin::pin!(moving.carry(tell));
        let mut every = tokio::time::interval(LOOKED_AT);
        loop {
            tokio::select! {
                carried = &mut carrying => break carried,
                _ = every.tick() => bar.lock().wait(),
            }
        }
    };
    bar.into_inner().end();
    carried?;
    printed
}

fn tell(options: &Options, data_dir: &DataDir, to: &str, at: &str, moved: Moved) -> Result<(), Failed> {
    let Moved { rows, head } = moved;
    output::line(format_args!(
        "copied {} to {at}, read all of them back and found them the same; the last event is {head}",
        counted(rows, "row", "rows")
    ))?;
    let own = data_dir.signing_key();
    let key = options.keys.jwt_key_file.as_deref().unwrap_or(&own);
    output::line("start the server there with the options that it had, and these:")?;
    output::line(format_args!(
        "  goldcrest --data-dir {} --database-url {} --jwt-key-file {}",
        quoted_path(data_dir.path()),
        quoted(&without_password(to)),
        quoted_path(key)
    ))?;
    if !key.exists() {
        let key = key.display();
        output::line(format_args!(
            "there is no {key}: name the key that signed the tokens, or everybody logs in again"
        ))?;
    }
    let place = data_dir.path();
    output::line(format_args!(
        "the database in {} is as it was, and no server starts on it any more. The way back, without what is written to the \
         new one, and without --database-url or GOLDCREST_DATABASE_URL, which would renumber that one: \
         goldcrest --data-dir {} restore --renumber",
        place.display(),
        quoted_path(place)
    ))
}

fn without_password(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return "URL".to_owned() };
    if url.password().is_some() {
        // A URL with a password takes another.
        let _ = url.set_password(Some(PASSWORD));
    }
    // The words behind the `?` may hold one too.
    let has_query = url.query().is_some();
    url.set_query(None);
    if has_query { format!("{url}?…") } else { url.to_string() }
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@=+,%".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        assert_eq!(without_password("postgres://g:s3cret@h:1/d"), "postgres://g:PASSWORD@h:1/d");
        assert_eq!(without_password("postgres://g@h/d"), "postgres://g@h/d");
        assert_eq!(without_password("postgres://h/d?user=g&password=s3cret"), "postgres://h/d?…");
        assert_eq!(without_password("no url: s3cret"), "URL");
    }

    #[test]
    fn what_cannot_be_taken_back_is_said_with_what_to_do() {
        let home = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(home.path()).unwrap();
        let error = || Failed::from(MoveError::Overtaken("10.0.0.2:5432".to_owned()));
        data_dir.mark_moved("10.0.0.2:5432").unwrap();
        assert!(taken_back(&data_dir, None, error()).to_string().ends_with("to its end"));
        assert_eq!(data_dir.moved_to().unwrap(), None);
        // Somewhere else it was copied to before, and may be served.
        taken_back(&data_dir, Some("10.0.0.1:5432"), error());
        assert_eq!(data_dir.moved_to().unwrap().as_deref(), Some("10.0.0.1:5432"));
        // What is no file cannot be deleted like one.
        data_dir.unmark_moved().unwrap();
        std::fs::create_dir(data_dir.moved()).unwrap();
        let said = taken_back(&data_dir, None, error()).to_string();
        assert!(said.contains("to its end. That it was not copied cannot be noted in"), "{said}");
        assert!(said.contains("copied-to-server") && said.contains("delete it, or run the same again"), "{said}");
    }

    #[test]
    fn a_word_is_quoted_for_the_shell_if_need_be() {
        assert_eq!(quoted("/var/lib/goldcrest"), "/var/lib/goldcrest");
        assert_eq!(quoted("/it's here"), r"'/it'\''s here'");
    }

    #[test]
    fn one_place_is_named_once() {
        let text = |url: &str| Some(url.to_owned());
        assert_eq!(target(text("mysql://a"), None).unwrap(), "mysql://a");
        assert_eq!(target(None, text("mysql://a")).unwrap(), "mysql://a");
        assert_eq!(target(text("mysql://a"), text("mysql://a")).unwrap(), "mysql://a");
        for (to, option) in [(text("mysql://a"), text("mysql://b")), (text("sqlite:s3cret"), None), (None, None)] {
            let said = target(to, option).unwrap_err().to_string();
            assert!(!said.contains("s3cret") && said.contains("cop"), "{said}");
        }
    }
}
