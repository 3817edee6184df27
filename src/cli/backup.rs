//! `goldcrest backup`: the embedded database and the signing key, copied into a directory that is there whole or not.

use super::failed::Failed;
use super::operator::{Reached, reach, unexpected};
use super::output;
use super::progress::{bytes, watching};
use super::stoppable::Stoppable;
use crate::admin::{Outcome, Verb};
use crate::config::{DataDir, Keeper, Options};
use crate::store;
use clap::Args;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The files of a backup.
pub(super) const FILES: [&str; 2] = ["goldcrest.db", "jwt.key"];

/// How things are where it was ended on the way.
const NOT_MADE: &str = "there is no new backup, and one that was there is as it was";

/// Where to.
#[derive(Debug, Args)]
pub(super) struct Command {
    /// The directory to make. It must not be there yet.
    #[arg(value_name = "DIR")]
    to: PathBuf,
    /// Replace a backup that is there.
    #[arg(long)]
    force: bool,
}

/// Does it.
pub(super) async fn run(options: &Options, command: Command) -> Result<(), Failed> {
    if options.place.database_url().is_some() {
        return Err(Failed::Input(store::CopyError::NotEmbedded.to_string()));
    }
    let place = &options.place.data_dir;
    let data_dir = DataDir::has_database(place)?.then(|| DataDir::open(place)).transpose()?;
    let Some(data_dir) = data_dir else {
        return Err(Failed::no_database(place));
    };
    let target = Target::new(&command)?;
    let made = Stoppable::listen()?.or_stop(NOT_MADE, Box::pin(fill(&data_dir, &target))).await;
    let finished = made.and_then(|key| target.finish().map(|size| (key, size)));
    if finished.is_err() {
        drop(fs::remove_dir_all(&target.unfinished));
    }
    let (key, size) = finished?;
    let holds = if key { "the database and the signing key" } else { "the database" };
    output::line(format_args!("backed up {holds} to {}: {}", target.place.display(), bytes(size)))?;
    output::line("whoever can read it can read everybody's messages: keep it as safe as the server")?;
    if !key {
        let file = data_dir.signing_key();
        output::line(format_args!(
            "there is no signing key at {}: keep the one of --jwt-key-file too",
            file.display()
        ))?;
    }
    Ok(())
}

/// Copies everything into the directory that is not in its place yet. Returns whether there was a key.
async fn fill(data_dir: &DataDir, target: &Target) -> Result<bool, Failed> {
    let (from, to) = (data_dir.database(), target.unfinished.join(FILES[0]));
    let size = fs::metadata(&from).map_or(0, |file| file.len());
    let path = to.to_str().ok_or_else(|| Failed::Input(format!("{} is no path in UTF-8", to.display())))?;
    let verb = Verb::CopyDatabase { to: path.to_owned() };
    // In a box, like what waits for it: it holds a connection and a whole conversation.
    let copying = Box::pin(async {
        match reach(data_dir, &verb).await.map_err(|failed| not_written(failed, &target.place))? {
            Reached::Server(Outcome::Done) => Ok(()),
            Reached::Server(_) => Err(unexpected()),
            Reached::Nobody(lock) => {
                let copied = store::copy(&from, &to).await;
                drop(lock);
                copied.map_err(|error| Failed::Input(error.to_string()))
            }
        }
    });
    watching("copying and checking", &to, size, copying).await?;
    let key = data_dir.signing_key();
    if !key.exists() {
        return Ok(false);
    }
    copy_whole(&key, &target.unfinished.join(FILES[1])).map_err(|error| cannot("copy", &key, &error))?;
    Ok(true)
}

/// Copies a file so that it survives a power cut, for its owner alone: the process's mask sees to that.
pub(super) fn copy_whole(from: &Path, to: &Path) -> io::Result<()> {
    let mut copy = File::create_new(to)?;
    io::copy(&mut File::open(from)?, &mut copy)?;
    copy.sync_all()
}

pub(super) fn cannot(what: &str, path: &Path, error: &io::Error) -> Failed {
    Failed::Input(format!("cannot {what} {}: {error}", path.display()))
}

