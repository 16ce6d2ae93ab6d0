//! JSON Schemas and examples of an operation, for tools and documents.

use serde_json::{Map, Value, json};

use super::operation::{Answer, Field, Kind, Operation, Parameter};

impl Operation {
    /// The schema of its arguments, those of paging among them.
    pub fn input_schema(&self) -> Value {
        let properties: Map<String, Value> = self
            .arguments()
            .map(|own| (own.name.to_owned(), of_parameter(own)))
            .collect();
        let required: Vec<&str> = self
            .arguments()
            .filter(|own| own.required)
            .map(|own| own.name)
            .collect();
        let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }

    /// Arguments that its schema accepts: what is required, and what has an example.
    pub fn input_example(&self) -> Value {
        let examples = self.arguments().filter(|own| !own.example.is_empty());
        let read = |own: &Parameter| serde_json::from_str(own.example).unwrap_or(Value::Null);
        Value::Object(examples.map(|own| (own.name.to_owned(), read(own))).collect())
    }

    /// The schema of what is meant by its answer ([`Operation::part`]). Fields may be absent, null or more: Make adds some.
    pub fn answer_schema(&self) -> Value {
        match self.answer {
            Answer::One(_, fields) | Answer::Object(fields) => of_fields(fields),
            Answer::List(_, fields) => json!({"type": "array", "items": of_fields(fields)}),
            Answer::Text | Answer::Bytes => json!({"type": "string"}),
            Answer::Only(_) | Answer::Empty => json!({}),
        }
    }

    /// An answer that its schema accepts.
    pub fn answer_example(&self) -> Value {
        match self.answer {
            Answer::One(_, fields) | Answer::Object(fields) => example_of(fields),
            Answer::List(_, fields) => json!([example_of(fields)]),
            Answer::Text | Answer::Bytes => json!("..."),
            Answer::Only(_) => json!(1),
            Answer::Empty => Value::Null,
        }
    }
}

fn of_parameter(own: &Parameter) -> Value {
    let mut schema = of_kind(own.kind);
    schema["description"] = own.description.into();
    if !own.choices.is_empty() {
        schema["enum"] = json!(own.choices);
    }
    if let Ok(example) = serde_json::from_str::<Value>(own.example) {
        schema["examples"] = json!([example]);
    }
    schema
}

fn of_kind(kind: Kind) -> Value {
    match kind {
        Kind::Integer => json!({"type": "integer", "minimum": 0}),
        Kind::MaybeInteger => json!({"type": ["integer", "null"], "minimum": 0}),
        Kind::Number => json!({"type": "number"}),
        Kind::Text => json!({"type": "string"}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Texts => json!({"type": "array", "items": {"type": "string"}}),
        Kind::Integers => json!({"type": "array", "items": {"type": "integer"}}),
        Kind::Objects => json!({"type": "array", "items": {"type": "object"}}),
        Kind::Object | Kind::Embedded => json!({"type": "object"}),
        Kind::Any => json!({}),
    }
}

fn of_fields(fields: &[Field]) -> Value {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|own| (own.name.to_owned(), of_field(own)))
        .collect();
    json!({"type": "object", "properties": properties})
}

/// Whatever it is, it may be null; numbers come as texts at times.
fn of_field(own: &Field) -> Value {
    let types = match own.kind {
        Kind::Integer | Kind::MaybeInteger | Kind::Number => json!(["number", "string", "null"]),
        Kind::Text => json!(["string", "null"]),
        Kind::Flag => json!(["boolean", "null"]),
        Kind::Texts | Kind::Integers | Kind::Objects => json!(["array", "null"]),
        Kind::Object | Kind::Embedded => json!(["object", "null"]),
        Kind::Any => Value::Null,
    };
    let mut schema = json!({});
    if !types.is_null() {
        schema["type"] = types;
    }
    if !own.description.is_empty() {
        schema["description"] = own.description.into();
    }
    schema
}

fn example_of(fields: &[Field]) -> Value {
    let value = |kind| match kind {
        Kind::Integer | Kind::MaybeInteger | Kind::Number => json!(1),
        Kind::Text => json!("..."),
        Kind::Flag => json!(true),
        Kind::Texts | Kind::Integers | Kind::Objects => json!([]),
        Kind::Object | Kind::Embedded => json!({}),
        Kind::Any => Value::Null,
    };
    Value::Object(
        fields
            .iter()
            .map(|own| (own.name.to_owned(), value(own.kind)))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::make::client::{Prepared, catalogue::operations};

    #[test]
    fn every_example_is_accepted() {
        for operation in operations() {
            let Value::Object(example) = operation.input_example() else {
                panic!()
            };
            let prepared = Prepared::new(operation, &example, false);
            assert!(prepared.is_ok(), "{}: {:?}", operation.id, prepared.err());
            let schema = operation.input_schema();
            for name in example.keys() {
                assert!(schema["properties"][name].is_object(), "{}.{name}", operation.id);
            }
        }
    }
}
