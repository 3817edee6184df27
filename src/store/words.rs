//! The words that messages are found by, and how each database is asked for them.

use super::entity::message_words::{ActiveModel, Column, Entity};
use super::entity::messages;
use super::sizes::rounded;
use crate::domain::MessageId;
use crate::domain::messages::Message;
use crate::domain::search::{Sought, Term, index};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query, SimpleExpr};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter};

/// The row of a message; none if nothing in it is a word.
pub(super) fn row(message: &Message) -> Option<ActiveModel> {
    let words = index(&message.text);
    if words.is_empty() { None } else { Some(ActiveModel { message_id: Set(message.id.0), words: Set(words) }) }
}

/// Forgets the words of these messages.
pub(super) async fn forget(db: &impl ConnectionTrait, ids: &[MessageId]) -> Result<(), DbErr> {
    let these = Column::MessageId.is_in(rounded(ids.iter().map(|id| id.0)));
    Entity::delete_many().filter(these).exec(db).await.map(drop)
}

/// Whether a message has what is looked for in it. The words are letters and digits alone (see [`index`]), so that none
/// of them means anything to the languages of the indexes.
pub(super) fn found(backend: DbBackend, sought: &Sought) -> SimpleExpr {
    let (table, id, condition, terms) = match backend {
        DbBackend::Postgres => (
            "message_words",
            "message_id",
            "to_tsvector('simple', words) @@ to_tsquery('simple', $1)",
            joined(sought, " & ", |term| {
                format!("{}{}", term.words.join(" <-> "), if term.begins { ":*" } else { "" })
            }),
        ),
        DbBackend::MySql => {
            ("message_words", "message_id", "MATCH(words) AGAINST (? IN BOOLEAN MODE)", joined(sought, " ", of_mariadb))
        }
        // The index is a table of its own there.
        _ => (
            "message_words_index",
            "rowid",
            "message_words_index MATCH ?",
            joined(sought, " AND ", |term| {
                format!("\"{}\"{}", term.words.join(" "), if term.begins { " *" } else { "" })
            }),
        ),
    };
    let these = Query::select()
        .column(Alias::new(id))
        .from(Alias::new(table))
        .and_where(Expr::cust_with_values(condition, [terms]))
        .to_owned();
    Expr::col((messages::Entity, messages::Column::Id)).in_subquery(these)
}

fn joined(sought: &Sought, between: &str, term: impl Fn(&Term) -> String) -> String {
    sought.terms.iter().map(term).collect::<Vec<_>>().join(between)
}

/// Its phrases have no beginnings of words: where one ends with that, its words may stand anywhere.
fn of_mariadb(term: &Term) -> String {
    if term.begins {
        return term.words.iter().enumerate().fold(String::new(), |text, (place, word)| {
            let star = if place + 1 == term.words.len() { "*" } else { "" };
            format!("{text} +{word}{star}")
        });
    }
    format!("+\"{}\"", term.words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sea_orm::QueryTrait;

    #[test]
    fn each_database_is_asked_in_its_own_language() {
        let sought = Sought::parse("text", "\"the cat\" gold*").expect("words");
        let ask = |backend| {
            let query = messages::Entity::find().filter(found(backend, &sought)).build(backend).to_string();
            query.split_once(" IN ").expect("a condition").1.to_owned()
        };
        assert_eq!(
            ask(DbBackend::Sqlite),
            "(SELECT \"rowid\" FROM \"message_words_index\" WHERE message_words_index MATCH \
             '\"wwthe wwcat\" AND \"wwgold\" *')"
        );
        assert_eq!(
            ask(DbBackend::Postgres),
            "(SELECT \"message_id\" FROM \"message_words\" WHERE to_tsvector('simple', words) @@ \
             to_tsquery('simple', 'wwthe <-> wwcat & wwgold:*'))"
        );
        assert_eq!(
            ask(DbBackend::MySql),
            "(SELECT `message_id` FROM `message_words` WHERE MATCH(words) AGAINST \
             ('+\\\"wwthe wwcat\\\"  +wwgold*' IN BOOLEAN MODE))"
        );
    }
}
