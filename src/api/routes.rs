//! Every route, in one list.

use super::app::App;
use super::openapi::{self, Entry, Facts};
use super::problem::Problem;
use super::{
    accounts, admin, blocks, contacts, conversations, docs, email, export, health, invitations, keys, links, messages,
    middleware, presence, receipts, server, sessions, stream, web,
};
use axum::Router;
use axum::routing::{delete, get, patch, post, put};
use http::StatusCode;

/// What it takes to reach a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Public,
    /// Good credentials.
    Credentials,
}

macro_rules! routes {
    ($(
        $(#[doc = $line:literal])*
        $method:ident $path:literal $access:ident => $handler:path [$($code:ident)*],
    )*) => {
        /// All routes: method, path, and what it takes to reach them. A test tries each as a stranger.
        pub const LIST: &[(&str, &str, Access)] = &[$((stringify!($method), $path, Access::$access)),*];

        fn table() -> Router<App> {
            Router::new()$(.route($path, $method($handler)))*
        }

        /// What the API says of itself (OpenAPI 3.1).
        pub fn document(facts: &Facts) -> serde_json::Value {
            openapi::assemble(facts, |schemas| vec![$({
                let entry = Entry {
                    method: stringify!($method),
                    path: $path,
                    handler: stringify!($handler),
                    says: &[$($line),*],
                    refuses: &[$(stringify!($code)),*],
                };
                entry.describe(&$handler, schemas)
            }),*])
        }
    };
}

// A line says what the route is for: a sentence, and after an empty line whatever else is worth saying. The handler's
// types say all the rest, but for the codes of its own refusals, which stand in brackets.
routes! {
    /// Whether the process answers.
    get "/healthz" Public => health::healthz [],
    /// Whether the server can be given work.
    ///
    /// Its database answers, its streams are told of what that holds, and it is not about to stop. See
    /// [Metrics](/docs/metrics#readiness).
    get "/readyz" Public => health::readyz [behind database_lost database_replaced shutting_down starting],
    /// Whether streams arrive as they are sent.
    ///
    /// A stream of four events, `probe`, 300 ms after each other, and the end. What holds them back on the way, a proxy
    /// that buffers for instance, would hold back every stream. `goldcrest doctor` asks for it.
    get "/healthz/stream" Public => health::stream [too_many_streams],
    /// Listen over Server-Sent Events.
    ///
    /// For browsers' `EventSource`, and for `curl -N`. See [Streams](/docs/streams).
    get "/stream" Credentials => stream::sse [unauthorized token_expired insufficient_scope not_found],
    /// Listen and act over a WebSocket.
    ///
    /// The subprotocol is `goldcrest.v1`. Who opens it without credentials sends `auth` as the first frame. Its
    /// operations have a [page of their own](/docs/events#operations); they are refused with the same problems as
    /// requests, in a `reply`.
    get "/ws" Public => stream::ws [unauthorized token_expired insufficient_scope not_found too_many_streams upgrade_required],
    /// The page behind a mailed link.
    ///
    /// It shows a button, and changes nothing by itself. See [Accounts](/docs/accounts).
    get "/links/{purpose}" Public => links::show [link_invalid],
    /// The button on that page.
    post "/links/{purpose}" Public => links::press [link_invalid email_taken invalid],
    /// What a login page must know.
    get "/api/v1/server" Public => server::get [],
    /// Register an account.
    ///
    /// See [Accounts](/docs/accounts).
    post "/api/v1/users" Public => accounts::register [registration_closed invitation_invalid username_taken mail_not_configured],
    /// Complete a name.
    ///
    /// Accounts in use whose name begins so, in any case.
    get "/api/v1/users" Credentials => accounts::search [invalid],
    /// Look somebody up by name.
    get "/api/v1/users/{name}" Credentials => accounts::get [],
    /// Look somebody up by number.
    get "/api/v1/users/by-id/{id}" Credentials => accounts::get_by_id [],
    /// One's own account.
    ///
    /// An API key, whatever its scopes, is told whose it is and how far it reaches, and nothing that is private.
    get "/api/v1/me" Credentials => accounts::me [],
    /// Change one's own account.
    ///
    /// What is left out stays as it is.
    patch "/api/v1/me" Credentials => accounts::update [],
    /// Delete one's own account.
    ///
    /// All sessions and keys end, and nobody gets the name again. The messages stay, or go with it.
    delete "/api/v1/me" Credentials => accounts::delete [invalid_credentials],
    /// Take along all that one's account holds.
    ///
    /// One JSON object a line, sent while it is read. API keys cannot ask for it. See [Accounts](/docs/accounts#exporting-an-account).
    post "/api/v1/me/export" Credentials => export::all [invalid_credentials overloaded],
    /// Change one's e-mail address.
    ///
    /// The new one counts once the link that is mailed to it is used.
    put "/api/v1/me/email" Credentials => email::change [invalid_credentials mail_not_configured too_many],
    /// Take one's e-mail address away.
    delete "/api/v1/me/email" Credentials => email::remove [invalid_credentials email_required],
    /// Use a mailed link.
    ///
    /// Each is good once. Unknown, used and too old get the same answer.
    post "/api/v1/links/{purpose}" Public => links::redeem [link_invalid email_taken],
    /// Have a link mailed that sets a new password.
    ///
    /// The answer is the same whether or not there is such an account. The old password is good until the link is used.
    post "/api/v1/password-resets" Public => links::request_reset [mail_not_configured],
    /// Make an invitation.
    ///
    /// For administrators. Its token is shown this once. Without a body it is for one person, for a week.
    post "/api/v1/invitations" Credentials => invitations::create [],
    /// The invitations there are.
    ///
    /// For administrators.
    get "/api/v1/invitations" Credentials => invitations::list [],
    /// Withdraw an invitation.
    ///
    /// For administrators.
    delete "/api/v1/invitations/{id}" Credentials => invitations::withdraw [],
    /// All accounts.
    ///
    /// For administrators, who read nobody's conversations.
    get "/api/v1/admin/users" Credentials => admin::users [invalid],
    /// Shut somebody out.
    ///
    /// For administrators. All sessions and keys of the account end.
    post "/api/v1/admin/users/{name}/suspend" Credentials => admin::suspend [invalid],
    /// Let somebody in again.
    ///
    /// For administrators.
    post "/api/v1/admin/users/{name}/unsuspend" Credentials => admin::unsuspend [invalid],
    /// Change one's own password.
    ///
    /// All other sessions end at once. API keys stay: they do not rest on the password.
    put "/api/v1/me/password" Credentials => accounts::change_password [invalid_credentials],
    /// Log in.
    ///
    /// An unknown name and a wrong password get the same answer.
    post "/api/v1/sessions" Public => sessions::log_in [invalid_credentials suspended not_activated],
    /// One's sessions.
    ///
    /// API keys have a list of their own.
    get "/api/v1/sessions" Credentials => sessions::list [],
    /// Get new tokens for a refresh token.
    ///
    /// It is good once. Used again within a minute it gives the same successor again, for answers that got lost; used
    /// later, its session ends, for then two people have it.
    post "/api/v1/sessions/refresh" Public => sessions::refresh [unauthorized],
    /// Who is logged in, if anybody is.
    ///
    /// For pages that begin: a cookie that is good no more is not refused here, but nobody's.
    get "/api/v1/sessions/current" Public => sessions::current [],
    /// Log out.
    ///
    /// The session ends, with its tokens, tickets and streams.
    delete "/api/v1/sessions/current" Credentials => sessions::log_out [not_found],
    /// End one of one's sessions.
    delete "/api/v1/sessions/{id}" Credentials => sessions::revoke [],
    /// Get a ticket that opens streams in a URL.
    ///
    /// For browsers, which cannot send a header with an `EventSource` or a `WebSocket`. It must be used within five
    /// minutes for the first time, and opens its stream again for 24 hours.
    post "/api/v1/stream-tickets" Credentials => sessions::ticket [],
    /// Make an API key.
    ///
    /// The secret is shown this once. See [API keys](/docs/keys).
    post "/api/v1/keys" Credentials => keys::create [not_found suspended too_many],
    /// One's API keys.
    get "/api/v1/keys" Credentials => keys::list [],
    /// Revoke an API key.
    delete "/api/v1/keys/{id}" Credentials => keys::revoke [],
    /// Make a conversation.
    ///
    /// There is one direct conversation for each set of people: if it exists, it is given back with 200.
    post "/api/v1/conversations" Credentials => conversations::create [not_found channel_name_taken not_a_contact blocked],
    /// The conversations that one is in, by last activity.
    ///
    /// Those with more than 200 people come without `members`, but with `member_count`; `GET` one to see who they are.
    get "/api/v1/conversations" Credentials => conversations::list [],
    /// All public channels, by name.
    get "/api/v1/channels" Credentials => conversations::channels [],
    /// One conversation.
    get "/api/v1/conversations/{id}" Credentials => conversations::get [],
    /// Rename a conversation, or say who may post.
    ///
    /// For its owners. What is left out stays as it is.
    patch "/api/v1/conversations/{id}" Credentials => conversations::update [not_member not_owner fixed_members channel_name_taken group_name_taken],
    /// Let somebody in, or join a channel.
    ///
    /// Owners add others; anybody joins a channel himself, with an empty object or no body.
    post "/api/v1/conversations/{id}/members" Credentials => conversations::add_member [not_a_contact blocked not_member not_owner already_member fixed_members],
    /// Remove somebody, or leave.
    ///
    /// Owners remove others. If the last owner leaves, the eldest member becomes one.
    delete "/api/v1/conversations/{id}/members/{name}" Credentials => conversations::remove_member [not_member not_owner fixed_members],
    /// Give somebody another role.
    ///
    /// For owners.
    patch "/api/v1/conversations/{id}/members/{name}" Credentials => conversations::set_role [not_member not_owner fixed_members],
    /// Send a message to a conversation.
    ///
    /// As JSON, or as the bare text: `curl -d 'backup done'` is enough for a script.
    post "/api/v1/conversations/{id}/messages" Credentials => messages::create_in [not_a_contact blocked not_member not_owner suspended idempotency_conflict],
    /// The messages of a conversation.
    ///
    /// Newest first; with `after`, oldest first from there.
    get "/api/v1/conversations/{id}/messages" Credentials => messages::list_in [],
    /// Send a message to people, or to a conversation.
    ///
    /// `to` finds or makes the direct conversation with these people.
    post "/api/v1/messages" Credentials => messages::create [not_found not_a_contact blocked not_member not_owner suspended idempotency_conflict],
    /// The messages that one may read, of all conversations or of one.
    ///
    /// Newest first; with `after`, oldest first from there.
    get "/api/v1/messages" Credentials => messages::list [invalid not_found],
    /// One message.
    get "/api/v1/messages/{id}" Credentials => messages::get [],
    /// Edit a message.
    ///
    /// For its author, as long as he may post there.
    patch "/api/v1/messages/{id}" Credentials => messages::edit [message_deleted not_author not_a_contact blocked not_member not_owner suspended],
    /// Delete a message.
    ///
    /// For all, which leaves a tombstone without the text; or for oneself. See [Messages](/docs/messages#deleting).
    delete "/api/v1/messages/{id}" Credentials => messages::delete [not_author suspended],
    /// Delete many messages as one change.
    ///
    /// The answer says of each what became of it.
    post "/api/v1/messages/delete" Credentials => messages::delete_all [suspended],
    /// The replies in a thread, oldest first.
    get "/api/v1/messages/{id}/replies" Credentials => messages::replies [],
    /// Messages that mention oneself, newest first.
    get "/api/v1/mentions" Credentials => messages::mentions [],
    /// Threads that one has a part in, by their newest reply.
    get "/api/v1/threads" Credentials => messages::threads [not_found],
    /// Say that one types in a conversation, or no longer does.
    ///
    /// Say it again every three seconds while that is so; the others hear it at once, and nothing is kept. See
    /// [Streams](/docs/streams#what-passes).
    post "/api/v1/conversations/{id}/typing" Credentials => presence::typing [not_a_contact blocked not_member not_owner suspended],
    /// Who is there.
    ///
    /// All of whom one may see it; or, with `user`, those, there or not. See [People](/docs/people#presence).
    get "/api/v1/presence" Credentials => presence::list [],
    /// Say how far one has read.
    ///
    /// It moves forward only: what was said before and is further stands.
    put "/api/v1/conversations/{id}/read" Credentials => receipts::mark [not_member],
    /// How far the members have read.
    ///
    /// In direct conversations and groups of at most 32 people; elsewhere, how far oneself has.
    get "/api/v1/conversations/{id}/receipts" Credentials => receipts::list [],
    /// Take the oldest unread messages, and mark them as read.
    ///
    /// Both is one change: whoever takes at once, each message is given once.
    post "/api/v1/messages/take" Credentials => receipts::take [not_found not_member],
    /// Ask to be somebody's contact.
    ///
    /// Each asks another once. Asking approves him in one's own list.
    post "/api/v1/contacts" Credentials => contacts::ask [not_found already_requested blocked],
    /// What one says to others who may want to write, or they to oneself.
    get "/api/v1/contacts" Credentials => contacts::list [],
    /// Approve or reject somebody.
    ///
    /// Asked or not, and as often as one changes one's mind.
    put "/api/v1/contacts/{name}" Credentials => contacts::answer [blocked],
    /// Forget what one said to somebody, and take back a request that waits.
    delete "/api/v1/contacts/{name}" Credentials => contacts::forget [],
    /// Whom one has blocked.
    get "/api/v1/blocks" Credentials => blocks::list [],
    /// Block somebody.
    ///
    /// He is told so when he tries to write, and does not hear of it before.
    put "/api/v1/blocks/{name}" Credentials => blocks::create [invalid],
    /// Take a block back.
    delete "/api/v1/blocks/{name}" Credentials => blocks::delete [],
    /// Ask for events, at once or soon.
    ///
    /// Long-polling, for clients that can neither stream nor keep a socket. See [Streams](/docs/streams#long-polling).
    get "/api/v1/events" Credentials => stream::poll [not_found too_many_streams],
    /// This description, for programs.
    get "/openapi.json" Public => docs::openapi [],
    /// What the streams say, for programs (`AsyncAPI` 3.0).
    ///
    /// Every event, control frame and operation with its schema and what it looks like.
    get "/asyncapi.json" Public => docs::asyncapi [],
    /// This description, for people.
    get "/docs" Public => docs::reference [],
    /// The pages and files beside it.
    get "/docs/{page}" Public => docs::page [not_found],
    /// What is told of the interfaces of older systems.
    get "/docs/compat/{page}" Public => docs::compat [not_found],
}

/// The routes, and what is refused before any of them.
pub fn router(app: App) -> Router {
    table()
        .merge(web::router())
        .fallback(web::missing)
        .method_not_allowed_fallback(|| async {
            let detail = "This route does not know this method; `Allow` names those that it knows.";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
        })
        .layer(middleware::Guard(app.clone()))
        .with_state(app)
}
