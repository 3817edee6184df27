//! The pages behind mailed links: no script, nothing from elsewhere, and no word of the token to whoever comes next.

use crate::domain::links::Purpose;
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, StatusCode, header};
use pulldown_cmark_escape::escape_html;
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("page.css");
const FRAME: &str = include_str!("page.html");

/// Where one goes from here. A relative address, as below.
const ONWARDS: &str = "\n<a class=\"button\" href=\"../login\">Go to Goldcrest</a>";

/// What is shown.
pub(super) enum Page<'a> {
    /// A button, and a field where one is needed.
    Form {
        purpose: Purpose,
        token: &'a str,
        /// The fewest characters of a password.
        least: usize,
        /// What was wrong with the last attempt.
        wrong: Option<&'a str>,
    },
    /// It is done.
    Done(Purpose),
    /// It cannot be done.
    Refused(&'a str),
}

impl Page<'_> {
    /// The page as an answer.
    pub(super) fn answer(&self, status: StatusCode) -> Response {
        let (title, content) = match self {
            Self::Form { purpose, token, least, wrong } => (heading(*purpose), form(*purpose, token, *least, *wrong)),
            Self::Done(purpose) => ("Done", paragraph(done(*purpose)) + ONWARDS),
            Self::Refused(why) => ("This did not work", paragraph(why) + ONWARDS),
        };
        let html = FRAME.replace("{style}", STYLE).replace("{title}", title).replace("{content}", &content);
        let mut response = (status, Html(html)).into_response();
        let headers = response.headers_mut();
        // The one style is let in by its hash; forms go nowhere but here; no page frames this one.
        let style = STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'"
        );
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex"));
        response
    }
}

fn heading(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Activate | Purpose::Email => "Confirm your e-mail address",
        Purpose::Password => "Set a new password",
    }
}

fn done(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Activate => "Your e-mail address is confirmed. You can log in now.",
        Purpose::Email => "Your new e-mail address is confirmed.",
        Purpose::Password => "Your new password is set, and you are logged out everywhere. Log in with it.",
    }
}

fn form(purpose: Purpose, token: &str, least: usize, wrong: Option<&str>) -> String {
    let wrong = wrong.map(|wrong| format!("<p role=\"alert\">{}</p>\n", escape(wrong))).unwrap_or_default();
    let (field, button) = match purpose {
        Purpose::Activate | Purpose::Email => (String::new(), "Confirm"),
        Purpose::Password => {
            let field = format!(
                "<label>New password, at least {least} characters\n<input type=\"password\" name=\"password\" \
                 minlength=\"{least}\" autocomplete=\"new-password\" required autofocus></label>\n"
            );
            (field, "Set password")
        }
    };
    // A relative address: the server may be reached below a path that only a proxy knows.
    format!(
        "{wrong}<form method=\"post\" action=\"{}\">\n<input type=\"hidden\" name=\"token\" value=\"{}\">\n{field}\
         <button>{button}</button>\n</form>",
        purpose.word(),
        escape(token),
    )
}

fn paragraph(text: &str) -> String {
    format!("<p>{}</p>", escape(text))
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
    fn what_a_url_says_stays_text() {
        let form = form(Purpose::Activate, "\"><script>alert('&')</script>", 8, Some("<b>"));
        assert!(!form.contains("<script>") && !form.contains("<b>"), "{form}");
        assert!(form.contains("value=\"&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;\""), "{form}");
    }
}
