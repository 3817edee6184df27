//! `goldcrest copy`: from the embedded database to a database server, where the same server goes on.

use super::failed::Failed;
use super::output::{self, counted};
use super::progress::Bar;
use super::stoppable::Stoppable;
use crate::config::{DataDir, DataDirError, Options, values};
use crate::store::{Database, MoveError, Moved, Moving, Progress};
use clap::Args;
use std::path::Path;
use std::time::Duration;
use url::Url;

/// What stands for a password where a command line is shown.
const PASSWORD: &str = "PASSWORD";
/// How things are where it was ended on the way.
const NOT_COPIED: &str = "not all of it was copied. The embedded database is as it was, and a server may be started on it; run \
                          the same again, and the copy begins anew";
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
        let place = place.data_dir.display();
        let reason = format!("there is no database in {place}. Name the server's directory with --data-dir");
        return Err(Failed::Input(reason));
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
    let beginning = async { Ok(Moving::begin(data_dir.path(), &target).await?) };
    let moving = asked.or_stop(NOT_COPIED, beginning).await?;
    let at = moving.place().to_owned();
    if let Err(error) = asked.or_stop(NOT_COPIED, carry(&moving)).await {
        // One that does not answer any more would be waited for.
        drop(tokio::time::timeout(CLOSING, moving.close()).await);
        return Err(error);
    }
    // Before the last step and not after it: at no moment two servers can start.
    let marked = data_dir.mark_moved(&at);
    let moved = match marked {
        Ok(()) => moving.finish().await?,
        Err(error) => {
            moving.close().await;
            let place = data_dir.path().display();
            return Err(Failed::Input(format!("cannot note in {place} that it was copied: {error}")));
        }
    };
    drop(lock);
    tell(options, &data_dir, &to, &at, moved)
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
        (Some(to), _) | (None, Some(to)) => Ok(to),
        (None, None) => wrong(
            "name the database to copy to: goldcrest copy postgres://USER:PASSWORD@HOST/NAME, or mysql://…, or set \
             GOLDCREST_DATABASE_URL",
        ),
    }
}

async fn carry(moving: &Moving) -> Result<(), Failed> {
    let mut bar = Bar::new(moving.rows());
    let mut printed = Ok(());
    let mut comparing = false;
    let tell = &mut |progress| match progress {
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
    };
    let carried: Result<(), MoveError> = moving.carry(tell).await;
    bar.end();
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
    let place = data_dir.path().display();
    output::line(format_args!(
        "the database in {place} is as it was, and no server starts on it any more. The way back, without what is written \
         to the new one: goldcrest restore --renumber"
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
