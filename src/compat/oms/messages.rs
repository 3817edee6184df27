//! `/api/message`: sending, and what one sent and received.

use super::super::Front;
use super::complaint::{Answer, Complaint};
use super::form::Form;
use super::known::Known;
use super::pages::{Asked, Page, SIZE};
use crate::domain::Timestamp;
use crate::domain::messages::{Message, TEXT_LIMIT};
use crate::domain::sessions::Principal;
use crate::domain::users::UserRef;
use crate::gate::Bounds;
use crate::service::messages::{Destination, Letter, ListWish, MessageBox, Outgoing};
use axum::Json;
use axum::extract::{Request, State};
use http::StatusCode;
use serde::Serialize;
use std::time::Duration;
use time::{Date, Month, OffsetDateTime};

const DAY: Duration = Duration::from_hours(24);

/// A message as OMS shows it, which knows no numbers.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    sender: Option<String>,
    receiver: String,
    content: String,
    created: String,
}

impl Shown {
    fn new(message: Message, receiver: &UserRef) -> Self {
        Self {
            sender: message.author.map(|author| author.username.as_str().to_owned()),
            receiver: receiver.username.as_str().to_owned(),
            content: message.text,
            created: message.created_at.microseconds() + "Z",
        }
    }
}

/// `POST /api/message`: what is said is looked at first, then to whom.
pub(super) async fn send(
    State(front): State<Front>,
    Known(principal): Known,
    bounds: Bounds,
    request: Request,
) -> Answer<(StatusCode, Json<Shown>)> {
    const NOBODY: &str = "Receiver does not exist.";
    bounds.send(principal.user)?;
    let mut form = Form::read(&front, request).await?;
    let text = form.trimmed("content", TEXT_LIMIT);
    form.done()?;
    let receiver = form.somebody("receiver")?;
    let receiver =
        front.services.user(&receiver).await.map_err(|failure| Complaint::from(failure).or_nobody(NOBODY))?;
    let receiver = receiver.reference();
    let outgoing = Outgoing { to: Destination::Person(receiver.id), text, thread_id: None, client_id: None };
    let (message, _) = front.services.send(&principal, outgoing).await?;
    Ok((StatusCode::CREATED, Json(Shown::new(message, &receiver))))
}

/// `GET /api/message`: both ways, without filters.
pub(super) async fn all(
    State(front): State<Front>,
    Known(principal): Known,
    asked: Asked,
) -> Answer<Json<Page<Shown>>> {
    page(&front, &principal, "/api/message", asked, ListWish::default()).await
}

/// `GET /api/message/sent`
pub(super) async fn sent(
    State(front): State<Front>,
    Known(principal): Known,
    asked: Asked,
) -> Answer<Json<Page<Shown>>> {
    let recipient = asked.get("receiver").map(str::to_owned);
    let wish = ListWish { which: MessageBox::Sent, recipient, ..on(asked.get("date"))? };
    let found = page(&front, &principal, "/api/message/sent", asked, wish).await;
    found.map_err(|complaint| complaint.or_nobody("Receiver does not exist."))
}

/// `GET /api/message/received`: what one said to oneself too.
pub(super) async fn received(
    State(front): State<Front>,
    Known(principal): Known,
    asked: Asked,
) -> Answer<Json<Page<Shown>>> {
    let sender = asked.get("sender").map(str::to_owned);
    let wish = ListWish { to_oneself: true, sender, ..on(asked.get("date"))? };
    let found = page(&front, &principal, "/api/message/received", asked, wish).await;
    found.map_err(|complaint| complaint.or_nobody("Sender does not exist."))
}

async fn page(
    front: &Front,
    principal: &Principal,
    path: &str,
    asked: Asked,
    wish: ListWish,
) -> Answer<Json<Page<Shown>>> {
    let found = front.services.letters(principal, wish, asked.leaf(), SIZE).await?;
    Ok(asked.answer(path, found, |Letter { message, to }| Shown::new(message, &to)))
}

/// The messages of one day in UTC, if one is named.
fn on(date: Option<&str>) -> Answer<ListWish> {
    let Some(date) = date else { return Ok(ListWish::default()) };
    let begins = midnight(date).ok_or_else(|| Complaint::detail("url date parameter must be in YYYY-MM-DD format"))?;
    Ok(ListWish { since: Some(begins), until: Some(begins.plus(DAY)), ..ListWish::default() })
}

/// When a day begins that is written as in `2020-03-30`, or `2020-3-30`, which the original took as well.
fn midnight(date: &str) -> Option<Timestamp> {
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if parts.next().is_some() || !digits(year, 4..=4) || !digits(month, 1..=2) || !digits(day, 1..=2) {
        return None;
    }
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    // There was no year 0.
    let year = year.parse().ok().filter(|year| *year > 0)?;
    let date = Date::from_calendar_date(year, month, day.parse().ok()?).ok()?;
    let begins: OffsetDateTime = date.midnight().assume_utc();
    Some(Timestamp(begins.unix_timestamp() * 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_year_month_and_day() {
        let begins = Timestamp::parse("2020-03-30T00:00:00Z");
        assert_eq!(midnight("2020-03-30"), begins);
        assert_eq!(midnight("2020-3-30"), begins);
        assert_eq!(midnight("2020-02-29"), Timestamp::parse("2020-02-29T00:00:00Z"));
        for none in [
            "",
            "2020",
            "2020-1-0",
            "2020-13-1",
            "2021-02-29",
            "20-01-01",
            "2020-01-01T00:00",
            "2020-01-01-",
            "+202-1-1",
            "0000-1-1",
            "2020-001-1",
            "today",
        ] {
            assert_eq!(midnight(none), None, "{none}");
        }
    }
}
