//! Who keeps us from a file: whose it is, in words, and as whom to come back.

use std::fs::metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// Why permission to use a path is denied, as far as can be seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeper {
    /// Whose the directory or the file in the way is.
    pub says: String,
    /// What whoever is to use it does then.
    pub advice: String,
}

impl Keeper {
    /// Whoever keeps us from this path.
    pub fn of(path: &Path) -> Self {
        // Below a directory that nobody else may enter nothing can be seen, so that is the one to name.
        // Nothing stands before a relative path but the directory that it begins in.
        let mut places =
            path.ancestors().map(|place| if place.as_os_str().is_empty() { Path::new(".") } else { place });
        let Some((place, about)) = places.find_map(|place| Some((place, metadata(place).ok()?))) else {
            return Self { says: "whose it is cannot be seen".to_owned(), advice: "run this as its owner".to_owned() };
        };
        let (place, all) = (place.display(), if about.is_dir() { "rwx" } else { "rw" });
        let (owner, me) = (about.uid(), rustix::process::geteuid().as_raw());
        if owner == me {
            let mode = about.permissions().mode() & 0o7777;
            let says = format!("{place} is yours, and its permissions ({mode:04o}) do not let you");
            return Self { says, advice: format!("chmod u+{all} {place}") };
        }
        let name = |user| name_of(user).unwrap_or_else(|| user.to_string());
        let as_whom = name_of(owner).unwrap_or_else(|| format!("'#{owner}'"));
        Self {
            says: format!("{place} belongs to the user {}, and you are {}", name(owner), name(me)),
            advice: format!("run this as that user: sudo -u {as_whom} goldcrest …"),
        }
    }
}

/// The name of a user of this machine, where its list has it.
fn name_of(user: u32) -> Option<String> {
    let list = std::fs::read_to_string("/etc/passwd").ok()?;
    list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == user.to_string()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_that_can_be_seen_is_named() {
        let home = tempfile::tempdir().unwrap();
        let keeper = Keeper::of(&home.path().join("not/there"));
        assert!(keeper.says.contains(&format!("{} is yours", home.path().display())), "{keeper:?}");
        let keeper = Keeper::of(Path::new("not/there"));
        assert!(keeper.says.starts_with(". "), "{keeper:?}");
        assert_eq!(name_of(0).as_deref(), Some("root"));
        assert_eq!(name_of(u32::MAX - 7), None);
    }
}
