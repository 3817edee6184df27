//! Adds what people are to each other (contacts, blocks), what they have read, mailed links, invitations, who is leaving,
//! and what messages know beyond their text.

use crate::columns::{create_index, flag, index, number, number_or_null, primary, table, text, text_or_null, unique};
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Columns that came to tables of the first step.
fn added() -> Vec<(&'static str, ColumnDef)> {
    let everyone = |name| text(name, 16).default("everyone").to_owned();
    vec![
        // An address counts, and has a key, only once it is confirmed; until then it is a wish.
        ("users", flag("email_confirmed")),
        ("users", everyone("bio_visible")),
        ("users", everyone("inbox")),
        ("messages", number_or_null("deleted_at")),
        // Who was gone by then does not read what was said anew.
        ("messages", number_or_null("edited_seq")),
        // The last message before a stay and the last one in it: what is unread is found without reading the rest.
        ("stays", number("joined_message").default(0).to_owned()),
        ("stays", number_or_null("left_message")),
        // Deleting a message empties its text in the log too, and finds its events by this.
        ("events", number_or_null("message_id")),
        ("clock", number("last_invitation").default(0).to_owned()),
    ]
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index("events_by_message", "events", &["message_id"]),
        index("messages_by_thread", "messages", &["thread_id", "id"]),
        index("messages_by_author", "messages", &["author_id", "id"]),
        index("messages_by_time", "messages", &["created_at"]),
        index("users_by_status", "users", &["status", "username_key"]),
        index("links_by_user", "links", &["user_id", "purpose"]),
        index("links_by_end", "links", &["expires_at"]),
        unique("invitations_by_secret", "invitations", &["secret_hash"]),
        index("contacts_by_owner", "contacts", &["owner_id", "created_at"]),
        index("contacts_by_other", "contacts", &["other_id", "created_at"]),
        index("blocks_by_blocker", "blocks", &["blocker_id", "created_at"]),
        index("blocks_by_blocked", "blocks", &["blocked_id"]),
        index("reads_by_conversation", "reads", &["conversation_id"]),
        index("mentions_by_message", "mentions", &["message_id"]),
        index("mentions_by_conversation", "mentions", &["user_id", "conversation_id", "message_id"]),
        index("hidden_by_message", "hidden", &["message_id"]),
    ]
}

/// Names that begin alike are looked for byte by byte, in which order the default collations of `PostgreSQL` do not sort.
const NAMES_BY_BYTES: &str = r#"CREATE INDEX IF NOT EXISTS users_by_prefix ON users (username_key COLLATE "C")"#;

const TABLES: [&str; 9] =
    ["links", "invitations", "departures", "contacts", "blocks", "reads", "mentions", "hidden", "threads"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for (name, column) in added() {
            // A step that was cut short is taken up where it ended.
            if !manager.has_column(name, column.get_column_name()).await? {
                let table = Table::alter().table(Alias::new(name)).add_column(column).to_owned();
                manager.alter_table(table).await?;
            }
        }
        let tables = [
            // Mailed links: what they do, for whom, and to which address.
            table(backend, "links")
                .col(text("secret_hash", 64))
                .col(number("user_id"))
                .col(text("purpose", 16))
                .col(text_or_null("email", 255))
                .col(number("created_at"))
                .col(number("expires_at"))
                .primary_key(&mut primary(&["secret_hash"]))
                .to_owned(),
            table(backend, "invitations")
                .col(number("id"))
                .col(text("secret_hash", 64))
                .col(text("name", 255))
                .col(number("created_by"))
                .col(number("uses_left"))
                .col(number("used"))
                .col(number("created_at"))
                .col(number("expires_at"))
                .primary_key(&mut primary(&["id"]))
                .to_owned(),
            // Deleted accounts that still have to be taken out of their conversations, and how far that has come.
            table(backend, "departures")
                .col(number("user_id"))
                .col(flag("erase_messages"))
                .col(number("after_conversation"))
                .primary_key(&mut primary(&["user_id"]))
                .to_owned(),
            // What an owner says to another who may want to write: one row per pair and direction.
            table(backend, "contacts")
                .col(number("owner_id"))
                .col(number("other_id"))
                .col(text("state", 16))
                // Whether the other one asked; if not, the owner did, and so approved him.
                .col(flag("asked"))
                .col(number("created_at"))
                .col(number_or_null("answered_at"))
                .primary_key(&mut primary(&["owner_id", "other_id"]))
                .to_owned(),
            table(backend, "blocks")
                .col(number("blocker_id"))
                .col(number("blocked_id"))
                .col(number("created_at"))
                .primary_key(&mut primary(&["blocker_id", "blocked_id"]))
                .to_owned(),
            // How far somebody has read a conversation: through this message.
            table(backend, "reads")
                .col(number("user_id"))
                .col(number("conversation_id"))
                .col(number("message_id"))
                .col(number("at"))
                // Whether the others in the conversation were told.
                .col(flag("shared"))
                .primary_key(&mut primary(&["user_id", "conversation_id"]))
                .to_owned(),
            table(backend, "mentions")
                .col(number("user_id"))
                .col(number("message_id"))
                // Where the message is, so that the unread ones of a conversation are counted from the index alone.
                .col(number("conversation_id"))
                .primary_key(&mut primary(&["user_id", "message_id"]))
                .to_owned(),
            // Who takes part in which thread: its author, those who reply in it, and those who are named in it.
            table(backend, "threads")
                .col(number("user_id"))
                .col(number("thread_id"))
                .primary_key(&mut primary(&["user_id", "thread_id"]))
                .to_owned(),
            // Messages of others that somebody deleted for himself alone.
            table(backend, "hidden")
                .col(number("user_id"))
                .col(number("message_id"))
                .primary_key(&mut primary(&["user_id", "message_id"]))
                .to_owned(),
        ];
        for statement in tables {
            manager.create_table(statement).await?;
        }
        for statement in indexes() {
            create_index(manager, statement).await?;
        }
        if backend == DbBackend::Postgres {
            manager.get_connection().execute_unprepared(NAMES_BY_BYTES).await?;
        }
        // Addresses that were given before could not be confirmed: none of them counts yet.
        let unconfirmed = Query::update()
            .table(Alias::new("users"))
            .value(Alias::new("email_key"), Option::<String>::None)
            .and_where(Expr::col(Alias::new("email_confirmed")).eq(false))
            .to_owned();
        manager.execute(unconfirmed).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in TABLES {
            manager.drop_table(Table::drop().table(Alias::new(name)).if_exists().to_owned()).await?;
        }
        for (name, table) in [
            ("events_by_message", "events"),
            ("messages_by_thread", "messages"),
            ("messages_by_author", "messages"),
            ("messages_by_time", "messages"),
            ("users_by_status", "users"),
        ] {
            manager.drop_index(Index::drop().name(name).table(Alias::new(table)).to_owned()).await?;
        }
        if manager.get_database_backend() == DbBackend::Postgres {
            manager.get_connection().execute_unprepared("DROP INDEX IF EXISTS users_by_prefix").await?;
        }
        for (name, column) in added() {
            let column = Alias::new(column.get_column_name());
            manager.alter_table(Table::alter().table(Alias::new(name)).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
