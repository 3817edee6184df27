//! Gives the line of numbers a name of its own, by which nodes of one database find each other where several share a NATS.

use crate::columns::number;
use sea_orm_migration::prelude::*;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const COLUMN: &str = "line";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let (clock, line) = (Alias::new("clock"), Alias::new(COLUMN));
        // A step that was cut short is taken up where it ended.
        if !manager.has_column("clock", COLUMN).await? {
            let column = number(COLUMN).default(0).to_owned();
            manager.alter_table(Table::alter().table(clock.clone()).add_column(column).to_owned()).await?;
        }
        // No secret: it only must not be another database's. A process has its hash maps seeded by the system.
        let name = RandomState::new().build_hasher().finish().cast_signed();
        let named = Query::update().table(clock).value(line.clone(), name).and_where(Expr::col(line).eq(0)).to_owned();
        manager.execute(named).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter().table(Alias::new("clock")).drop_column(Alias::new(COLUMN)).to_owned();
        manager.alter_table(table).await
    }
}
