//! What is deleted, for all or for oneself, decided under the clock.

use super::changes::{active, sees};
use crate::domain::deletion::{Audience, Standing, Verdict};
use crate::domain::{ConversationId, MessageId, UserId};
use crate::store::{Abort, Batch, Change, Kept, Wants};
use serde::Serialize;

/// What became of the messages that were to be deleted, by their numbers.
#[derive(Debug, Default, Serialize)]
pub struct Deletions {
    /// Deleted for all, now or before.
    pub deleted: Vec<MessageId>,
    /// Hidden from whoever asked.
    pub hidden: Vec<MessageId>,
    /// To be deleted for all by somebody who may not.
    pub not_allowed: Vec<MessageId>,
    /// There are none, or none that he may see.
    pub not_found: Vec<MessageId>,
}

/// Deletes messages, each as far as it is allowed.
pub(super) struct Delete {
    pub by: UserId,
    /// The one conversation that the credentials are for.
    pub within: Option<ConversationId>,
    /// Whether the credentials are good for no more than what their user wrote himself.
    pub own_only: bool,
    pub ids: Vec<MessageId>,
    pub audience: Option<Audience>,
}

impl Change for Delete {
    type Output = Deletions;

    fn wants(&self, wants: &mut Wants) {
        wants.user(self.by);
        for id in &self.ids {
            wants.message(*id);
        }
    }

    async fn decide(&self, batch: &mut Batch) -> Result<Deletions, Abort> {
        let admin = active(batch, self.by).await?.admin;
        let mut done = Deletions::default();
        let (mut erased, mut hidden) = (Vec::new(), Vec::new());
        let mut found = batch.messages(&self.ids).await?.into_iter().peekable();
        for id in &self.ids {
            let Some(kept) = found.next_if(|kept| kept.message.id == *id) else {
                done.not_found.push(*id);
                continue;
            };
            match self.judge(batch, &kept, admin).await? {
                Verdict::NotFound => done.not_found.push(*id),
                Verdict::NotAllowed => done.not_allowed.push(*id),
                Verdict::Hide => {
                    done.hidden.push(*id);
                    hidden.push(kept.message);
                }
                Verdict::Erase => {
                    done.deleted.push(*id);
                    erased.extend(Some(kept).filter(|kept| kept.message.deleted_at.is_none()));
                }
            }
        }
        batch.erase_messages(erased);
        if !hidden.is_empty() {
            batch.hide_messages(self.by, &hidden).await?;
        }
        Ok(done)
    }
}

impl Delete {
    async fn judge(&self, batch: &mut Batch, kept: &Kept, admin: bool) -> Result<Verdict, Abort> {
        let id = kept.message.conversation_id;
        let Some(conversation) = batch.conversation(id).await?.filter(|_| self.within.is_none_or(|only| only == id))
        else {
            return Ok(Verdict::NotFound);
        };
        let standing = Standing {
            sees: sees(batch, self.by, &conversation, kept.seq).await?,
            wrote: kept.message.author.as_ref().is_some_and(|author| author.id == self.by),
            kind: conversation.kind,
            role: batch.role(id, self.by).await?,
            admin,
        };
        Ok(match standing.judge(self.audience) {
            Verdict::Hide => {
                if self.own_only {
                    Verdict::NotAllowed
                } else {
                    Verdict::Hide
                }
            }
            Verdict::Erase if self.own_only && !standing.wrote => Verdict::NotAllowed,
            verdict => verdict,
        })
    }
}

/// Deletes for all what a user wrote, some at a time.
pub(super) struct EraseOf {
    pub author: UserId,
    pub after: MessageId,
    pub most: u64,
}

impl Change for EraseOf {
    type Output = Option<MessageId>;

    async fn decide(&self, batch: &mut Batch) -> Result<Option<MessageId>, Abort> {
        let found = batch.messages_of(self.author, self.after, self.most).await?;
        let last = found.last().map(|kept| kept.message.id);
        batch.erase_messages(found);
        Ok(last)
    }
}
