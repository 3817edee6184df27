//! Why a database cannot be opened, in words that tell the operator what to look at.

use super::open::{Database, place};
use sea_orm::{DbErr, RuntimeErr, SqlxError};
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use url::Url;

/// How long it is tried whether anybody is there at all.
const PATIENCE: Duration = Duration::from_secs(2);

/// What stands in the way. A pool only says that its time is over, so the way is tried once more without it.
pub(super) async fn why(database: &Database, error: &DbErr) -> String {
    let (DbErr::Conn(RuntimeErr::SqlxError(cause))
    | DbErr::Query(RuntimeErr::SqlxError(cause))
    | DbErr::Exec(RuntimeErr::SqlxError(cause))) = error
    else {
        // There may be a password in it.
        return error.to_string().replace(&database.url, "…");
    };
    match &**cause {
        SqlxError::PoolTimedOut => match Url::parse(&database.url) {
            Ok(url) if !database.url.starts_with("sqlite") => nobody_answers(&url).await,
            _ => "another program keeps it locked".to_owned(),
        },
        SqlxError::Io(error) => of_network(&database.url, error),
        SqlxError::Database(said) => said.message().to_owned(),
        other => other.to_string(),
    }
}

async fn nobody_answers(url: &Url) -> String {
    let (Some(host), Some(port)) = (url.host_str(), port(url)) else {
        return "it does not answer".to_owned();
    };
    // What a URL names by a path is a socket on this machine.
    if host.is_empty() || host.starts_with("%2F") || url.query_pairs().any(|(name, _)| name == "host") {
        return "nobody answers at its socket. Does the database server run?".to_owned();
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match tokio::time::timeout(PATIENCE, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => {
            "somebody takes the connection and does not speak as a database server does, or has no connection \
                      left to give"
                .to_owned()
        }
        Ok(Err(error)) => of_network(url.as_str(), &error),
        Err(_) => "it does not answer. Is there a firewall on the way?".to_owned(),
    }
}

fn of_network(url: &str, error: &io::Error) -> String {
    let said = error.to_string();
    if error.kind() == io::ErrorKind::ConnectionRefused {
        return "the connection is refused: no database server listens there".to_owned();
    }
    if said.contains("lookup") {
        let place = place(url);
        let host = place.rsplit_once(':').map_or(place.as_str(), |(host, _)| host);
        return format!("there is no host of the name {host} ({said})");
    }
    said
}

/// The port, said or usual.
pub(super) fn port(url: &Url) -> Option<u16> {
    let usual = match url.scheme() {
        "postgres" | "postgresql" => Some(5432),
        "mysql" | "mariadb" => Some(3306),
        _ => None,
    };
    url.port().or(usual)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn said_of(url: &str) -> String {
        nobody_answers(&Url::parse(url).unwrap()).await
    }

    #[tokio::test]
    async fn who_is_not_there_and_who_is_something_else_are_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        assert!(said_of(&format!("mysql://u:p@{address}/d")).await.contains("does not speak"));
        drop(listener);
        assert!(said_of(&format!("postgres://u:p@{address}/d")).await.contains("refused"));
        assert!(said_of("postgres://u:p@nowhere.invalid/d").await.contains("no host of the name nowhere.invalid"));
        assert!(said_of("postgres:///d?host=/run/postgresql").await.contains("does not answer"));
    }

    #[test]
    fn the_usual_ports_need_not_be_said() {
        let of = |url: &str| port(&Url::parse(url).unwrap());
        assert_eq!(of("postgres://h/d"), Some(5432));
        assert_eq!(of("mysql://h/d"), Some(3306));
        assert_eq!(of("mysql://h:7/d"), Some(7));
    }
}
