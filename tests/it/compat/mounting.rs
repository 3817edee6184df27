//! How interfaces of older systems are mounted, and what the server refuses to mount.

use crate::cli::operator::Operator;
use crate::support::Server;

#[tokio::test]
async fn an_interface_is_there_only_if_it_was_asked_for() {
    let none = Server::start().await;
    none.stranger().get("/compat/oms/api/message").await.refused(404, "not_found");
    let server = Server::options().set("--compat", "oms").set("--compat-listen", "oms=127.0.0.1:0").start().await;
    let http = reqwest::Client::new();
    let own = server.own_addresses["oms"];
    for url in [format!("http://{}/compat/oms/api/message", server.address), format!("http://{own}/api/message")] {
        assert_eq!(http.get(&url).send().await.unwrap().status(), 401, "{url}");
    }
    // Nothing else is at that address.
    assert_eq!(http.get(format!("http://{own}/healthz")).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_wish_that_cannot_be_fulfilled_is_answered_with_what_can_be() {
    let operator = Operator::alone();
    for (arguments, said) in [
        (&["--compat", "fax"][..], "There are babbel, msgboard, chat, oms, kinglet"),
        (&["--compat", "oms,oms"], "names oms twice"),
        (&["--compat", "oms=open"], "oms knows no mode called open"),
        (&["--compat", "chat=debug"], "It knows: open"),
        (&["--compat", "oms", "--compat-listen", "chat=127.0.0.1:0"], "names chat, which --compat does not"),
        (&["--listen", "0.0.0.0:0", "--compat", "kinglet=debug"], "for this machine alone"),
    ] {
        let complaint = operator.types(arguments).await.complains();
        assert!(complaint.contains(said), "{arguments:?}: {complaint}");
    }
    assert!(!operator.data_dir().exists(), "nothing was begun");
}
