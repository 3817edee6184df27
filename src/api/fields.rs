//! The texts in requests, as the document shows them: how long they may be, and what they may hold.
//!
//! The rules are those of `domain`, which decides; a schema is named in a request with `#[schemars(with = "…")]`.

use crate::domain::conversations::NAME_LIMIT;
use crate::domain::messages::{CLIENT_ID_LIMIT, TEXT_LIMIT};
use crate::domain::users::{BIO_LIMIT, EMAIL_LIMIT, PASSWORD_LIMIT, USERNAME_LIMIT};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// The most characters in the name of a session or key.
const LABEL_LIMIT: usize = 100;

macro_rules! fields {
    ($($(#[doc = $doc:literal])* $name:ident $inline:literal $schema:tt)*) => {$(
        $(#[doc = $doc])*
        pub(super) struct $name;

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                $inline
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

fields! {
    /// A password to be set. It has a name, for the operator decides how short it may be.
    NewPassword false {
        "type": "string",
        "format": "password",
        "description": "No rules but its length. At most 1,024 bytes.",
        "minLength": 8,
        "maxLength": PASSWORD_LIMIT,
    }

    /// A password to be checked, or a token that is long and means nothing to people.
    Secret true {
        "type": "string",
        "format": "password",
    }

    /// A username as somebody types it: letters, digits, marks behind them, and some signs.
    Name true {
        "type": "string",
        "minLength": 1,
        "maxLength": USERNAME_LIMIT,
        "pattern": r"^[\p{L}\p{N}_.@+\-][\p{L}\p{N}\p{M}_.@+\-]*$",
    }

    /// What a name begins with, or would.
    Beginning true {
        "type": "string",
        "minLength": 1,
        "maxLength": USERNAME_LIMIT * 4,
        "pattern": r"^[^\x00]+$",
    }

    /// An e-mail address.
    Email true {
        "type": "string",
        "maxLength": EMAIL_LIMIT,
        "pattern": r"^[^\s\x00-\x1f\x7f-\x9f]+@([^\s@\x00-\x1f\x7f-\x9f]*\.[^\s@\x00-\x1f\x7f-\x9f]*|localhost)$",
        "examples": ["alice@example.org"],
    }

    /// What somebody says of himself.
    Bio true {
        "type": "string",
        "maxLength": BIO_LIMIT,
        "pattern": r"^[^\x00]*$",
    }

    /// The name of a session or key.
    Label true {
        "type": "string",
        "maxLength": LABEL_LIMIT,
        "pattern": r"^[^\x00-\x1f\x7f-\x9f]*$",
    }

    /// The name of a group or channel.
    ConversationName true {
        "type": "string",
        "minLength": 1,
        "maxLength": NAME_LIMIT,
        "pattern": r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$",
    }

    /// The text of a message.
    Text true {
        "type": "string",
        "minLength": 1,
        "maxLength": TEXT_LIMIT,
        "pattern": r"^[^\x00]*[^\s\x00][^\x00]*$",
    }

    /// The author's own name for a message.
    ClientId true {
        "type": "string",
        "minLength": 1,
        "maxLength": CLIENT_ID_LIMIT,
        "pattern": r"^[!-~]+$",
    }
}
