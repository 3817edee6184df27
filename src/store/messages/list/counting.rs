//! How many messages a list has, and where its far parts begin: by counting in the database, so that no part of a list
//! costs more memory than another.

use super::{Column, Entity, MOST, MessageFilter, MessagePage, Place, Span, of_one_index, places, run, span, within};
use sea_orm::sea_query::Alias;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryOrder, QuerySelect, QueryTrait};

/// So many numbers are read and left out rather than counted.
const NEAR: u64 = 1_000;

/// How many messages there are in all parts of such a list.
pub(in crate::store) async fn count(db: &impl ConnectionTrait, filter: &MessageFilter) -> Result<u64, DbErr> {
    let Some(span) = span(db, filter, MessagePage::default()).await? else { return Ok(0) };
    let Some(query) = of_one_index(db, filter).await? else {
        return in_places(db, filter, &places(db, filter).await?, span).await;
    };
    let counted: Option<i64> =
        within(query, span).select_only().column_as(Column::Id.count(), "count").into_tuple().one(db).await?;
    Ok(u64::try_from(counted.unwrap_or(0)).unwrap_or(0))
}

/// How many of these numbers stand in these conversations.
async fn in_places(
    db: &impl ConnectionTrait,
    filter: &MessageFilter,
    places: &[Place],
    span: Span,
) -> Result<u64, DbErr> {
    let mut total = 0;
    for some in places.chunks(MOST) {
        let counted = |place: &Place| {
            let mut query = place.query(filter, span);
            QuerySelect::query(&mut query).expr_as(Column::Id.count(), Alias::new("id"));
            query.into_query()
        };
        total += run(db, some.iter().map(counted)).await?.into_iter().sum::<i64>();
    }
    Ok(u64::try_from(total).unwrap_or(0))
}

/// The same list without most of what is left out at its beginning, and how much is still to be left out of that. What
/// is far away is found by halves, each of which is counted: together they are hardly more than the list itself.
pub(super) async fn nearer(
    db: &impl ConnectionTrait,
    filter: &MessageFilter,
    places: &[Place],
    mut span: Span,
    mut skip: u64,
) -> Result<(Span, u64), DbErr> {
    if skip <= NEAR {
        return Ok((span, skip));
    }
    let newest = Entity::find().select_only().column(Column::Id).order_by_desc(Column::Id).limit(1);
    let newest: Option<i64> = newest.into_tuple().one(db).await?;
    // The place that is looked for lies between these two.
    let (mut above, mut below) = (span.above, Ord::min(span.below, newest.unwrap_or(0).saturating_add(1)));
    while skip > NEAR && below - above > 2 {
        let middle = above + (below - above) / 2;
        let half = if span.oldest_first {
            Span { above, below: middle + 1, ..span }
        } else {
            Span { above: middle, below, ..span }
        };
        let passed = in_places(db, filter, places, half).await?;
        let behind = passed <= skip;
        if behind {
            skip -= passed;
        }
        if behind == span.oldest_first {
            above = middle;
        } else {
            below = middle + 1;
        }
        match (behind, span.oldest_first) {
            (true, true) => span.above = middle,
            (true, false) => span.below = middle + 1,
            (false, _) => {}
        }
    }
    Ok((span, skip))
}
