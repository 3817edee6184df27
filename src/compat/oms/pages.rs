//! Lists by page: twenty entries each, with the addresses of the next and the previous page.

use super::super::Front;
use crate::service::{Leaf, Numbered};
use axum::Json;
use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Serialize;
use std::collections::BTreeMap;
use std::convert::Infallible;
use url::form_urlencoded::{Serializer, parse};

/// How many entries a page has; no parameter changes it.
pub(super) const SIZE: u64 = 20;

/// What a list is asked for, and where from.
pub(super) struct Asked {
    /// Of a parameter that comes twice the last one counts.
    parameters: BTreeMap<String, String>,
    /// What the addresses of other pages begin with.
    base: String,
}

/// A page as it is answered.
#[derive(Debug, Serialize)]
pub(super) struct Page<T> {
    count: u64,
    next: Option<String>,
    previous: Option<String>,
    results: Vec<T>,
}

impl FromRequestParts<Front> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, front: &Front) -> Result<Self, Infallible> {
        Ok(Self::of(parts.uri.query().unwrap_or_default(), front.base(&parts.headers)))
    }
}

impl Asked {
    fn of(query: &str, base: String) -> Self {
        Self { parameters: parse(query.as_bytes()).into_owned().collect(), base }
    }

    /// A parameter as it was given, also an empty one.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// Which page. What is no number is the page that there never is.
    pub(super) fn leaf(&self) -> Leaf {
        match self.get("page") {
            None => Leaf::Number(1),
            Some("last") => Leaf::Last,
            Some(number) => Leaf::Number(number.trim().parse().unwrap_or(0)),
        }
    }

    /// The page that was found, each entry shown as the list shows it.
    pub(super) fn answer<E, T>(self, path: &str, found: Numbered<E>, show: impl FnMut(E) -> T) -> Json<Page<T>> {
        let link = |number: u64| format!("{}{path}{}", self.base, self.query(number));
        Json(Page {
            count: found.total,
            next: (found.number < found.numbers).then(|| link(found.number + 1)),
            previous: (found.number > 1).then(|| link(found.number - 1)),
            results: found.items.into_iter().map(show).collect(),
        })
    }

    /// The same question about another page, its parameters sorted. The first page is the one that is not named.
    fn query(&self, number: u64) -> String {
        let mut pairs = self.parameters.clone();
        pairs.remove("page");
        if number > 1 {
            pairs.insert("page".to_owned(), number.to_string());
        }
        if pairs.is_empty() {
            String::new()
        } else {
            format!("?{}", Serializer::new(String::new()).extend_pairs(pairs).finish())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Asked {
        Asked::of(query, String::new())
    }

    #[test]
    fn a_page_is_a_number_from_one_on_or_the_last() {
        for (query, leaf) in [
            ("", Leaf::Number(1)),
            ("page=3", Leaf::Number(3)),
            ("page=%203%20", Leaf::Number(3)),
            ("page=2&page=4", Leaf::Number(4)),
            ("page=last", Leaf::Last),
            ("page=", Leaf::Number(0)),
            ("page=0", Leaf::Number(0)),
            ("page=-1", Leaf::Number(0)),
            ("page=abc", Leaf::Number(0)),
            ("page=99999999999999999999", Leaf::Number(0)),
        ] {
            assert_eq!(asked(query).leaf(), leaf, "{query}");
        }
    }

    #[test]
    fn the_first_page_is_not_named_and_the_rest_is_sorted() {
        let filtered = asked("receiver=bob&page=2&date=2020-03-30&more=a%20b%26c");
        assert_eq!(filtered.query(3), "?date=2020-03-30&more=a+b%26c&page=3&receiver=bob");
        assert_eq!(filtered.query(1), "?date=2020-03-30&more=a+b%26c&receiver=bob");
        assert_eq!(asked("page=2").query(1), "");
    }
}
