//! Statements that are written together: their texts, and as few ways to the database and back as it takes.
//!
//! The embedded database runs on a thread of its own, and handing it a statement and waking up for its answer costs more than
//! most statements do. It takes several in one text, so those that insert equally many rows go together, and those that end a
//! batch with the last of them; there are few such texts, since rows come in few sizes ([`super::sizes`]), and each stays
//! prepared. A database server takes values for one statement at a time.
//!
//! The texts are put together here because all of them look alike: an expression for each value and a query around them,
//! to be written out again for each batch, took as long as running them.

use super::sizes::size;
use sea_orm::{
    ActiveModelTrait, ActiveValue, ConnectionTrait, DbBackend, DbErr, EntityName, EntityTrait, IdenStatic, Iterable,
    Statement, Value,
};
use std::cmp::Reverse;
use std::fmt::Write;

/// Bytes of a text after which another is begun: the database takes a million.
const TEXT: usize = 256 * 1024;

type Column<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Column;

/// Statements of one transaction, to be run together.
#[derive(Debug)]
pub(super) struct Script {
    backend: DbBackend,
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    text: String,
    values: Vec<Value>,
    /// How many rows it writes.
    rows: usize,
    /// Whether it goes with whatever is before it.
    follows: bool,
}

impl Script {
    pub(super) fn new(backend: DbBackend) -> Self {
        Self { backend, steps: Vec::new() }
    }

    /// Inserts rows, all of whose columns are set, in no order to those of other tables.
    pub(super) fn insert<A: ActiveModelTrait>(&mut self, rows: Vec<A>) -> Result<(), DbErr> {
        let mut rows = rows.into_iter();
        while let Some(size) = size(rows.len()) {
            self.insert_part(rows.by_ref().take(size), size, false)?;
        }
        Ok(())
    }

    /// Inserts a row after all that was asked for before.
    pub(super) fn then_insert<A: ActiveModelTrait>(&mut self, row: A) -> Result<(), DbErr> {
        self.insert_part(std::iter::once(row), 1, true)
    }

    fn insert_part<A: ActiveModelTrait>(
        &mut self,
        rows: impl Iterator<Item = A>,
        size: usize,
        follows: bool,
    ) -> Result<(), DbErr> {
        let mut text = String::with_capacity(256 + size * 64);
        // What fails ends the whole batch, which is rolled back. So no statement has to be taken back by itself, for which the
        // embedded database would keep a copy of each page that one of many rows touches.
        text.push_str(if self.backend == DbBackend::Sqlite { "INSERT OR FAIL INTO " } else { "INSERT INTO " });
        self.name(&mut text, A::Entity::default().table_name());
        let mut columns = 0;
        for column in Column::<A>::iter() {
            text.push_str(if columns == 0 { " (" } else { ", " });
            self.name(&mut text, column.as_str());
            columns += 1;
        }
        text.push_str(") VALUES ");
        let mut values = Vec::with_capacity(size * columns);
        for mut row in rows {
            for (place, column) in Column::<A>::iter().enumerate() {
                text.push_str(match (place, values.is_empty()) {
                    (0, true) => "(",
                    (0, false) => "), (",
                    _ => ", ",
                });
                values.push(value(&mut row, column)?);
                self.place(&mut text, values.len());
            }
        }
        text.push(')');
        self.steps.push(Step { text, values, rows: size, follows });
        Ok(())
    }

    /// Writes all columns of the one row that has this key, after all that was asked for before.
    pub(super) fn then_update<A: ActiveModelTrait>(&mut self, mut row: A, key: Column<A>) -> Result<(), DbErr> {
        let mut text = String::with_capacity(512);
        text.push_str("UPDATE ");
        self.name(&mut text, A::Entity::default().table_name());
        let mut values = Vec::new();
        for column in Column::<A>::iter().filter(|column| column.as_str() != key.as_str()) {
            text.push_str(if values.is_empty() { " SET " } else { ", " });
            self.assign(&mut text, &mut values, column.as_str(), value(&mut row, column)?);
        }
        text.push_str(" WHERE ");
        self.assign(&mut text, &mut values, key.as_str(), value(&mut row, key)?);
        self.steps.push(Step { text, values, rows: 1, follows: true });
        Ok(())
    }

    fn assign(&self, text: &mut String, values: &mut Vec<Value>, column: &str, value: Value) {
        self.name(text, column);
        text.push_str(" = ");
        values.push(value);
        self.place(text, values.len());
    }

    fn name(&self, text: &mut String, name: &str) {
        let mark = if self.backend == DbBackend::MySql { '`' } else { '"' };
        text.push(mark);
        text.push_str(name);
        text.push(mark);
    }

    /// Where the value of this number goes, counted from 1.
    fn place(&self, text: &mut String, number: usize) {
        if self.backend == DbBackend::Postgres {
            // Writing into a string does not fail.
            let _ = write!(text, "${number}");
        } else {
            text.push('?');
        }
    }

