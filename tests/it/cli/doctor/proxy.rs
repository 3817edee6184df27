//! Real proxies before a real server: what they hold back, and what they leave out.

use super::super::operator::Operator;
use super::Diagnosis;
use crate::support::nginx::{Nginx, right};
use crate::support::{FreeAddress, Options, Server};

fn options() -> Options {
    Server::options().set("--rate-limits", "on")
}

async fn through(server: &Server, nginx: &Nginx, options: &[&str]) -> Diagnosis {
    let operator = Operator::beside(server);
    Diagnosis::of(&operator, &[&["--public-url", &nginx.url], options].concat()).await
}

#[tokio::test]
async fn one_as_the_example_has_it_is_well() {
    let server = options().set("--trusted-proxies", "127.0.0.1").start().await;
    let nginx = Nginx::of_the_example(server.address).await;
    let diagnosis = through(&server, &nginx, &["--trusted-proxies", "127.0.0.1"]).await;
    diagnosis.ails_only(&[]).says("streams", "fine", "as they are sent", "").says("websocket", "fine", "opens", "");
    diagnosis.says("reaches", "fine", "this very server", "").says("addresses", "fine", "believed", "");
    diagnosis.says("http", "fine", "nginx", "");
}

#[tokio::test]
async fn one_that_holds_streams_back_is_found() {
    let server = options().start().await;
    // With its defaults it does as the server asks, streams included; but it asks for no upgrade, and names nobody.
    let nginx = Nginx::before(server.address, "").await;
    let diagnosis = through(&server, &nginx, &[]).await;
    diagnosis.ails_only(&["websocket", "addresses"]).says("streams", "fine", "", "");
    diagnosis.says("websocket", "wrong", "426", "proxy_set_header Upgrade");
    diagnosis.says("addresses", "wrong", "does not say whose requests", "--trusted-proxies 127.0.0.1");
    let nginx = Nginx::before(server.address, "proxy_ignore_headers X-Accel-Buffering;").await;
    let diagnosis = through(&server, &nginx, &[]).await;
    diagnosis.ails_only(&["streams", "websocket", "addresses"]);
    diagnosis.says("streams", "wrong", "held back", "proxy_buffering off");
}

#[tokio::test]
async fn one_that_is_not_believed_and_one_that_believes_everybody_are_found() {
    let server = options().start().await;
    let nginx = Nginx::before(server.address, right()).await;
    let diagnosis = through(&server, &nginx, &[]).await;
    diagnosis.ails_only(&["addresses"]).says("addresses", "wrong", "is not believed", "--trusted-proxies 127.0.0.1");
    let server = options().set("--trusted-proxies", "127.0.0.1").start().await;
    let passes_on = right().replace("$proxy_add_x_forwarded_for", "$http_x_forwarded_for");
    let nginx = Nginx::before(server.address, &passes_on).await;
    let diagnosis = through(&server, &nginx, &["--trusted-proxies", "127.0.0.1"]).await;
    diagnosis.ails_only(&["addresses"]).says("addresses", "wrong", "may claim to come from any", "$proxy_add");
}

mod embedded {
    use super::*;

    #[tokio::test]
    async fn one_that_leads_elsewhere_is_found() {
        let (server, other) = (options().start().await, Server::start().await);
        let nginx = Nginx::before(other.address, right()).await;
        let diagnosis = through(&server, &nginx, &[]).await;
        let passing_on = format!("proxy_pass http://{};", server.address);
        diagnosis.says("reaches", "wrong", "another goldcrest", &passing_on);
        let nginx = Nginx::before(server.address, "return 301 https://chat.invalid$request_uri;").await;
        let diagnosis = through(&server, &nginx, &[]).await;
        diagnosis.ails_only(&["reaches"]).says("reaches", "wrong", "https://chat.invalid/", "--public-url");
        let nobody = FreeAddress::take();
        let nginx = Nginx::before(nobody.address, right()).await;
        let diagnosis = through(&server, &nginx, &[]).await;
        diagnosis.ails_only(&["reaches"]).says("reaches", "wrong", "nobody answers: it says 502", &passing_on);
        diagnosis.says("streams", "skipped", "not tried for that reason", "");
        let nginx = Nginx::before(server.address, "return 200 hello;").await;
        let diagnosis = through(&server, &nginx, &[]).await;
        diagnosis.ails_only(&["reaches"]).says("reaches", "wrong", "not this server: it answers 200", &passing_on);
    }
}
