//! The web app: its addresses, its files, and what browsers are told of both.

use crate::support::raw::exchange;
use crate::support::{Answer, Server};
use goldcrest::api::web::ADDRESSES;
use http::Method;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the app lies in this repository.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("static")
}

/// Every file of the app, by its path on the server. The pages under `/docs` have theirs for themselves.
fn files() -> Vec<(String, Vec<u8>)> {
    fn visit(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { visit(&path, into) } else { into.push(path) }
        }
    }
    let mut paths = Vec::new();
    visit(&folder(), &mut paths);
    let own = |path: &PathBuf| path.strip_prefix(folder()).unwrap().to_str().unwrap().to_owned();
    let named = paths.iter().map(|path| (own(path), fs::read(path).unwrap()));
    named.filter(|(name, _)| !name.starts_with("docs/")).map(|(name, bytes)| (format!("/{name}"), bytes)).collect()
}

/// The address of somebody, of something.
fn example(address: &str) -> String {
    address.replace("{name}", "zo%C3%AB").replace("{token}", "a-token").replace("{id}", "7")
}

/// The page as it is served: what it loads stands under a version.
fn page(version: &str) -> String {
    let html = fs::read_to_string(folder().join("index.html")).unwrap();
    let under = |path: &str, html: String| html.replace(&format!("\"{path}"), &format!("\"/static/{version}{path}"));
    under("/app/", under("/goldcrest.js", html))
}

/// The version that a page names.
fn version(answer: &Answer) -> String {
    let html = String::from_utf8(answer.body.clone()).unwrap();
    html.split("\"/static/").nth(1).and_then(|rest| rest.split('/').next()).unwrap().to_owned()
}

fn is_strict(answer: &Answer, what: &str) {
    let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("{what} has a policy"));
    let rules: Vec<&str> = policy.split(';').map(str::trim).collect();
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(rules.contains(&rule), "{what}: {rule} is not in {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{what}: {policy}");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{what}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{what}");
    assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"), "{what}");
    assert_eq!(answer.header("cache-control"), Some("no-cache"), "{what}");
    assert!(answer.header("etag").is_some_and(|tag| tag.starts_with('"')), "{what}");
    assert!(answer.header("set-cookie").is_none(), "{what}");
}

#[tokio::test]
async fn every_address_of_the_app_is_answered_with_its_page() {
    let server = Server::start().await;
    let version = version(&server.stranger().get("/").await);
    let html = page(&version);
    for address in ADDRESSES {
        let answer = server.stranger().get(&example(address)).await;
        assert_eq!(answer.status, 200, "{address}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{address}");
        assert_eq!(answer.body, html.as_bytes(), "{address}");
        is_strict(&answer, address);
    }
    for inline in [" style=", "<style", " onclick=", "<script>", "javascript:", "http://", "https://"] {
        assert!(!html.contains(inline), "the page has {inline}, which its policy forbids");
    }
    for attribute in ["src=\"", "href=\""] {
        for (at, mark) in html.match_indices(attribute) {
            let target = html[at + mark.len()..].split('"').next().unwrap();
            assert_eq!(server.stranger().get(target).await.status, 200, "the page names {target}");
        }
    }
}

#[tokio::test]
async fn what_is_no_address_of_the_app_is_refused_like_anything_else() {
    let server = Server::start().await;
    for path in [
        "/nothing",
        "/index.html",
        "/settings/nothing",
        "/conversations/7/nothing",
        "/user",
        "/app",
        "/app/",
        "/app/nothing.js",
        "/app/parts",
        "/app/../Cargo.toml",
        "/app/%2e%2e/%2e%2e/Cargo.toml",
        "/app/..%2f..%2fCargo.toml",
        "/app//etc/passwd",
        "/app/%2fetc/passwd",
        "/app/../docs/style.css",
        "/docs/../../Cargo.toml",
        "/static/1/",
        "/static/1/index.html",
        "/static/1/app/nothing.js",
        "/static/1/app/../../Cargo.toml",
        "/static/1/docs/style.css",
        "/static/app/main.js",
        "/goldcrest.js/",
        "/GOLDCREST.JS",
    ] {
        // As it stands: `reqwest` would tidy it up.
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        exchange(server.address, request).await.unwrap().refused(404, "not_found");
    }
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        server.stranger().call(method.clone(), "/settings", None).await.refused(405, "method_not_allowed");
        server.stranger().call(method, "/app/main.js", None).await.refused(405, "method_not_allowed");
    }
}

