//! Remembers that a mailed link was used until it would have ended: protocols in which an account may be activated again
//! and again tell so from a link that never was one.

use crate::columns::number_or_null;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A step that was cut short is taken up where it ended.
        if manager.has_column("links", "used_at").await? {
            return Ok(());
        }
        let table = Table::alter().table(Alias::new("links")).add_column(number_or_null("used_at")).to_owned();
        manager.alter_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter().table(Alias::new("links")).drop_column(Alias::new("used_at")).to_owned();
        manager.alter_table(table).await
    }
}
