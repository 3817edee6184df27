//! The way to other nodes, as the options describe it.

use super::StartError;
use crate::config::{NatsInsecure, Options};
use crate::live::{Credentials, NatsOptions};
use percent_encoding::percent_decode_str;
use url::Url;

/// Where NATS is and how to get in, if there are other nodes.
pub fn nats(options: &Options) -> Result<Option<NatsOptions>, StartError> {
    let wanted = &options.nats;
    let servers = wanted.servers().map_err(StartError::NatsUnreadable)?;
    let Some(first) = servers.first() else { return Ok(None) };
    let shown = |url: &Url| (url.username().to_owned(), url.password().map(str::to_owned));
    if servers.iter().any(|url| shown(url) != shown(first)) {
        return Err(StartError::NatsUnreadable(
            "the same user and password for each server, since they are one NATS".to_owned(),
        ));
    }
    if options.place.database_url().is_none() {
        return Err(StartError::NatsWithoutServer);
    }
    let credentials = match &wanted.nats_credentials_file {
        Some(file) => Credentials::File(file.clone()),
        None => in_url(first),
    };
    if matches!(credentials, Credentials::None) && wanted.nats_insecure == NatsInsecure::Off {
        return Err(StartError::NatsWithoutCredentials);
    }
    let servers = servers.iter().map(|url| without_credentials(url.clone())).collect();
    Ok(Some(NatsOptions { servers, credentials }))
}

/// What stands before the `@`: a user and a password, or a token.
fn in_url(url: &Url) -> Credentials {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    match (url.username(), url.password()) {
        ("", None) => Credentials::None,
        (token, None) => Credentials::Token(decoded(token)),
        (user, Some(password)) => Credentials::Password(decoded(user), decoded(password)),
    }
}

fn without_credentials(mut url: Url) -> String {
    // A URL with a host takes both.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_stand_in_the_url_and_leave_it() {
        let url = |text: &str| Url::parse(text).unwrap();
        let told = |text: &str| match in_url(&url(text)) {
            Credentials::Password(user, password) => format!("{user} {password}"),
            Credentials::Token(token) => token,
            other => format!("{other:?}"),
        };
        assert_eq!(told("nats://ann:p%40ss@h:4222"), "ann p@ss");
        assert_eq!(told("nats://s%2Fecret@h:4222"), "s/ecret");
        assert_eq!(told("nats://h:4222"), "None");
        assert_eq!(without_credentials(url("tls://ann:secret@h:4222")), "tls://h:4222");
        let shown = format!("{:?}", in_url(&url("nats://ann:secret@h")));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
