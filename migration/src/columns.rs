//! How tables, columns and indexes of this schema are made, alike on every database.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// A table that compares text byte by byte on every database; case folding is in columns of our own.
pub(crate) fn table(backend: DbBackend, name: &'static str) -> TableCreateStatement {
    let mut table = Table::create();
    // A first start that was cut short is taken up where it ended: tables are not made in a transaction everywhere.
    table.table(Alias::new(name)).if_not_exists();
    if backend == DbBackend::MySql {
        table.character_set("utf8mb4").collate("utf8mb4_nopad_bin");
    }
    table
}

pub(crate) fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).big_integer().not_null().to_owned()
}

pub(crate) fn number_or_null(name: &'static str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).big_integer().null().to_owned()
}

pub(crate) fn text(name: &'static str, length: u32) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).string_len(length).not_null().to_owned()
}

pub(crate) fn text_or_null(name: &'static str, length: u32) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).string_len(length).null().to_owned()
}

pub(crate) fn bytes_or_null(name: &'static str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).var_binary(64).null().to_owned()
}

pub(crate) fn flag(name: &'static str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).boolean().not_null().default(false).to_owned()
}

/// A text of any length that we allow: `MariaDB`'s TEXT ends at 64 KiB.
pub(crate) fn long_text(backend: DbBackend, name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    if backend == DbBackend::MySql {
        column.custom(Alias::new("LONGTEXT"))
    } else {
        column.text()
    };
    column.not_null().to_owned()
}

pub(crate) fn primary(columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    for column in columns {
        index.col(Alias::new(*column));
    }
    index.primary().to_owned()
}

pub(crate) fn index(name: &'static str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(Alias::new(table)).if_not_exists();
    for column in columns {
        index.col(Alias::new(*column));
    }
    index.clone()
}

pub(crate) fn unique(name: &'static str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    index(name, table, columns).unique().to_owned()
}

/// Makes an index if there is none of its name. `MariaDB` has words for that, which the builder leaves out, since `MySQL` has
/// none; and there no step is one transaction, so that a start which was cut short is taken up in the middle of one.
pub(crate) async fn create_index(manager: &SchemaManager<'_>, index: IndexCreateStatement) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::MySql {
        return manager.create_index(index).await;
    }
    let statement = index.to_string(MysqlQueryBuilder).replacen("INDEX ", "INDEX IF NOT EXISTS ", 1);
    manager.get_connection().execute_unprepared(&statement).await.map(drop)
}
