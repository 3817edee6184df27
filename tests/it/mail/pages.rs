//! The pages behind links: what they hold, and what they keep from others.

use serde_json::json;

use super::{ask_for_reset, confirmed};
use crate::support::{Answer, Postbox};

fn assert_sealed(page: &Answer) {
    let text = String::from_utf8_lossy(&page.body);
    let policy = page.header("content-security-policy").expect("a policy");
    for part in ["default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'", "'sha256-"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    assert!(!text.contains("<script") && !text.contains("http"), "nothing from elsewhere: {text}");
}

#[tokio::test]
async fn the_pages_of_links_are_sealed() {
    let mut postbox = Postbox::open().await;
    let server = postbox.options().start().await;
    confirmed(&server, &mut postbox, "zoe", "zoe@example.org").await;
    ask_for_reset(&server.stranger(), &json!({"username": "zoe"})).await.expect(202);
    let token = postbox.next_link("zoe@example.org", "password").await;
    let page = server.stranger().get(&format!("/links/password?token={token}")).await;
    assert_eq!(page.status, 200);
    assert_sealed(&page);
    let text = String::from_utf8(page.body).unwrap();
    // Relative, so that it works below a path that only a proxy knows.
    assert!(text.contains("<form method=\"post\" action=\"password\">"), "{text}");
    assert!(text.contains("name=\"password\" minlength=\"8\""), "{text}");
    for wrong in ["", "?token=", "?token=%22%3E%3Cscript%3E", "?token=a&token=b", "?other=x"] {
        let page = server.stranger().get(&format!("/links/password{wrong}")).await;
        assert_eq!(page.status, 404, "{wrong}");
        assert_sealed(&page);
    }
}
