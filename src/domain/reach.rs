//! Who may reach whom: what a person's inbox, contacts and blocks say to another who wants to write to him, to take him
//! somewhere, or to ask him.

use super::Refusal;
use super::contacts::State;
use super::users::{Circle, UserRef};

/// How somebody reaches another. Joining a channel oneself reaches nobody, nor does a message into a group or channel
/// that both are in: whoever does not want to hear that leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// Writing in the direct conversation of the two, or making it.
    Alone,
    /// The same in a direct conversation that more people are in.
    Together,
    /// Making him a member of a group or channel.
    Membership,
    /// Asking to be one of his contacts.
    Request,
}

impl Way {
    /// The way from one to the others of a direct conversation of so many people.
    pub fn direct(people: usize) -> Self {
        if people == 2 { Self::Alone } else { Self::Together }
    }

    /// Whether an inbox for contacts only stands in it.
    pub fn asks_inbox(self) -> bool {
        self != Self::Request
    }

    /// Whether a block stands in it. Where more people talk, it is between the two to leave or to bear each other.
    pub fn asks_blocks(self) -> bool {
        self != Self::Together
    }
}

/// What the one who is to be reached says.
#[derive(Debug, Clone)]
pub struct Stance {
    /// Who.
    pub user: UserRef,
    /// Whom his inbox is for.
    pub inbox: Circle,
    /// What his list says to the other one, if anything. Not asked for while the inbox is for everyone.
    pub contact: Option<State>,
    /// Whether he has blocked the other one. Not asked for where blocks do not count.
    pub blocks: bool,
}

/// Whether somebody may be reached in this way by one to whom he says this.
pub fn check(way: Way, stance: Stance) -> Result<(), Refusal> {
    // The block comes first: who is blocked need not ask.
    if way.asks_blocks() && stance.blocks {
        return Err(Refusal::Blocked(stance.user));
    }
    if way.asks_inbox() && stance.inbox == Circle::Contacts && stance.contact != Some(State::Approved) {
        return Err(Refusal::NotAContact { user: stance.user, state: stance.contact });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UserId;
    use crate::domain::users::Username;

    fn ways_open(inbox: Circle, contact: Option<State>, blocks: bool) -> Vec<Way> {
        let user = UserRef { id: UserId(1), username: Username::stored("ann".to_owned()) };
        let stance = Stance { user, inbox, contact, blocks };
        let ways = [Way::Alone, Way::Together, Way::Membership, Way::Request];
        ways.into_iter().filter(|way| check(*way, stance.clone()).is_ok()).collect()
    }

    #[test]
    fn an_inbox_for_contacts_lets_those_in_who_were_approved() {
        let all = [Way::Alone, Way::Together, Way::Membership, Way::Request];
        for contact in [None, Some(State::Pending), Some(State::Rejected)] {
            assert_eq!(ways_open(Circle::Contacts, contact, false), [Way::Request]);
            assert_eq!(ways_open(Circle::Everyone, contact, false), all);
        }
        assert_eq!(ways_open(Circle::Contacts, Some(State::Approved), false), all);
    }

    #[test]
    fn a_block_leaves_only_what_more_people_share() {
        assert_eq!(ways_open(Circle::Everyone, Some(State::Approved), true), [Way::Together]);
        assert_eq!(ways_open(Circle::Contacts, None, true), []);
    }

    #[test]
    fn two_people_are_alone() {
        assert_eq!([1, 2, 3].map(Way::direct), [Way::Together, Way::Alone, Way::Together]);
    }
}
