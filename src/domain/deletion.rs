//! Who may delete which message, and for whom it is gone then.

use super::conversations::{Kind, Role};
use schemars::JsonSchema;
use serde::Deserialize;

/// For whom a message is to be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "DeletedFor")]
pub enum Audience {
    /// For all: a tombstone is left.
    All,
    /// For whoever deletes it.
    Me,
}

/// What somebody is to a message.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// Whether he may read it.
    pub sees: bool,
    /// Whether he wrote it.
    pub wrote: bool,
    /// In what sort of conversation it stands.
    pub kind: Kind,
    /// What he may do there, if he is in it now.
    pub role: Option<Role>,
    /// Whether he is an administrator of the server.
    pub admin: bool,
}

/// What is done with the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is deleted for all.
    Erase,
    /// It is hidden from whoever asks.
    Hide,
    /// He may not delete it for all.
    NotAllowed,
    /// For him there is no such message.
    NotFound,
}

impl Standing {
    /// Whether he may delete what others wrote: the owners of a group or channel, and in channels, which are public,
    /// the administrators of the server. Nobody has a say over what others wrote in direct conversations.
    fn moderates(self) -> bool {
        match self.kind {
            Kind::Direct => false,
            Kind::Group => self.role == Some(Role::Owner),
            Kind::Channel => self.role == Some(Role::Owner) || self.admin,
        }
    }

    /// What becomes of the message. Unless said otherwise, one's own is deleted for all and another's is hidden.
    pub fn judge(self, audience: Option<Audience>) -> Verdict {
        if !self.sees {
            return Verdict::NotFound;
        }
        match audience {
            None if self.wrote => Verdict::Erase,
            None | Some(Audience::Me) => Verdict::Hide,
            Some(Audience::All) if self.wrote || self.moderates() => Verdict::Erase,
            Some(Audience::All) => Verdict::NotAllowed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBER: Standing =
        Standing { sees: true, wrote: false, kind: Kind::Group, role: Some(Role::Member), admin: false };

    #[test]
    fn ones_own_goes_for_all_and_anothers_for_oneself() {
        assert_eq!(Standing { wrote: true, ..MEMBER }.judge(None), Verdict::Erase);
        assert_eq!(Standing { wrote: true, ..MEMBER }.judge(Some(Audience::Me)), Verdict::Hide);
        assert_eq!(Standing { wrote: true, role: None, ..MEMBER }.judge(None), Verdict::Erase, "also after leaving");
        assert_eq!(MEMBER.judge(None), Verdict::Hide);
        assert_eq!(MEMBER.judge(Some(Audience::All)), Verdict::NotAllowed);
        assert_eq!(Standing { sees: false, wrote: true, ..MEMBER }.judge(None), Verdict::NotFound);
    }

    #[test]
    fn who_has_a_say_deletes_for_all_what_others_wrote_only_if_asked() {
        let all = Some(Audience::All);
        let owner = Standing { role: Some(Role::Owner), ..MEMBER };
        assert_eq!((owner.judge(all), owner.judge(None)), (Verdict::Erase, Verdict::Hide));
        let admin = Standing { admin: true, ..MEMBER };
        assert_eq!(admin.judge(all), Verdict::NotAllowed, "a group is none of the administrators' business");
        assert_eq!(Standing { kind: Kind::Channel, role: None, ..admin }.judge(all), Verdict::Erase);
        assert_eq!(Standing { kind: Kind::Direct, ..owner }.judge(all), Verdict::NotAllowed);
    }
}
