//! Creates the clock, the event log, users, sessions, conversations, stays and messages.
//!
//! There are no foreign keys: every change is decided under the clock by one transaction that reads what it depends on,
//! so they would only cost. Numbers come out of the clock row, never from auto-increment, whose order is not commit
//! order.

use crate::columns::{
    bytes_or_null, create_index, flag, index, long_text, number, number_or_null, primary, table, text, text_or_null,
    unique,
};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
#[allow(clippy::too_many_lines, reason = "a schema is a catalogue")]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let tables = [
            table(backend, "clock")
                .col(number("id"))
                .col(number("head"))
                .col(number("beginning"))
                .col(number("last_at"))
                .col(number("last_message"))
                .col(number("last_user"))
                .col(number("last_conversation"))
                .col(number("last_session"))
                .col(number("batch"))
                .primary_key(&mut primary(&["id"]))
                .to_owned(),
            table(backend, "commits")
                .col(number("id"))
                .col(number("first_seq"))
                .col(number("last_seq"))
                .col(number("at"))
                .primary_key(&mut primary(&["id"]))
                .to_owned(),
            table(backend, "events")
                .col(number("seq"))
                .col(number("topic"))
                .col(text("kind", 64))
                .col(number("at"))
                .col(long_text(backend, "data"))
                .col(number("batch"))
                .primary_key(&mut primary(&["seq"]))
                .to_owned(),
            table(backend, "users")
                .col(number("id"))
                .col(text("username", 255))
                .col(text("username_key", 512))
                .col(text_or_null("email", 255))
                .col(text_or_null("email_key", 512))
                .col(text_or_null("password_hash", 255))
                .col(long_text(backend, "bio"))
                .col(text("status", 16))
                .col(flag("admin"))
                .col(number("created_at"))
                .primary_key(&mut primary(&["id"]))
                .to_owned(),
            table(backend, "sessions")
                .col(number("id"))
                .col(number("user_id"))
                .col(text("kind", 16))
                .col(text("name", 255))
                .col(text("scopes", 64))
                .col(number_or_null("conversation_id"))
                .col(bytes_or_null("secret_hash"))
                .col(bytes_or_null("refresh_hash"))
                .col(number("refresh_generation"))
                .col(number_or_null("refreshed_at"))
                .col(number("created_at"))
                .col(number_or_null("expires_at"))
                .col(number_or_null("revoked_at"))
                .primary_key(&mut primary(&["id"]))
                .to_owned(),
            table(backend, "used_tickets")
                .col(text("id", 64))
                .col(number("session_id"))
                .col(number("expires_at"))
                .primary_key(&mut primary(&["id"]))
                .to_owned(),
            table(backend, "conversations")
                .col(number("id"))
                .col(text("kind", 16))
                .col(text_or_null("name", 512))
                .col(text_or_null("name_key", 700))
                .col(text_or_null("direct_key", 700))
                .col(text("post", 16))
                .col(number("created_at"))
                .primary_key(&mut primary(&["id"]))
                .to_owned(),
            table(backend, "stays")
                .col(number("conversation_id"))
                .col(number("user_id"))
                .col(number("joined_seq"))
                .col(number_or_null("left_seq"))
                .col(text("role", 16))
                .primary_key(&mut primary(&["conversation_id", "user_id", "joined_seq"]))
                .to_owned(),
            table(backend, "messages")
                .col(number("id"))
                .col(number("seq"))
                .col(number("conversation_id"))
                .col(number_or_null("author_id"))
                .col(long_text(backend, "text"))
                .col(number_or_null("thread_id"))
                .col(text_or_null("client_id", 64))
                .col(number("body_hash"))
                .col(number("created_at"))
                .col(number_or_null("edited_at"))
                .primary_key(&mut primary(&["id"]))
                .to_owned(),
        ];
        for statement in tables {
            manager.create_table(statement).await?;
        }
        let indexes = [
            index("events_by_topic", "events", &["topic", "seq"]),
            index("commits_by_time", "commits", &["at"]),
            unique("users_by_name", "users", &["username_key"]),
            unique("users_by_email", "users", &["email_key"]),
            unique("sessions_by_secret", "sessions", &["secret_hash"]),
            index("sessions_by_user", "sessions", &["user_id", "revoked_at"]),
            index("used_tickets_by_end", "used_tickets", &["expires_at"]),
            unique("channels_by_name", "conversations", &["name_key"]),
            unique("directs_by_people", "conversations", &["direct_key"]),
            index("stays_by_user", "stays", &["user_id", "left_seq"]),
            index("messages_by_conversation", "messages", &["conversation_id", "id"]),
            unique("messages_by_client_id", "messages", &["client_id", "author_id"]),
        ];
        for statement in indexes {
            create_index(manager, statement).await?;
        }
        let first = Query::insert()
            .into_table(Alias::new("clock"))
            .columns(
                ["id", "head", "beginning", "last_at", "last_message", "last_user", "last_conversation"]
                    .map(Alias::new)
                    .into_iter()
                    .chain(["last_session", "batch"].map(Alias::new)),
            )
            .values_panic([1, 0, 1, 0, 0, 0, 0, 0, 0].map(|n: i64| n.into()))
            .on_conflict(OnConflict::column(Alias::new("id")).do_nothing_on([Alias::new("id")]).to_owned())
            .to_owned();
        manager.execute(first).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in
            ["messages", "stays", "conversations", "used_tickets", "sessions", "users", "events", "commits", "clock"]
        {
            manager.drop_table(Table::drop().table(Alias::new(name)).to_owned()).await?;
        }
        Ok(())
    }
}
