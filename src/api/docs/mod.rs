//! `/openapi.json`, `/asyncapi.json` and `/docs`: the description of the API and of the streams, for programs and for people.

mod curl;
mod markdown;
mod reference;
mod schema;
mod streams;

use super::app::App;
use super::asyncapi;
use super::openapi::{Answers, Asks, Facts, Operation, Parameter};
use super::problem::Problem;
use super::published::{File, Known};
use super::routes::document;
use axum::extract::{FromRef, FromRequestParts, Path, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// Pages load nothing but their own style and script, and no other site frames them.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The pages that are read as they stand in `docs/`, in the order of the list that leads to them: under what heading each
/// stands there, its path, and its text.
const PAGES: &[(&str, &str, &str)] = &[
    ("Guides", "accounts", include_str!("../../../docs/accounts.md")),
    ("Guides", "messages", include_str!("../../../docs/messages.md")),
    ("Guides", "people", include_str!("../../../docs/people.md")),
    ("Guides", "streams", include_str!("../../../docs/streams.md")),
    ("Guides", "client", include_str!("../../../docs/client.md")),
    ("Guides", "keys", include_str!("../../../docs/keys.md")),
    ("Guides", "errors", include_str!("../../../docs/errors.md")),
    ("Operating", "deploying", include_str!("../../../docs/deploying.md")),
    ("Operating", "cluster", include_str!("../../../docs/cluster.md")),
    ("Operating", "options", include_str!("../../../docs/options.md")),
    ("Operating", "logging", include_str!("../../../docs/logging.md")),
    ("Operating", "backup", include_str!("../../../docs/backup.md")),
    ("Operating", "doctor", include_str!("../../../docs/doctor.md")),
];

/// The heading of what is told of the interfaces of older systems.
const OLDER: &str = "Older systems";

/// Where the description of the streams stands, beside the reference.
const EVENTS: &str = "events";

/// A page of another room's: Markdown, with a heading.
#[derive(Debug, Clone)]
pub struct DocsPage {
    /// Where it stands under `/docs/`.
    pub path: String,
    /// What it says.
    pub text: &'static str,
}

/// What is published, made when somebody asks for it first.
#[derive(Debug, Clone)]
pub(super) struct Publication {
    sources: Arc<(Facts, Vec<DocsPage>)>,
    made: Arc<OnceLock<Published>>,
}

#[derive(Debug)]
struct Published {
    openapi: File,
    asyncapi: File,
    reference: File,
    /// What stands beside the reference, by its name.
    others: HashMap<String, File>,
}

impl Publication {
    /// What is published of a server, with pages of other rooms.
    pub(super) fn new(facts: Facts, pages: Vec<DocsPage>) -> Self {
        Self { sources: Arc::new((facts, pages)), made: Arc::default() }
    }

    fn get(&self) -> &Published {
        const HTML: &str = "text/html; charset=utf-8";
        self.made.get_or_init(|| {
            let (facts, further) = &*self.sources;
            let openapi = document(facts);
            let asyncapi = asyncapi::document(facts, &openapi);
            let further = further.iter().map(|page| (OLDER, page.path.as_str(), page.text));
            let all: Vec<(&str, &str, &str)> = PAGES.iter().copied().chain(further).collect();
            let side = markdown::Side::new(all.iter().copied());
            let mut others: HashMap<String, File> = all
                .iter()
                .map(|(_, path, text)| ((*path).to_owned(), File::new(HTML, markdown::page(&side, path, text))))
                .collect();
            others.insert(EVENTS.to_owned(), File::new(HTML, streams::page(&side, &asyncapi)));
            let style = include_str!("../../../static/docs/style.css");
            others.insert("style.css".to_owned(), File::new("text/css; charset=utf-8", style));
            let script = include_str!("../../../static/docs/script.js");
            others.insert("script.js".to_owned(), File::new("text/javascript; charset=utf-8", script));
            Published {
                reference: File::new(HTML, reference::page(&side, &openapi)),
                openapi: File::new("application/json", openapi.to_string()),
                asyncapi: File::new("application/json", asyncapi.to_string()),
                others,
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
        operation.answers(200, "The document.", Some(("application/json", json!({ "type": "object" }))));
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
    Document(publication.get().openapi.answer(&known, POLICY))
}

/// `GET /asyncapi.json`
pub(super) async fn asyncapi(State(publication): State<Publication>, known: Known) -> Document {
    Document(publication.get().asyncapi.answer(&known, POLICY))
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
            schema: json!({ "type": "string", "minLength": 1, "examples": ["streams", "style.css"] }),
        });
    }
}

/// `GET /docs/PAGE`
pub(super) async fn page(publication: State<Publication>, known: Known, Leaf(name): Leaf) -> Result<Part, Problem> {
    part(&publication, &known, &name)
}

/// `GET /docs/compat/PAGE`
pub(super) async fn compat(publication: State<Publication>, known: Known, Leaf(name): Leaf) -> Result<Part, Problem> {
    part(&publication, &known, &format!("compat/{name}"))
}

fn part(publication: &Publication, known: &Known, name: &str) -> Result<Part, Problem> {
    let file = publication.get().others.get(name).ok_or_else(Problem::not_found)?;
    Ok(Part(file.answer(known, POLICY)))
}
