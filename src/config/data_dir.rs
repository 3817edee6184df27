//! The data directory: made for its owner alone, and held by one process at a time.

use super::Keeper;
use std::fs::{DirBuilder, DirEntry, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file of the embedded database.
const DATABASE: &str = "goldcrest.db";
/// The file that whoever holds the directory has locked.
const LOCK: &str = "lock";

/// The directory of the embedded database, the signing key, the lock and the admin socket.
#[derive(Debug, Clone)]
pub struct DataDir {
    path: PathBuf,
}

/// The right to change what is in a data directory. It ends when this is dropped, or when the process does.
#[derive(Debug)]
#[must_use = "the directory is held only as long as this is kept"]
pub struct Lock {
    // The kernel's lock hangs on the open file, so nothing stale remains after a crash.
    _file: File,
}

/// Somebody who holds a data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The process, as far as the lock file tells.
    pub process: Option<u32>,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It is not there and cannot be made, or it is something else.
    #[error("cannot use {} as the data directory: {source}", path.display())]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It, or what it lies in, is kept from us.
    #[error("permission to use {} as the data directory is denied: {}; {}", path.display(), keeper.says, keeper.advice)]
    Denied {
        /// The directory.
        path: PathBuf,
        /// Who keeps it from us.
        keeper: Keeper,
    },
    /// Another process holds it.
    #[error("{} is in use by another goldcrest process{}", path.display(), named(*holder))]
    Held {
        /// The directory.
        path: PathBuf,
        /// The process that holds it, as far as the lock file tells.
        holder: Option<u32>,
    },
    /// A restore ended in the middle of exchanging the files.
    #[error(
        "a restore of {} was broken off, and its files may be of two databases: run `goldcrest restore` again",
        .0.display()
    )]
    Unfinished(PathBuf),
    /// The database went elsewhere, and its numbers go on there.
    #[error(
        "the embedded database of {} was copied to the database server at {to}, where its numbers go on: start with \
         --database-url. The way back, without what was written there since: `goldcrest restore --renumber`, without --database-url",
        path.display()
    )]
    Moved {
        /// The directory.
        path: PathBuf,
        /// Where to.
        to: String,
    },
}

impl DataDirError {
    fn of(path: &Path, source: io::Error) -> Self {
        Self::at(path, path, source)
    }

    /// The directory cannot be used because of something in it.
    fn at(path: &Path, place: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if source.kind() == io::ErrorKind::PermissionDenied {
            return Self::Denied { keeper: Keeper::of(place), path };
        }
        Self::Unusable { path, source }
    }
}

fn named(holder: Option<u32>) -> String {
    holder.map(|holder| format!(" (process {holder})")).unwrap_or_default()
}

