//! What the API says of itself, compared with what it does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use goldcrest::api::routes::{Access, LIST};
use http::Method;
use serde_json::{Value, json};

use crate::readme::tables::rows;
use crate::readme::{page, section};
use crate::support::documented::{DOCUMENT, all_under, references, template_of};
use crate::support::{Person, Server};

/// Every operation: method, path, description.
fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    DOCUMENT["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
    })
}

#[test]
fn the_document_has_every_route_and_no_other() {
    let served: BTreeSet<(&str, &str)> = LIST.iter().map(|(method, path, _)| (*method, *path)).collect();
    let documented: BTreeSet<(&str, &str)> = operations().map(|(method, path, _)| (method, path)).collect();
    assert_eq!(documented, served);
    assert_eq!(served.len(), LIST.len());
}

#[test]
fn operations_have_names_of_their_own_and_chapters_that_exist() {
    let chapters: BTreeSet<&str> =
        DOCUMENT["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut names = BTreeMap::new();
    for (method, path, operation) in operations() {
        let name = operation["operationId"].as_str().unwrap();
        assert_eq!(names.insert(name, path), None, "two operations are called {name}");
        let tag = operation["tags"][0].as_str().unwrap();
        assert!(chapters.contains(tag), "{method} {path}: give `{tag}` its line in the list of chapters");
        assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 3), "{method} {path} says nothing");
    }
}

#[test]
fn credentials_are_asked_for_where_the_list_of_routes_says_so() {
    for (method, path, access) in LIST {
        let kinds = DOCUMENT["paths"][path][method]["security"].as_array().unwrap();
        let named = kinds.iter().any(|kind| kind.get("bearer").is_some());
        // A WebSocket may say in its first frame who it is, and a page asks whether it is anybody: both are public, and take
        // credentials.
        let either = ["/ws", "/api/v1/sessions/current"].contains(path) && *access == Access::Public;
        assert!(either || named == (*access == Access::Credentials), "{method} {path}: {kinds:?}");
    }
}

#[test]
fn every_code_is_what_some_operation_may_refuse_with() {
    let errors = page("docs/errors.md");
    let listed: BTreeSet<String> =
        rows(section(&errors, "## Codes")).iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    let mut named = BTreeSet::new();
    for (method, path, operation) in operations() {
        for (status, answer) in operation["responses"].as_object().unwrap() {
            let codes = &answer["content"]["application/problem+json"]["schema"]["properties"]["code"]["enum"];
            for code in codes.as_array().into_iter().flatten() {
                let code = code.as_str().unwrap();
                assert!(listed.contains(code), "{method} {path} refuses with `{code}`, which docs/errors.md lacks");
                assert!(answer["description"].as_str().unwrap().contains(code), "{method} {path}: {status}");
                named.insert(code.to_owned());
            }
        }
    }
    let nowhere: Vec<&String> = listed.difference(&named).collect();
    // One is for methods that are no operation, one stands only in a WebSocket's reply, and one only in the reason
    // why a stream ends.
    assert_eq!(nowhere, ["method_not_allowed", "other_session", "ticket_too_old"]);
    let all: BTreeSet<String> =
        serde_json::from_value(DOCUMENT["components"]["schemas"]["Problem"]["properties"]["code"]["enum"].clone())
            .unwrap();
    assert_eq!(all, listed);
}

#[test]
fn every_reference_leads_somewhere() {
    assert!(references(&DOCUMENT) > 50);
    for named in all_under(&DOCUMENT, "operationId") {
        assert!(operations().any(|(_, _, known)| known["operationId"] == named), "{named}");
    }
}

#[test]
fn nothing_is_left_empty() {
    fn walk(place: &str, value: &Value) {
        match value {
            Value::Null => panic!("{place} is null"),
            Value::Object(object) => {
                for (name, value) in object.iter().filter(|(name, _)| *name != "examples") {
                    walk(&format!("{place}/{name}"), value);
                }
            }
            Value::Array(items) => items.iter().for_each(|value| walk(place, value)),
            _ => {}
        }
    }
    walk("", &DOCUMENT);
}

#[tokio::test]
async fn the_document_is_served_to_anybody_and_once() {
    let server = Server::options().set("--password-min-length", "12").start().await;
    let answer = server.stranger().get("/openapi.json").await;
    let document = answer.expect(200);
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["paths"], DOCUMENT["paths"]);
    assert_eq!(document["components"]["schemas"]["NewPassword"]["minLength"], 12, "what the operator decided");
    let tag = answer.header("etag").expect("an ETag").to_owned();
    let again = server.stranger().with_header("if-none-match", &tag).get("/openapi.json").await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let other = server.stranger().with_header("if-none-match", "\"other\"").get("/openapi.json").await;
    other.expect(200);
}

