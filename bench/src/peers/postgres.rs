//! A PostgreSQL that is made for a run, with its settings as they come.

use super::Place;
use crate::process::{Process, on_core};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// Where it listens.
const PORT: u16 = 5432;

/// Starts it, and says by which URL its database is found.
pub fn start(place: &Place) -> io::Result<(Process, String)> {
    let home = place.scratch.join("postgres");
    fs::create_dir_all(&home)?;
    // It does not run as root, and whoever it runs as has to reach its directory.
    let is_root = fs::metadata("/proc/self").is_ok_and(|this| std::os::unix::fs::MetadataExt::uid(&this) == 0);
    let data = home.join("data");
    let (data, socket) = (data.display().to_string(), home.display().to_string());
    if is_root {
        done(Command::new("chown").arg("-R").arg("postgres:").arg(&home))?;
    }
    let mut initialise = as_postgres(place.core, is_root, &program("initdb")?);
    initialise.args([
        "--pgdata",
        &data,
        "--username",
        "goldcrest",
        "--auth",
        "trust",
        "--encoding",
        "UTF8",
        "--no-sync",
    ]);
    done(&mut initialise)?;
    let mut serve = as_postgres(place.core, is_root, &program("postgres")?);
    serve.args(["-D", &data, "-p", &PORT.to_string(), "-c", "listen_addresses=127.0.0.1"]);
    serve.args(["-c", &format!("unix_socket_directories={socket}"), "-c", "max_connections=200"]);
    let log = place.scratch.join("postgres.log");
    let mut process = Process::start("PostgreSQL", serve, &log)?;
    process.wait_for(SocketAddr::from(([127, 0, 0, 1], PORT)), &log)?;
    Ok((process, format!("postgres://goldcrest@127.0.0.1:{PORT}/postgres")))
}

fn as_postgres(core: Option<usize>, is_root: bool, program: &Path) -> Command {
    if !is_root {
        return on_core(core, program);
    }
    let mut command = on_core(core, "setpriv");
    command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]).arg(program).current_dir("/");
    command
}

/// The newest that is installed; Debian keeps them by version.
fn program(name: &str) -> io::Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin").join(name)).collect();
    found.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()).map(|folder| folder.join(name)));
    found.retain(|path| path.is_file());
    found.sort();
    found.pop().ok_or_else(|| io::Error::other(format!("there is no `{name}` here (package postgresql)")))
}

fn done(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(io::Error::other(format!("{}: {said}", command.get_program().display())))
}
