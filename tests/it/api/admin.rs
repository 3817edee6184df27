//! What administrators see of accounts, and whom they shut out.

use serde_json::{Value, json};

use crate::support::{Ear, Person, Server, SseClient, seconds};

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
    stream.until_end(seconds(1)).await;
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
