//! How each part of an export is read, and what comes after it.

use super::{
    ConversationId, Direction, Export, Failure, ListWish, MessageId, MessagePage, Page, Part, SOME, Seq, Stage,
};
use crate::service::contacts::Wanted;

impl Export {
    pub(super) async fn read(&self, stage: Stage) -> Result<(Part, Seq, Option<Stage>), Failure> {
        let (services, caller) = (&self.services, &self.principal);
        let (part, head, next) = match stage {
            Stage::User => {
                // Looked at before: what changed meanwhile is heard of once more rather than not at all.
                let head = services.store().clock().await?.head;
                (Part::User(Box::new(services.me(caller).await?)), head, Stage::Sessions)
            }
            Stage::Sessions => {
                let Page { items, head, .. } = services.sessions(caller).await?;
                (Part::Sessions(items), head, Stage::Keys)
            }
            Stage::Keys => {
                let Page { items, head, .. } = services.keys(caller).await?;
                (Part::Keys(items), head, Stage::Contacts(Direction::Sent, None))
            }
            Stage::Contacts(direction, cursor) => {
                let wanted = Wanted { direction, state: None, cursor: cursor.as_deref(), limit: SOME };
                let Page { items, next, head } = services.contacts(caller, wanted).await?;
                let stage = match (next, direction) {
                    (Some(next), _) => Stage::Contacts(direction, Some(next)),
                    (None, Direction::Sent) => Stage::Contacts(Direction::Received, None),
                    (None, Direction::Received) => Stage::Blocks(None),
                };
                (Part::Contacts(direction, items), head, stage)
            }
            Stage::Blocks(cursor) => {
                let Page { items, next, head } = services.blocks(caller, cursor.as_deref(), SOME).await?;
                let stage = next.map_or(Stage::Conversations(ConversationId(0)), |next| Stage::Blocks(Some(next)));
                (Part::Blocks(items), head, stage)
            }
            Stage::Conversations(after) => {
                let Page { items, head, .. } = services.kept_conversations(caller, after, SOME).await?;
                let more = items.last().filter(|_| items.len() as u64 == SOME);
                let stage = more.map_or(Stage::Hidden(MessageId(0)), |last| Stage::Conversations(last.id));
                (Part::Conversations(items), head, stage)
            }
            Stage::Hidden(after) => {
                let Page { items, head, .. } = services.hidden_messages(caller, after, SOME).await?;
                let more = items.last().filter(|_| items.len() as u64 == SOME);
                let first = Stage::Messages { after: MessageId(0), end: None };
                let stage = more.map_or(first, |last| Stage::Hidden(*last));
                (Part::Hidden(items), head, stage)
            }
            Stage::Messages { after, end } => return self.read_messages(after, end).await,
        };
        Ok((part, head, Some(next)))
    }

    async fn read_messages(
        &self,
        after: MessageId,
        end: Option<MessageId>,
    ) -> Result<(Part, Seq, Option<Stage>), Failure> {
        // It ends where it ended when it was come to: who writes faster than is read does not make it endless.
        let end = match end {
            Some(end) => end,
            None => MessageId(self.services.store().clock().await?.last_message.0 + 1),
        };
        let page = MessagePage { after: Some(after), before: Some(end), skip: 0, limit: SOME };
        let found = self.services.messages(&self.principal, ListWish::default(), page).await?;
        let more = found.items.last().filter(|_| found.items.len() as u64 == SOME);
        let stage = more.map(|last| Stage::Messages { after: last.message.id, end: Some(end) });
        Ok((Part::Messages(found.items), found.head, stage))
    }
}