    /// Runs all of it. Whatever does not write as many rows as it was to is an error.
    pub(super) async fn run(self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        let Self { backend, mut steps } = self;
        steps.sort_by_key(|step| (step.follows, Reverse(if step.follows { 0 } else { step.rows })));
        let mut steps = steps.into_iter().peekable();
        while let Some(Step { mut text, mut values, rows, .. }) = steps.next() {
            let mut written = rows;
            while let Some(next) = steps.next_if(|next| {
                backend == DbBackend::Sqlite && text.len() < TEXT && (next.follows || next.rows == rows)
            }) {
                text.push_str("; ");
                text.push_str(&next.text);
                values.extend(next.values);
                written += next.rows;
            }
            let done = db.execute_raw(Statement::from_sql_and_values(backend, text, values)).await?;
            if done.rows_affected() != written as u64 {
                return Err(DbErr::RecordNotUpdated);
            }
        }
        Ok(())
    }
}

fn value<A: ActiveModelTrait>(row: &mut A, column: Column<A>) -> Result<Value, DbErr> {
    match row.take(column) {
        ActiveValue::Set(value) | ActiveValue::Unchanged(value) => Ok(value),
        ActiveValue::NotSet => Err(DbErr::AttrNotSet(column.as_str().to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::conversations::{Kind, Role};
    use crate::domain::messages::Message;
    use crate::store::entity::{commits, message_words};
    use crate::store::tests::{conversation, open, open_noting, together, user};
    use crate::store::{Abort, Batch, Change, NewConversation, NewMessage};
    use sea_orm::ActiveValue::{NotSet, Set};

    fn words(message: i64) -> message_words::ActiveModel {
        message_words::ActiveModel { message_id: Set(message), words: Set("wwcat".to_owned()) }
    }

    fn commit(id: i64) -> commits::ActiveModel {
        commits::ActiveModel { id: Set(id), first_seq: Set(1), last_seq: Set(2), at: Set(3) }
    }

    #[test]
    fn each_database_is_told_in_its_own_words() {
        for (backend, inserted, updated) in [
            (
                DbBackend::Sqlite,
                r#"INSERT OR FAIL INTO "message_words" ("message_id", "words") VALUES (?, ?), (?, ?)"#,
                r#"UPDATE "message_words" SET "words" = ? WHERE "message_id" = ?"#,
            ),
            (
                DbBackend::Postgres,
                r#"INSERT INTO "message_words" ("message_id", "words") VALUES ($1, $2), ($3, $4)"#,
                r#"UPDATE "message_words" SET "words" = $1 WHERE "message_id" = $2"#,
            ),
            (
                DbBackend::MySql,
                "INSERT INTO `message_words` (`message_id`, `words`) VALUES (?, ?), (?, ?)",
                "UPDATE `message_words` SET `words` = ? WHERE `message_id` = ?",
            ),
        ] {
            let mut script = Script::new(backend);
            script.insert(vec![words(1), words(2), words(3)]).expect("rows");
            script.then_update(words(4), message_words::Column::MessageId).expect("a row");
            let rows: Vec<usize> = script.steps.iter().map(|step| step.rows).collect();
            assert_eq!((rows, &*script.steps[0].text), (vec![2, 1, 1], inserted));
            assert_eq!(script.steps[2].text, updated);
            assert_eq!(script.steps[2].values, [Value::from("wwcat"), Value::from(4_i64)]);
        }
    }

    #[tokio::test]
    async fn what_is_not_whole_or_not_there_is_an_error() {
        let home = tempfile::tempdir().expect("a directory");
        let store = open(home.path()).await;
        let mut script = Script::new(store.backend());
        let half = message_words::ActiveModel { message_id: Set(1), words: NotSet };
        assert_eq!(script.insert(vec![half]), Err(DbErr::AttrNotSet("words".to_owned())));
        script.then_insert(commit(1)).expect("a row");
        script.then_update(commit(2), commits::Column::Id).expect("a row");
        assert_eq!(script.run(&store.write).await, Err(DbErr::RecordNotUpdated), "there is no such row");
    }

    /// Somebody who says something six times in a new place.
    struct Six;

    impl Change for Six {
        type Output = ();

        async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
            let author = batch.insert_user(user("ann"));
            let members = vec![(author.id, Role::Member)];
            let place = batch.insert_conversation(NewConversation { conversation: conversation(Kind::Group), members });
            for _ in 0..6 {
                let message = Message::by(Some(author.reference()), place.id, "words".to_owned());
                batch.insert_message(NewMessage { message, body_hash: 1 });
            }
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_ends_a_batch_goes_along_with_the_last_of_its_rows() {
        let home = tempfile::tempdir().expect("a directory");
        let (store, statements) = open_noting(home.path()).await;
        together(&store, [Six]).await.pop().expect("an answer").expect("they are said");
        let statements = statements.lock();
        let has = |sql: &str, table: &str| sql.contains(&format!("INSERT OR FAIL INTO \"{table}\""));
        let said: Vec<_> = statements.iter().filter(|sql| has(sql, "messages")).collect();
        assert_eq!(said.len(), 2, "of four, and of two: {statements:?}");
        for sql in &said {
            assert!(has(sql, "message_words") && has(sql, "events"), "{sql}");
        }
        let ends = |sql: &str| has(sql, "commits") && sql.contains("; UPDATE \"clock\" SET");
        assert!(ends(said[1]) && statements.last().is_some_and(|sql| ends(sql)), "{statements:?}");
    }
}
