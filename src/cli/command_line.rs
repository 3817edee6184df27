//! What may stand on the command line, and what its help says.

use super::{backup, copy, doctor, health, keys, restore, send, tail, token, users};
use crate::config::{Options, values};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::collections::HashSet;
use std::ffi::OsString;

/// Behind all that a command declares by itself, and before `--help`.
const SHARED: usize = 500;

/// Self-hosted real-time messaging. Without a command, the server starts.
#[derive(Debug, Parser)]
#[command(
    name = "goldcrest",
    version,
    max_term_width = 100,
    subcommand_help_heading = "Commands",
    after_help = "Without a command the server starts, with any option of `goldcrest serve`.\n\
        Each option of the server is also read from the environment: --data-dir from GOLDCREST_DATA_DIR, and so on."
)]
pub(super) struct CommandLine {
    #[command(flatten)]
    pub options: Options,

    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the server (the default).
    Serve(Box<Options>),
    /// Bring the database up to date, as the server does when it starts.
    Migrate,
    /// Ask a server whether it is ready: exit code 0 or 1. For health checks of containers.
    ///
    /// It asks the server of this machine, at the address of --listen or `GOLDCREST_LISTEN`, unless --server says
    /// another.
    Health(health::Command),
    /// Say what is fine about a server, what is doubtful and what is wrong, and what to do about it.
    ///
    /// It takes the options and the environment of `goldcrest serve`, changes nothing, and works beside a running server
    /// and without one. The exit code is 0 if nothing is wrong, and 1 otherwise; warnings do not count.
    Doctor(Box<doctor::Command>),
    /// Copy the database and the signing key into a directory, while the server runs or not.
    ///
    /// The directory holds goldcrest.db, checked, and jwt.key. It is there whole or not at all.
    Backup(backup::Command),
    /// Put a backup in the place of the data. The server must not run.
    ///
    /// No number is given twice: clients that know of later events are told to read their lists anew. All logins and API
    /// keys end, since the backup does not know which were revoked after it.
    Restore(restore::Command),
    /// Copy everything from the embedded database into a database server, to go on there. The server must not run.
    ///
    /// The database there must be empty, and nothing serves from it before all of it was read back and compared. Accounts,
    /// passwords, sessions, keys, numbers and cursors stay as they are. The embedded database is not changed; a note beside it
    /// keeps a server from starting on it, since both would then give the same numbers.
    Copy(copy::Command),
    /// Make accounts, and shut people out.
    #[command(subcommand)]
    User(users::Command),
    /// Log somebody in and print an access token.
    ///
    /// Each call leaves one session more in that person's list. It ends when it is revoked, or has not been used for
    /// --session-lifetime. For what runs again and again, make one key with `goldcrest key add`.
    Token(token::Command),
    /// Make, list and revoke API keys.
    #[command(subcommand)]
    Key(keys::Command),
    /// Send a message through a running server.
    Send(send::Command),
    /// Print what happens on a running server, as it happens.
    Tail(tail::Command),
}

impl CommandLine {
    /// Reads a command line; the error may also be the answer to `--help`.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut program = Self::command();
        let matches = shown(program.clone()).try_get_matches_from(arguments)?;
        let read = Self::from_arg_matches(&matches).map_err(|error| error.format(&mut program))?;
        // Here and not where values are read: that would show the URL, and the password in it.
        let place = &read.options.place;
        if place.database_url().is_some_and(|url| !values::is_database_server(url)) {
            return Err(program.error(ErrorKind::InvalidValue, values::DATABASES));
        }
        if place.database_url().is_some_and(|url| !values::is_readable(url)) {
            return Err(program.error(ErrorKind::InvalidValue, values::UNREADABLE));
        }
        if place.is_named_twice() {
            let both = "--database-url and --database-url-file name the database twice: leave one of them out";
            return Err(program.error(ErrorKind::ArgumentConflict, both));
        }
        if let Some(command) = &read.command
            && let Some(option) = misplaced(&program, &matches, command)
        {
            let name = matches.subcommand_name().unwrap_or_default();
            let why = match command {
                Command::Serve(_) | Command::Doctor(_) => format!("belongs behind `{name}`"),
                Command::Health(_) => {
                    "means nothing to `health`, which looks at no data: it asks the server of this machine at --listen, \
                     or another with --server"
                        .to_owned()
                }
                _ => format!("means nothing to `{name}`, which goes to a running server: --server says which"),
            };
            return Err(program.error(ErrorKind::ArgumentConflict, format!("{option} {why}")));
        }
        Ok(read)
    }
}

/// Variables that look like options of ours and are none, which nobody else would notice.
pub(super) fn strange_variables() -> Vec<String> {
    let program = CommandLine::command();
    let known: HashSet<String> = variables_of(&program).collect();
    let named = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    let mut strange: Vec<String> =
        named.filter(|name| name.starts_with("GOLDCREST_") && !known.contains(name)).collect();
    strange.sort();
    strange
}

