//! Adds to the clock which sessions are none any more, whatever their tokens say: those from before a backup was restored.

use crate::columns::number;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const COLUMN: &str = "first_session";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A step that was cut short is taken up where it ended.
        if manager.has_column("clock", COLUMN).await? {
            return Ok(());
        }
        let column = number(COLUMN).default(0).to_owned();
        manager.alter_table(Table::alter().table(Alias::new("clock")).add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter().table(Alias::new("clock")).drop_column(Alias::new(COLUMN)).to_owned();
        manager.alter_table(table).await
    }
}
