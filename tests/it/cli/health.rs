//! `health`: one answer for whoever keeps containers.

use super::operator::Operator;
use crate::support::Server;

#[tokio::test]
async fn a_server_is_healthy_while_it_runs() {
    let mut server = Server::start().await;
    let operator = Operator::beside(&server);
    assert_eq!(operator.types(&["health"]).await.line(), "ready");
    let everywhere = format!("0.0.0.0:{}", server.address.port());
    assert_eq!(operator.types(&["--listen", &everywhere, "health"]).await.line(), "ready");
    assert_eq!(operator.types(&["health", "--listen", &everywhere]).await.line(), "ready");
    let url = format!("http://{}", server.address);
    let elsewhere = Operator::alone();
    assert_eq!(elsewhere.types(&["health", "--server", &url]).await.line(), "ready");
    server.kill().await;
    let complaint = elsewhere.types(&["health", "--server", &url]).await.complains();
    assert!(complaint.starts_with(&format!("no answer from {url}/: ")), "{complaint}");
    assert!(complaint.contains("its real URL with --server"), "{complaint}");
    let complaint = operator.types(&["health"]).await.complains();
    assert!(complaint.starts_with(&format!("no answer from {}", server.address)), "{complaint}");
    assert!(complaint.contains("that it listens on with --listen"), "{complaint}");
}

#[tokio::test]
async fn nobody_knows_where_port_0_is() {
    let complaint = Operator::alone().types(&["--listen", "127.0.0.1:0", "health"]).await.complains();
    assert!(complaint.contains("Give the real address"), "{complaint}");
}
