//! All that stands in a database, in words that are the same for each kind of database, by its own means and none of the program's.

use crate::support::database::rows;
use sea_orm::{DatabaseConnection, DbBackend};
use std::collections::BTreeMap;

/// Every row of each table, each cell as a number in digits, or the bytes that it stands for in hexadecimal; sorted.
pub type Contents = BTreeMap<String, Vec<Vec<String>>>;

/// The columns of the embedded database, and of what kind each is: those of a database server go by the same names.
pub struct Columns(BTreeMap<String, Vec<(String, Kind)>>);

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Bytes,
    Flag,
    Number,
}

impl Columns {
    pub async fn of(embedded: &DatabaseConnection) -> Self {
        let query = "SELECT s.name AS t, p.name AS c, lower(p.type) AS k FROM sqlite_master s JOIN pragma_table_info(s.name) p \
                     WHERE s.type = 'table' AND s.name NOT LIKE 'message_words_index%' AND s.name <> 'seaql_migrations' \
                     ORDER BY s.name, p.cid";
        let mut columns = BTreeMap::<String, Vec<(String, Kind)>>::new();
        for row in rows(embedded, query).await {
            let text = |name: &str| row.try_get::<String>("", name).unwrap();
            let kind = match text("k") {
                kind if kind.contains("char") || kind.contains("text") => Kind::Text,
                kind if kind.contains("blob") || kind.contains("binary") => Kind::Bytes,
                kind if kind.contains("bool") => Kind::Flag,
                kind if kind.contains("int") => Kind::Number,
                kind => panic!("{}.{} is a {kind}", text("t"), text("c")),
            };
            columns.entry(text("t")).or_default().push((text("c"), kind));
        }
        Self(columns)
    }

    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What stands in them. The name of the line is each database's own.
    pub async fn contents(&self, database: &DatabaseConnection) -> Contents {
        let backend = database.get_database_backend();
        let mut contents = Contents::new();
        for (table, columns) in &self.0 {
            let columns: Vec<_> =
                columns.iter().filter(|(name, _)| (table.as_str(), name.as_str()) != ("clock", "line")).collect();
            let cells = columns.iter().enumerate().map(|(place, (name, kind))| {
                // The embedded database has nothing in hexadecimal where there is nothing.
                let cell = cell(backend, &format!("\"{name}\""), *kind);
                format!("CASE WHEN \"{name}\" IS NULL THEN 'NULL' ELSE {cell} END AS c{place}")
            });
            let query = format!("SELECT {} FROM \"{table}\"", cells.collect::<Vec<_>>().join(", "));
            let row = |row: &sea_orm::QueryResult| {
                (0..columns.len()).map(|place| row.try_get::<String>("", &format!("c{place}")).unwrap()).collect()
            };
            let mut all: Vec<Vec<String>> = rows(database, &query).await.iter().map(row).collect();
            all.sort();
            contents.insert(table.clone(), all);
        }
        contents
    }
}

/// Each table has the same rows.
#[track_caller]
pub fn assert_same(found: &Contents, expected: &Contents) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (table, expected) in expected {
        let found = &found[table];
        let differs = found.iter().zip(expected).find(|(found, expected)| found != expected);
        assert!(differs.is_none() && found.len() == expected.len(), "{table}: {} rows, {differs:?}", found.len());
    }
}

fn cell(backend: DbBackend, column: &str, kind: Kind) -> String {
    match (backend, kind) {
        (DbBackend::Postgres, Kind::Text) => format!("upper(encode(convert_to({column}, 'UTF8'), 'hex'))"),
        (DbBackend::Postgres, Kind::Bytes) => format!("upper(encode({column}, 'hex'))"),
        (DbBackend::Postgres, Kind::Flag) => format!("{column}::int::text"),
        (DbBackend::Postgres, Kind::Number) => format!("{column}::text"),
        (_, Kind::Text | Kind::Bytes) => format!("hex({column})"),
        (DbBackend::MySql, _) => format!("CAST({column} AS CHAR)"),
        (_, _) => format!("CAST({column} AS TEXT)"),
    }
}
