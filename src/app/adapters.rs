//! Which older systems' interfaces there are, and where each is mounted.

use super::{StartError, pace};
use crate::api::DocsPage;
use crate::compat::{ADAPTERS, Adapter, Front, FrontOptions, Mode, PAGES, adapter, mount, names_this_machine};
use crate::config::Options;
use crate::gate::Gate;
use crate::service::Services;
use crate::transport::{Pace, listen};
use axum::Router;
use axum::routing::any_service;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use url::Url;

/// Why an older system's interface is not mounted as the operator asked.
#[derive(Debug, thiserror::Error)]
pub enum AdaptersError {
    /// There is none of this name.
    #[error("--compat: there is no interface called {0}. There are {names}", names = names())]
    Unknown(String),
    /// It is named twice.
    #[error("--compat names {0} twice")]
    Twice(&'static str),
    /// It knows no such word.
    #[error("--compat: {0} knows no mode called {1}{known}", known = known(.0))]
    NoMode(&'static str, String),
    /// Its passwords and links would be everybody's.
    #[error(
        "--compat {0}={1} gives passwords to whoever asks, so it is for this machine alone: listen on 127.0.0.1, \
         not on {2}"
    )]
    NotLoopback(&'static str, &'static str, SocketAddr),
    /// The same, by the name or the proxy through which others reach this machine.
    #[error(
        "--compat {0}={1} gives passwords to whoever asks, so it is for this machine alone: it does not go together \
         with {2}"
    )]
    NotAlone(&'static str, &'static str, &'static str),
    /// An address of its own for what is not mounted.
    #[error("--compat-listen names {0}, which --compat does not")]
    NotChosen(String),
}

/// What is told of them under `/docs`.
pub(super) fn pages() -> Vec<DocsPage> {
    let path = |name: &str| if name.is_empty() { "compat".to_owned() } else { format!("compat/{name}") };
    PAGES.iter().map(|(name, text)| DocsPage { path: path(name), text }).collect()
}

fn names() -> String {
    ADAPTERS.iter().map(|adapter| adapter.name).collect::<Vec<_>>().join(", ")
}

fn known(name: &str) -> String {
    let modes = adapter(name).map_or(&[][..], |adapter| adapter.modes);
    let words: Vec<_> = modes.iter().map(|mode| mode.word).collect();
    if words.is_empty() { String::new() } else { format!(". It knows: {}", words.join(", ")) }
}

/// The option that says that others than this machine come here, if there is one.
fn of_others(options: &Options) -> Option<&'static str> {
    let elsewhere = |url: &Url| !url.host().is_some_and(|host| names_this_machine(&host));
    if options.public_url.as_ref().is_some_and(elsewhere) {
        return Some("--public-url, unless that is http://localhost");
    }
    (!options.trusted_proxies.is_empty()).then_some("--trusted-proxies")
}

#[derive(Debug)]
struct Chosen {
    adapter: &'static Adapter,
    mode: Option<&'static Mode>,
}

/// The older systems whose clients are served.
#[derive(Debug)]
pub(super) struct Adapters {
    chosen: Vec<Chosen>,
    own: Vec<(&'static Adapter, SocketAddr)>,
    session_lifetime: Option<Duration>,
    pace: Pace,
}

/// An address of an adapter's own, that is listened on.
pub(super) struct Own {
    pub adapter: &'static Adapter,
    pub listener: TcpListener,
}

impl Adapters {
    /// Those that the operator wants.
    pub(super) fn chosen(options: &Options) -> Result<Self, AdaptersError> {
        let mut chosen: Vec<Chosen> = Vec::new();
        for wanted in &options.compat.compat {
            let adapter = adapter(&wanted.name).ok_or_else(|| AdaptersError::Unknown(wanted.name.clone()))?;
            if chosen.iter().any(|known| known.adapter.name == adapter.name) {
                return Err(AdaptersError::Twice(adapter.name));
            }
            let of_word = |word: &String| {
                let mode = adapter.modes.iter().find(|mode| mode.word == word);
                mode.ok_or_else(|| AdaptersError::NoMode(adapter.name, word.clone()))
            };
            let mode = wanted.mode.as_ref().map(of_word).transpose()?;
            chosen.push(Chosen { adapter, mode });
        }
        let find = |name: &str| chosen.iter().find(|known| known.adapter.name == name);
        let mut own = Vec::new();
        for wanted in &options.compat.compat_listen {
            let known = find(&wanted.name).ok_or_else(|| AdaptersError::NotChosen(wanted.name.clone()))?;
            own.push((known.adapter, wanted.listen));
        }
        for Chosen { adapter, mode } in &chosen {
            let Some(mode) = mode else { continue };
            let of_its_own = own.iter().filter(|(other, _)| other.name == adapter.name).map(|(_, address)| *address);
            let mut addresses = of_its_own.chain([options.listen]);
            if mode.loopback_only
                && let Some(address) = addresses.find(|address| !address.ip().to_canonical().is_loopback())
            {
                return Err(AdaptersError::NotLoopback(adapter.name, mode.word, address));
            }
            if mode.loopback_only
                && let Some(flag) = of_others(options)
            {
                return Err(AdaptersError::NotAlone(adapter.name, mode.word, flag));
            }
        }
        Ok(Self { chosen, own, session_lifetime: options.compat.compat_session_lifetime, pace: pace(options) })
    }

    /// What the operator is told of those that trust their callers.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for Chosen { adapter, mode } in &self.chosen {
            let Some(mode) = mode else { continue };
            warnings.push(format!("--compat {}={}: {}", adapter.name, mode.word, mode.warning));
            if mode.trusts_callers {
                warnings.push(format!(
                    "--compat {}={}: without TLS browsers do not say which page sends a request, so any page that \
                     somebody opens who reaches this can act here. Serve it over HTTPS, or to this machine alone",
                    adapter.name, mode.word
                ));
            }
        }
        warnings
    }

    /// Our own routes and, under `/compat/NAME`, theirs.
    pub(super) fn beside(&self, ours: Router, services: &Services, gate: &Gate) -> Router {
        self.chosen.iter().fold(ours, |routes, chosen| {
            let prefix = format!("/compat/{}", chosen.adapter.name);
            let theirs = mount(self.front(chosen, services, gate, prefix.clone()));
            // What is nested answers behind the slash and without it, but not with nothing behind it.
            routes.route(&format!("{prefix}/"), any_service(theirs.clone())).nest(&prefix, theirs)
        })
    }

    /// The routes of one of them, from `/` on.
    pub(super) fn at_root(&self, adapter: &'static Adapter, services: &Services, gate: &Gate) -> Router {
        let chosen = self.chosen.iter().find(|chosen| chosen.adapter.name == adapter.name);
        chosen.map_or_else(Router::new, |chosen| mount(self.front(chosen, services, gate, String::new())))
    }

    /// Listens on the addresses of their own.
    pub(super) fn listen(&self) -> Result<Vec<Own>, StartError> {
        let open = |(adapter, address): &(&'static Adapter, SocketAddr)| {
            let listener = listen(*address).map_err(|error| StartError::Listen(*address, error, "--compat-listen"))?;
            Ok(Own { adapter, listener })
        };
        self.own.iter().map(open).collect()
    }

    fn front(&self, chosen: &Chosen, services: &Services, gate: &Gate, prefix: String) -> Front {
        let Self { session_lifetime, pace, .. } = *self;
        let options = FrontOptions { mode: chosen.mode, prefix, session_lifetime, pace };
        Front::new(chosen.adapter, services.clone(), gate.clone(), options)
    }
}
