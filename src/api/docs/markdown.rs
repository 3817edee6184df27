//! Markdown as HTML: the pages in `docs/`, and what the document says in words.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};
use pulldown_cmark_escape::escape_html;
use std::fmt::Write as _;

/// The pages that there are, as each of them lists them at its side.
pub(super) struct Side(String);

impl Side {
    /// The list of these pages: under what it stands, the path, and the text of each. Those of a group follow each other.
    pub(super) fn new<'a>(pages: impl Iterator<Item = (&'a str, &'a str, &'a str)>) -> Self {
        let mut list = String::from(
            "<p class=\"brand\"><a href=\"/docs\">Goldcrest</a></p><div class=\"pages\"><h2>Reference</h2><ul>\
             <li><a href=\"/docs\">REST</a></li><li><a href=\"/docs/events\">Streams</a></li>\
             <li><a href=\"/openapi.json\">openapi.json</a></li><li><a href=\"/asyncapi.json\">asyncapi.json</a></li>",
        );
        let mut last = "";
        for (group, path, text) in pages {
            if group != last {
                let _ = write!(list, "</ul><h2>{}</h2><ul>", escape(group));
                last = group;
            }
            let _ = write!(list, "<li><a href=\"/docs/{path}\">{}</a></li>", escape(title(text)));
        }
        list.push_str("</ul></div>");
        Self(list)
    }

    /// It and what leads to the parts of a page.
    pub(super) fn with(&self, contents: &str) -> String {
        format!(
            "<nav class=\"side\">{}<details class=\"contents\" open><summary>Contents</summary>{contents}</details></nav>",
            self.0
        )
    }
}

/// A whole page out of a file in `docs/`, which is found under this path.
pub(super) fn page(side: &Side, path: &str, text: &str) -> String {
    let body = render_at(path, text);
    let contents = format!("<ul>{}</ul>", contents(text));
    shell(title(text), &format!("{}<main class=\"prose\">{body}</main>", side.with(&contents)))
}

/// The first heading.
fn title(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default()
}

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
    render_at("", text)
}

/// The same out of a file whose links lead on from where it stands.
fn render_at(path: &str, text: &str) -> String {
    let mut out = String::new();
    html::push_html(&mut out, with_anchors(path, text).into_iter());
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

/// Where a link to a file leads, from a page at this path: the pages lead to each other by the names of their files.
fn target(path: &str, link: &str) -> Option<String> {
    let (file, rest) = link.split_once(".md").filter(|(file, _)| !file.contains(':'))?;
    // A page of a folder stands in it, and the folder's own page is its README.
    let folder = match path.rsplit_once('/') {
        Some((folder, _)) => folder,
        None if path == "compat" => path,
        None => "",
    };
    let file = match file.strip_prefix("../") {
        Some(above) => above.to_owned(),
        None if folder.is_empty() => file.to_owned(),
        None => format!("{folder}/{file}"),
    };
    Some(format!("/docs/{}{rest}", file.strip_suffix("/README").unwrap_or(&file)))
}

fn with_anchors<'a>(path: &str, text: &'a str) -> Vec<Event<'a>> {
    let mut events: Vec<Event<'_>> = Parser::new_ext(text, Options::ENABLE_TABLES).collect();
    for event in &mut events {
        if let Event::Start(Tag::Link { dest_url, .. }) = event
            && let Some(target) = target(path, dest_url)
        {
            *dest_url = target.into();
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
    fn pages_lead_to_each_other_by_the_names_of_their_files() {
        let target = |path, link| target(path, link).unwrap_or_default();
        assert_eq!(target("messages", "streams.md#events"), "/docs/streams#events");
        assert_eq!(target("messages", "compat/README.md"), "/docs/compat");
        assert_eq!(target("compat/one", "../people.md"), "/docs/people");
        assert_eq!(target("compat/one", "other.md"), "/docs/compat/other");
        assert_eq!(target("compat", "one.md#quirks"), "/docs/compat/one#quirks");
        assert_eq!(target("messages", "https://example.org/a.md"), "");
    }

    #[test]
    fn headings_can_be_linked_to() {
        assert!(render("## Server-Sent Events").contains("<h2 id=\"server-sent-events\">"));
        assert_eq!(inline("a `<b>`"), "a <code>&lt;b&gt;</code>");
    }
}
