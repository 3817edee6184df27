//! What administrators see of accounts, and whom they shut out.

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Ear, Person, Server, SseClient, eventually, seconds};
use crate::watched::{Metrics, watched};

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["username"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn administrators_list_accounts() {
    let server = Server::start().await;
    let root = Person::administrator(&server, "root").await;
    Person::register_all(&server, ["Zoë", "Ann", "anton", "ben"]).await;
    server.command(&["user", "suspend", "ben"]).await;
    let all = root.get("/api/v1/admin/users").await.expect(200);
    assert_eq!(names(&all), ["Ann", "anton", "ben", "root", "Zoë"]);
    assert!(all["head"].as_u64().unwrap() > 0);
    let ann = &all["items"][0];
    let expected = json!({"status": "active", "admin": false, "email": null, "email_confirmed": false});
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&ann[field], value, "{field}");
    }
    assert_eq!(names(&root.get("/api/v1/admin/users?prefix=AN").await.expect(200)), ["Ann", "anton"]);
    assert_eq!(names(&root.get("/api/v1/admin/users?prefix=zoe%CC%88").await.expect(200)), ["Zoë"]);
    assert_eq!(names(&root.get("/api/v1/admin/users?status=suspended").await.expect(200)), ["ben"]);
    let first = root.get("/api/v1/admin/users?limit=3").await.expect(200);
    let next = first["next"].as_str().unwrap();
    assert_eq!(
        names(&root.get(&format!("/api/v1/admin/users?cursor={next}&limit=3")).await.expect(200)),
        ["root", "Zoë"]
    );
    root.get("/api/v1/admin/users?status=nonsense").await.refused(400, "malformed_request");
    root.get("/api/v1/admin/users?cursor=a%00").await.refused(400, "malformed_request");
}

#[tokio::test]
async fn administrators_shut_people_out_and_let_them_in_again() {
    let server = Server::start().await;
    let root = Person::administrator(&server, "root").await;
    let ann = Person::register(&server, "ann").await;
    let mut stream = SseClient::open(server.address, &ann.stream()).await.unwrap();
    stream.until_control("ready").await;
    root.post("/api/v1/admin/users/ann/suspend", &json!({})).await.expect(204);
    stream.until_end(seconds(10)).await;
    ann.get("/api/v1/me").await.refused(401, "unauthorized");
    let login = json!({"username": "ann", "password": ann.password});
    server.stranger().post("/api/v1/sessions", &login).await.refused(403, "suspended");
    root.post("/api/v1/admin/users/ANN/unsuspend", &json!({})).await.expect(204);
    ann.login(&server).await.get("/api/v1/me").await.expect(200);
    root.post("/api/v1/admin/users/nobody/suspend", &json!({})).await.refused(404, "not_found");
    root.post("/api/v1/admin/users/root/suspend", &json!({})).await.refused(422, "invalid");
}

#[tokio::test]
async fn others_administer_nothing_and_administrators_read_nobodys_conversations() {
    let server = Server::start().await;
    let root = Person::administrator(&server, "root").await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    ann.get("/api/v1/admin/users").await.refused(403, "not_admin");
    ann.post("/api/v1/admin/users/ben/suspend", &json!({})).await.refused(403, "not_admin");
    ann.post("/api/v1/admin/users/ben/unsuspend", &json!({})).await.refused(403, "not_admin");
    ben.get("/api/v1/me").await.expect(200);
    let direct = ann.direct(&[&ben]).await;
    let said = ann.say(direct, "between us").await;
    root.get(&format!("/api/v1/conversations/{direct}")).await.refused(404, "not_found");
    root.get(&format!("/api/v1/conversations/{direct}/messages")).await.refused(404, "not_found");
    root.get(&format!("/api/v1/messages/{}", said["id"])).await.refused(404, "not_found");
    // An administrator who is shut out is none any more.
    server.command(&["user", "suspend", "root"]).await;
    root.get("/api/v1/admin/users").await.refused(401, "unauthorized");
}

/// Somebody does something, whoever waits for it.
fn doing(person: &Person, method: Method, path: &str, body: Value) -> tokio::task::JoinHandle<Answer> {
    let (person, path) = (person.clone(), path.to_owned());
    tokio::spawn(async move { person.call(method, &path, Some(&body)).await })
}

/// Each of these came in with good credentials, and is decided when the account is shut out already. That every answer is
/// one of those documented is looked at by whoever calls.
#[tokio::test]
async fn who_is_shut_out_while_what_he_does_waits_is_told_so() {
    let server = watched().await;
    let root = Person::administrator(&server, "root").await;
    let [ann, ben, cid] = Person::register_all(&server, ["ann", "ben", "cid"]).await;
    let place = ann.group("team", &[&ben]).await;
    let said = format!("/api/v1/messages/{}", ann.say(place, "early").await["id"]);
    let key = json!({"name": "bot", "scopes": ["read"]});

    // Whatever has its turn then waits for the clock, and what comes after it is in line.
    let held = server.hold_the_clock().await;
    let in_line = async |count: f64| {
        let waits = async || Some(Metrics::of(&server).await.get("goldcrest_write_queue")).filter(|now| *now >= count);
        eventually(seconds(4), "what is done to be in line", waits).await
    };
    let turn = doing(&ben, Method::POST, "/api/v1/keys", key.clone());
    server.until_the_clock_is_waited_for().await;
    // The embedded database tells nobody who waits: there the line has to grow twice, since what stands in it before the first
    // has its turn goes with that.
    let (mut others, mut grown, mut waiting) = (Vec::new(), 0, 0.0);
    while grown < 2 {
        others.push(doing(&cid, Method::POST, "/api/v1/keys", key.clone()));
        let longer = tokio::time::timeout(seconds(1) / 2, in_line(waiting + 1.0)).await;
        (grown, waiting) = longer.map_or((0, 0.0), |now| (grown + 1, now));
        if grown == 2 {
            // Has the first its turn, or is it about to take these with it?
            tokio::time::sleep(seconds(1) / 4).await;
            if Metrics::of(&server).await.get("goldcrest_write_queue") < waiting {
                (grown, waiting) = (0, 0.0);
            }
        }
    }
    let shut_out = doing(&root, Method::POST, "/api/v1/admin/users/ann/suspend", json!({}));
    in_line(waiting + 1.0).await;
    let late = [
        (Method::POST, "/api/v1/messages".to_owned(), json!({"to": ["ben"], "text": "late"})),
        (Method::POST, format!("/api/v1/conversations/{place}/messages"), json!({"text": "late"})),
        (Method::PATCH, said.clone(), json!({"text": "late"})),
        (Method::DELETE, said.clone(), json!({})),
        (Method::POST, "/api/v1/messages/delete".to_owned(), json!({"ids": [1]})),
        (Method::POST, "/api/v1/keys".to_owned(), key),
    ];
    let late = late.map(|(method, path, body)| doing(&ann, method, &path, body));
    in_line(waiting + 7.0).await;
    held.rollback().await.unwrap();

    shut_out.await.unwrap().expect(204);
    for other in others.into_iter().chain([turn]) {
        other.await.unwrap().expect(201);
    }
    for refused in join_all(late).await {
        refused.unwrap().refused(403, "suspended");
    }
}
