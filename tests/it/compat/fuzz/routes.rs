//! The routes of all interfaces, as a table that is compared with their sources.

use std::path::Path;

/// An older system's interface.
pub struct Interface {
    pub name: &'static str,
    /// What stands before each of its paths.
    pub base: &'static str,
    pub shows: Shows,
    /// Names that it reads from bodies and queries.
    pub fields: &'static [&'static str],
    pub routes: &'static [Route],
}

/// How somebody shows there who he is.
#[derive(Debug, Clone, Copy)]
pub enum Shows {
    Basic,
    Token,
    /// By three parameters.
    Query,
}

/// A path as the source has it, and the methods that it knows.
pub struct Route {
    pub path: &'static str,
    pub methods: &'static str,
}

const fn route(methods: &'static str, path: &'static str) -> Route {
    Route { path, methods }
}

pub const INTERFACES: &[Interface] = &[
    Interface {
        name: "babbel",
        base: "",
        shows: Shows::Basic,
        fields: &["receiver", "message", "ids", "start", "end"],
        routes: &[
            route("GET", "/dates"),
            route("GET", "/{user}"),
            route("GET", "/{user}/messages"),
            route("GET POST DELETE", "/{user}/message"),
            route("GET DELETE", "/{user}/message/{id}"),
        ],
    },
    Interface {
        name: "msgboard",
        base: "",
        shows: Shows::Basic,
        fields: &["username", "password", "bio", "text", "limit", "offset"],
        routes: &[
            route("GET POST", "/user"),
            route("GET", "/user/{who}"),
            route("GET", "/messages"),
            route("GET POST PUT DELETE", "/message"),
            route("GET PUT DELETE", "/message/{id}"),
            route("GET", "/stream"),
        ],
    },
    Interface {
        name: "chat",
        base: "",
        shows: Shows::Basic,
        fields: &["username", "name", "users", "chat", "author", "text", "user"],
        routes: &[
            route("POST", "/users/add"),
            route("POST", "/chats/add"),
            route("POST", "/chats/get"),
            route("POST", "/messages/add"),
            route("POST", "/messages/get"),
        ],
    },
    Interface {
        name: "oms",
        base: "",
        shows: Shows::Token,
        fields: &["username", "password", "email", "receiver", "content", "blocked", "sender", "date", "page"],
        routes: &[
            route("POST", "/api/auth/register"),
            route("POST", "/api/auth/login"),
            route("POST", "/api/auth/logout"),
            route("GET POST", "/api/message"),
            route("GET", "/api/message/sent"),
            route("GET", "/api/message/received"),
            route("GET POST", "/api/block"),
            route("DELETE", "/api/block/{username}"),
        ],
    },
    Interface {
        name: "kinglet",
        base: "/api/v1",
        shows: Shows::Query,
        fields: &[
            "json",
            "user_name",
            "user_id",
            "session_id",
            "email",
            "password",
            "desc_markup",
            "old_password",
            "new_password",
            "verify_password",
            "message_text",
            "reply_to_id",
            "reply_to_content_digest",
        ],
        routes: &[
            route("POST PUT", "/users"),
            route("GET", "/users/activate"),
            route("GET", "/users/activate/{digest}"),
            route("POST", "/users/login"),
            route("POST PUT", "/users/password"),
            route("GET", "/users/{name}"),
            route("GET", "/users/{name}/logout"),
            route("GET", "/lists/request/{name}"),
            route("GET", "/lists/approve/{name}"),
            route("GET", "/lists/reject/{name}"),
            route("GET", "/lists/requests"),
            route("GET POST", "/messages"),
            route("GET", "/messages/page/{page}"),
            route("GET", "/messages/since/{moment}"),
            route("GET", "/messages/threads"),
            route("GET", "/messages/threads/{page}"),
            route("GET", "/messages/{id}"),
            route("GET POST", "/messages/{id}/replies"),
            route("GET", "/time"),
        ],
    },
];

impl Interface {
    /// The paths that its router's source spells, sorted.
    pub fn routes_in_source(&self) -> Vec<String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/compat").join(self.name).join("mod.rs");
        let text = std::fs::read_to_string(&source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
        let (_, router) = text.split_once("\nfn router(").expect("an adapter has a router");
        let router = router.split("\n}\n").next().unwrap_or(router);
        // Every second part between quotation marks is a text; no text in a router holds one.
        let texts = router.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        let mut paths: Vec<String> =
            texts.split('"').skip(1).step_by(2).filter(|text| text.starts_with('/')).map(str::to_owned).collect();
        paths.sort_unstable();
        paths
    }
}

/// A path with something in the place of each of its parameters.
pub fn filled(path: &str, mut value: impl FnMut(&str) -> String) -> String {
    let part = |part: &str| {
        let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        name.map_or_else(|| part.to_owned(), &mut value)
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}
