//! A real nginx, as a proxy before a server.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::LazyLock;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::deadline::PATIENCE;
use super::{FreeAddress, eventually};

/// The example that we give.
pub static EXAMPLE: LazyLock<String> = LazyLock::new(|| {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/nginx.conf");
    std::fs::read_to_string(file).unwrap()
});

/// What it takes to pass everything on, as the example has it: who asks, upgrades, and streams, which the server asks not
/// to be held back.
pub fn right() -> &'static str {
    let (_, location) = EXAMPLE.split_once("proxy_pass http://127.0.0.1:8080;\n").expect("the example passes on");
    location.split_once('}').expect("the location ends").0
}

pub struct Nginx {
    pub url: String,
    pub address: SocketAddr,
    _process: Child,
    _its_own: Vec<FreeAddress>,
    _home: TempDir,
}

impl Nginx {
    /// One that passes everything on to an address, with these directives.
    pub async fn before(server: SocketAddr, directives: &str) -> Self {
        let its_own = FreeAddress::take();
        let address = its_own.address;
        let servers =
            format!("server {{ listen {address}; location / {{ proxy_pass http://{server}; {directives} }} }}");
        Self::with(vec![its_own], &servers).await
    }

    /// One by our example, but for the addresses, and without TLS.
    pub async fn of_the_example(server: SocketAddr) -> Self {
        let (site, plain) = (FreeAddress::take(), FreeAddress::take());
        let mut servers = EXAMPLE.clone();
        for (shown, ours) in [
            ("listen 80;", format!("listen {};", plain.address)),
            ("listen 443 ssl http2;", format!("listen {};", site.address)),
            ("http://127.0.0.1:8080", format!("http://{server}")),
        ] {
            assert!(servers.contains(shown), "the example has {shown:?}");
            servers = servers.replace(shown, &ours);
        }
        let servers: Vec<&str> = servers.lines().filter(|line| !line.trim_start().starts_with("ssl_")).collect();
        Self::with(vec![site, plain], &servers.join("\n")).await
    }

    /// One that listens at these addresses, of which the first is the one to ask.
    async fn with(its_own: Vec<FreeAddress>, servers: &str) -> Self {
        let address = its_own[0].address;
        let home = tempfile::tempdir().unwrap();
        let place = home.path().display();
        let configuration = format!(
            "daemon off; master_process off; pid {place}/pid; error_log stderr;
            events {{}}
            http {{
                access_log off;
                client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
                uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
                {servers}
            }}"
        );
        std::fs::write(home.path().join("nginx.conf"), configuration).unwrap();
        let mut command = Command::new("sh");
        // Debian has it where only root looks.
        command.args(["-c", "PATH=$PATH:/usr/sbin exec nginx -p \"$0\" -c nginx.conf"]).arg(home.path());
        let mut process =
            command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().expect("sh runs");
        eventually(PATIENCE, "nginx to listen", async || {
            if let Some(status) = process.try_wait().unwrap() {
                panic!("nginx ended with {status}; is it installed? apt-get install nginx-light");
            }
            TcpStream::connect(address).await.ok()
        })
        .await;
        Self { url: format!("http://{address}"), address, _process: process, _its_own: its_own, _home: home }
    }
}
