//! What is for people: a user's page, and examples of moments.

use serde_json::json;

use super::{PREFIX, open, usual};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[tokio::test]
async fn texts_are_safe_in_a_page() {
    let (_server, [ann, ben]) = open(["ann", "ben"]).await;
    let text = "<script>alert(1)</script><a href='javascript:x' onclick=\"y\">&amp;</a>";
    ann.say(&ben, text).await;
    let page = ben.get("/").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let html = String::from_utf8(page.body.clone()).unwrap();
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&lt;a href=&#39;javascript:x&#39;"), "{html}");
    assert!(!html.contains("<script") && !html.contains("<a "), "{html}");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(ben.list("/messages/").await[0]["message"], text, "in JSON it comes as it was sent");
}

#[tokio::test]
async fn a_page_shows_what_came_last_to_who_may_see_it() {
    let (server, [(_, ann), (_, ben)]) = usual(["ann", "ben"]).await;
    for number in 1..=21 {
        ann.say(&ben, &format!("message number {number}.")).await;
    }
    let html = ben.get("/").await.describe();
    assert!(html.contains("message number 21.") && html.contains("message number 2."), "{html}");
    assert!(!html.contains("message number 1."), "{html}");
    assert_eq!(ben.unseen().await.len(), 21, "nothing is marked by looking");
    for caller in [server.stranger(), ann.caller] {
        let answer = caller.get(&ben.path("/")).await;
        assert!(matches!(answer.status, 401 | 403) && !answer.describe().contains("message number"));
    }
}

#[tokio::test]
async fn what_was_deleted_takes_no_place_on_a_page() {
    let (_server, [(ann, ann_there), (_, ben)]) = usual(["ann", "ben"]).await;
    for number in 1..=30 {
        ann_there.say(&ben, &format!("message number {number}.")).await;
    }
    let newest: Vec<u64> = (11..=30).collect();
    ann.post("/api/v1/messages/delete", &json!({"ids": newest, "for": "all"})).await.expect(200);
    let html = ben.get("/").await.describe();
    assert!(html.contains("message number 10.") && html.contains("message number 1."), "{html}");
}

#[tokio::test]
async fn moments_are_shown_as_a_page_to_browsers() {
    let (server, [ann]) = open(["ann"]).await;
    let path = format!("{PREFIX}/dates/");
    let page = ann.caller.with_header("accept", BROWSER).get(&path).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.describe().contains("%2B00%3A00"));
    for caller in [server.stranger(), ann.caller.with_header("accept", "application/json")] {
        assert_eq!(caller.get(&path).await.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn dates_wins_over_a_user_of_that_name() {
    let (_server, [dates]) = open(["dates"]).await;
    dates.say(&dates, "a note").await;
    assert!(dates.get("/").await.expect(200)[0]["timestamp"].is_string());
    assert_eq!(dates.unseen().await, ["a note"], "his messages are his");
}
