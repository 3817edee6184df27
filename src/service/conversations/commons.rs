//! Public channels that are the server's own: made when they are first needed, owned by nobody, and joined by whoever
//! posts there.

use super::changes::{admit, blank, create};
use crate::domain::conversations::{COMMONS, Conversation, Kind, PostPolicy, Role, name_key};
use crate::domain::{ConversationId, UserId};
use crate::service::{Failure, Services};
use crate::store::{Abort, Batch, Change};

impl Services {
    /// The public channel of this name, if there is one: also one that somebody made and owns.
    pub async fn find_commons(&self, name: &str) -> Result<Option<ConversationId>, Failure> {
        Ok(self.store().channel_by_name(&name_key(name)).await?.map(|channel| channel.id))
    }

    /// The same, which the server makes if there is none.
    pub async fn commons(&self, name: &'static str) -> Result<ConversationId, Failure> {
        match self.find_commons(name).await? {
            Some(id) => Ok(id),
            None => self.sequencer().submit(Make { name }).await,
        }
    }
}

/// Makes a public channel of this name, unless there is one by now.
struct Make {
    name: &'static str,
}

impl Change for Make {
    type Output = ConversationId;

    async fn decide(&self, batch: &mut Batch) -> Result<ConversationId, Abort> {
        Ok(find_or_make(batch, self.name, None).await?.id)
    }
}

/// The public channel of this name under the clock. Who knows which it was a moment ago spares the search for it.
pub(in crate::service) async fn find_or_make(
    batch: &mut Batch,
    name: &str,
    known: Option<ConversationId>,
) -> Result<Conversation, Abort> {
    let key = name_key(name);
    if let Some(id) = known
        && let Some(found) = batch.conversation(id).await?.filter(|found| found.unique_name().as_ref() == Some(&key))
    {
        return Ok(found);
    }
    if let Some(found) = batch.by_unique_name(&key).await? {
        return Ok(found);
    }
    let blank = blank(Kind::Channel, Some(name.to_owned()), PostPolicy::Members);
    create(batch, Conversation { namespace: Some(COMMONS.to_owned()), ..blank }, Vec::new()).await
}

/// Lets somebody in who is not there.
pub(in crate::service) async fn join(batch: &mut Batch, id: ConversationId, user: UserId) -> Result<(), Abort> {
    if batch.role(id, user).await?.is_none() {
        admit(batch, id, user, Role::Member, user).await?;
    }
    Ok(())
}
