//! Which messages somebody may see, as conditions of a query.

use super::{Column, Entity};
use crate::domain::UserId;
use crate::domain::access::Stay;
use crate::store::entity::{conversations, hidden, stays};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SimpleExpr};
use sea_orm::{ColumnTrait, Condition};

/// Stays in one conversation that are written out in a statement: who comes and goes all the time has more than fit.
const TOLD_APART: usize = 20;

/// Whether a message in a conversation came during one of the viewer's stays there.
pub(super) fn during(viewer: UserId, stays: &[Stay]) -> Condition {
    if stays.len() > TOLD_APART {
        return Condition::all().add(during_any_stay(viewer));
    }
    stays.iter().fold(Condition::any().add(Expr::value(false)), |any, stay| {
        let from = Column::Seq.gte(stay.joined.0);
        any.add(match stay.left {
            Some(left) => from.and(Column::Seq.lte(left.0)),
            None => from,
        })
    })
}

/// Whether a message came during a stay of the viewer where it stands.
pub(in crate::store) fn during_any_stay(viewer: UserId) -> SimpleExpr {
    covered_by_a_stay(viewer, Column::Seq)
}

/// Whether the viewer is shown what a message says now: it was never said anew, or while he was there, or everybody may
/// read it. What is withheld from him must not be found by its words either.
pub(super) fn not_withheld(viewer: UserId) -> Condition {
    Condition::any().add(Column::EditedSeq.is_null()).add(covered_by_a_stay(viewer, Column::EditedSeq)).add(in_public())
}

/// Whether this place on the line of a message falls into a stay of the viewer where it stands.
fn covered_by_a_stay(viewer: UserId, place: Column) -> SimpleExpr {
    let stay = |column| Expr::col((stays::Entity, column));
    let message = |column| Expr::col((Entity, column));
    let covering = Query::select()
        .expr(Expr::value(1))
        .from(stays::Entity)
        .and_where(stay(stays::Column::UserId).eq(viewer.0))
        .and_where(stay(stays::Column::ConversationId).eq(message(Column::ConversationId)))
        .and_where(stay(stays::Column::JoinedSeq).lte(message(place)))
        .and_where(stay(stays::Column::LeftSeq).is_null().or(stay(stays::Column::LeftSeq).gte(message(place))))
        .to_owned();
    Expr::exists(covering)
}

/// Whether a message came during the stay beside it, in the same conversation.
pub(super) fn during_the_stay() -> Condition {
    during_the_stay_after(Expr::col((stays::Entity, stays::Column::JoinedMessage)))
}

/// Whether a message came during the stay beside it, in the same conversation, and behind a place there: the stay's
/// beginning or later. One lower bound, so that a database reads no more of the index than it must.
pub(in crate::store) fn during_the_stay_after(place: SimpleExpr) -> Condition {
    let stay = |column| Expr::col((stays::Entity, column));
    let message = |column| Expr::col((Entity, column));
    let lasts = stay(stays::Column::LeftSeq).is_null();
    Condition::all()
        .add(message(Column::Id).gt(place))
        .add(message(Column::Id).lte(last_of_the_stay()))
        .add(message(Column::Seq).gte(stay(stays::Column::JoinedSeq)))
        .add(lasts.or(message(Column::Seq).lte(stay(stays::Column::LeftSeq))))
}

/// The last message of the stay. Stays of the time before their messages were noted have no such end; their place on the
/// line decides alone.
pub(in crate::store) fn last_of_the_stay() -> SimpleExpr {
    Expr::col((stays::Entity, stays::Column::LeftMessage)).if_null(i64::MAX)
}

/// Whether the viewer has not hidden a message from himself.
pub(in crate::store) fn not_hidden(viewer: UserId) -> SimpleExpr {
    let row = |column| Expr::col((hidden::Entity, column));
    let hiding = Query::select()
        .expr(Expr::value(1))
        .from(hidden::Entity)
        .and_where(row(hidden::Column::UserId).eq(viewer.0))
        .and_where(row(hidden::Column::MessageId).eq(Expr::col((Entity, Column::Id))))
        .to_owned();
    Expr::exists(hiding).not()
}

/// Whether a message came during a stay of the viewer, who has not hidden it from himself.
pub(in crate::store) fn visible_during_stays(viewer: UserId) -> Condition {
    Condition::all().add(during_any_stay(viewer)).add(not_hidden(viewer))
}

/// Whether the viewer may see a message: also what is said in public, where he never was.
pub(in crate::store) fn visible_to(viewer: UserId) -> Condition {
    Condition::all().add(during_any_stay(viewer).or(in_public())).add(not_hidden(viewer))
}

/// Whether a message stands in a public channel.
fn in_public() -> SimpleExpr {
    let place = |column| Expr::col((conversations::Entity, column));
    let public = Query::select()
        .expr(Expr::value(1))
        .from(conversations::Entity)
        .and_where(place(conversations::Column::Id).eq(Expr::col((Entity, Column::ConversationId))))
        .and_where(place(conversations::Column::Kind).eq("channel"))
        .to_owned();
    Expr::exists(public)
}
