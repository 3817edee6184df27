//! The file with the key that signs tokens: made once, whole, and for its owner's eyes alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The fewest bytes of a key: as many as its hash has (RFC 7518, section 3.2).
const LEAST: usize = 32;
/// The most that is read: a file beyond this is something else that was named by mistake.
const MOST: u64 = 64 * 1024;
/// Random bytes in a new key: as many as the block of the hash has, more would only be hashed down.
const NEW: usize = 64;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no such file, and making one was not wanted.
    #[error(
        "there is no signing key at {}. Make one with: (umask 077; head -c 64 /dev/urandom | base64 -w0 > {})",
        .0.display(), .0.display()
    )]
    Missing(PathBuf),
    /// Others than its owner can read it: whoever did can log in as anybody.
    #[error("others can read the signing key {}: chmod 600 {}", .0.display(), .0.display())]
    Exposed(PathBuf),
    /// It can be guessed.
    #[error("the signing key {} has {bytes} bytes; it needs at least {LEAST}", path.display())]
    Short {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: usize,
    },
    /// It is no key.
    #[error("{} is too long to be a signing key", .0.display())]
    Long(PathBuf),
    /// The file system says no.
    #[error("cannot read or make the signing key {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The key in a file. If there is none and `may_create`, one is made: two that start at once get the same key, and a
/// crash leaves a whole key or none.
pub fn load_or_create(path: &Path, may_create: bool) -> Result<Vec<u8>, KeyError> {
    match load(path) {
        Err(KeyError::Missing(_)) if may_create => {
            create(path).map_err(|source| KeyError::File { path: path.to_owned(), source })?;
            load(path)
        }
        loaded => loaded,
    }
}

fn load(path: &Path) -> Result<Vec<u8>, KeyError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => KeyError::Missing(path.to_owned()),
        _ => KeyError::File { path: path.to_owned(), source },
    };
    let file = File::open(path).map_err(failed)?;
    // Asked of the open file, so that what is checked is what is read.
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(failed(io::Error::other("it is not a file")));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(KeyError::Exposed(path.to_owned()));
    }
    let mut key = Vec::new();
    file.take(MOST + 1).read_to_end(&mut key).map_err(failed)?;
    if key.len() as u64 > MOST {
        return Err(KeyError::Long(path.to_owned()));
    }
    // Editors and `echo` end a file with a line end that nobody means to be part of the key.
    if key.ends_with(b"\n") {
        key.pop();
    }
    if key.len() < LEAST {
        return Err(KeyError::Short { path: path.to_owned(), bytes: key.len() });
    }
    Ok(key)
}

/// Makes the key under a name of its own and then links it to its place, which fails if there is one already. Renaming
/// would not: of two that start at once the later would take the key from under the earlier.
fn create(path: &Path) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
    let unfinished = path.with_file_name(format!(".{name}.{:016x}", rand::random::<u64>()));
    let made = write(&unfinished).and_then(|()| match fs::hard_link(&unfinished, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    // One that a crash leaves behind is a secret of nobody: it never came to be used.
    let removed = fs::remove_file(&unfinished);
    made.and(removed)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

fn write(path: &Path) -> io::Result<()> {
    let key = STANDARD.encode(rand::random::<[u8; NEW]>());
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{key}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(contents: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("jwt.key");
        fs::write(&path, contents).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (home, path)
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("jwt.key");
        assert!(matches!(load_or_create(&path, false), Err(KeyError::Missing(_))));
        let key = load_or_create(&path, true).unwrap();
        assert_eq!(STANDARD.decode(&key).unwrap().len(), NEW);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(load_or_create(&path, true).unwrap(), key);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing unfinished is left");
    }

    #[test]
    fn many_that_start_at_once_get_the_same_key() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("jwt.key");
        let start = |_| {
            let path = path.clone();
            std::thread::spawn(move || load_or_create(&path, true).unwrap())
        };
        let starters: Vec<_> = (0..8).map(start).collect();
        let mut keys: Vec<_> = starters.into_iter().map(|starter| starter.join().unwrap()).collect();
        keys.dedup();
        assert_eq!(keys.len(), 1);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing unfinished is left");
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_remedy() {
        for mode in [0o640, 0o604, 0o660] {
            let (_home, path) = file(&"k".repeat(64), mode);
            let error = load_or_create(&path, true).unwrap_err();
            assert!(error.to_string().contains(&format!("chmod 600 {}", path.display())), "{error}");
        }
    }

    #[test]
    fn a_key_that_is_too_short_is_refused_and_not_replaced() {
        let (_home, path) = file(&format!("{}\n", "k".repeat(31)), 0o600);
        assert!(matches!(load_or_create(&path, true), Err(KeyError::Short { bytes: 31, .. })));
        let (_home, path) = file("", 0o600);
        assert!(matches!(load_or_create(&path, true), Err(KeyError::Short { bytes: 0, .. })));
    }

    #[test]
    fn one_line_end_is_not_part_of_the_key() {
        let key = "k".repeat(32);
        let (_home, path) = file(&format!("{key}\n"), 0o400);
        assert_eq!(load_or_create(&path, false).unwrap(), key.as_bytes());
        let (_home, path) = file(&format!("{key}\n\n"), 0o600);
        assert_eq!(load_or_create(&path, false).unwrap(), format!("{key}\n").as_bytes());
    }

    #[test]
    fn what_is_no_file_of_a_key_is_refused() {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(matches!(load_or_create(home.path(), true), Err(KeyError::File { .. })));
        let (_home, path) = file(&"k".repeat(70_000), 0o600);
        assert!(matches!(load_or_create(&path, true), Err(KeyError::Long(_))));
    }
}
