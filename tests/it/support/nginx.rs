//! A real nginx, as a proxy before a server.

use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::deadline::PATIENCE;
use super::eventually;

/// What it takes to pass everything on: who asks, upgrades, and streams, which the server asks not to be held back.
pub const RIGHT: &str = "
    proxy_http_version 1.1;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection upgrade;
";

pub struct Nginx {
    pub url: String,
    _process: Child,
    _home: TempDir,
}

impl Nginx {
    /// One that passes everything on to an address, with these directives.
    pub async fn before(server: SocketAddr, directives: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().display();
        // Nobody else is given it as long as this one is remembered, which is long enough.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let configuration = format!(
            "daemon off; master_process off; pid {place}/pid; error_log stderr;
            events {{}}
            http {{
                access_log off;
                client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
                uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
                server {{ listen {address}; location / {{ proxy_pass http://{server}; {directives} }} }}
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
        Self { url: format!("http://{address}"), _process: process, _home: home }
    }
}
