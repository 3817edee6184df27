//! What a body says, checked field by field as the original's serializers did: all that is wrong is told at once.

use super::super::Front;
use super::super::fields::{Fields, Form as Kind, form};
use super::complaint::{Answer, Complaint};
use axum::extract::Request;
use http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value, json};

/// A body that is being checked.
pub(super) struct Form {
    fields: Fields,
    wrong: Map<String, Value>,
}

/// Why a value is no text.
const NO_TEXT: &str = "Not a valid string.";
pub(super) const REQUIRED: &str = "This field is required.";
const NULL: &str = "This field may not be null.";
const BLANK: &str = "This field may not be blank.";
const NUL: &str = "Null characters are not allowed.";

impl Form {
    /// Reads JSON, a form, or a form in parts.
    pub(super) async fn read(front: &Front, request: Request) -> Answer<Self> {
        let fields = match form(request.headers()) {
            Kind::Json => of_json(&front.gate.body(request.into_body()).await?)?,
            Kind::UrlEncoded | Kind::Multipart => Fields::read(front, request).await?,
            Kind::Unnamed | Kind::Other => {
                let kind = named(request.headers());
                if !front.gate.body(request.into_body()).await?.is_empty() {
                    let detail = format!("Unsupported media type \"{kind}\" in request.");
                    return Err(Complaint::Detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
                }
                Fields::default()
            }
        };
        Ok(Self { fields, wrong: Map::new() })
    }

    /// A text that has to be there, as it is. Where it is wrong it is empty, and [`done`](Self::done) refuses.
    pub(super) fn required(&mut self, name: &str) -> String {
        let text = self.text(name);
        let text = text.and_then(|text| text.ok_or(REQUIRED));
        let text = text.and_then(|text| if text.trim().is_empty() { Err(BLANK) } else { Ok(text) });
        text.unwrap_or_else(|reason| self.wrong(name, reason))
    }

    /// The same without the white space around it, and at most so long in characters.
    pub(super) fn trimmed(&mut self, name: &str, most: usize) -> String {
        let text = self.required(name).trim().to_owned();
        if text.len() > most && text.chars().count() > most {
            return self.wrong(name, too_long(most));
        }
        text
    }

    /// A text without the white space around it that need not be there, nor hold anything.
    pub(super) fn optional(&mut self, name: &str) -> Option<String> {
        let text = self.text(name).unwrap_or_else(|reason| Some(self.wrong(name, reason)));
        text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Notes something that is wrong with a field beside what is noted already.
    pub(super) fn refuse(&mut self, name: &str, reason: impl Into<String>) {
        self.wrong(name, reason);
    }

    /// Refuses with all that is wrong.
    pub(super) fn done(&mut self) -> Answer<()> {
        let wrong = std::mem::take(&mut self.wrong);
        if wrong.is_empty() { Ok(()) } else { Err(Complaint::Fields(wrong)) }
    }

    /// A name of somebody, who is looked up as he is named: the original asked no more of it than that it was there.
    pub(super) fn somebody(&self, name: &str) -> Answer<String> {
        match self.fields.get(name) {
            None => Err(Complaint::field(name, REQUIRED)),
            // Nobody is called nothing.
            Some(Value::Null) => Ok(String::new()),
            Some(_) => self.fields.text(name).ok_or_else(|| Complaint::field(name, NO_TEXT)),
        }
    }

    fn text(&self, name: &str) -> Result<Option<String>, &'static str> {
        match self.fields.get(name) {
            None => Ok(None),
            Some(Value::Null) => Err(NULL),
            Some(_) => match self.fields.text(name) {
                Some(text) if text.contains('\0') => Err(NUL),
                Some(text) => Ok(Some(text)),
                None => Err(NO_TEXT),
            },
        }
    }

    fn wrong(&mut self, name: &str, reason: impl Into<String>) -> String {
        self.wrong.insert(name.to_owned(), json!([reason.into()]));
        String::new()
    }
}

/// The complaint about a text of more characters than these.
pub(super) fn too_long(most: usize) -> String {
    format!("Ensure this field has no more than {most} characters.")
}

fn of_json(bytes: &[u8]) -> Answer<Fields> {
    if bytes.is_empty() {
        return Ok(Fields::default());
    }
    let kind = match serde_json::from_slice(bytes) {
        Ok(Value::Object(fields)) => return Ok(Fields(fields)),
        Ok(Value::Array(_)) => "list",
        Ok(Value::String(_)) => "str",
        Ok(Value::Number(number)) => {
            if number.is_f64() {
                "float"
            } else {
                "int"
            }
        }
        Ok(Value::Bool(_)) => "bool",
        // What was null the original took for nothing at all.
        Ok(Value::Null) => return Ok(Fields::default()),
        Err(error) => return Err(Complaint::detail(format!("JSON parse error - {error}"))),
    };
    // A list made the original fail; it is refused in the words that it had for this elsewhere.
    let reason = format!("Invalid data. Expected a dictionary, but got {kind}.");
    Err(Complaint::field("non_field_errors", reason))
}

/// The content type as it was given.
fn named(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    value.unwrap_or_default()
}
