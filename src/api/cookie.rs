//! The web app's cookie: set at login, set again when its use extends the session, and taken back at logout.

use super::app::App;
use axum::extract::Request;
use axum::response::Response;
use axum_extra::extract::cookie::{Cookie, SameSite};
use http::{Extensions, HeaderValue, header};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The cookie that the answer to a request is to set, if whoever checks its credentials finds one.
#[derive(Debug, Clone, Default)]
pub(super) struct Renewal(Arc<OnceLock<Cookie<'static>>>);

/// What stands behind the secret in a cookie that ends with the browser: its use does not make it last.
const BRIEF: char = '~';

/// The cookie of a session, to be kept for so long.
pub(super) fn of_session(app: &App, secret: String, lasts: Duration) -> Cookie<'static> {
    let mut cookie = bare(app, secret);
    cookie.set_max_age(time::Duration::seconds(i64::try_from(lasts.as_secs()).unwrap_or(i64::MAX)));
    cookie
}

/// The cookie of a session, to be forgotten when the browser ends.
pub(super) fn until_the_browser_ends(app: &App, secret: &str) -> Cookie<'static> {
    bare(app, format!("{secret}{BRIEF}"))
}

fn bare(app: &App, value: String) -> Cookie<'static> {
    Cookie::build((app.cookie_name(), value))
        .path("/")
        .http_only(true)
        .secure(app.gate.origins().is_tls())
        .same_site(SameSite::Lax)
        .build()
}

/// The secret in a cookie, and whether the browser keeps it for longer than it runs.
pub(super) fn read(value: &str) -> (&str, bool) {
    value.strip_suffix(BRIEF).map_or((value, true), |secret| (secret, false))
}

/// Has the answer set a cookie.
pub(super) fn set(response: &mut Response, cookie: &Cookie<'_>) {
    if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
}

/// Has the answer take the cookie back.
pub(super) fn take_back(response: &mut Response, app: &App) {
    set(response, &of_session(app, String::new(), Duration::ZERO));
}

/// Has the answer to a request set its cookie again: its session lasts on, and so must what the browser keeps.
pub(super) fn renew(request: &Extensions, cookie: Cookie<'static>) {
    if let Some(Renewal(place)) = request.get() {
        // Credentials may be looked at twice for one request; they say the same.
        drop(place.set(cookie));
    }
}

/// Lets the answer to a request set its cookie again, if there is one that its use can make last.
pub(super) fn await_renewal(request: &mut Request) -> Option<Renewal> {
    if !request.headers().contains_key(header::COOKIE) {
        return None;
    }
    let renewal = Renewal::default();
    request.extensions_mut().insert(renewal.clone());
    Some(renewal)
}

impl Renewal {
    /// Puts a renewed cookie into the answer. One that a handler set itself stays: logging out is a use as well.
    pub(super) fn tell(self, response: &mut Response) {
        if let Some(cookie) = self.0.get()
            && !response.headers().contains_key(header::SET_COOKIE)
        {
            set(response, cookie);
        }
    }
}
