//! `/openapi.json` and `/docs`: the API's description, for programs and for people.

mod curl;
mod markdown;
mod reference;
mod schema;

use super::app::App;
use super::openapi::{Answers, Asks, Facts, Operation, Parameter};
use super::problem::Problem;
use super::published::{File, Known};
use super::routes::document;
use axum::extract::{FromRef, FromRequestParts, Path, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use serde_json::json;
use std::sync::{Arc, OnceLock};

/// Pages load nothing but their own style and script, and no other site frames them.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// What is published, made when somebody asks for it first.
#[derive(Debug, Clone)]
pub(super) struct Publication {
    facts: Facts,
    made: Arc<OnceLock<Published>>,
}

#[derive(Debug)]
struct Published {
    document: File,
    reference: File,
    accounts: File,
    streams: File,
    messages: File,
    people: File,
    errors: File,
    style: File,
    script: File,
}

impl Publication {
    /// What is published of a server.
    pub(super) fn new(facts: Facts) -> Self {
        Self { facts, made: Arc::default() }
    }

    fn get(&self) -> &Published {
        const HTML: &str = "text/html; charset=utf-8";
        self.made.get_or_init(|| {
            let document = document(self.facts);
            let page = |title, text| File::new(HTML, markdown::page(title, text));
            Published {
                reference: File::new(HTML, reference::page(&document)),
                document: File::new("application/json", document.to_string()),
                streams: page("Streams", include_str!("../../../docs/streams.md")),
                accounts: page("Accounts", include_str!("../../../docs/accounts.md")),
                messages: page("Messages", include_str!("../../../docs/messages.md")),
                people: page("People and reading", include_str!("../../../docs/people.md")),
                errors: page("Errors", include_str!("../../../docs/errors.md")),
                style: File::new("text/css; charset=utf-8", include_str!("../../../static/docs/style.css")),
                script: File::new("text/javascript; charset=utf-8", include_str!("../../../static/docs/script.js")),
            }
        })
    }
}

impl FromRef<App> for Publication {
    fn from_ref(app: &App) -> Self {
        app.publication.clone()
    }
}

impl Asks for State<Publication> {
    fn asks(_: &mut Operation<'_>) {}
}

/// The description as a document.
pub(super) struct Document(Response);

impl IntoResponse for Document {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answers for Document {
    fn answers(operation: &mut Operation<'_>) {
        operation.answers(200, "An OpenAPI document.", Some(("application/json", json!({ "type": "object" }))));
    }
}

/// A page for people.
pub(super) struct Page(Response);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answers for Page {
    fn answers(operation: &mut Operation<'_>) {
        operation.answers(200, "A page.", Some(("text/html", json!({ "type": "string" }))));
    }
}

/// A page, or a file that pages need.
pub(super) struct Part(Response);

impl IntoResponse for Part {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answers for Part {
    fn answers(operation: &mut Operation<'_>) {
        Page::answers(operation);
        for media in ["text/css", "text/javascript"] {
            operation.answers_also(200, media, &json!({ "type": "string" }));
        }
    }
}

/// `GET /openapi.json`
pub(super) async fn openapi(State(publication): State<Publication>, known: Known) -> Document {
    Document(publication.get().document.answer(&known, POLICY))
}

/// `GET /docs`
pub(super) async fn reference(State(publication): State<Publication>, known: Known) -> Page {
    Page(publication.get().reference.answer(&known, POLICY))
}

/// The name of a page or file beside the reference.
pub(super) struct Leaf(String);

impl<S: Send + Sync> FromRequestParts<S> for Leaf {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let named = Path::<String>::from_request_parts(parts, state).await;
        named.map(|Path(name)| Self(name)).map_err(|_| Problem::not_found())
    }
}

impl Asks for Leaf {
    fn asks(operation: &mut Operation<'_>) {
        operation.takes(Parameter {
            place: "path",
            name: "page",
            says: "Its name.",
            required: true,
            schema: json!({ "enum": ["accounts", "streams", "messages", "people", "errors", "style.css", "script.js"] }),
        });
    }
}

/// `GET /docs/PAGE`
pub(super) async fn page(
    State(publication): State<Publication>,
    known: Known,
    Leaf(name): Leaf,
) -> Result<Part, Problem> {
    let published = publication.get();
    let file = match name.as_str() {
        "accounts" => &published.accounts,
        "streams" => &published.streams,
        "messages" => &published.messages,
        "people" => &published.people,
        "errors" => &published.errors,
        "style.css" => &published.style,
        "script.js" => &published.script,
        _ => return Err(Problem::not_found()),
    };
    Ok(Part(file.answer(&known, POLICY)))
}
