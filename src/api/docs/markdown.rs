//! Markdown as HTML: the pages in `docs/`, and what the document says in words.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};
use pulldown_cmark_escape::escape_html;

/// A whole page out of a file in `docs/`.
pub(super) fn page(title: &str, text: &str) -> String {
    let body = render(text);
    let links = contents(text);
    shell(title, &format!("<nav class=\"side\">{HOME}<ul>{links}</ul></nav><main class=\"prose\">{body}</main>"))
}

/// What leads back to the reference and to the other pages.
pub(super) const HOME: &str = "<p class=\"brand\"><a href=\"/docs\">Goldcrest</a></p><ul class=\"pages\">\
    <li><a href=\"/docs\">Reference</a></li><li><a href=\"/docs/accounts\">Accounts</a></li>\
    <li><a href=\"/docs/streams\">Streams</a></li>\
    <li><a href=\"/docs/messages\">Messages</a></li>\
    <li><a href=\"/docs/people\">People</a></li>\
    <li><a href=\"/docs/errors\">Errors</a></li><li><a href=\"/openapi.json\">openapi.json</a></li></ul>";

/// What all pages have around them.
pub(super) fn shell(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{} · Goldcrest</title>\n\
         <link rel=\"stylesheet\" href=\"/docs/style.css\">\n<script src=\"/docs/script.js\" defer></script>\n\
         </head>\n<body>\n{body}\n</body>\n</html>\n",
        escape(title)
    )
}

/// Text as HTML shows it.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    // A string takes whatever is written to it.
    let _ = escape_html(&mut escaped, text);
    escaped
}

/// Several paragraphs.
pub(super) fn render(text: &str) -> String {
    let mut out = String::new();
    html::push_html(&mut out, with_anchors(text).into_iter());
    // A wide table scrolls by itself, and takes the page with it nowhere.
    out.replace("<table>", "<div class=\"scroll\"><table>").replace("</table>", "</table></div>")
}

/// One line, without a paragraph around it.
pub(super) fn inline(text: &str) -> String {
    let html = render(text);
    let html = html.trim();
    html.strip_prefix("<p>").and_then(|html| html.strip_suffix("</p>")).unwrap_or(html).to_owned()
}

/// The name of a heading in links.
pub(super) fn anchor(text: &str) -> String {
    let dashed = text.to_lowercase().replace(' ', "-");
    dashed.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect()
}

fn with_anchors(text: &str) -> Vec<Event<'_>> {
    let mut events: Vec<Event<'_>> = Parser::new_ext(text, Options::ENABLE_TABLES).collect();
    for event in &mut events {
        // The pages lead to each other by the names of their files.
        if let Event::Start(Tag::Link { dest_url, .. }) = event
            && let Some((file, rest)) = dest_url.split_once(".md")
            && !file.contains(['/', ':'])
        {
            *dest_url = format!("/docs/{file}{rest}").into();
        }
    }
    for start in 0..events.len() {
        if !matches!(events[start], Event::Start(Tag::Heading { .. })) {
            continue;
        }
        let words: String = events[start..]
            .iter()
            .take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))))
            .filter_map(|event| match event {
                Event::Text(text) | Event::Code(text) => Some(text.as_ref()),
                _ => None,
            })
            .collect();
        if let Event::Start(Tag::Heading { id, .. }) = &mut events[start] {
            *id = Some(CowStr::from(anchor(&words)));
        }
    }
    events
}

fn contents(text: &str) -> String {
    let headings = text.lines().filter_map(|line| line.strip_prefix("## "));
    let item = |heading: &str| format!("<li><a href=\"#{}\">{}</a></li>", anchor(heading), escape(heading));
    headings.map(item).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_can_be_linked_to() {
        assert!(render("## Server-Sent Events").contains("<h2 id=\"server-sent-events\">"));
        assert_eq!(inline("a `<b>`"), "a <code>&lt;b&gt;</code>");
    }
}
