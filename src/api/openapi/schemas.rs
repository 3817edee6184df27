//! The schemas of what is taken and of what is given: the two differ where a field may be left out.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

/// Where the document keeps the schemas that have a name.
const PLACE: &str = "/components/schemas";

/// The schemas of one document, while it is made.
#[derive(Debug)]
pub struct Schemas {
    taken: SchemaGenerator,
    given: SchemaGenerator,
}

impl Schemas {
    /// In the words of `OpenAPI` 3.1.
    pub(super) fn new() -> Self {
        Self::by(SchemaSettings::draft2020_12())
    }

    /// In the words of `AsyncAPI` 3.0, which is older.
    pub(in crate::api) fn draft_07() -> Self {
        Self::by(SchemaSettings::draft07())
    }

    fn by(settings: SchemaSettings) -> Self {
        let settings = settings.with(|settings| {
            settings.definitions_path = PLACE.into();
            settings.meta_schema = None;
        });
        Self {
            taken: settings.clone().for_deserialize().into_generator(),
            given: settings.for_serialize().into_generator(),
        }
    }

    /// The schema of what is read from a request. It stands at its one place and needs no name.
    pub(super) fn taken<T: JsonSchema>(&mut self) -> Value {
        T::json_schema(&mut self.taken).to_value()
    }

    /// The schema of what is written into an answer.
    pub(in crate::api) fn given<T: JsonSchema>(&mut self) -> Value {
        self.given.subschema_for::<T>().to_value()
    }

    /// The schema of what is read from a frame.
    pub(in crate::api) fn taken_by(&mut self, schema: fn(&mut SchemaGenerator) -> Schema) -> Value {
        schema(&mut self.taken).to_value()
    }

    /// The schema of what is written into a frame.
    pub(in crate::api) fn given_by(&mut self, schema: fn(&mut SchemaGenerator) -> Schema) -> Value {
        schema(&mut self.given).to_value()
    }

    /// The schema of a frame around what is written into it.
    pub(in crate::api) fn given_with(&mut self, schema: impl FnOnce(&mut SchemaGenerator) -> Value) -> Value {
        schema(&mut self.given)
    }

    /// All that have a name.
    pub(in crate::api) fn into_named(mut self) -> Map<String, Value> {
        let mut named = self.taken.take_definitions(true);
        named.extend(self.given.take_definitions(true));
        named.sort_keys();
        named
    }
}
