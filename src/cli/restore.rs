//! `goldcrest restore`: a backup put in the place of the data, and all numbers moved past those that were given since.

use super::backup::{FILES, cannot, copy_whole};
use super::failed::Failed;
use super::offline;
use super::output::{self, counted};
use super::printable::Printable;
use super::progress::watching;
use super::stoppable::Stoppable;
use crate::config::data_dir::Lock;
use crate::config::{DataDir, DataDirError, Options};
use crate::domain::Timestamp;
use crate::store::{self, CopyError, Database, EndedKey, Logins, Renumbered, Store, database_url};
use clap::Args;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What else belongs to a database that was not closed.
const LOGS: [&str; 2] = ["goldcrest.db-wal", "goldcrest.db-shm"];

/// How things are where it was ended on the way.
const NOT_RESTORED: &str = "nothing was restored, and what is there is as it was";
const NOT_RENUMBERED: &str = "whether the numbers were moved is not known. Run the same again before a server starts: they may \
                              well be moved twice";

/// What to restore, and how.
#[derive(Debug, Args)]
pub(super) struct Command {
    /// The directory that `goldcrest backup` made, or a copy of a data directory.
    #[arg(value_name = "DIR", required_unless_present = "renumber", conflicts_with = "renumber")]
    from: Option<PathBuf>,
    /// Restore although there is data, which is moved into a directory within the data directory.
    #[arg(long)]
    force: bool,
    /// Leave logins, API keys, invitations and mailed links as they are in the backup. Only for a backup that nothing
    /// happened after, such as one made of a stopped server that moves: what was revoked since would live again.
    #[arg(long)]
    keep_logins: bool,
    /// Restore nothing, and only move the numbers past those that were given since: for a database that was put back
    /// with other tools, such as those of a database server. No node may run meanwhile.
    #[arg(long, conflicts_with = "force")]
    renumber: bool,
}

/// Does it.
pub(super) async fn run(options: &Options, command: Command) -> Result<(), Failed> {
    let logins = if command.keep_logins { Logins::Keep } else { Logins::End };
    match &command.from {
        Some(_) if options.place.database_url().is_some() => {
            let reason = "the data is in a database server: put it back with that server's own tools (pg_restore, \
                          mariadb), then run `goldcrest restore --renumber`";
            Err(Failed::Input(reason.to_owned()))
        }
        Some(from) => Box::pin(restore(options, from, &command, logins)).await,
        None => Box::pin(renumber(options, logins)).await,
    }
}

async fn renumber(options: &Options, logins: Logins) -> Result<(), Failed> {
    let place = &options.place;
    if offline::is_empty(&options.place)? {
        return Err(Failed::no_database(&place.data_dir));
    }
    let data_dir = DataDir::open(&place.data_dir)?;
    let lock = held(data_dir.lock())?;
    let url = place.database_url().map_or_else(|| database_url(data_dir.path()), str::to_owned);
    let done = Stoppable::listen()?.or_stop(NOT_RENUMBERED, Box::pin(jump(url, logins))).await?;
    if place.database_url().is_none() {
        serve_again(&data_dir)?;
    }
    drop(lock);
    tell(done, logins)
}

/// What went to a database server is no longer what is here: its numbers are others.
fn serve_again(data_dir: &DataDir) -> Result<(), Failed> {
    data_dir.unmark_moved().map_err(|error| cannot("change", data_dir.path(), &error))
}

async fn restore(options: &Options, from: &Path, command: &Command, logins: Logins) -> Result<(), Failed> {
    let database = from.join(FILES[0]);
    if !database.is_file() {
        let reason =
            format!("there is no {} in {}. Name a directory that `goldcrest backup` made", FILES[0], from.display());
        return Err(Failed::Input(reason));
    }
    let is_new = DataDir::existing(&options.place.data_dir).is_none();
    let data_dir = DataDir::open(&options.place.data_dir)?;
    let lock = held(data_dir.lock_to_restore())?;
    let place = data_dir.path().display();
    // What a restore that was broken off has left there is nobody's data.
    if occupied(&data_dir) && !command.force && !data_dir.unfinished_restore().exists() {
        let reason =
            format!("there is data in {place}. With --force it is moved into a directory there, before-restore-…");
        return Err(Failed::Input(reason));
    }
    let prepared = Prepared::new(&data_dir)?;
    // Only this takes long; nothing comes between the files as they are exchanged.
    let filled = Stoppable::listen()?.or_stop(NOT_RESTORED, Box::pin(prepared.fill(from, logins))).await;
    if filled.is_err() {
        drop(fs::remove_dir_all(&prepared.place));
        if is_new {
            data_dir.remove_unused(&lock);
        }
    }
    let done = filled?;
    let kept = prepared.exchange(&data_dir).map_err(|error| {
        let place = data_dir.path().display();
        Failed::Input(format!("cannot put the files of {place} in their place: {error}. Run the same again"))
    })?;
    serve_again(&data_dir)?;
    drop::<Lock>(lock);
    output::line(format_args!("restored {} to {place}", from.display()))?;
    if let Some(kept) = kept {
        output::line(format_args!("what was there before is in {}", kept.display()))?;
    }
    tell(done, logins)
}

fn held(lock: Result<Lock, DataDirError>) -> Result<Lock, Failed> {
    lock.map_err(|error| match error {
        held @ DataDirError::Held { .. } => Failed::Input(format!("{held}. Stop it first")),
        error => error.into(),
    })
}