/// A directory on its way to its place.
struct Target {
    place: PathBuf,
    /// Beside it, with what is not whole yet.
    unfinished: PathBuf,
    /// Beside it, for what is to be replaced.
    replaced: PathBuf,
}

impl Target {
    fn new(command: &Command) -> Result<Self, Failed> {
        let place = std::path::absolute(&command.to).map_err(|error| cannot("use", &command.to, &error))?;
        check(&place, command.force)?;
        let (Some(parent), Some(name)) = (place.parent(), place.file_name()) else {
            return Err(Failed::Input(format!("{} is no directory to make", place.display())));
        };
        let beside = |what: &str| {
            let mut hidden = std::ffi::OsString::from(".");
            hidden.push(name);
            hidden.push(format!(".{what}.{:08x}", rand::random::<u32>()));
            parent.join(hidden)
        };
        let (unfinished, replaced) = (beside("unfinished"), beside("replaced"));
        let made = DirBuilder::new().mode(0o700).create(&unfinished);
        made.map_err(|error| not_made(&place, parent, &error))?;
        Ok(Self { place, unfinished, replaced })
    }

    /// Moves it to its place, and gives the size of the copied database.
    fn finish(&self) -> Result<u64, Failed> {
        let moved = (|| {
            let size = fs::metadata(self.unfinished.join(FILES[0]))?.len();
            File::open(&self.unfinished)?.sync_all()?;
            let replaces = self.place.exists();
            if replaces {
                fs::rename(&self.place, &self.replaced)?;
            }
            if let Err(error) = fs::rename(&self.unfinished, &self.place) {
                // The old one is better than none.
                if replaces {
                    fs::rename(&self.replaced, &self.place)?;
                }
                return Err(error);
            }
            if let Some(parent) = self.place.parent() {
                File::open(parent)?.sync_all()?;
            }
            if replaces {
                fs::remove_dir_all(&self.replaced)?;
            }
            Ok(size)
        })();
        moved.map_err(|error| cannot("make", &self.place, &error))
    }
}

/// Why no directory can be made here, which is for its parent to say.
fn not_made(place: &Path, parent: &Path, error: &io::Error) -> Failed {
    let (place, above) = (place.display(), parent.display());
    let why = match error.kind() {
        io::ErrorKind::NotFound => format!("there is no directory {above}. Make it first: mkdir -p {above}"),
        io::ErrorKind::NotADirectory => format!("{above} is no directory"),
        io::ErrorKind::PermissionDenied => {
            format!("{}. Name a directory that you may write to", Keeper::of(parent).says)
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            format!("nothing can be written to {above}: it is mounted for reading only")
        }
        _ => error.to_string(),
    };
    Failed::Input(format!("cannot make {place}: {why}"))
}

/// What the server could not write, though whoever typed the command can.
fn not_written(failed: Failed, place: &Path) -> Failed {
    match failed {
        Failed::Denied(denied) if denied.detail.contains("unable to open database") => Failed::Input(format!(
            "the running server makes the copy itself, and cannot write to {}: run this as its user, and name a directory \
             that it may write to",
            place.display()
        )),
        other => other,
    }
}

/// Whether a backup may come to this place: nothing is there, or, if it may be replaced, a backup and nothing else.
fn check(place: &Path, force: bool) -> Result<(), Failed> {
    let entries = match fs::read_dir(place) {
        Ok(entries) => entries,
        // What its parent is like is seen when it is made.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) && !place.exists() =>
        {
            return Ok(());
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(Failed::Input(format!("cannot use {}: {}", place.display(), Keeper::of(place).says)));
        }
        Err(error) => return Err(cannot("use", place, &error)),
    };
    let names: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    let place = place.display();
    if names.iter().any(|name| !FILES.iter().any(|file| name == file)) {
        return Err(Failed::Input(format!(
            "{place} holds something else than a backup. Name a directory to make, such as {place}/goldcrest"
        )));
    }
    if names.is_empty() || force {
        return Ok(());
    }
    Err(Failed::Input(format!("{place} holds a backup already. Name another directory, or replace it with --force")))
}
