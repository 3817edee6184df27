//! Finds sessions that ran out, or ended long ago, without looking at all there are.

use crate::columns::{create_index, index};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Those that ran out and are still to be ended are few among those that ended of late.
        create_index(manager, index("sessions_by_end", "sessions", &["revoked_at", "expires_at"])).await?;
        create_index(manager, index("sessions_by_expiry", "sessions", &["expires_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["sessions_by_end", "sessions_by_expiry"] {
            manager.drop_index(Index::drop().name(name).table(Alias::new("sessions")).to_owned()).await?;
        }
        Ok(())
    }
}
