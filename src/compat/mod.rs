//! Their languages: adapters that serve the clients of older systems unchanged, over the same accounts, messages and
//! events. An adapter extracts, calls one service, and maps; what its protocol cannot say, it does not see.
//!
//! Each is a folder and a line in the list below, and no adapter knows another. What they have in common stands beside
//! it: [`Front`] is what a handler can reach, `caller` tells who calls, `fields` reads what was sent in whatever form,
//! `guard` refuses what no handler should see, and [`Refused`] is a refusal before an adapter puts it into its own words.

mod caller;
mod fields;
mod front;
mod guard;
mod refused;

use axum::Router;
use axum::response::Response;
use std::fmt;

pub use front::{Front, FrontOptions, names_this_machine};
pub use guard::mount;
pub use refused::Refused;

/// `cargo fmt` does not look behind the macro: the formatting check names these files to it.
macro_rules! adapters {
    ($($name:ident,)*) => {
        $(mod $name;)*
        /// All adapters.
        pub static ADAPTERS: &[&Adapter] = &[$(&$name::ADAPTER),*];
        /// What tells people of all of them, and of each: Markdown, by the name of the adapter.
        pub const PAGES: &[(&str, &str)] = &[
            ("", include_str!("../../docs/compat/README.md")),
            $((stringify!($name), include_str!(concat!("../../docs/compat/", stringify!($name), ".md")))),*
        ];
    };
}

adapters! {
    babbel,
    msgboard,
    chat,
    oms,
    kinglet,
}

/// Who says what the server itself says, in protocols that want a name: one that nobody can take.
const THE_SERVER: &str = "(server)";

/// An older system's interface.
pub struct Adapter {
    /// What `--compat` calls it, and its path under `/compat/`.
    pub name: &'static str,
    /// The ways to mount it beside the usual one, by the word behind `=`.
    pub modes: &'static [Mode],
    /// What may stand in `Authorization`.
    pub schemes: &'static [Scheme],
    /// Its routes, from `/` on, with its own words for a route or a method that there is not.
    pub router: fn(Front) -> Router,
    /// A refusal in its own words.
    pub refuse: fn(&Refused) -> Response,
}

impl fmt::Debug for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adapter").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A way to mount an adapter that the operator has to ask for by a word.
#[derive(Debug, PartialEq, Eq)]
pub struct Mode {
    /// The word.
    pub word: &'static str,
    /// Whether it acts for whomever a request names, without credentials.
    pub trusts_callers: bool,
    /// Whether it is for trying things out, on this machine alone.
    pub loopback_only: bool,
    /// What the log says about it at the start.
    pub warning: &'static str,
}

/// A scheme of `Authorization` (RFC 9110, section 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// A name and a password (RFC 7617).
    Basic,
    /// One of our access tokens or API keys (RFC 6750).
    Bearer,
    /// An opaque session of this adapter's.
    Token,
}

/// The adapter of this name.
pub fn adapter(name: &str) -> Option<&'static Adapter> {
    ADAPTERS.iter().find(|adapter| adapter.name == name).copied()
}
