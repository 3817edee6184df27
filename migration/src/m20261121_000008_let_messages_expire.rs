//! Adds to the clock which message is the first that is still kept, where messages are kept for a set time.

use crate::columns::number;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const COLUMN: &str = "first_message";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A step that was cut short is taken up where it ended.
        if manager.has_column("clock", COLUMN).await? {
            return Ok(());
        }
        let column = number(COLUMN).default(1).to_owned();
        manager.alter_table(Table::alter().table(Alias::new("clock")).add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter().table(Alias::new("clock")).drop_column(Alias::new(COLUMN)).to_owned();
        manager.alter_table(table).await
    }
}
