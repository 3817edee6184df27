//! The schemas of what is taken and of what is given: the two differ where a field may be left out.

use schemars::JsonSchema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
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
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
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
    pub(super) fn given<T: JsonSchema>(&mut self) -> Value {
        self.given.subschema_for::<T>().to_value()
    }

    /// All that have a name.
    pub(super) fn into_named(mut self) -> Map<String, Value> {
        let mut named = self.taken.take_definitions(true);
        named.extend(self.given.take_definitions(true));
        named.sort_keys();
        named
    }
}
