//! The container files and the program must speak of the same things: an option renamed here is renamed there.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::deadline::PATIENCE;
use crate::support::nginx::EXAMPLE;
use crate::support::signal::{Signal, signal};
use crate::support::within;

const PROGRAM: &str = env!("CARGO_BIN_EXE_goldcrest");

#[test]
fn every_variable_in_the_container_files_is_an_option_of_the_server() {
    let help = help_of(&["serve", "--help"]);
    for file in ["Dockerfile", "docker-compose.yml", "deploy/goldcrest.service", "docs/deploying.md"] {
        let named = variables(&read(file));
        assert!(!named.is_empty(), "{file} sets nothing");
        for variable in named {
            // One that holds a secret is shown without its value.
            let read = ["=", "]"].iter().any(|end| help.contains(&format!("[env: {variable}{end}")));
            assert!(read, "{file} has {variable}, which no option reads");
        }
    }
}

#[test]
fn the_health_check_of_the_image_is_a_command() {
    assert!(read("Dockerfile").contains(r#"CMD ["goldcrest", "health"]"#));
    help_of(&["health", "--help"]);
}

#[test]
fn the_port_outside_is_the_one_whose_pages_may_write() {
    let compose = read("docker-compose.yml");
    for line in [
        r#"- "127.0.0.1:${PORT:-8080}:8080""#,
        r#"published: "${PORT:-8080}""#,
        "${PUBLIC_URL:-${SITE_ADDRESS:+https://}${SITE_ADDRESS:-http://localhost:${PORT:-8080}}}",
    ] {
        assert!(compose.contains(line), "{line}");
    }
}

#[test]
fn the_image_is_built_with_the_oldest_rust_that_is_promised() {
    let cargo = read("Cargo.toml");
    let (_, version) = cargo.split_once("\nrust-version = \"").unwrap();
    let (version, _) = version.split_once('"').unwrap();
    assert!(read("Dockerfile").contains(&format!("\nFROM rust:{version}-slim-")), "not rust {version}");
}

#[test]
fn what_the_image_is_built_from_is_there() {
    let let_in: Vec<String> =
        read(".dockerignore").lines().filter_map(|line| line.strip_prefix('!').map(str::to_owned)).collect();
    assert!(let_in.len() > 4, "{let_in:?}");
    for file in &let_in {
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists(), "there is no {file}");
    }
    // Without the manifest of a member cargo does not look at the others.
    let cargo = read("Cargo.toml");
    let (_, members) = cargo.split_once("members = [").unwrap();
    for member in members.split_once(']').unwrap().0.split(',').map(|name| name.trim().trim_matches('"')) {
        let manifest = Path::new(member).join("Cargo.toml");
        let is_there = member == "." || let_in.iter().any(|let_in| manifest.starts_with(let_in));
        assert!(is_there, "cargo in the image does not see {member}");
    }
}

#[test]
fn the_page_shows_of_the_proxies_what_their_examples_hold() {
    let page = read("docs/deploying.md");
    let shown = |language: &str| {
        let (_, block) = page.split_once(&format!("```{language}\n")).unwrap();
        block.split_once("```").unwrap().0.to_owned()
    };
    let (_, location) = EXAMPLE.split_once("    location / {").unwrap();
    let (location, _) = location.split_once("    }\n").unwrap();
    assert_eq!(shown("nginx"), format!("location / {{{location}}}\n").replace("\n    ", "\n"));
    assert!(read("deploy/Caddyfile").ends_with(&format!("\n\n{}", shown("caddy"))));
    // What the doctor advises of headers is what the example does.
    let advised = read("src/cli/doctor/proxy.rs");
    for (_, rest) in advised.match_indices("proxy_set_header ").map(|(at, _)| advised.split_at(at)) {
        let directive = rest.split_once(';').unwrap().0.replace('\\', "");
        assert!(EXAMPLE.contains(&format!("{directive};")), "the example has not {directive:?}");
    }
}

#[tokio::test]
async fn a_service_manager_is_told_when_the_server_listens_and_when_it_stops() {
    let home = tempfile::tempdir().unwrap();
    let place = home.path().join("notify");
    let manager = tokio::net::UnixDatagram::bind(&place).unwrap();
    let mut command = tokio::process::Command::new(PROGRAM);
    command.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(home.path().join("data")).env("NOTIFY_SOCKET", &place);
    let mut server = command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let told = async || {
        let mut said = [0; 64];
        let length = within(PATIENCE, "a word to the service manager", manager.recv(&mut said)).await.unwrap();
        String::from_utf8_lossy(&said[..length]).into_owned()
    };
    assert_eq!(told().await, "READY=1");
    signal(Signal::TERM, server.id().unwrap());
    assert_eq!(told().await, "STOPPING=1");
    assert!(within(PATIENCE, "the server to stop", server.wait()).await.unwrap().success());
}

#[test]
fn no_container_file_holds_a_secret() {
    for file in ["Dockerfile", "docker-compose.yml", "deploy/goldcrest.service", "deploy/compose/nats.conf"] {
        for line in read(file).lines().filter(|line| !line.trim_start().starts_with('#')) {
            // Where secrets are kept and who makes them is none, nor is a variable in the place of one.
            let named = [
                "/secrets",
                "secrets:",
                "nats-password.conf",
                "database-password",
                "PASSWORD_FILE",
                "password: $password",
            ];
            let lower = named.iter().fold(line.to_owned(), |line, name| line.replace(name, "")).to_lowercase();
            let secret = ["password", "secret", "token"].into_iter().find(|word| lower.contains(word));
            assert_eq!(secret, None, "{file}: {line}");
        }
    }
}

#[test]
fn every_service_of_the_compose_file_is_named_where_it_is_used() {
    let compose = read("docker-compose.yml");
    let (_, services) = compose.split_once("\nservices:\n").unwrap();
    let (services, _) = services.split_once("\nnetworks:\n").unwrap();
    let names: Vec<&str> = services
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
        .filter(|name| !name.starts_with(' '))
        .collect();
    assert_eq!(names, ["node-1", "node-2", "caddy", "postgres", "nats", "secrets", "compat", "single"]);
    let caddy = read("deploy/compose/Caddyfile");
    for node in names.iter().filter(|name| name.starts_with("node-")) {
        assert!(caddy.contains(&format!("{node}:8080")), "Caddy does not know {node}");
    }
    for file in ["README.md", "docs/deploying.md", "docs/doctor.md", "docker-compose.yml"] {
        let page = read(file);
        for (_, command) in
            page.match_indices("docker compose exec ").map(|(at, found)| page.split_at(at + found.len()))
        {
            let name = command.trim_start_matches("-T ").split([' ', '`', '\n']).next().unwrap();
            assert!(names.contains(&name), "{file} types `docker compose exec {name}`");
        }
    }
}

#[test]
fn variables_are_found_in_any_place() {
    let text = "ENV GOLDCREST_LISTEN=0.0.0.0:8080 \\\n    GOLDCREST_DATA_DIR=/data\n# GOLDCREST_PUBLIC_URL: x";
    let found: Vec<String> = variables(text).into_iter().collect();
    assert_eq!(found, ["GOLDCREST_DATA_DIR", "GOLDCREST_LISTEN", "GOLDCREST_PUBLIC_URL"]);
}

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

fn help_of(arguments: &[&str]) -> String {
    let output = Command::new(PROGRAM).args(arguments).output().unwrap();
    assert!(output.status.success(), "`goldcrest {}`: {}", arguments.join(" "), output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// The names that the server reads, wherever they stand: also commented out, for that is how options are shown.
fn variables(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_uppercase() || c == '_'))
        .filter(|word| word.starts_with("GOLDCREST_"))
        .map(str::to_owned)
        .collect()
}
