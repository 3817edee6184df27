//! Logins, cookies and API keys: whatever can be revoked by itself.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub user_id: i64,
    pub kind: String,
    pub name: String,
    pub scopes: String,
    pub conversation_id: Option<i64>,
    pub secret_hash: Option<Vec<u8>>,
    pub refresh_hash: Option<Vec<u8>>,
    pub refresh_generation: i64,
    pub refreshed_at: Option<i64>,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
    pub audience: Option<String>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
