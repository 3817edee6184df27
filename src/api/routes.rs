//! Every route, in one list.

use super::app::App;
use super::problem::Problem;
use super::{
    accounts, admin, blocks, contacts, conversations, cookie, email, health, invitations, keys, links, messages,
    middleware, receipts, server, sessions, stream,
};
use axum::Router;
use axum::routing::{delete, get, patch, post, put};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::CorsLayer;
use tower_http::set_header::SetResponseHeaderLayer;

/// What it takes to reach a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Public,
    /// Good credentials.
    Credentials,
}

macro_rules! routes {
    ($($method:ident $path:literal $access:ident => $handler:path),* $(,)?) => {
        /// All routes: method, path, and what it takes to reach them. A test tries each as a stranger.
        pub const LIST: &[(&str, &str, Access)] = &[$((stringify!($method), $path, Access::$access)),*];

        fn table() -> Router<App> {
            Router::new()$(.route($path, $method($handler)))*
        }
    };
}

routes! {
    get "/healthz" Public => health::healthz,
    get "/readyz" Public => health::readyz,
    get "/stream" Credentials => stream::sse,
    get "/ws" Public => stream::ws,
    get "/links/{purpose}" Public => links::show,
    post "/links/{purpose}" Public => links::press,
    get "/api/v1/server" Public => server::get,
    post "/api/v1/users" Public => accounts::register,
    get "/api/v1/users" Credentials => accounts::search,
    get "/api/v1/users/{name}" Credentials => accounts::get,
    get "/api/v1/me" Credentials => accounts::me,
    patch "/api/v1/me" Credentials => accounts::update,
    delete "/api/v1/me" Credentials => accounts::delete,
    put "/api/v1/me/password" Credentials => accounts::change_password,
    put "/api/v1/me/email" Credentials => email::change,
    delete "/api/v1/me/email" Credentials => email::remove,
    post "/api/v1/links/{purpose}" Public => links::redeem,
    post "/api/v1/password-resets" Public => links::request_reset,
    post "/api/v1/invitations" Credentials => invitations::create,
    get "/api/v1/invitations" Credentials => invitations::list,
    delete "/api/v1/invitations/{id}" Credentials => invitations::withdraw,
    get "/api/v1/admin/users" Credentials => admin::users,
    post "/api/v1/admin/users/{name}/suspend" Credentials => admin::suspend,
    post "/api/v1/admin/users/{name}/unsuspend" Credentials => admin::unsuspend,
    post "/api/v1/sessions" Public => sessions::log_in,
    get "/api/v1/sessions" Credentials => sessions::list,
    post "/api/v1/sessions/refresh" Public => sessions::refresh,
    delete "/api/v1/sessions/current" Credentials => sessions::log_out,
    delete "/api/v1/sessions/{id}" Credentials => sessions::revoke,
    post "/api/v1/stream-tickets" Credentials => sessions::ticket,
    post "/api/v1/keys" Credentials => keys::create,
    get "/api/v1/keys" Credentials => keys::list,
    delete "/api/v1/keys/{id}" Credentials => keys::revoke,
    post "/api/v1/conversations" Credentials => conversations::create,
    get "/api/v1/conversations" Credentials => conversations::list,
    get "/api/v1/channels" Credentials => conversations::channels,
    get "/api/v1/conversations/{id}" Credentials => conversations::get,
    patch "/api/v1/conversations/{id}" Credentials => conversations::update,
    post "/api/v1/conversations/{id}/members" Credentials => conversations::add_member,
    delete "/api/v1/conversations/{id}/members/{name}" Credentials => conversations::remove_member,
    patch "/api/v1/conversations/{id}/members/{name}" Credentials => conversations::set_role,
    post "/api/v1/conversations/{id}/messages" Credentials => messages::create_in,
    get "/api/v1/conversations/{id}/messages" Credentials => messages::list_in,
    put "/api/v1/conversations/{id}/read" Credentials => receipts::mark,
    get "/api/v1/conversations/{id}/receipts" Credentials => receipts::list,
    post "/api/v1/messages" Credentials => messages::create,
    get "/api/v1/messages" Credentials => messages::list,
    post "/api/v1/messages/take" Credentials => receipts::take,
    post "/api/v1/messages/delete" Credentials => messages::delete_all,
    get "/api/v1/messages/{id}" Credentials => messages::get,
    patch "/api/v1/messages/{id}" Credentials => messages::edit,
    delete "/api/v1/messages/{id}" Credentials => messages::delete,
    get "/api/v1/messages/{id}/replies" Credentials => messages::replies,
    get "/api/v1/mentions" Credentials => messages::mentions,
    get "/api/v1/threads" Credentials => messages::threads,
    post "/api/v1/contacts" Credentials => contacts::ask,
    get "/api/v1/contacts" Credentials => contacts::list,
    put "/api/v1/contacts/{name}" Credentials => contacts::answer,
    delete "/api/v1/contacts/{name}" Credentials => contacts::forget,
    get "/api/v1/blocks" Credentials => blocks::list,
    put "/api/v1/blocks/{name}" Credentials => blocks::create,
    delete "/api/v1/blocks/{name}" Credentials => blocks::delete,
    get "/api/v1/events" Credentials => stream::poll,
}

/// The routes with what happens to every request around them.
pub fn router(app: App) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(app.options.origins.allowed())
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
        ])
        .expose_headers([header::RETRY_AFTER, HeaderName::from_static("x-request-id")])
        .max_age(Duration::from_hours(1));
    let never_sniff =
        SetResponseHeaderLayer::if_not_present(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Answers are about one caller; nobody in between keeps them.
    let never_store =
        SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    table()
        .fallback(|| async { Problem::not_found() })
        .method_not_allowed_fallback(|| async {
            let detail = "This route does not know this method; `Allow` names those that it knows.";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
        })
        .layer(axum::middleware::from_fn(cookie::keep))
        .layer(axum::middleware::from_fn_with_state(app.clone(), middleware::guard))
        .layer(CatchPanicLayer::custom(middleware::panicked))
        .layer(cors)
        .layer(never_sniff)
        .layer(never_store)
        .layer(axum::middleware::from_fn(middleware::observe))
        .with_state(app)
}
