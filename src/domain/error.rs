//! Why the server says no: one reason each, without any word of HTTP.

use super::contacts::State;
use super::sessions::Beyond;
use super::users::UserRef;

/// A refusal by a rule. Nothing was changed and no number was used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A value breaks a rule of its own. `field` is its name as the caller wrote it.
    #[error("{reason}")]
    Invalid {
        /// The field's name in the request.
        field: &'static str,
        /// What is wrong with it and what would be right.
        reason: String,
    },
    /// A list's `cursor` is not the `next` of the part before.
    #[error("This cursor is none. Give the `next` of the part before, unchanged.")]
    MalformedCursor,
    /// There is no such thing, or none that the caller may see: the same answer for both.
    #[error("There is no such {0}, or you may not see it.")]
    NotFound(&'static str),
    /// Nobody has these names, which stood in this field.
    #[error("Nobody here is named {}.", quoted(names))]
    UnknownNames {
        /// The field's name in the request.
        field: &'static str,
        /// The names, as the caller wrote them.
        names: Vec<String>,
    },
    /// The name and password do not belong together; the same for an unknown name.
    #[error("The name or the password is wrong.")]
    InvalidCredentials,
    /// The token, cookie, key or ticket is not or no longer good.
    #[error("These credentials are not, or no longer, valid. Log in again.")]
    Unauthorized,
    /// The access token was good, and ran out.
    #[error("This access token has expired. Refresh it, or log in again.")]
    TokenExpired,
    /// The stream ticket was good, and is too old to open a stream.
    #[error("This stream ticket is too old. Get a new one.")]
    TicketTooOld,
    /// The account is suspended.
    #[error("This account is suspended. Ask the operator of this server.")]
    Suspended,
    /// The account waits for its address to be confirmed.
    #[error("This account is not activated yet. Open the link in the mail that came when it was made.")]
    NotActivated,
    /// A mailed link was used, has run out, or never was one.
    #[error("This link is not, or no longer, good. Ask for a new one.")]
    LinkInvalid,
    /// It takes a mail, and the operator has not said how mail is sent.
    #[error("This server sends no mail, so it cannot do this. Ask its operator.")]
    MailNotConfigured,
    /// Everybody here has a confirmed address.
    #[error("On this server every account has an e-mail address. Change it instead.")]
    EmailRequired,
    /// Only administrators may do this.
    #[error("Only an administrator of this server may do this.")]
    NotAdmin,
    /// Registering takes an invitation, and this is none that is good.
    #[error("Registering here takes an invitation that has not run out and is not used up.")]
    InvitationInvalid,
    /// Registration is not open to all here.
    #[error("Registration is closed on this server. Ask its operator for an account.")]
    RegistrationClosed,
    /// Somebody has this username.
    #[error("This username is taken. Choose another one.")]
    UsernameTaken,
    /// Somebody has this e-mail address.
    #[error("This e-mail address belongs to another account.")]
    EmailTaken,
    /// Another channel has this name.
    #[error("A channel of this name exists. Choose another name, or join that channel.")]
    ChannelNameTaken,
    /// Another group has this name, where groups do not share names.
    #[error("A group of this name exists. Choose another name.")]
    GroupNameTaken,
    /// Only people in the conversation may do this.
    #[error("You are not a member of this conversation. Join it first.")]
    NotMember,
    /// Only owners may do this.
    #[error("Only an owner of this conversation may do this.")]
    NotOwner,
    /// Only the author of a message may do this, or whoever has a say where it stands.
    #[error(
        "A message is edited by its author alone, and deleted for all by its author or an owner of its group or channel."
    )]
    NotAuthor,
    /// The message is deleted, for all.
    #[error("This message was deleted.")]
    MessageDeleted,
    /// The person is in the conversation already.
    #[error("This user is a member already.")]
    AlreadyMember,
    /// The people of a direct conversation are fixed.
    #[error("The members of a direct conversation never change. Make a group instead.")]
    FixedMembers,
    /// The one who is to be reached takes this from contacts only.
    #[error("{} is reached by contacts only, and {}", .user.username.as_str(), standing(*.state))]
    NotAContact {
        /// Who.
        user: UserRef,
        /// What he says to the caller, if anything.
        state: Option<State>,
    },
    /// The one who is to be reached has blocked the caller.
    #[error("{} does not want to be reached by you.", .0.username.as_str())]
    Blocked(UserRef),
    /// One asks another once; what he said since is told.
    #[error("You have asked this user before. The request is {}.", .0.word())]
    AlreadyRequested(State),
    /// The key does not reach that far.
    #[error("{0}")]
    InsufficientScope(Beyond),
    /// The same `client_id` came before with another body.
    #[error("This client_id was used for another message. Use a new one for each message.")]
    IdempotencyConflict,
    /// Too many of something that is counted.
    #[error("{0}")]
    TooMany(&'static str),
}

impl Refusal {
    /// A refusal of one value, with what would be right.
    pub fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { field, reason: reason.into() }
    }
}

/// How it stands with a request to be somebody's contact, and what to do.
fn standing(state: Option<State>) -> &'static str {
    match state {
        None => "you are none. Ask to become one first.",
        Some(State::Pending) => "your request to become one waits for an answer.",
        Some(State::Rejected) => "your request to become one was rejected.",
        Some(State::Approved) => "you are one now. Try again.",
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(" or ")
}
