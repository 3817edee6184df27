//! Contacts: what each person says to those who want to write to him, and what asking and answering does to it.

use super::users::UserRef;
use super::{Refusal, Timestamp, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an owner says to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ContactState")]
pub enum State {
    /// Nothing yet: the other one asked, and waits.
    Pending,
    /// He may write.
    Approved,
    /// He may not.
    Rejected,
}

impl State {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

/// What an owner can say; `pending` he cannot, since only the other one asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ContactAnswer")]
pub enum Answer {
    /// He may write.
    Approved,
    /// He may not.
    Rejected,
}

impl From<Answer> for State {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Approved => Self::Approved,
            Answer::Rejected => Self::Rejected,
        }
    }
}

/// One entry of one person's list: what he says to another. There is at most one for each two people and direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contact {
    /// Whose list it is in.
    pub owner: UserId,
    /// Whom it is about.
    pub other: UserId,
    /// What the owner says.
    pub state: State,
    /// Whether the other one asked. If not, the owner said so unasked.
    pub asked: bool,
    /// When the other one asked, or the owner first said something.
    pub created_at: Timestamp,
    /// When the owner said what stands; never, while he has not answered.
    pub answered_at: Option<Timestamp>,
}

impl Contact {
    /// The owner's list after the other one has asked to be in it. What the owner said before stands.
    pub fn asked(known: Option<Self>, owner: UserId, other: UserId, at: Timestamp) -> Result<Self, Refusal> {
        match known {
            Some(known) if known.asked => Err(Refusal::AlreadyRequested(known.state)),
            Some(known) => Ok(Self { asked: true, created_at: at, ..known }),
            None => Ok(Self { owner, other, state: State::Pending, asked: true, created_at: at, answered_at: None }),
        }
    }

    /// The owner's list after he has said something to the other one, asked or not. None if he said so before.
    pub fn answered(known: Option<Self>, owner: UserId, other: UserId, answer: Answer, at: Timestamp) -> Option<Self> {
        let state = answer.into();
        let answered_at = Some(at);
        match known {
            Some(known) if known.state == state => None,
            Some(known) => Some(Self { state, answered_at, ..known }),
            None => Some(Self { owner, other, state, asked: false, created_at: at, answered_at }),
        }
    }

    /// Whether the other one asked and has no answer yet: the one request that he can take back, and whose answer he
    /// is told in words.
    pub fn waits(&self) -> bool {
        self.state == State::Pending
    }

    /// The entry as one of the two sees it, who calls the other one `user`.
    pub fn view(&self, user: UserRef) -> ContactView {
        ContactView {
            user,
            state: self.state,
            requested_at: Some(self.created_at).filter(|_| self.asked),
            answered_at: self.answered_at,
        }
    }
}

/// From which side an entry is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ContactDirection")]
pub enum Direction {
    /// One's own list: what one says to others.
    #[default]
    Received,
    /// Others' lists: what they say to oneself.
    Sent,
}

/// An entry as one of the two sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Contact")]
pub struct ContactView {
    /// The other one of the two.
    pub user: UserRef,
    /// What the list's owner says.
    pub state: State,
    /// When he was asked; never, if he said so unasked.
    pub requested_at: Option<Timestamp>,
    /// When he said what stands.
    pub answered_at: Option<Timestamp>,
}

/// An entry that came or changed, as one of the two hears of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ContactChange {
    /// From which side the hearer looks at it.
    pub direction: Direction,
    /// The entry as it is now.
    #[serde(flatten)]
    pub contact: ContactView,
}

/// An entry that is gone, as one of the two hears of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ContactGone {
    /// From which side the hearer looked at it.
    pub direction: Direction,
    /// The other one of the two.
    pub user: UserRef,
}

const REQUEST: &str = "Your request to be added to ";
const LIST: &str = "'s contacts was ";
const ANSWERS: [State; 2] = [State::Approved, State::Rejected];

/// What the system says to who asked, in the direct conversation of the two, when he is answered first.
pub fn told(owner: &UserRef, state: State) -> String {
    format!("{REQUEST}{}{LIST}{}.", owner.username.as_str(), state.word())
}

/// All that the system ever says so for an owner.
pub fn all_told(owner: &UserRef) -> Vec<String> {
    ANSWERS.into_iter().map(|state| told(owner, state)).collect()
}

/// Whose answer the system told by this text, as he was called then, and which it was: for languages that have words of
/// their own for it.
pub fn read_told(text: &str) -> Option<(&str, State)> {
    let (owner, rest) = text.strip_prefix(REQUEST)?.split_once(LIST)?;
    let state = ANSWERS.into_iter().find(|state| rest.strip_suffix('.') == Some(state.word()))?;
    Some((owner, state))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: UserId = UserId(1);
    const BEN: UserId = UserId(2);

    fn said(answer: Answer) -> Option<Contact> {
        Contact::answered(None, ANN, BEN, answer, Timestamp(1))
    }

    #[test]
    fn who_asked_once_is_told_what_became_of_it() {
        let asked = Contact::asked(None, ANN, BEN, Timestamp(1)).ok();
        assert_eq!(asked.map(|contact| contact.state), Some(State::Pending));
        for (answer, state) in [(Answer::Approved, State::Approved), (Answer::Rejected, State::Rejected)] {
            let known = Contact::answered(asked, ANN, BEN, answer, Timestamp(2));
            let again = Contact::asked(known, ANN, BEN, Timestamp(3));
            assert_eq!(again, Err(Refusal::AlreadyRequested(state)));
        }
        assert_eq!(Contact::asked(asked, ANN, BEN, Timestamp(3)), Err(Refusal::AlreadyRequested(State::Pending)));
    }

    #[test]
    fn what_was_said_unasked_stands_when_asked() {
        for (answer, state) in [(Answer::Approved, State::Approved), (Answer::Rejected, State::Rejected)] {
            let asked = Contact::asked(said(answer), ANN, BEN, Timestamp(5)).ok();
            assert_eq!(asked.map(|contact| (contact.state, contact.asked)), Some((state, true)));
            assert_eq!(asked.map(|contact| contact.answered_at), Some(Some(Timestamp(1))));
        }
    }

    #[test]
    fn what_was_told_can_be_read() {
        let owner = UserRef { id: ANN, username: crate::domain::users::Username::stored("ann".to_owned()) };
        for state in [State::Approved, State::Rejected] {
            assert_eq!(read_told(&told(&owner, state)), Some(("ann", state)));
        }
        assert_eq!(read_told("Your request to be added to my list was approved."), None);
    }

    #[test]
    fn saying_the_same_again_changes_nothing() {
        assert_eq!(Contact::answered(said(Answer::Approved), ANN, BEN, Answer::Approved, Timestamp(9)), None);
        let changed = Contact::answered(said(Answer::Approved), ANN, BEN, Answer::Rejected, Timestamp(9));
        assert_eq!(changed.map(|contact| contact.answered_at), Some(Some(Timestamp(9))));
        assert_eq!(changed.map(|contact| contact.created_at), Some(Timestamp(1)));
    }
}
