//! The tables that a copy takes along, by what it does with each of them: listed once, whatever is in them.

use super::claim::{Claim, Connection};
use super::error::Failure;
use crate::store::entity;
use crate::store::sizes::size;
use futures_util::future::BoxFuture;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, Iterable, ModelTrait,
    PrimaryKeyToColumn, QueryFilter, QueryOrder, QuerySelect,
};
use sha2::{Digest, Sha256};
use std::fmt::Debug;

/// Rows that are read at once, and written at most: with the columns of any table they are fewer values than the 65,535
/// that a statement of `PostgreSQL` takes.
const PAGE: u64 = 1000;
/// What a statement holds at most, but for a single row that is larger: far below what `MariaDB` takes in one packet.
const PART_BYTES: usize = 512 * 1024;

/// All tables but the clock, whose row comes last and makes a database of them. There are no foreign keys: any order holds.
pub(super) const TABLES: [Table; 18] = [
    table::<entity::users::Entity>("users"),
    table::<entity::departures::Entity>("departures"),
    table::<entity::sessions::Entity>("sessions"),
    table::<entity::used_tickets::Entity>("used_tickets"),
    table::<entity::links::Entity>("links"),
    table::<entity::invitations::Entity>("invitations"),
    table::<entity::contacts::Entity>("contacts"),
    table::<entity::blocks::Entity>("blocks"),
    table::<entity::conversations::Entity>("conversations"),
    table::<entity::stays::Entity>("stays"),
    table::<entity::messages::Entity>("messages"),
    table::<entity::message_words::Entity>("message_words"),
    table::<entity::mentions::Entity>("mentions"),
    table::<entity::threads::Entity>("threads"),
    table::<entity::hidden::Entity>("hidden"),
    table::<entity::reads::Entity>("reads"),
    table::<entity::events::Entity>("events"),
    table::<entity::commits::Entity>("commits"),
];
/// The table of the clock row.
pub(super) const CLOCK: &str = "clock";

/// Hears how many rows of a table are done.
pub(super) type Tell<'a> = &'a mut (dyn FnMut(u64) + Send);

/// One table, and what can be done with its rows.
pub(super) struct Table {
    pub name: &'static str,
    /// Copies all rows, and gives their sum as they were read.
    pub copy: for<'a> fn(&'a Connection, &'a Claim, Tell<'a>) -> BoxFuture<'a, Result<Sum, Failure>>,
    /// Reads all rows, and gives their sum.
    pub sum: for<'a> fn(&'a Connection, Tell<'a>) -> BoxFuture<'a, Result<Sum, DbErr>>,
    /// The columns that are known here.
    #[cfg(test)]
    columns: fn() -> Vec<String>,
}

/// How many rows there are and what all of them say, in whatever order they come: databases sort texts as each likes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub rows: u64,
    digests: u128,
}

impl Sum {
    fn add(&mut self, row: &str) {
        let digest = Sha256::digest(row.as_bytes());
        let half = digest.iter().take(16).fold(0, |half: u128, byte| (half << 8) | u128::from(*byte));
        self.rows += 1;
        self.digests = self.digests.wrapping_add(half);
    }
}

/// What is asked of the entity of a table, which all have.
trait Row: EntityTrait<Model: IntoActiveModel<Self::ActiveModel> + Debug + Clone + Sync, ActiveModel: Send> {}
impl<E: EntityTrait<Model: IntoActiveModel<E::ActiveModel> + Debug + Clone + Sync, ActiveModel: Send>> Row for E {}

const fn table<E: Row>(name: &'static str) -> Table {
    Table {
        name,
        copy: |from, to, tell| Box::pin(copy::<E>(from, to, tell)),
        sum: |of, tell| Box::pin(sum::<E>(of, tell)),
        #[cfg(test)]
        columns: || E::Column::iter().map(|column| sea_orm::IdenStatic::as_str(&column).to_owned()).collect(),
    }
}

async fn copy<E: Row>(from: &Connection, to: &Claim, tell: Tell<'_>) -> Result<Sum, Failure> {
    let mut sum = Sum::default();
    let mut last = None;
    loop {
        let rows = page::<E>(from, last.as_ref()).await.map_err(Failure::Reading)?;
        let Some(newest) = rows.last() else { return Ok(sum) };
        last = Some(newest.clone());
        let (mut part, mut bytes) = (Vec::new(), 0);
        for row in rows {
            let said = told(&row);
            if !part.is_empty() && bytes + said.len() > PART_BYTES {
                write::<E>(to, std::mem::take(&mut part)).await?;
                bytes = 0;
            }
            bytes += said.len();
            sum.add(&said);
            part.push(row.into_active_model().reset_all());
        }
        write::<E>(to, part).await?;
        tell(sum.rows);
    }
}