#[tokio::test]
async fn whoever_opens_what_there_is_not_in_a_browser_gets_the_app_and_programs_a_problem() {
    let server = Server::start().await;
    let open = async |path: &str, accept: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\naccept: {accept}\r\nconnection: close\r\n\r\n");
        exchange(server.address, request).await.unwrap()
    };
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let answer = open("/nothing", browser).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.body, page(&version(&answer)).as_bytes());
    is_strict(&answer, "/nothing");
    for path in ["/api/v1/nothing", "/app/nothing.js", "/compat/nothing", "/stream/nothing"] {
        open(path, browser).await.refused(404, "not_found");
    }
    for accept in ["*/*", "application/json"] {
        open("/nothing", accept).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn what_a_page_loads_is_asked_for_once_and_anew_only_after_an_update() {
    let server = Server::start().await;
    let version = version(&server.stranger().get("/").await);
    for (path, bytes) in files().into_iter().filter(|(path, _)| path.starts_with("/app/") || path == "/goldcrest.js") {
        let lasting = server.stranger().get(&format!("/static/{version}{path}")).await;
        assert_eq!(lasting.status, 200, "{path}");
        assert!(lasting.body == bytes, "{path} is served as it stands on the disk");
        assert_eq!(lasting.header("cache-control"), Some("public, max-age=31536000, immutable"), "{path}");
        assert!(
            lasting.header("content-security-policy").is_some() && lasting.header("set-cookie").is_none(),
            "{path}"
        );
    }
    let older = server.stranger().get("/static/0123456789abcdef/app/main.js").await;
    assert_eq!(older.status, 200, "a page that was opened before an update goes on");
    is_strict(&older, "an older version");
}

#[tokio::test]
async fn every_file_of_the_app_is_served_as_what_it_is() {
    let server = Server::start().await;
    for (path, bytes) in files() {
        if path == "/index.html" {
            continue;
        }
        let answer = server.stranger().get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.describe());
        assert!(answer.body == bytes, "{path} is served as it stands on the disk");
        is_strict(&answer, &path);
        let text = || std::str::from_utf8(&bytes).unwrap_or_else(|error| panic!("{path}: {error}"));
        let media = match path.rsplit_once('.').unwrap().1 {
            "js" => {
                text();
                "text/javascript; charset=utf-8"
            }
            "css" => {
                assert_eq!(text().matches('{').count(), text().matches('}').count(), "{path}");
                "text/css; charset=utf-8"
            }
            "svg" => {
                assert!(text().starts_with("<svg ") && text().trim_end().ends_with("</svg>"), "{path}");
                "image/svg+xml"
            }
            "png" => {
                assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "{path}");
                "image/png"
            }
            "webmanifest" => {
                let manifest = answer.json();
                for icon in manifest["icons"].as_array().unwrap() {
                    let there = server.stranger().get(icon["src"].as_str().unwrap()).await;
                    assert_eq!((there.status, there.header("content-type")), (200, icon["type"].as_str()), "{icon}");
                }
                for shortcut in manifest["shortcuts"].as_array().unwrap() {
                    assert_eq!(
                        server.stranger().get(shortcut["url"].as_str().unwrap()).await.status,
                        200,
                        "{shortcut}"
                    );
                }
                "application/manifest+json"
            }
            "txt" => {
                text();
                "text/plain; charset=utf-8"
            }
            other => panic!("{path}: nobody said what a .{other} is"),
        };
        assert_eq!(answer.header("content-type"), Some(media), "{path}");
    }
}

