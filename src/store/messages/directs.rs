//! Direct conversations by how many people are in them, as lists and what is unread tell them apart.

use sea_orm::Condition;
use sea_orm::sea_query::{Expr, ExprTrait};

/// Direct conversations by how many people are in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directs {
    /// All of them.
    All,
    /// Of two people.
    Pairs,
    /// Of two people, and notes to oneself.
    UpToTwo,
    /// Notes to oneself.
    Alone,
}

impl Directs {
    /// Whether a conversation in which so many people are for good is one of these. In one that is not direct nobody is.
    pub fn includes(self, people: usize) -> bool {
        match self {
            Self::All => people > 0,
            Self::Pairs => people == 2,
            Self::UpToTwo => people == 1 || people == 2,
            Self::Alone => people == 1,
        }
    }

    /// The same as a condition on the key of a conversation's people, whose numbers stand in it between commas.
    pub(in crate::store) fn condition(self, key: &Expr) -> Condition {
        let (one_or_more, two_or_more, three_or_more) = (key.clone().is_not_null(), "%,%", "%,%,%");
        match self {
            Self::All => Condition::all().add(one_or_more),
            Self::Pairs => Condition::all().add(key.clone().like(two_or_more)).add(key.clone().not_like(three_or_more)),
            Self::UpToTwo => Condition::all().add(key.clone().not_like(three_or_more)),
            Self::Alone => Condition::all().add(key.clone().not_like(two_or_more)),
        }
    }
}