fn occupied(data_dir: &DataDir) -> bool {
    FILES.iter().chain(&LOGS).any(|file| data_dir.path().join(file).exists())
}

/// Moves the numbers of a database forward.
async fn jump(url: String, logins: Logins) -> Result<Renumbered, Failed> {
    Ok(Store::renumber(&Database { url }, logins).await?)
}

fn tell(done: Renumbered, logins: Logins) -> Result<(), Failed> {
    let Renumbered { from, head, last_at, sessions, keys } = done;
    output::line(format_args!("it ends with event {from} of {last_at}; the next is {}", head.next()))?;
    match logins {
        Logins::Keep => output::line("logins and API keys are as they were then")?,
        Logins::End => output::line(format_args!(
            "ended {} and {}, and all invitations: people log in again",
            counted(sessions, "session", "sessions"),
            counted(keys.len() as u64, "API key", "API keys")
        ))?,
    }
    for EndedKey { owner, name } in keys {
        output::line(format_args!("ended: the key {} of {owner}", Printable(&name)))?;
    }
    Ok(())
}

/// A directory with what is to come into the data directory, within it, so that moving is renaming.
struct Prepared {
    place: PathBuf,
}

impl Prepared {
    fn new(data_dir: &DataDir) -> Result<Self, Failed> {
        let place = data_dir.path().join(".restoring");
        // Whoever made it is gone: the data directory is held.
        match fs::remove_dir_all(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot("remove", &place, &error)),
            _ => {}
        }
        DirBuilder::new().mode(0o700).create(&place).map_err(|error| cannot("make", &place, &error))?;
        Ok(Self { place })
    }

    /// Copies what is in the backup, looks whether it can be trusted, and brings it to where it can be gone on with.
    async fn fill(&self, from: &Path, logins: Logins) -> Result<Renumbered, Failed> {
        let (source, database) = (from.join(FILES[0]), self.place.join(FILES[0]));
        let size = fs::metadata(&source).map_or(0, |file| file.len());
        let work = Box::pin(async {
            copy(&source, &database).await?;
            // A copy of a data directory may have its last commits there.
            let (written, log) = (from.join(LOGS[0]), self.place.join(LOGS[0]));
            if written.exists() {
                copy(&written, &log).await?;
            }
            store::examine(&database).await.map_err(|error| no_backup(&error.of(&source)))?;
            jump(database_url(&self.place), logins).await
        });
        let done = watching("copying and checking", &database, size, work).await?;
        let key = from.join(FILES[1]);
        if key.exists() {
            copy_whole(&key, &self.place.join(FILES[1])).map_err(|error| cannot("copy", &key, &error))?;
        }
        Ok(done)
    }

    /// Puts it in its place, and gives where what was there is now, if anything was. If this is broken off, the data
    /// directory is not used before it was done again: a file of one database beside one of another is worse than none.
    fn exchange(&self, data_dir: &DataDir) -> io::Result<Option<PathBuf>> {
        let directory = File::open(data_dir.path())?;
        File::open(&self.place)?.sync_all()?;
        File::create(data_dir.unfinished_restore())?.sync_all()?;
        directory.sync_all()?;
        let brought = |file: &str| self.place.join(file).exists();
        let there = |file: &&str| data_dir.path().join(file).exists();
        // A key that the backup does not replace stays.
        let replaced: Vec<&str> =
            FILES.into_iter().filter(|file| brought(file)).chain(LOGS).filter(|file| there(file)).collect();
        let kept = if replaced.is_empty() { None } else { Some(aside(data_dir)?) };
        for file in replaced {
            if let Some(kept) = &kept {
                fs::rename(data_dir.path().join(file), kept.join(file))?;
            }
        }
        for file in FILES.into_iter().filter(|file| brought(file)) {
            fs::rename(self.place.join(file), data_dir.path().join(file))?;
        }
        directory.sync_all()?;
        fs::remove_file(data_dir.unfinished_restore())?;
        fs::remove_dir_all(&self.place)?;
        directory.sync_all()?;
        Ok(kept)
    }
}

/// What is wrong with a backup, and that it has done no harm.
fn no_backup(error: &CopyError) -> Failed {
    let remedy = match error {
        CopyError::Damaged(..) => ": take another backup",
        CopyError::Foreign(_) => ": name a directory that `goldcrest backup` made",
        _ => "",
    };
    Failed::Input(format!("{error}. Nothing was changed{remedy}"))
}

/// Makes a directory for what was there.
fn aside(data_dir: &DataDir) -> io::Result<PathBuf> {
    let moment = Timestamp::now().to_string().replace(':', "-");
    let kept = data_dir.path().join(format!("before-restore-{moment}"));
    DirBuilder::new().mode(0o700).create(&kept)?;
    Ok(kept)
}

/// Copies a large file beside other tasks, for its owner alone, whoever could read the original.
async fn copy(from: &Path, to: &Path) -> Result<(), Failed> {
    let copied = async {
        tokio::fs::copy(from, to).await?;
        tokio::fs::set_permissions(to, fs::Permissions::from_mode(0o600)).await?;
        tokio::fs::File::open(to).await?.sync_all().await
    };
    copied.await.map_err(|error: io::Error| cannot("copy", from, &error))
}
