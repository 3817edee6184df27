//! How the operator reaches a running server: the one list of what he can do to its data, and the admin socket that
//! carries it, in HTTP and JSON over a Unix socket.
//!
//! Whoever can open the socket may do all that the operator may, so the file's mode is the whole of its security. It
//! is 0600 from the moment it has its name: it is bound in a directory of mode 0700, given its mode there, and moved to
//! its place when it listens already. The usual ways leave gaps: a restrictive umask holds for the whole process and
//! whatever file another thread happens to make; `chmod` after binding in place leaves a moment in which others connect.
//! Moving also replaces what a dead server left in one step, and nobody ever finds a socket that does not listen yet.

mod caller;
mod listener;
mod secret;
mod verb;

pub(crate) use caller::{AskError, ask};
pub use listener::AdminSocket;
pub use secret::Secret;
pub use verb::Denied;
pub(crate) use verb::{KeyRow, Outcome, UserRow, Verb};

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// The one path of the little HTTP service.
const PATH: &str = "/v1/verbs";
/// The longest verb.
const VERB_BYTES: usize = 64 * 1024;
/// What fits into a socket's address everywhere (`sun_path` is 104 bytes on the BSDs, 108 on Linux, with a NUL).
const ADDRESS_BYTES: usize = 103;

/// A name for a socket file that fits into an address, however deep its directory lies.
struct Address {
    path: PathBuf,
    /// Keeps the short way open.
    _directory: Option<File>,
}

impl Address {
    fn of(socket: &Path) -> io::Result<Self> {
        if socket.as_os_str().len() <= ADDRESS_BYTES {
            return Ok(Self { path: socket.to_owned(), _directory: None });
        }
        let (Some(parent), Some(name)) = (socket.parent(), socket.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let directory = File::open(parent)?;
        let path = Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(name);
        Ok(Self { path, _directory: Some(directory) })
    }
}