#[tokio::test]
async fn the_app_and_the_server_know_the_same_addresses() {
    let script = fs::read_to_string(folder().join("app/routes.js")).unwrap();
    let quoted = script.lines().filter_map(|line| line.trim().strip_prefix('\'')?.split_once("': () => import("));
    let known: BTreeSet<String> = quoted
        .map(|(address, _)| {
            let part =
                |part: &str| part.strip_prefix(':').map_or_else(|| part.to_owned(), |name| format!("{{{name}}}"));
            address.split('/').map(part).collect::<Vec<_>>().join("/")
        })
        .collect();
    let served: BTreeSet<String> = ADDRESSES.iter().map(|&address| address.to_owned()).collect();
    assert_eq!(known, served);
}

#[tokio::test]
async fn whoever_has_the_newest_version_gets_nothing_again() {
    let server = Server::start().await;
    for path in ["/", "/goldcrest.js", "/app/main.js", "/icon-192.png"] {
        let first = server.stranger().get(path).await;
        let tag = first.header("etag").unwrap().to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let again = server.stranger().with_header("if-none-match", &known).get(path).await;
            assert_eq!((again.status, again.body.len()), (304, 0), "{path} with {known}");
            assert_eq!(again.header("etag"), Some(&*tag), "{path}");
            assert_eq!(again.header("cache-control"), Some("no-cache"), "{path}");
        }
        let other = server.stranger().with_header("if-none-match", "\"other\"").get(path).await;
        assert_eq!((other.status, &other.body), (200, &first.body), "{path}");

        let head = server.stranger().call(Method::HEAD, path, None).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-length"), Some(&*first.body.len().to_string()), "{path}");
        assert_eq!(head.header("etag"), Some(&*tag), "{path}");
        is_strict(&head, path);
    }
}

#[tokio::test]
async fn texts_are_packed_for_those_who_take_that() {
    let server = Server::start().await;
    let plain = server.stranger().get("/goldcrest.js").await;
    assert_eq!(plain.header("content-encoding"), None);
    assert!(plain.header("vary").unwrap().contains("accept-encoding"), "{:?}", plain.headers);
    for asked in ["gzip", "br, GZIP;q=0.5", "deflate, gzip, br, zstd"] {
        let packed = server.stranger().with_header("accept-encoding", asked).get("/goldcrest.js").await;
        assert_eq!((packed.status, packed.header("content-encoding")), (200, Some("gzip")), "{asked}");
        assert!(packed.body.starts_with(&[0x1f, 0x8b]) && packed.body.len() * 2 < plain.body.len(), "{asked}");
        assert_ne!(packed.header("etag"), plain.header("etag"), "each form has a tag of its own");
        let tag = packed.header("etag").unwrap();
        let again = server.stranger().with_header("accept-encoding", asked).with_header("if-none-match", tag);
        assert_eq!(again.get("/goldcrest.js").await.status, 304, "{asked}");
    }
    for asked in ["gzip;q=0", "br", "identity", "gzipped", ""] {
        let answer = server.stranger().with_header("accept-encoding", asked).get("/goldcrest.js").await;
        assert_eq!((answer.header("content-encoding"), &answer.body), (None, &plain.body), "{asked}");
    }
    let picture = server.stranger().get("/icon-512.png").await;
    let asked = server.stranger().with_header("accept-encoding", "gzip").get("/icon-512.png").await;
    assert!(picture.body.starts_with(b"\x89PNG") && asked.body.len() <= picture.body.len(), "where it is for nothing");
}

#[tokio::test]
async fn the_many_files_of_one_page_are_not_counted() {
    let server = Server::options().set("--rate-limits", "on").set("--requests-per-minute", "10").start().await;
    for _ in 0..3 {
        for (path, _) in files() {
            let path = if path == "/index.html" { "/user/x".to_owned() } else { path };
            if path.starts_with("/app/") {
                assert_eq!(server.stranger().get(&path).await.status, 200, "{path}");
            }
        }
    }
}
