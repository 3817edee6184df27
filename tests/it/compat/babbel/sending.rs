//! Sending: in whatever form, to whom, and what natively made blocks, contacts and limits say to it.

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use super::{FORM, NOTHING, open, refused, usual};

const MISSING: &str = "Missing required parameter in the JSON body or the post body or the query string";

#[tokio::test]
async fn parameters_come_in_a_form_in_json_in_parts_or_in_the_query() {
    let (_server, [ann, ben]) = open(["ann", "ben"]).await;
    let path = ann.path("/message/");
    let parts = "--b\r\nContent-Disposition: form-data; name=\"receiver\"\r\n\r\nben\r\n\
                 --b\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nin parts\r\n--b--\r\n";
    for (query, kind, body) in [
        ("", FORM, "receiver=ben&message=in+a+form"),
        ("", "application/json", r#"{"receiver": "ben", "message": "in JSON", "other": [1]}"#),
        ("", "multipart/form-data; boundary=b", parts),
        ("?receiver=ben&message=in%20the%20query", FORM, ""),
        ("?receiver=ben&message=beside+what+is+not+read", "text/plain", "receiver=ann"),
        ("?receiver=ann&message=half", FORM, "receiver=ben"),
        ("", "application/json", r#"{"receiver": "ben", "message": 17}"#),
    ] {
        ann.caller.send_body(Method::POST, &format!("{path}{query}"), kind, body).await.expect(204);
    }
    let expected = ["in a form", "in JSON", "in parts", "in the query", "beside what is not read", "half", "17"]
        .map(str::to_owned);
    assert_eq!(ben.unseen().await, expected);
}

#[tokio::test]
async fn the_first_thing_that_is_wrong_is_told() {
    let (_server, [ann]) = open(["ann"]).await;
    let nobody = super::User { name: "nobody".to_owned(), caller: ann.caller.clone() };
    refused(&nobody.form("").await, 404);
    assert_eq!(refused(&ann.form("").await, 400), json!({"receiver": MISSING}));
    assert_eq!(refused(&ann.form("message=x").await, 400), json!({"receiver": MISSING}));
    assert_eq!(refused(&ann.form("receiver=nobody").await, 400), json!({"message": MISSING}));
    for receiver in ["nobody", "a b", "", "%00", "%ff", "x".repeat(2_000).as_str()] {
        refused(&ann.form(&format!("receiver={receiver}&message=x")).await, 404);
    }
    for body in
        ["[1]", "null", "{", "\"x\"", "", "{\"receiver\": null, \"message\": []}", "{\"receiver\": \"\\ud800\"}"]
    {
        let answer = ann.caller.send_body(Method::POST, &ann.path("/message/"), "application/json", body).await;
        refused(&answer, 400);
    }
    assert_eq!(ann.all().await, NOTHING);
}

#[tokio::test]
async fn a_text_is_kept_whole_up_to_the_limit_of_the_server() {
    let (_server, [ann, ben]) = open(["ann", "ben"]).await;
    let texts = [
        "x".repeat(101),
        "\u{1f426}".repeat(10_000),
        "Zo\u{eb} zoe\u{308} \u{202e}abc\u{202c} \u{200d}\u{fe0f} \u{10ffff} \u{1f468}\u{200d}\u{1f469}".to_owned(),
        " <b>&amp;\"'\\\r\n\t\u{7f}\u{1} ".to_owned(),
    ];
    for text in &texts {
        ann.say(&ben, text).await;
    }
    assert_eq!(ben.unseen().await, texts);
    for body in [json!({"receiver": "ben", "message": "x".repeat(10_001)}), json!({"receiver": "ben", "message": ""})] {
        let answer = ann.caller.post(&ann.path("/message/"), &body).await;
        refused(&answer, 400);
    }
    refused(&ann.form("receiver=ben&message=a%00b").await, 400);
    refused(&ann.form(&format!("receiver=ben&message={}", "x".repeat(300_000))).await, 413);
    assert_eq!(ben.unseen().await, NOTHING);
}

#[tokio::test]
async fn names_are_the_same_in_any_case_and_any_script() {
    let (_server, [ann, olga]) = open(["ann", "\u{41e}\u{43b}\u{44c}\u{433}\u{430}+@x"]).await;
    ann.say(&olga, "hello").await;
    let path = "/compat/babbel/%D0%BE%D0%BB%D1%8C%D0%B3%D0%B0+@X/messages/";
    assert_eq!(ann.caller.get(path).await.expect(200)[0]["message"], "hello");
}

#[tokio::test]
async fn who_is_blocked_or_no_contact_does_not_get_through() {
    let (_server, [(ann, ann_there), (ben, _), (tom, _)]) = usual(["ann", "ben", "tom"]).await;
    ben.block(&ann).await;
    tom.close_inbox().await;
    for receiver in ["ben", "tom"] {
        let message = refused(&ann_there.form(&format!("receiver={receiver}&message=x")).await, 403);
        assert!(message.as_str().unwrap().contains(receiver), "{message}");
    }
    ann.ask(&tom).await.expect(201);
    tom.answer(&ann, "approved").await;
    ann_there.form("receiver=tom&message=x").await.expect(204);
    ben.delete("/api/v1/blocks/ann").await.expect(204);
    ann_there.form("receiver=ben&message=x").await.expect(204);
}

#[tokio::test]
async fn who_sends_too_much_is_told_when_to_come_back() {
    let server = super::mounted("babbel=open").set("--rate-limits", "on").start().await;
    server.command(&["user", "add", "ann", "--open"]).await;
    let ann = super::User { name: "ann".to_owned(), caller: server.stranger() };
    let answers = join_all((0..200).map(|_| ann.form("receiver=ann&message=x"))).await;
    let refusal = answers.iter().find(|answer| answer.status != 204).expect("there is a limit");
    let message: Value = refused(refusal, 429);
    assert!(message.as_str().unwrap().contains("Too many"), "{message}");
    assert!(refusal.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    assert!(refusal.header("ratelimit").unwrap().contains("\"sends\""));
}
