//! The database schema of Goldcrest and how it came about, alike on `SQLite`, `PostgreSQL` and `MariaDB`.

pub use sea_orm_migration::{MigratorTrait, SchemaManager};

mod columns;
mod m20261121_000001_create_the_core;
mod m20261121_000002_know_people_and_reading;
mod m20261121_000003_serve_older_systems;
mod m20261121_000004_find_messages;
mod m20261121_000005_survive_restores;
mod m20261121_000006_remember_used_links;
mod m20261121_000007_know_who_is_there;
mod m20261121_000008_let_messages_expire;
mod m20261121_000009_find_ended_sessions;
mod m20261121_000010_find_who_took_part;
mod m20261121_000011_know_the_line;

/// All steps, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[sea_orm_migration::async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn sea_orm_migration::MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_create_the_core::Migration),
            Box::new(m20261121_000002_know_people_and_reading::Migration),
            Box::new(m20261121_000003_serve_older_systems::Migration),
            Box::new(m20261121_000004_find_messages::Migration),
            Box::new(m20261121_000005_survive_restores::Migration),
            Box::new(m20261121_000006_remember_used_links::Migration),
            Box::new(m20261121_000007_know_who_is_there::Migration),
            Box::new(m20261121_000008_let_messages_expire::Migration),
            Box::new(m20261121_000009_find_ended_sessions::Migration),
            Box::new(m20261121_000010_find_who_took_part::Migration),
            Box::new(m20261121_000011_know_the_line::Migration),
        ]
    }
}
