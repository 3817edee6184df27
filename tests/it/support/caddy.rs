//! A real Caddy, as a proxy with TLS and HTTP/2 before a server.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::deadline::PATIENCE;
use super::server::http_client;
use super::{FreeAddress, eventually};

pub struct Caddy {
    /// Where plain HTTP/1.1 is taken and goes on to the site over TLS: requests and event streams by HTTP/2, and upgrades, which
    /// Caddy cannot pass on by that, by HTTP/1.1.
    pub address: SocketAddr,
    process: Child,
    _its_own: [FreeAddress; 2],
    _home: TempDir,
}

impl Caddy {
    /// One by our example, but for the addresses and where its certificate comes from.
    pub async fn of_the_example(server: SocketAddr) -> Self {
        let its_own = [FreeAddress::take(), FreeAddress::take()];
        let [site, address] = its_own.each_ref().map(|free| free.address);
        let home = tempfile::tempdir().unwrap();
        let example = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/Caddyfile")).unwrap();
        for shown in ["chat.example.org {", "127.0.0.1:8080\n"] {
            assert!(example.contains(shown), "the example has {shown:?}");
        }
        let name = format!("https://localhost:{}", site.port());
        let example = example
            .replace(
                "chat.example.org {",
                &format!("{name} {{\nbind 127.0.0.1\ntls internal\nheader X-Spoken {{http.request.proto}}"),
            )
            .replace("127.0.0.1:8080\n", &format!("{server}\n"));
        let on_to_it = |versions: &str| {
            format!(
                "{{\nheader_up Host localhost:{port}\nflush_interval -1\n\
                 transport http {{\ntls_insecure_skip_verify\ntls_server_name localhost\nversions {versions}\n}}\n}}",
                port = site.port()
            )
        };
        let place = home.path().display();
        let configuration = format!(
            "{{\nadmin off\nskip_install_trust\nauto_https disable_redirects\nstorage file_system {place}\n}}\n\
             {example}\nhttp://{address} {{\nbind 127.0.0.1\n@upgrade header Upgrade *\n\
             reverse_proxy @upgrade https://{site} {}\nreverse_proxy https://{site} {}\n}}\n",
            on_to_it("1.1"),
            on_to_it("2"),
        );
        let file = home.path().join("Caddyfile");
        std::fs::write(&file, configuration).unwrap();
        let mut command = Command::new("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file).env("HOME", home.path());
        command.env_remove("XDG_DATA_HOME").env_remove("XDG_CONFIG_HOME");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let process = command.spawn().expect("caddy is installed");
        let mut caddy = Self { address, process, _its_own: its_own, _home: home };
        let http = http_client().build().expect("an HTTP client");
        // Until the site has its certificate this says 502.
        eventually(PATIENCE, "Caddy to pass on", async || {
            if let Some(status) = caddy.process.try_wait().unwrap() {
                panic!("Caddy ended with {status}");
            }
            let answer = http.get(format!("http://{address}/healthz")).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        caddy
    }
}
