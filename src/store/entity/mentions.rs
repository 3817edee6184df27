//! Who is named in which message.

use sea_orm::entity::prelude::*;

#[expect(clippy::struct_field_names, reason = "a column has the name that it has in the table")]
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mentions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_id: i64,
    /// Where the message is, so that the unread ones of a conversation are counted from the index alone.
    pub conversation_id: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
