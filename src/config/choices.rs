//! What may be chosen where an option takes one of a few words.

use clap::ValueEnum;

/// Whether callers are slowed down who ask for too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RateLimits {
    /// They are told to wait.
    #[value(aliases = ["true", "yes", "1"])]
    On,
    /// Everybody gets all he asks for.
    #[value(aliases = ["false", "no", "0"])]
    Off,
}

/// Whether anybody may read channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AnonymousChannels {
    /// Anybody may.
    #[value(aliases = ["true", "yes", "1"])]
    On,
    /// It takes an account.
    #[value(aliases = ["false", "no", "0"])]
    Off,
}

/// Whether NATS may be used without credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NatsInsecure {
    /// It may, because nobody else reaches it.
    #[value(aliases = ["true", "yes", "1"])]
    On,
    /// It may not.
    #[value(aliases = ["false", "no", "0"])]
    Off,
}

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Registration {
    /// Anybody.
    Open,
    /// Whoever has an invitation from an administrator.
    Invite,
    /// Nobody; the operator makes accounts.
    Closed,
}

/// Whether an account needs a confirmed e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Email {
    /// It is active at once; an address is confirmed if one is given.
    Optional,
    /// It waits until the link in a mail is used.
    Required,
}

/// Where mails go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MailMode {
    /// To the mail server of --smtp-url.
    Smtp,
    /// Into the log, links included, where whoever reads it can use them: for trying things out.
    Log,
    /// Nowhere; what needs a mail is refused.
    Off,
}

/// What a line of the log looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
