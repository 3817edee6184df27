//! Lists without an end: the protocol knows no pages, so a list is written as it is read, some rows at a time. No more
//! than these are in memory, and no connection to the database is held while they are on their way.

use super::said::Said;
use crate::service::{Failure, Page};
use crate::transport::in_parts;
use axum::Json;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, header};
use serde::Serialize;

/// A JSON array on its way out.
#[derive(Debug, Default)]
struct Array {
    begun: bool,
    holds_something: bool,
}

impl Array {
    /// The next piece of it, and the last if nothing comes after.
    fn piece<T: Serialize>(&mut self, rows: &[T], last: bool) -> Result<Bytes, Failure> {
        let mut piece = Vec::new();
        if !std::mem::replace(&mut self.begun, true) {
            piece.push(b'[');
        }
        for row in rows {
            if std::mem::replace(&mut self.holds_something, true) {
                piece.push(b',');
            }
            serde_json::to_writer(&mut piece, row).map_err(|_| Failure::Broken)?;
        }
        if last {
            piece.push(b']');
        }
        Ok(piece.into())
    }
}

/// Where a list goes on, and what reads it there.
struct Rest<R> {
    array: Array,
    cursor: String,
    read: R,
}

impl<R> Rest<R> {
    /// The next piece, and what comes behind it, if anything does.
    async fn next<T, F>(mut self) -> Result<(Bytes, Option<Self>), Failure>
    where
        T: Serialize,
        R: FnMut(Option<String>) -> F,
        F: Future<Output = Result<Page<T>, Failure>>,
    {
        let Page { items, next, .. } = (self.read)(Some(self.cursor)).await?;
        let piece = self.array.piece(&items, next.is_none())?;
        Ok((piece, next.map(|cursor| Self { cursor, ..self })))
    }
}

/// The empty list.
pub(super) fn none() -> Response {
    Json::<[(); 0]>([]).into_response()
}

/// A list of all rows, read part by part from the cursor that stood at the end of the part before. What goes wrong
/// with the first part is a refusal; with a later one the answer breaks off, so that nobody takes it for whole.
pub(super) async fn of<T, R, F>(mut read: R) -> Result<Response, Said>
where
    T: Serialize + Send + 'static,
    R: FnMut(Option<String>) -> F + Send + 'static,
    F: Future<Output = Result<Page<T>, Failure>> + Send + 'static,
{
    let Page { items, next, .. } = read(None).await?;
    let mut array = Array::default();
    let first = array.piece(&items, next.is_none())?;
    let rest = next.map(|cursor| Rest { array, cursor, read });
    let body = in_parts(first, rest, Rest::next);
    let kind = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, kind)], body).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_of_an_array_are_one() {
        let whole = |parts: &[&[u8]]| {
            let mut array = Array::default();
            let pieces = parts.iter().enumerate().map(|(place, rows)| array.piece(rows, place + 1 == parts.len()));
            pieces.map(|piece| String::from_utf8(piece.unwrap().to_vec()).unwrap()).collect::<String>()
        };
        assert_eq!(whole(&[&[]]), "[]");
        assert_eq!(whole(&[&[1, 2]]), "[1,2]");
        assert_eq!(whole(&[&[1], &[], &[2, 3], &[]]), "[1,2,3]");
        assert_eq!(whole(&[&[], &[1]]), "[1]");
    }
}
