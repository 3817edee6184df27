//! What tests of this room and of those above it begin with: an empty database and the plainest rows.

use super::{Database, NewUser, Store, database_url};
use crate::domain::conversations::{Conversation, Kind, PostPolicy};
use crate::domain::users::{Circle, Status, User, Username};
use crate::domain::{ConversationId, Timestamp, UserId};
use std::path::Path;

/// The database of a directory, made if there is none.
pub(crate) async fn open(home: &Path) -> Store {
    Store::open(&Database { url: database_url(home) }).await.expect("a database opens")
}

/// An account of which only the name matters.
pub(crate) fn user(name: &str) -> NewUser {
    NewUser {
        user: User {
            id: UserId(0),
            username: Username::stored(name.to_owned()),
            email: None,
            email_confirmed: false,
            password_hash: None,
            bio: String::new(),
            bio_visible: Circle::Everyone,
            inbox: Circle::Everyone,
            status: Status::Active,
            admin: false,
            open: false,
            via: None,
            spare_password: None,
            created_at: Timestamp(0),
        },
    }
}

/// A conversation of which only the kind matters.
pub(crate) fn conversation(kind: Kind) -> Conversation {
    Conversation {
        namespace: None,
        id: ConversationId(0),
        kind,
        name: None,
        post: PostPolicy::Members,
        created_at: Timestamp(0),
        people: Vec::new(),
    }
}
