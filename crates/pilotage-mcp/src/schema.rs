//! JSON Schemas of types, in the few bytes that lists of tools can afford.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value};

/// The schema of `T` as arguments: what may be left out is not said to be null too, because leaving it out is enough.
pub fn arguments<T: JsonSchema>() -> Value {
    let mut schema = result::<T>();
    visit(&mut schema, &mut |object| {
        let required = object.get("required").cloned().unwrap_or_default();
        let Some(Value::Object(properties)) = object.get_mut("properties") else {
            return;
        };
        for (name, schema) in properties {
            if !required
                .as_array()
                .is_some_and(|names| names.contains(&Value::from(name.as_str())))
            {
                not_null(schema);
            }
        }
    });
    schema
}

/// The schema of `T` as structured content: everything inline and without what only repeats the names.
pub fn result<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    visit(&mut schema, &mut |object| {
        object.remove("title");
        object.remove("format");
        if object.get("minimum") == Some(&0.into()) {
            object.remove("minimum");
        }
        if object.get("additionalProperties") == Some(&true.into()) {
            object.remove("additionalProperties");
        }
    });
    schema
}

/// Whether null is among the values that a schema takes.
pub(crate) fn takes_null(schema: &Value) -> bool {
    match schema.get("type") {
        Some(Value::String(name)) => name == "null",
        Some(Value::Array(names)) => names.contains(&"null".into()),
        _ => match schema.get("anyOf").or_else(|| schema.get("oneOf")) {
            Some(Value::Array(schemas)) => schemas.iter().any(takes_null),
            _ => schema.get("enum").is_none_or(|values| {
                values
                    .as_array()
                    .is_some_and(|values| values.contains(&Value::Null))
            }),
        },
    }
}

fn not_null(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    if let Some(Value::Array(names)) = object.get_mut("type") {
        names.retain(|name| name != "null");
        if let [only] = names.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    let Some(Value::Array(schemas)) = object.get_mut("anyOf") else {
        return;
    };
    schemas.retain(|schema| schema.get("type") != Some(&"null".into()));
    if let [Value::Object(only)] = schemas.as_slice() {
        let only = only.clone();
        object.remove("anyOf");
        for (keyword, value) in only {
            object.entry(keyword).or_insert(value);
        }
    }
}

/// The schema without `required`, in all its depth.
pub(crate) fn without_required(mut schema: Value) -> Value {
    visit(&mut schema, &mut |object| {
        object.remove("required");
    });
    schema
}

/// Calls `change` with every schema in `schema`. Names of properties are no keywords, so they are stepped over.
fn visit(schema: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    let Value::Object(object) = schema else { return };
    change(object);
    for (keyword, value) in object.iter_mut() {
        match (keyword.as_str(), value) {
            ("properties" | "patternProperties" | "$defs", Value::Object(named)) => {
                named.values_mut().for_each(|schema| visit(schema, change));
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(schemas)) => {
                for schema in schemas {
                    visit(schema, change);
                }
            }
            ("items" | "additionalProperties" | "not", schema) => visit(schema, change),
            _ => {}
        }
    }
}
