//! Adds what the clients of older systems need: sessions that are good for one of them alone, users who are trusted
//! without a password, and groups whose names are unique among their own.

use crate::columns::{flag, number_or_null, text_or_null};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

fn added() -> Vec<(&'static str, ColumnDef)> {
    vec![
        // What a session's secret is good for, where that is not everything.
        ("sessions", text_or_null("audience", 32)),
        // Without a password, and trusted by those protocols that know none, if the operator wants so.
        ("users", flag("open")),
        // Which older system's interface an account came through.
        ("users", text_or_null("via", 32)),
        // A password that was mailed, good beside the old one until it is first used.
        ("users", text_or_null("spare_password_hash", 255)),
        ("users", number_or_null("spare_until")),
        // Groups whose names are unique among those of the same namespace.
        ("conversations", text_or_null("namespace", 32)),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, column) in added() {
            // A step that was cut short is taken up where it ended.
            if !manager.has_column(name, column.get_column_name()).await? {
                let table = Table::alter().table(Alias::new(name)).add_column(column).to_owned();
                manager.alter_table(table).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, column) in added() {
            let column = Alias::new(column.get_column_name());
            manager.alter_table(Table::alter().table(Alias::new(name)).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