async fn write<E: Row>(to: &Claim, mut rows: Vec<E::ActiveModel>) -> Result<(), Failure> {
    let db = to.begin().await?;
    while let Some(size) = size(rows.len()) {
        let rest = rows.split_off(size);
        let some = std::mem::replace(&mut rows, rest);
        E::insert_many(some).exec_without_returning(&db).await.map_err(Failure::Writing)?;
    }
    db.commit().await.map_err(Failure::Writing)
}

async fn sum<E: Row>(of: &Connection, tell: Tell<'_>) -> Result<Sum, DbErr> {
    let mut sum = Sum::default();
    let mut last: Option<E::Model> = None;
    loop {
        let rows = page::<E>(of, last.as_ref()).await?;
        for row in &rows {
            sum.add(&told(row));
        }
        let Some(newest) = rows.into_iter().next_back() else { return Ok(sum) };
        last = Some(newest);
        tell(sum.rows);
    }
}

/// A row in full: each column by its name, texts with what cannot be seen in them spelled out.
fn told(row: &impl Debug) -> String {
    format!("{row:?}")
}

/// The rows that come next by their key, as this database sorts it.
async fn page<E: Row>(db: &impl ConnectionTrait, after: Option<&E::Model>) -> Result<Vec<E::Model>, DbErr> {
    let key: Vec<E::Column> = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column).collect();
    let mut query = E::find().limit(PAGE);
    if let Some(last) = after {
        let columns = Expr::tuple(key.iter().map(|column| Expr::col(*column)));
        let values = Expr::tuple(key.iter().map(|column| Expr::value(last.get(*column))));
        query = query.filter(columns.gt(values));
        // MariaDB finds the place in the index by this alone.
        if let Some(first) = key.first() {
            query = query.filter(first.gte(last.get(*first)));
        }
    }
    for column in key {
        query = query.order_by_asc(column);
    }
    query.all(db).await
}

/// Whether there is any row in a table.
pub(super) async fn has_rows(db: &impl ConnectionTrait, table: &'static str) -> Result<bool, DbErr> {
    let one = Query::select().expr(Expr::val(1)).from(Alias::new(table)).limit(1).to_owned();
    Ok(db.query_one(&one).await?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Database, Store, database_url};
    use sea_orm::IdenStatic as _;
    use sea_orm::{DbBackend, Statement};
    use std::collections::{BTreeMap, BTreeSet};

    /// What a new step of the schema adds must not be left behind.
    #[tokio::test]
    async fn no_table_and_no_column_is_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(&Database { url: database_url(home.path()) }).await.expect("a database opens");
        let query =
            "SELECT s.name, p.name FROM sqlite_master s JOIN pragma_table_info(s.name) p WHERE s.type = 'table'";
        let rows = store.read.query_all_raw(Statement::from_string(DbBackend::Sqlite, query)).await.unwrap();
        let mut schema = BTreeMap::<String, BTreeSet<String>>::new();
        for row in rows {
            let (table, column): (String, String) =
                (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap());
            schema.entry(table).or_default().insert(column);
        }
        // The steps that were taken are written by taking them, and the index is made by what it is of.
        schema.retain(|table, _| table != "seaql_migrations" && !table.starts_with("message_words_index"));
        let clock = entity::clock::Column::iter().map(|column| column.as_str().to_owned()).collect();
        assert_eq!(schema.remove(CLOCK), Some(clock));
        let known: BTreeMap<String, BTreeSet<String>> =
            TABLES.iter().map(|table| (table.name.to_owned(), (table.columns)().into_iter().collect())).collect();
        assert_eq!(schema, known);
        for table in TABLES {
            let values = (table.columns)().len() * usize::try_from(PAGE).unwrap();
            assert!(values <= 65_535, "{}: {values} values in a statement", table.name);
        }
    }

    #[test]
    fn a_sum_sees_every_row_and_no_order() {
        let sum = |rows: &[&str]| {
            rows.iter().fold(Sum::default(), |mut sum, row| {
                sum.add(row);
                sum
            })
        };
        assert_eq!(sum(&["a", "b", "b"]), sum(&["b", "a", "b"]));
        assert_ne!(sum(&["a", "b", "b"]), sum(&["a", "a", "b"]));
        assert_ne!(sum(&["a"]), sum(&["a "]));
        assert_ne!(sum(&[]), sum(&[""]));
    }
}
