//! Adds to users whether others may see when they are there, and when they were last.

use crate::columns::number_or_null;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

fn added() -> [ColumnDef; 2] {
    let shown = ColumnDef::new(Alias::new("show_presence")).boolean().not_null().default(true).to_owned();
    [shown, number_or_null("last_seen_at")]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in added() {
            // A step that was cut short is taken up where it ended.
            if !manager.has_column("users", column.get_column_name()).await? {
                let table = Table::alter().table(Alias::new("users")).add_column(column).to_owned();
                manager.alter_table(table).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in added() {
            let column = Alias::new(column.get_column_name());
            manager.alter_table(Table::alter().table(Alias::new("users")).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
