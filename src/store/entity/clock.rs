//! The one row that orders all commits: the head of the line, and where each other line of numbers stands.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "clock")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub head: i64,
    pub beginning: i64,
    pub last_at: i64,
    pub last_message: i64,
    pub last_user: i64,
    pub last_conversation: i64,
    pub last_session: i64,
    pub batch: i64,
    pub last_invitation: i64,
    pub first_session: i64,
    pub first_message: i64,
    pub line: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
