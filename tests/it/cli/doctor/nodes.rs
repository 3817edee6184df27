//! The way to other nodes: NATS that lets us in, or does not.

use super::super::operator::Operator;
use super::Diagnosis;
use crate::support::Nats;

#[tokio::test]
async fn nats_is_tried_out() {
    let nats = Nats::start().await;
    let operator = Operator::alone();
    let asked = async |url: &str| {
        // Which database they share is not what this is about.
        let database = "postgres://nobody@127.0.0.1:1/none";
        let options = ["--listen", "127.0.0.1:0", "--database-url", database, "--nats-url", url];
        Diagnosis::of(&operator, &options).await
    };
    asked(&nats.url()).await.says("nats", "fine", "lets us in", "");
    let diagnosis = asked(&nats.url().replace("p%40ss", "secret-9f")).await;
    diagnosis.says("nats", "wrong", "uthorization violation", "password");
    assert!(diagnosis.all("nats").iter().all(|said| !said.1.contains("secret-9f")), "{diagnosis:?}");
    let nobody = Nats::not_yet();
    asked(&nobody.url()).await.says("nats", "wrong", "refused", "port");
    let open = format!("nats://{}", nats.address);
    asked(&open).await.says("options", "wrong", "names no credentials", "");
    Diagnosis::of(&operator, &["--listen", "127.0.0.1:0"]).await.says("nats", "skipped", "no --nats-url", "");
}
