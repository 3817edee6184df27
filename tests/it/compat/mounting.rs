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
        (&["--compat", "kinglet=debug", "--public-url", "https://chat.example.org"], "for this machine alone"),
        (&["--compat", "kinglet=debug", "--trusted-proxies", "127.0.0.1/32"], "for this machine alone"),
    ] {
        let complaint = operator.types(arguments).await.complains();
        assert!(complaint.contains(said), "{arguments:?}: {complaint}");
    }
    assert!(!operator.data_dir().exists(), "nothing was begun");
}

#[tokio::test]
async fn a_page_elsewhere_is_known_by_where_it_was_followed_from() {
    let server =
        Server::options().set("--compat", "oms").set("--allow-origins", "https://app.example.org").start().await;
    let ask = async |headers: &[(&str, &str)]| {
        let mut caller = server.stranger();
        for (name, value) in headers {
            caller = caller.with_header(name, value);
        }
        caller.get("/compat/oms/api/message").await.status == 403
    };
    let own = format!("http://{}/compat/oms/", server.address);
    for (referer, foreign) in [
        ("http://evil.example/page", true),
        ("https://evil.example/", true),
        ("about:blank", true),
        ("nonsense", true),
        (own.as_str(), false),
        ("https://app.example.org/page?x", false),
    ] {
        assert_eq!(ask(&[("referer", referer)]).await, foreign, "{referer}");
    }
    assert!(!ask(&[]).await, "who is no browser says nothing");
    assert!(!ask(&[("referer", "http://evil.example/"), ("sec-fetch-site", "same-origin")]).await, "the browser knows");
    assert!(ask(&[("referer", &own), ("sec-fetch-site", "cross-site")]).await);
}

#[tokio::test]
async fn what_is_for_this_machine_alone_goes_by_its_names_alone() {
    let server = Server::options().set("--compat", "kinglet=debug").start().await;
    let by = async |host: &str| {
        let answer = server.stranger().with_header("host", host).get("/compat/kinglet/nowhere").await;
        (answer.status == 403, String::from_utf8_lossy(&answer.body).into_owned())
    };
    for own in ["localhost", "localhost:8080", "127.0.0.1", "127.0.0.1:8080", "[::1]:8080"] {
        assert!(!by(own).await.0, "{own}");
    }
    for other in ["evil.example", "10.0.0.7:8080", "chat.example.org", "127.0.0.1.nip.io"] {
        assert!(by(other).await.0, "{other}");
    }
}

#[tokio::test]
async fn a_name_that_the_operator_allows_leads_here() {
    let options = Server::options().set("--compat", "chat=open").set("--allow-origins", "http://goldcrest:8080");
    let server = options.set("--public-url", "https://chat.example.org").start().await;
    let by = async |host: &str| {
        let answer = server.stranger().with_header("host", host).get("/compat/chat/nowhere").await;
        (answer.status == 403, String::from_utf8_lossy(&answer.body).into_owned())
    };
    for own in ["goldcrest:8080", "GOLDCREST", "chat.example.org", "10.0.0.7:8080", "localhost"] {
        assert!(!by(own).await.0, "{own}");
    }
    let (refused, said) = by("evil.example").await;
    assert!(refused && said.contains("--allow-origins"), "{said}");
}

#[tokio::test]
async fn a_slash_behind_the_name_leads_to_the_same_interface() {
    let server = Server::options().set("--compat", "babbel=open,msgboard,chat,oms,kinglet").start().await;
    let stranger = server.stranger();
    for name in ["babbel", "msgboard", "chat", "oms", "kinglet"] {
        let (without, with) = (format!("/compat/{name}"), format!("/compat/{name}/"));
        let (without, with) = (stranger.get(&without).await, stranger.get(&with).await);
        assert_eq!((with.status, with.header("content-type")), (404, Some("application/json")), "{name}");
        assert_eq!(with.describe(), without.describe(), "{name}");
    }
    let foreign = stranger.with_header("host", "evil.example").get("/compat/babbel/").await;
    assert_eq!(foreign.status, 403, "{}", foreign.describe());
}
