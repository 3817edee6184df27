//! What was answered since the start, for whoever watches the server.

use crate::meter::{Counter, Family, Histogram, WAITS};
use http::Method;

/// Answers by the route that matched: a name out of a list that the server has, never what was asked for.
pub type Answered = Family<(&'static str, String), Route>;

/// One method of one route.
#[derive(Debug)]
pub struct Route {
    /// Answers by status.
    pub statuses: Family<u16, Counter>,
    /// How long each took until its head was there. A held poll takes as long as it is held.
    pub time: Histogram,
}

impl Default for Route {
    fn default() -> Self {
        Self { statuses: Family::default(), time: Histogram::of_time(WAITS) }
    }
}

/// A method that the server or the route does not know.
pub(super) const OTHER: &str = "other";

/// A method as it is counted: whoever asks may make up others.
pub(super) fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => OTHER,
    }
}
