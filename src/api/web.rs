//! `/`: the web app, as it stands in `static/`. It is no part of the API, whose list of routes does not name it.

use super::app::App;
use super::problem::Problem;
use super::published::{File, Known};
use axum::Router;
use axum::extract::{FromRef, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// Every address of the app. Each is answered with the same page, whose script then shows what is asked for;
/// `static/app/routes.js` has the same list.
pub const ADDRESSES: &[&str] = &[
    "/",
    "/login",
    "/register",
    "/invitations/{token}",
    "/lost-password",
    "/conversations",
    "/conversations/{id}",
    "/messages/{id}",
    "/threads",
    "/threads/{id}",
    "/mentions",
    "/search",
    "/new",
    "/groups/new",
    "/channels",
    "/contacts",
    "/user/{name}",
    "/settings",
    "/settings/devices",
    "/settings/keys",
    "/settings/blocks",
    "/admin",
];

/// The files that do not lie in `static/app/`.
const FILES: &[&str] = &[
    "/goldcrest.js",
    "/manifest.webmanifest",
    "/robots.txt",
    "/icon.svg",
    "/icon-180.png",
    "/icon-192.png",
    "/icon-512.png",
    "/icon-maskable.png",
];

/// Everything comes from here, nothing is written into a page but by its elements, and no other site frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      manifest-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// The folder, in the binary. Where the program is being worked on (a build without optimizations), files are read from
/// the disk when they are asked for.
#[derive(RustEmbed)]
#[folder = "static/"]
struct Static;

/// The files of the app, each packed when somebody asks for it first: all of them together would keep the others waiting
/// who are served by the same thread.
#[derive(Debug, Clone, Default)]
pub(super) struct Site(Arc<OnceLock<Contents>>);

/// All files by their names, and the version that they are together.
#[derive(Debug)]
struct Contents {
    files: BTreeMap<String, OnceLock<Option<File>>>,
    version: String,
}

impl Contents {
    fn named() -> Self {
        let files = Static::iter().map(|name| (name.into_owned(), OnceLock::new())).collect();
        Self { files, version: version() }
    }

    fn find(&self, name: &str) -> Option<File> {
        self.files.get(name)?.get_or_init(|| read(name, &self.version)).clone()
    }
}

impl Site {
    /// The file of this name, below `static/`. Names are compared as they stand: none leads anywhere else.
    fn find(&self, name: &str) -> Option<File> {
        if cfg!(debug_assertions) {
            return Static::iter().any(|known| known == name).then(|| read(name, &version())).flatten();
        }
        self.0.get_or_init(Contents::named).find(name)
    }

    /// Whether the files are this version.
    fn is(&self, asked: &str) -> bool {
        if cfg!(debug_assertions) { version() == asked } else { self.0.get_or_init(Contents::named).version == asked }
    }

    fn answer(&self, name: &str, known: &Known) -> Response {
        self.find(name).map_or_else(|| Problem::not_found().into_response(), |file| file.answer(known, POLICY))
    }
}

impl FromRef<App> for Site {
    fn from_ref(app: &App) -> Self {
        app.site.clone()
    }
}

/// Another one as soon as any file that pages load is another.
fn version() -> String {
    let mut names: Vec<_> = Static::iter().filter(|name| is_file(&format!("/{name}"))).collect();
    names.sort_unstable();
    let mut digest = Sha256::new();
    for (name, file) in names.iter().filter_map(|name| Some((name, Static::get(name)?))) {
        digest.update(name.as_bytes());
        digest.update(file.metadata.sha256_hash());
    }
    digest.finalize().iter().take(8).fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// What the page loads, it loads under the version: see [`lasting`].
fn read(name: &str, version: &str) -> Option<File> {
    let media = match name.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    };
    let data = Static::get(name)?.data.into_owned();
    if name != "index.html" {
        return Some(File::new(media, data));
    }
    let page = String::from_utf8(data).ok()?;
    let under = |path: &str, page: String| page.replace(&format!("\"{path}"), &format!("\"/static/{version}{path}"));
    Some(File::new(media, under("/app/", under("/goldcrest.js", page))))
}

/// Whether a path is a file's that every page of the app needs.
pub(super) fn is_part(path: &str) -> bool {
    path.starts_with("/static/") || is_file(path)
}

fn is_file(path: &str) -> bool {
    path.starts_with("/app/") || FILES.contains(&path)
}

/// The app's addresses and files.
pub(super) fn router() -> Router<App> {
    let with_pages = ADDRESSES.iter().fold(Router::new(), |router, path| router.route(path, get(page)));
    let with_files = FILES.iter().fold(with_pages, |router, path| router.route(path, get(file)));
    with_files.route("/app/{*path}", get(file)).route("/static/{version}/{*path}", get(lasting))
}

/// `GET /`, and all the other addresses.
async fn page(State(site): State<Site>, known: Known) -> Response {
    site.answer("index.html", &known)
}

/// `GET /static/VERSION/PATH`: the same files under a name that changes with them, so that whoever has one need not ask again.
///
/// A page that was opened before an update goes on asking under the old name. It gets what there is, to be asked for anew.
async fn lasting(State(site): State<Site>, known: Known, uri: Uri) -> Response {
    let rest = uri.path().trim_start_matches("/static/");
    let Some((version, path)) = rest.split_once('/').filter(|(_, path)| is_file(&format!("/{path}"))) else {
        return Problem::not_found().into_response();
    };
    let mut response = site.answer(path, &known);
    if site.is(version) && response.status() != StatusCode::NOT_FOUND {
        let lasts = HeaderValue::from_static("public, max-age=31536000, immutable");
        response.headers_mut().insert(header::CACHE_CONTROL, lasts);
    }
    response
}

/// What begins so is asked for by programs, also where a developer opens it in a browser.
const FOR_PROGRAMS: &[&str] = &["/api/", "/app/", "/compat/", "/static/", "/stream", "/ws"];

/// Whatever there is not: the app says so to whoever opens an address in a browser, with a way back.
pub(super) async fn missing(State(site): State<Site>, method: Method, uri: Uri, known: Known) -> Response {
    let for_programs = FOR_PROGRAMS.iter().any(|beginning| uri.path().starts_with(beginning));
    if method != Method::GET || for_programs || !known.opens_page() {
        return Problem::not_found().into_response();
    }
    let mut response = site.answer("index.html", &known);
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
}

/// `GET /app/PATH`, and the files beside it.
async fn file(State(site): State<Site>, known: Known, uri: Uri) -> Response {
    site.answer(uri.path().trim_start_matches('/'), &known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_packed_when_it_is_asked_for() {
        let contents = Contents::named();
        for name in ["index.html", "icon.svg", "index.html"] {
            assert!(contents.find(name).is_some(), "{name}");
        }
        assert!(contents.find("nothing.js").is_none());
        let packed: Vec<&str> =
            contents.files.iter().filter(|(_, file)| file.get().is_some()).map(|(name, _)| name.as_str()).collect();
        assert_eq!(packed, ["icon.svg", "index.html"]);
    }
}
