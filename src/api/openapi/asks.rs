//! What handlers ask of a request, argument by argument.

use super::answers::Answers;
use super::operation::{Operation, Parameter};
use crate::api::app::App;
use axum::extract::State;
use http::{Extensions, HeaderMap, Method};
use serde_json::{Value, json};

/// What an argument of a handler asks of a request, and how it refuses one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it asks of a request",
    note = "use the extractors in `api::extract`, or implement `Asks` beside a new one"
)]
pub trait Asks {
    /// Says it.
    fn asks(operation: &mut Operation<'_>);
}

/// A handler, all of whose arguments and answers say what they are.
pub trait Documented<Arguments> {
    /// Describes it.
    fn describe(&self, operation: &mut Operation<'_>);
}

macro_rules! documented {
    ($($argument:ident)*) => {
        impl<Handler, Answering, $($argument),*> Documented<($($argument,)*)> for Handler
        where
            Handler: Fn($($argument),*) -> Answering,
            Answering: Future,
            Answering::Output: Answers,
            $($argument: Asks,)*
        {
            fn describe(&self, operation: &mut Operation<'_>) {
                $($argument::asks(operation);)*
                Answering::Output::answers(operation);
            }
        }
    };
}

documented!();
documented!(A);
documented!(A B);
documented!(A B C);
documented!(A B C D);
documented!(A B C D E);
documented!(A B C D E F);
documented!(A B C D E F G);

/// Who reaches the services may find the database gone, or more to do than can be done; if he writes, also an outcome that
/// nobody knows.
impl Asks for State<App> {
    fn asks(operation: &mut Operation<'_>) {
        operation.refuses(&["unavailable", "overloaded", "starting"]);
        if operation.writes() {
            operation.refuses(&["outcome_unknown"]);
        }
    }
}

impl Asks for HeaderMap {
    fn asks(_: &mut Operation<'_>) {}
}

impl Asks for Extensions {
    fn asks(_: &mut Operation<'_>) {}
}

impl Asks for Method {
    fn asks(_: &mut Operation<'_>) {}
}

/// The parameters that an object's fields are read from.
pub(in crate::api) fn of_value(operation: &mut Operation<'_>, place: &'static str, object: &Value) {
    let required = |name: &str| object["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    for (name, schema) in object["properties"].as_object().into_iter().flatten() {
        let mut schema = schema.clone();
        let says = take_description(&mut schema);
        not_null(&mut schema);
        operation.takes(Parameter { place, name, says: &says, required: required(name), schema });
    }
}

fn take_description(schema: &mut Value) -> String {
    let taken = schema.as_object_mut().and_then(|schema| schema.remove("description"));
    taken.and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
}

/// What may be left out of a URL cannot be `null` there.
fn not_null(schema: &mut Value) {
    if let Some(kinds) = schema["type"].as_array() {
        let mut rest: Vec<Value> = kinds.iter().filter(|kind| *kind != "null").cloned().collect();
        if let (Some(kind), true) = (rest.pop(), rest.is_empty()) {
            schema["type"] = kind;
        }
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let mut rest: Vec<Value> =
            choices.iter().filter(|choice| **choice != json!({"type": "null"})).cloned().collect();
        if let (Some(choice), true) = (rest.pop(), rest.is_empty()) {
            *schema = choice;
        }
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.retain(|name, value| !(value.is_null() && (name == "default" || name == "type" || name == "anyOf")));
    }
}
