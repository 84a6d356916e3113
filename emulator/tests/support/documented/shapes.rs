//! What a value may be, as JSON Schema.

use azureml_emulator::contract::Shape;
use serde_json::{Value, json};

/// Seven digits of a second, and the offset written out (§D.3).
const TIME: &str = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{7}\+00:00$";

/// Fractions of seconds, as the service has them (`PT0.5S`, §B.5); the format `duration` of JSON Schema has none.
const DURATION: &str = r"^P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$";

/// The schema of a shape; `of` leads to that of a type.
pub fn json_schema(shape: &Shape, of: fn(&str) -> Value) -> Value {
    let text = |pattern: &str| json!({"type": "string", "pattern": pattern});
    match shape {
        Shape::Any => json!({}),
        Shape::Object => json!({"type": "object"}),
        Shape::Text { least, most, pattern } => {
            let mut schema = json!({"type": "string"});
            for (name, bound) in
                [("minLength", json!(least)), ("maxLength", json!(most)), ("pattern", json!(pattern))]
            {
                if !bound.is_null() {
                    schema[name] = bound;
                }
            }
            schema
        }
        Shape::Scalar => json!({"type": ["string", "number"]}),
        Shape::Flag => json!({"type": "boolean"}),
        Shape::Whole(None) => json!({"type": "integer"}),
        Shape::Whole(Some(least)) => json!({"type": "integer", "minimum": least}),
        Shape::Number => json!({"type": "number"}),
        Shape::Time => text(TIME),
        Shape::Duration => text(DURATION),
        Shape::Words(words) => json!({"type": "string", "enum": words}),
        Shape::Map(inner) => json!({"type": "object", "additionalProperties": json_schema(inner, of)}),
        Shape::List(inner) => json!({"type": "array", "items": json_schema(inner, of)}),
        Shape::Of(name) => of(name),
    }
}
