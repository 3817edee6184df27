//! `goldcrest doctor`: what is fine about a server, what is doubtful and what is wrong, and what to do about it.
//!
//! It changes nothing, and works beside a running server and without one. A check says what it has found; what is
//! refused at start it learns from the code that refuses it.

mod certificate;
mod clock;
mod configuration;
mod database;
mod finding;
mod key;
mod limits;
mod mail;
mod nodes;
mod place;
mod probe;
mod proxy;
mod server;
mod settings;
mod upgrade;

use super::failed::Failed;
use crate::app::preflight;
use crate::compat::names_this_machine;
use crate::config::{DataDir, Options};
use crate::lifecycle::end_at_once_on_signals;
use clap::Args;
use finding::Report;
use url::Url;

/// The options of the server that it is about, and how to say what was found.
#[derive(Debug, Args)]
pub(super) struct Command {
    #[command(flatten)]
    options: Options,

    /// Print each finding as one line of JSON.
    #[arg(long)]
    json: bool,
}

/// Who is looked at.
#[derive(Debug)]
struct Patient<'a> {
    options: &'a Options,
    /// The data directory, if it is there.
    data_dir: Option<DataDir>,
    /// Whether a server runs on it, and what it says.
    server: server::Running,
}

impl Patient<'_> {
    /// Whether others than this machine are meant to come here.
    fn is_public(&self) -> bool {
        !self.options.listen.ip().to_canonical().is_loopback()
            || self.options.public_url.as_ref().is_some_and(is_elsewhere)
    }
}

/// Whether a URL leads to another name than those of this machine to itself.
fn is_elsewhere(url: &Url) -> bool {
    !url.host().is_some_and(|host| names_this_machine(&host))
}

/// Looks at everything, one thing after the other, and says what it finds as soon as it has found it.
pub(super) async fn run(command: Command) -> Result<(), Failed> {
    let Command { options, json } = command;
    end_at_once_on_signals().map_err(Failed::Signals)?;
    let data_dir = DataDir::existing(&options.place.data_dir);
    let server = server::find(data_dir.as_ref()).await;
    let patient = Patient { options: &options, data_dir, server };
    let mut report = Report::new(json);

    report.begin("configuration")?;
    let preflight = preflight(&options);
    configuration::look(&patient, &preflight, &mut report)?;
    report.begin("data directory")?;
    place::look(&patient, &mut report)?;
    report.begin("signing key")?;
    key::look(&patient, &mut report)?;
    report.begin("database")?;
    let line = database::look(&patient, &mut report).await?;
    report.begin("clock")?;
    clock::look(line, &mut report)?;
    report.begin("limits")?;
    limits::look(&patient, &mut report)?;
    report.begin("mail")?;
    mail::look(preflight.postman.as_ref(), &options, &mut report).await?;
    report.begin("other nodes")?;
    nodes::look(&options, &mut report).await?;
    report.begin("server")?;
    let here = server::look(&patient, &mut report).await?;
    report.begin("way from outside")?;
    proxy::look(&patient, here.as_ref(), &mut report).await?;
    report.end()
}
