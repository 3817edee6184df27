//! Refusals that all adapters know, before each puts them into its own words.

use crate::domain::Refusal;
use crate::gate::{BodyError, TooMany};
use crate::service::Failure;
use http::StatusCode;

/// Why a request gets no answer of the kind that it asked for.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// A page of a stranger's.
    #[error("Pages of this origin may not use this server. Its operator can allow them with --allow-origins.")]
    ForeignOrigin,
    /// A name that is not this server's: somebody may have pointed it here.
    #[error("This server does not go by this name. Its operator can name it with --public-url or --allow-origins.")]
    ForeignHost,
    /// Too many requests of this kind.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// There is no such route.
    #[error("There is nothing here.")]
    NoRoute,
    /// The route does not know this method.
    #[error("This route does not know this method.")]
    NoMethod,
    /// Nothing says who calls.
    #[error("Say who you are: this takes a name and a password, or a token.")]
    NoCredentials,
    /// What says who calls cannot be read.
    #[error("The credentials cannot be read.")]
    MalformedCredentials,
    /// The body did not come whole.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The body, the query or the path cannot be read, for this reason.
    #[error("{0}")]
    Malformed(String),
    /// The body is of a kind that nobody here reads.
    #[error("A body of this kind is not read here.")]
    MediaType,
    /// A service said so.
    #[error(transparent)]
    Service(#[from] Failure),
    /// A handler panicked.
    #[error("The server failed at this. Its log says why.")]
    Panicked,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Service(Failure::Refused(refusal))
    }
}

impl Refused {
    /// The status that says so where the adapter's protocol knows no better.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::ForeignOrigin | Self::ForeignHost => StatusCode::FORBIDDEN,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::NoMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoCredentials | Self::MalformedCredentials => StatusCode::UNAUTHORIZED,
            Self::Body(BodyError::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(BodyError::TooSlow) => StatusCode::REQUEST_TIMEOUT,
            Self::Body(BodyError::Broken) | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Service(failure) => of_service(failure),
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What a rule of the domain says, if it was one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Service(Failure::Refused(refusal)) => Some(refusal),
            _ => None,
        }
    }

    /// Seconds until it is worth another try.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::TooMany(refused) => Some(refused.seconds),
            Self::Service(Failure::Overloaded) => Some(1),
            Self::Service(Failure::Unavailable | Failure::OutcomeUnknown) => Some(5),
            Self::Service(Failure::Replaced) => Some(30),
            _ => None,
        }
    }
}

fn of_service(failure: &Failure) -> StatusCode {
    let refusal = match failure {
        Failure::Refused(refusal) => refusal,
        Failure::Overloaded | Failure::Unavailable | Failure::Replaced | Failure::OutcomeUnknown => {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        Failure::Broken => return StatusCode::INTERNAL_SERVER_ERROR,
    };
    match refusal {
        Refusal::NotFound(_) | Refusal::UnknownNames { .. } | Refusal::LinkInvalid => StatusCode::NOT_FOUND,
        Refusal::InvalidCredentials | Refusal::Unauthorized | Refusal::TokenExpired | Refusal::TicketTooOld => {
            StatusCode::UNAUTHORIZED
        }
        Refusal::MailNotConfigured => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::UsernameTaken
        | Refusal::EmailTaken
        | Refusal::ChannelNameTaken
        | Refusal::GroupNameTaken
        | Refusal::AlreadyMember
        | Refusal::AlreadyRequested(_)
        | Refusal::MessageDeleted
        | Refusal::EmailRequired
        | Refusal::IdempotencyConflict
        | Refusal::TooMany(_) => StatusCode::CONFLICT,
        Refusal::Invalid { .. } | Refusal::MalformedCursor => StatusCode::BAD_REQUEST,
        Refusal::Suspended
        | Refusal::NotActivated
        | Refusal::NotAdmin
        | Refusal::InvitationInvalid
        | Refusal::RegistrationClosed
        | Refusal::NotMember
        | Refusal::NotOwner
        | Refusal::NotAuthor
        | Refusal::FixedMembers
        | Refusal::NotAContact { .. }
        | Refusal::Blocked(_)
        | Refusal::InsufficientScope(_) => StatusCode::FORBIDDEN,
    }
}
