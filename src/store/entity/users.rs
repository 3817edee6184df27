//! Accounts.

use sea_orm::entity::prelude::*;

#[expect(clippy::struct_excessive_bools, reason = "they are columns")]
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub username: String,
    pub username_key: String,
    pub email: Option<String>,
    pub email_key: Option<String>,
    pub password_hash: Option<String>,
    pub bio: String,
    pub status: String,
    pub admin: bool,
    pub created_at: i64,
    pub email_confirmed: bool,
    pub bio_visible: String,
    pub inbox: String,
    pub open: bool,
    pub via: Option<String>,
    pub spare_password_hash: Option<String>,
    pub spare_until: Option<i64>,
    pub show_presence: bool,
    pub last_seen_at: Option<i64>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
