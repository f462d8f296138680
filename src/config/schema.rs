//! The JSON Schema of the files, for editors.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::config::touchpoint::RawTouchpoint;
use crate::config::unbroken::Top;

/// One schema for every file: one of the config folder, or a touchpoint's.
pub fn schema() -> Value {
    let mut generator = SchemaGenerator::new(SchemaSettings::draft2020_12());
    let configuration = Top::schema(&mut generator);
    let touchpoint = generator.subschema_for::<RawTouchpoint>();
    let mut definitions = generator.take_definitions(true);
    definitions.insert("Configuration".to_owned(), configuration.to_value());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Unbroken",
        "description": "A file of the config folder, or of the probes folder",
        "anyOf": [{ "$ref": "#/$defs/Configuration" }, touchpoint],
        "$defs": definitions,
    })
}
