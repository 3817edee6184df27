//! The pages that are for people: examples of moments, and a user's own.

use super::actor::Actor;
use super::failed::Failed;
use super::listing::{self, Message};
use super::moment::{Interval, with_offset};
use crate::compat::Front;
use crate::domain::Timestamp;
use crate::service::MessagePage;
use crate::service::messages::ListWish;
use axum::Json;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, header};
use pulldown_cmark_escape::escape_html;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::time::Duration;

const STYLE: &str = include_str!("page.css");

/// Messages on a user's page.
const NEWEST: u64 = 20;

/// A moment to copy.
#[derive(Debug, Serialize)]
struct Example {
    description: &'static str,
    /// As it is written in ISO 8601.
    timestamp: String,
    /// The same as it is written in a URL.
    encoded: String,
}

/// `GET /dates/`, as a page for browsers and as JSON for everybody else.
pub(super) async fn dates(headers: HeaderMap) -> Response {
    let now = Timestamp::now();
    let example = |(description, ago)| {
        let timestamp = with_offset(now.minus(ago));
        let encoded = timestamp.replace(':', "%3A").replace('+', "%2B");
        Example { description, timestamp, encoded }
    };
    let examples = [
        ("now", Duration::ZERO),
        ("an hour ago", Duration::from_hours(1)),
        ("a day ago", Duration::from_hours(24)),
        ("a week ago", Duration::from_hours(7 * 24)),
    ]
    .map(example);
    if !wants_page(&headers) {
        return Json(examples).into_response();
    }
    let mut content = String::from(
        "<p>Moments for <code>start</code> and <code>end</code>, such as \
         <code>/username/messages/?start=…&amp;end=…</code></p>\n<table>\n\
         <tr><th>When</th><th>ISO 8601</th><th>In a URL</th></tr>\n",
    );
    for Example { description, timestamp, encoded } in examples {
        // Writing to a text cannot fail.
        let _ = writeln!(
            content,
            "<tr><td>{description}</td><td><code>{timestamp}</code></td><td><code>{encoded}</code></td></tr>"
        );
    }
    page("Dates", &(content + "</table>"))
}

/// `GET /USER/`: what the user received last, for himself. It marks nothing as read.
pub(super) async fn profile(State(front): State<Front>, actor: Actor) -> Result<Response, Failed> {
    let newest = MessagePage { limit: NEWEST, ..MessagePage::default() };
    let wish = ListWish { undeleted: true, ..listing::wish(&actor, Interval::default()) };
    let found = front.services.messages(&actor.principal, wish, newest).await?;
    let mut content = String::new();
    for Message { id, sender, text, timestamp } in found.items.into_iter().map(|item| item.message.into()) {
        let (sender, text) = (escape(&sender), escape(&text));
        let _ = writeln!(
            content,
            "<article>\n<p>{id}, {timestamp} UTC, from <bdi>{sender}</bdi></p>\n<p dir=\"auto\">{text}</p>\n</article>"
        );
    }
    if content.is_empty() {
        content.push_str("<p>No messages.</p>");
    }
    Ok(page(actor.user.username.as_str(), &content))
}

/// Whether a page is liked at least as much as JSON, and asked for by name: what takes anything gets JSON.
fn wants_page(headers: &HeaderMap) -> bool {
    let all = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    let (mut page, mut json) = (0.0_f32, 0.0_f32);
    for range in all.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or("").to_ascii_lowercase();
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
        match kind.as_str() {
            "text/html" | "application/xhtml+xml" => page = page.max(weight),
            "application/json" => json = json.max(weight),
            _ => {}
        }
    }
    page > 0.0 && page >= json
}

/// A page without scripts, that loads nothing.
fn page(title: &str, content: &str) -> Response {
    let title = escape(title);
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1><bdi>{title}</bdi></h1>\n{content}\n</body>\n</html>\n"
    );
    let mut response = Html(html).into_response();
    let headers = response.headers_mut();
    // The one style is let in by its hash; no page frames this one.
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    // A string takes whatever is written to it.
    let _ = escape_html(&mut escaped, text);
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_a_page_and_everybody_else_json() {
        for (accept, expected) in [
            (None, false),
            (Some("*/*"), false),
            (Some("application/json, */*;q=0.5"), false),
            (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), true),
            (Some("TEXT/HTML"), true),
            (Some("text/html;q=0.4, application/json"), false),
            (Some("text/html;q=0"), false),
            (Some("text/html;q=x;;,,"), true),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(accept.map(|accept| (header::ACCEPT, HeaderValue::from_static(accept))));
            assert_eq!(wants_page(&headers), expected, "{accept:?}");
        }
    }

    #[test]
    fn a_text_stays_a_text() {
        assert_eq!(escape("<b a='\"'>&amp;"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;amp;");
    }
}
