//! Conditions on pairs of columns: these pairs and no others.
//!
//! To ask for some first and some second values, each apart, is to ask for all of their pairs: of some hundred people in
//! some hundred shared conversations it would read tens of thousands of rows for as many hundreds that are wanted.

use super::sizes::rounded;
use sea_orm::{ColumnTrait, Condition, ExprTrait};
use std::collections::HashMap;

/// Values of the one column that are told apart in one statement: databases bound how many terms a condition has.
const TOLD_APART: usize = 200;

/// What a pair has to meet to be one of these, in as many conditions as it takes; each is for a statement of its own.
pub(super) fn conditions<A: ColumnTrait, B: ColumnTrait>(
    first: A,
    second: B,
    pairs: impl Iterator<Item = (i64, i64)>,
) -> Vec<Condition> {
    let (mut by_first, mut by_second): (Groups, Groups) = (Groups::new(), Groups::new());
    for (one, other) in pairs {
        by_first.entry(one).or_default().push(other);
        by_second.entry(other).or_default().push(one);
    }
    if by_first.len() <= by_second.len() { grouped(first, second, by_first) } else { grouped(second, first, by_second) }
}

/// The values of one column, each with those of the other that stand beside it.
type Groups = HashMap<i64, Vec<i64>>;

fn grouped(by: impl ColumnTrait, beside: impl ColumnTrait, groups: Groups) -> Vec<Condition> {
    let groups: Vec<(i64, Vec<i64>)> = groups.into_iter().collect();
    let part = |(value, others): &(i64, Vec<i64>)| by.eq(*value).and(beside.is_in(rounded(others.iter().copied())));
    groups.chunks(TOLD_APART).map(|some| some.iter().map(part).fold(Condition::any(), Condition::add)).collect()
}

#[cfg(test)]
mod tests {
    use crate::domain::conversations::{Kind, Role};
    use crate::domain::events::{Ended, Happening, Topic};
    use crate::domain::{ConversationId, SessionId, UserId};
    use crate::store::tests::{conversation, open, together, user};
    use crate::store::{Abort, Batch, Change, NewConversation, stays};

    const PEOPLE: i64 = 30;
    const PLACES: i64 = 300;

    /// As many conversations, with everybody in each.
    struct Gather;

    impl Change for Gather {
        type Output = ();

        async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
            let people: Vec<UserId> =
                (0..PEOPLE).map(|number| batch.insert_user(user(&format!("u{number}"))).id).collect();
            for _ in 0..PLACES {
                let members = people.iter().map(|user| (*user, Role::Member)).collect();
                let place =
                    batch.insert_conversation(NewConversation { conversation: conversation(Kind::Group), members });
                batch.emit(Topic::Conversation(place.id), &Happening::SessionRevoked(Ended { id: SessionId(1) }));
            }
            Ok(())
        }
    }

    #[tokio::test]
    async fn no_more_is_read_than_the_pairs_that_are_asked_for() {
        let home = tempfile::tempdir().expect("a directory");
        let store = open(home.path()).await;
        together(&store, [Gather]).await.pop().expect("an answer").expect("they gather");
        let pair = |(place, user): (i64, i64)| (ConversationId(place), UserId(user));
        let cases: [(&str, Vec<(i64, i64)>); 4] = [
            ("one of each place", (1..=PLACES).map(|place| (place, 1 + place % PEOPLE)).collect()),
            ("all of one place", (1..=PEOPLE).map(|user| (7, user)).collect()),
            ("one in all places", (1..=PLACES).map(|place| (place, 7)).collect()),
            ("who is not there", vec![(7, PEOPLE + 1), (PLACES + 1, 7)]),
        ];
        for (what, pairs) in cases {
            let mut asked: Vec<_> = pairs.into_iter().map(pair).collect();
            let found = stays::lasting_among(&store.read, &asked).await.expect("stays");
            let mut found: Vec<_> = found.iter().map(|stay| (stay.conversation, stay.user)).collect();
            asked.retain(|(place, user)| place.0 <= PLACES && user.0 <= PEOPLE);
            asked.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, asked, "{what}");
        }
        assert!(stays::lasting_among(&store.read, &[]).await.expect("stays").is_empty());
    }
}
