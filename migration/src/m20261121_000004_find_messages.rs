//! Adds what messages are found by: their words, in a form that every full-text index takes alike.

use crate::columns::{long_text, number, primary, table};
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The index of `SQLite` stands beside the table, which triggers keep it in step with. What is deleted is taken out of
/// it at once, not merely marked.
const SQLITE: [&str; 5] = [
    "CREATE VIRTUAL TABLE IF NOT EXISTS message_words_index USING fts5(words, content='message_words', \
     content_rowid='message_id', tokenize='ascii', detail='full')",
    "INSERT INTO message_words_index(message_words_index, rank) VALUES('secure-delete', 1)",
    "CREATE TRIGGER IF NOT EXISTS message_words_inserted AFTER INSERT ON message_words BEGIN \
     INSERT INTO message_words_index(rowid, words) VALUES (new.message_id, new.words); END",
    "CREATE TRIGGER IF NOT EXISTS message_words_deleted AFTER DELETE ON message_words BEGIN \
     INSERT INTO message_words_index(message_words_index, rowid, words) \
     VALUES('delete', old.message_id, old.words); END",
    "CREATE TRIGGER IF NOT EXISTS message_words_updated AFTER UPDATE ON message_words BEGIN \
     INSERT INTO message_words_index(message_words_index, rowid, words) \
     VALUES('delete', old.message_id, old.words); \
     INSERT INTO message_words_index(rowid, words) VALUES (new.message_id, new.words); END",
];
const POSTGRES: &str =
    "CREATE INDEX IF NOT EXISTS message_words_index ON message_words USING GIN (to_tsvector('simple', words))";
const MYSQL: &str = "CREATE FULLTEXT INDEX IF NOT EXISTS message_words_index ON message_words (words)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let words = table(backend, "message_words")
            .col(number("message_id"))
            .col(long_text(backend, "words"))
            .primary_key(&mut primary(&["message_id"]))
            .to_owned();
        manager.create_table(words).await?;
        let statements = match backend {
            DbBackend::Postgres => vec![POSTGRES],
            DbBackend::MySql => vec![MYSQL],
            _ => SQLITE.to_vec(),
        };
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Sqlite {
            manager.get_connection().execute_unprepared("DROP TABLE IF EXISTS message_words_index").await?;
        }
        manager.drop_table(Table::drop().table(Alias::new("message_words")).if_exists().to_owned()).await
    }
}
