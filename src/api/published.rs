//! What is given out as it is: pages and files, each with a tag by which the asker knows whether his own is the newest.

use super::openapi::{Asks, Operation, Parameter};
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use std::io::{self, Write};

/// Something that does not change while the server runs.
#[derive(Debug, Clone)]
pub(super) struct File {
    media: &'static str,
    bytes: Bytes,
    /// The same, packed, where that makes it smaller.
    packed: Option<Bytes>,
    /// The beginning of a digest, in hexadecimal digits.
    digest: String,
}

impl File {
    /// A file of this media type.
    pub(super) fn new(media: &'static str, content: impl Into<Bytes>) -> Self {
        let bytes = content.into();
        let digest = Sha256::digest(&bytes);
        let digest = digest.iter().take(12).fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let packed = pack(&bytes).ok().map(Bytes::from).filter(|packed| packed.len() < bytes.len());
        Self { media, bytes, packed, digest }
    }

    /// The file, or that the asker has it already (RFC 9110, section 13.1.2). The policy (CSP) says what a page may load.
    pub(super) fn answer(&self, Known(asked): &Known, policy: &'static str) -> Response {
        // Each form has a tag of its own (RFC 9110, section 8.8.3.3); whoever has one of them has the file.
        let (plain, packed) = (format!("\"{}\"", self.digest), format!("\"{}-gzip\"", self.digest));
        let (tag, body, encoding) = match &self.packed {
            Some(bytes) if accepts_gzip(asked) => (&packed, bytes, Some(HeaderValue::from_static("gzip"))),
            _ => (&plain, &self.bytes, None),
        };
        let same = |known: &str| {
            let known = known.strip_prefix("W/").unwrap_or(known);
            known == "*" || known == plain || known == packed
        };
        let unchanged = words(asked, &header::IF_NONE_MATCH).any(same);
        let mut response = if unchanged {
            (StatusCode::NOT_MODIFIED, Bytes::new()).into_response()
        } else {
            (StatusCode::OK, body.clone()).into_response()
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
        if let Ok(tag) = HeaderValue::from_str(tag) {
            headers.insert(header::ETAG, tag);
        }
        if self.packed.is_some() {
            headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        if let Some(encoding) = encoding.filter(|_| !unchanged) {
            headers.insert(header::CONTENT_ENCODING, encoding);
        }
        response
    }
}

fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Whether the asker takes gzip (RFC 9110, section 12.5.3).
fn accepts_gzip(asked: &HeaderMap) -> bool {
    words(asked, &header::ACCEPT_ENCODING).any(|word| {
        let mut parts = word.split(';').map(str::trim);
        let named = parts.next().is_some_and(|coding| coding.eq_ignore_ascii_case("gzip"));
        let quality = parts.find_map(|part| part.strip_prefix("q=")).and_then(|text| text.parse::<f32>().ok());
        named && quality.is_none_or(|quality| quality > 0.0)
    })
}

/// What stands between the commas of a header.
fn words<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// The version that the asker has, if he has one, and the forms that he takes.
pub(super) struct Known(HeaderMap);

impl Known {
    /// Whether somebody opens this in a browser, where a page says more than a document for programs (RFC 9110, section 12.5.1).
    pub(super) fn opens_page(&self) -> bool {
        words(&self.0, &header::ACCEPT).any(|word| word.split(';').next() == Some("text/html"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Known {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.clone()))
    }
}

impl Asks for Known {
    fn asks(operation: &mut Operation<'_>) {
        operation.takes(Parameter {
            place: "header",
            name: "If-None-Match",
            says: "The `ETag` of the version that one has.",
            required: false,
            schema: json!({ "type": "string" }),
        });
        operation.answers(304, "One has the newest version.", None);
    }
}