fn variables_of(command: &clap::Command) -> Box<dyn Iterator<Item = String> + '_> {
    let own = command.get_arguments().filter_map(|arg| Some(arg.get_env()?.to_string_lossy().into_owned()));
    Box::new(own.chain(command.get_subcommands().flat_map(variables_of)))
}

/// The program with its help made short.
fn shown(program: clap::Command) -> clap::Command {
    // All options of the server would bury the commands; `serve --help` has them.
    let mut program = program.mut_args(|arg| {
        let only_of_the_server = !arg.is_global_set() && arg.get_long().is_some();
        arg.hide(only_of_the_server)
    });
    // Building hands the options that may stand anywhere to all commands, also to those that are clients.
    program.build();
    // Neither clients nor the health check look at the data.
    for elsewhere in ["send", "tail", "health"] {
        program = program.mut_subcommand(elsewhere, |command| {
            command.mut_args(|arg| {
                let meaningless = arg.is_global_set() && arg.get_long() != Some("help");
                arg.hide(meaningless)
            })
        });
    }
    for command in ["migrate", "backup", "restore", "copy", "user", "token", "key"] {
        program = program.mut_subcommand(command, place_last);
    }
    program
}

/// Puts the options that many commands share behind those that are a command's own.
fn place_last(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|arg| {
        let shared = arg.is_global_set() && arg.get_long() != Some("help");
        if shared { arg.display_order(SHARED) } else { arg }
    });
    let below: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    below.into_iter().fold(command, |command, name| command.mut_subcommand(name, place_last))
}

/// An option that would be forgotten without a word.
fn misplaced(program: &clap::Command, matches: &ArgMatches, command: &Command) -> Option<String> {
    let forgotten = |arg: &&clap::Arg| match command {
        // They say which server it is.
        Command::Migrate
        | Command::Backup(_)
        | Command::Restore(_)
        | Command::Copy(_)
        | Command::User(_)
        | Command::Token(_)
        | Command::Key(_) => false,
        Command::Health(_) => arg.get_long() != Some("listen") || arg.is_global_set(),
        // It has them all behind itself, and those that may stand anywhere come from anywhere.
        Command::Serve(_) | Command::Doctor(_) => !arg.is_global_set(),
        Command::Send(_) | Command::Tail(_) => true,
    };
    let given = |arg: &&clap::Arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let arg = program.get_arguments().filter(forgotten).find(given)?;
    Some(format!("--{}", arg.get_long()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<CommandLine, clap::Error> {
        CommandLine::read(line.split(' ').map(OsString::from))
    }

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn nothing_means_serve() {
        let read = read("goldcrest --listen 127.0.0.1:0").unwrap();
        assert!(read.command.is_none());
        assert_eq!(read.options.listen.port(), 0);
    }

    #[test]
    fn the_place_may_stand_anywhere() {
        for line in ["goldcrest --data-dir here user list", "goldcrest user list --data-dir here"] {
            assert_eq!(read(line).unwrap().options.place.data_dir.to_str(), Some("here"), "{line}");
        }
        for line in ["goldcrest --data-dir here serve", "goldcrest serve --data-dir here"] {
            let Some(Command::Serve(options)) = read(line).unwrap().command else { panic!("{line}") };
            assert_eq!(options.place.data_dir.to_str(), Some("here"), "{line}");
        }
    }

    #[test]
    fn no_option_is_forgotten_without_a_word() {
        assert!(read("goldcrest --jwt-key-file k token bob").is_ok());
        assert!(read("goldcrest --listen 127.0.0.1:1 health").is_ok());
        for line in [
            "goldcrest --listen 127.0.0.1:1 serve",
            "goldcrest --listen 127.0.0.1:1 tail",
            "goldcrest tail --data-dir d",
            "goldcrest --heartbeat 1s health",
        ] {
            let error = read(line).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ArgumentConflict, "{error}");
        }
    }

    #[test]
    fn help_shows_the_commands_and_not_all_options_of_the_server() {
        let help = read("goldcrest --help").unwrap_err().to_string();
        assert!(help.contains("--data-dir") && help.contains("tail") && !help.contains("--ring-bytes"), "{help}");
        let help = read("goldcrest serve --help").unwrap_err().to_string();
        assert!(help.contains("--ring-bytes"), "{help}");
        let help = read("goldcrest tail --help").unwrap_err().to_string();
        assert!(help.contains("--after") && !help.contains("--data-dir"), "{help}");
        let help = read("goldcrest health --help").unwrap_err().to_string();
        assert!(help.contains("--listen") && help.contains("--server") && !help.contains("--data-dir"), "{help}");
        let help = read("goldcrest user add --help").unwrap_err().to_string();
        assert!(help.find("--email") < help.find("--data-dir") && help.contains("--database-url"), "{help}");
    }
}