#[tokio::test]
async fn the_pages_need_nothing_from_elsewhere() {
    let server = Server::start().await;
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; ";
    // Each page leads to all others, whatever there is.
    let first = String::from_utf8(server.stranger().get("/docs").await.body).unwrap();
    let list = first.split("<div class=\"pages\">").nth(1).and_then(|rest| rest.split("</div>").next()).unwrap();
    let pages: Vec<&str> = list
        .split("href=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .filter(|it| it.starts_with("/docs"))
        .collect();
    // Whatever is told in `docs/` is read here, but for the comparison with others.
    let told = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).unwrap();
    let told = told.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let told = told.filter_map(|file| Some(format!("/docs/{}", file.strip_suffix(".md")?)));
    let told = told.filter(|path| path != "/docs/features");
    for expected in ["/docs", "/docs/events", "/docs/compat"].map(str::to_owned).into_iter().chain(told) {
        assert!(pages.contains(&expected.as_str()), "{expected} is not among {pages:?}");
    }
    assert!(pages.iter().any(|page| page.starts_with("/docs/compat/")), "{pages:?}");
    for path in pages {
        let answer = server.stranger().get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert!(answer.header("content-security-policy").is_some_and(|it| it.starts_with(policy)), "{path}");
        let html = String::from_utf8(answer.body).unwrap();
        for inline in [" style=", "<style", " onclick=", "<script>", "javascript:"] {
            assert!(!html.contains(inline), "{path} has {inline}, which its policy forbids");
        }
        for attribute in ["src=\"", "href=\""] {
            for (_, rest) in html.match_indices(attribute).map(|(at, mark)| html.split_at(at + mark.len())) {
                let target = rest.split('"').next().unwrap();
                let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
                if file.is_empty() || file == path {
                    let there = anchor.is_empty() || html.contains(&format!("id=\"{anchor}\""));
                    assert!(there, "{path} leads to #{anchor}, which is not there");
                } else {
                    let there = server.stranger().get(file).await;
                    assert_eq!(there.status, 200, "{path} leads to {target}");
                    let there = String::from_utf8(there.body).unwrap();
                    assert!(
                        anchor.is_empty() || there.contains(&format!("id=\"{anchor}\"")),
                        "{path} leads to {target}"
                    );
                }
            }
        }
    }
    let html = String::from_utf8(server.stranger().get("/docs").await.body).unwrap();
    for (method, path, operation) in operations() {
        let name = operation["operationId"].as_str().unwrap();
        assert!(html.contains(&format!("<article id=\"{name}\">")), "{method} {path} is not on the page");
    }
    server.stranger().get("/docs/nothing").await.refused(404, "not_found");
    let style = server.stranger().get("/docs/style.css").await;
    assert_eq!((style.status, style.header("content-type")), (200, Some("text/css; charset=utf-8")));
}

#[tokio::test]
async fn a_body_all_of_whose_fields_are_optional_may_be_left_out() {
    let server = Server::start().await;
    let root = Person::administrator(&server, "root").await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let news = alice.channel("news").await;
    for (who, path, status) in [
        (&root, "/api/v1/invitations".to_owned(), 201),
        (&bob, format!("/api/v1/conversations/{news}/members"), 201),
        (&bob, format!("/api/v1/conversations/{news}/typing"), 204),
        (&bob, "/api/v1/messages/take".to_owned(), 200),
    ] {
        // A form claims to be something else, also one without fields.
        let form = who.send_body(Method::POST, &path, "application/x-www-form-urlencoded", "").await;
        form.refused(415, "unsupported_media_type");
        let answer = who.call(Method::POST, &path, None).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.describe());
        let operation = &DOCUMENT["paths"][template_of(&path).unwrap()]["post"];
        assert_eq!(operation["requestBody"]["required"], false, "{path}");
    }
    let invited = root.get("/api/v1/invitations").await.expect(200)["items"][0].clone();
    assert_eq!((&invited["uses_left"], &invited["name"]), (&json!(1), &json!("")), "{invited}");
    alice.call(Method::POST, "/api/v1/messages", None).await.refused(415, "unsupported_media_type");
}