impl DataDir {
    /// The directory at a path, made for its owner alone if it is not there. One that exists keeps its permissions:
    /// they are its owner's choice, and the secrets in it have permissions of their own.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let unusable = |source| DataDirError::of(path, source);
        if !path.try_exists().map_err(unusable)? {
            DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
            // A power cut after the first acknowledged message must not lose the directory that holds it.
            sync_parent(path).map_err(unusable)?;
        }
        if !path.is_dir() {
            return Err(unusable(io::ErrorKind::NotADirectory.into()));
        }
        Ok(Self { path: path.to_owned() })
    }

    /// The directory at a path if it is there, for somebody who changes nothing in it.
    pub fn existing(path: &Path) -> Option<Self> {
        path.is_dir().then(|| Self { path: path.to_owned() })
    }

    /// Whether there is an embedded database in the directory at a path.
    pub fn has_database(path: &Path) -> Result<bool, DataDirError> {
        match path.join(DATABASE).try_exists() {
            // A file is where the directory should be.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
            looked => looked.map_err(|source| DataDirError::of(path, source)),
        }
    }

    /// Whether a process ever held the directory at a path, which leaves a file there.
    pub fn was_held(path: &Path) -> bool {
        path.join(LOCK).exists()
    }

    /// Whether a process holds the directory, and which as far as the lock file tells. Nothing is written.
    pub fn held_by(&self) -> io::Result<Option<Holder>> {
        let file = match File::open(self.path.join(LOCK)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        // Held for less than a moment: a server that begins just then is told that somebody is here, and not who.
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some(Holder { process: holder(&file) })),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Takes the directory for this process, or says who has it, or that what is in it is not whole.
    pub fn lock(&self) -> Result<Lock, DataDirError> {
        let lock = self.lock_to_restore()?;
        if self.unfinished_restore().exists() { Err(DataDirError::Unfinished(self.path.clone())) } else { Ok(lock) }
    }

    /// Takes the directory for this process to put other files there, whatever is there now.
    pub fn lock_to_restore(&self) -> Result<Lock, DataDirError> {
        let path = self.path.join(LOCK);
        let unusable = |source| DataDirError::at(&self.path, &path, source);
        // Never removed without the directory: a lock on a file that another process has unlinked would protect nothing.
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DataDirError::Held { path: self.path.clone(), holder: holder(&file) });
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        // For people who ask who it is; nothing depends on it.
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(unusable)?;
        Ok(Lock { _file: file })
    }

    /// Removes the directory if nothing but the lock is in it: it was made for nothing. Whoever has opened that lock meanwhile
    /// may have it after this, and no directory to do anything in.
    pub fn remove_unused(&self, _held: &Lock) {
        let is_lock = |entry: io::Result<DirEntry>| entry.is_ok_and(|entry| entry.file_name() == LOCK);
        if std::fs::read_dir(&self.path).is_ok_and(|mut entries| entries.all(is_lock)) {
            // What stays is empty, and in nobody's way.
            drop(std::fs::remove_file(self.path.join(LOCK)).and_then(|()| std::fs::remove_dir(&self.path)));
        }
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the commands of the operator reach the running server.
    pub fn admin_socket(&self) -> PathBuf {
        self.path.join("admin.sock")
    }

    /// A file that is there while the files of the directory are exchanged.
    pub fn unfinished_restore(&self) -> PathBuf {
        self.path.join("restore-unfinished")
    }

    /// Refuses the embedded database if it was copied to a database server: were both served, they would give the same
    /// numbers to different things.
    pub fn stayed(&self) -> Result<(), DataDirError> {
        match self.moved_to()? {
            Some(to) => Err(DataDirError::Moved { path: self.path.clone(), to }),
            None => Ok(()),
        }
    }

    /// Where the embedded database was copied to, if it was.
    pub fn moved_to(&self) -> Result<Option<String>, DataDirError> {
        match std::fs::read_to_string(self.moved()) {
            Ok(to) => Ok(Some(to.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(DataDirError::at(&self.path, &self.moved(), error)),
        }
    }

    /// Notes where the embedded database is copied to. It is on disk when this returns.
    pub fn mark_moved(&self, to: &str) -> io::Result<()> {
        let mut mark = File::create(self.moved())?;
        writeln!(mark, "{to}")?;
        mark.sync_all()?;
        File::open(&self.path)?.sync_all()
    }

    /// Takes that note away: what is here now is served here.
    pub fn unmark_moved(&self) -> io::Result<()> {
        match std::fs::remove_file(self.moved()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => File::open(&self.path)?.sync_all(),
        }
    }

    /// A file that is there if the embedded database was copied to a database server, and says which.
    pub fn moved(&self) -> PathBuf {
        self.path.join("copied-to-server")
    }

    /// Where the embedded database is.
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Where the signing key is, unless the operator keeps it elsewhere.
    pub fn signing_key(&self) -> PathBuf {
        Self::signing_key_in(&self.path)
    }

    /// Where it is in a directory that may not be there yet.
    pub fn signing_key_in(path: &Path) -> PathBuf {
        path.join("jwt.key")
    }
}

fn holder(file: &File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_new_directory_is_its_owners_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("some/where/data");
        DataDir::open(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn a_file_is_no_directory() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("data");
        std::fs::write(&path, "").unwrap();
        let error = DataDir::open(&path).unwrap_err();
        assert!(error.to_string().contains("not a directory"), "{error}");
    }

    #[test]
    fn what_went_elsewhere_is_not_served_here() {
        let home = tempfile::tempdir().unwrap();
        let dir = DataDir::open(home.path()).unwrap();
        dir.stayed().unwrap();
        dir.mark_moved("10.0.0.2:5432").unwrap();
        let error = dir.stayed().unwrap_err().to_string();
        assert!(error.contains("at 10.0.0.2:5432, where") && error.contains("restore --renumber"), "{error}");
        for _ in 0..2 {
            dir.unmark_moved().unwrap();
            dir.stayed().unwrap();
        }
    }

    #[test]
    fn one_at_a_time_holds_it_and_the_next_is_told_who() {
        let home = tempfile::tempdir().unwrap();
        let dir = DataDir::open(home.path()).unwrap();
        let lock = dir.lock().unwrap();
        let error = dir.lock().unwrap_err();
        assert!(error.to_string().ends_with(&format!("(process {})", std::process::id())), "{error}");
        drop(lock);
        drop(dir.lock().unwrap());
    }
}
