//! Keys of the keychain. What they hold is never shown.

use serde_json::{Value, json};

use super::Category;
use crate::make::{
    call::Call,
    reply::{Refusal, Reply},
    resource::{Kind, Resource, optional, required},
    routing::{Answering, of, plain},
    state::{Row, field},
};

const READ: &str = "keys:read";
const WRITE: &str = "keys:write";

const KEYS: Resource = Resource {
    confirmed: true,
    fields: &[
        required("name", Kind::Text(128)),
        required("typeName", Kind::Text(100)),
        optional("parameters", Kind::Object),
    ],
    filters: &["typeName"],
    view,
    prepare,
    ..Resource::of_team("keys", "key", "keys")
};

pub(crate) const CATEGORY: Category = Category {
    name: "keys",
    routes: &[
        of("GET", "/keys", READ, Answering::List(&KEYS)),
        of("POST", "/keys", WRITE, Answering::Create(&KEYS)),
        plain("GET", "/keys/types", READ, types),
        of("GET", "/keys/{}", READ, Answering::Show(&KEYS)),
        of("PATCH", "/keys/{}", WRITE, Answering::Change(&KEYS)),
        of("DELETE", "/keys/{}", WRITE, Answering::Delete(&KEYS)),
    ],
};

/// Name, label, and the parameters, all of which have to be given.
const TYPES: [(&str, &str, &[&str]); 3] = [
    ("basicauth", "Basic Auth", &["authUser", "authPass"]),
    ("apikeyauth", "API Key", &["key"]),
    ("aes-key", "AES", &["key", "keyEncoding"]),
];

fn view(_: &Call<'_>, row: &Row) -> Value {
    json!({
        "id": field(row, "id"),
        "name": field(row, "name"),
        "typeName": field(row, "typeName"),
        "teamId": field(row, "teamId"),
        "packageName": null,
        "theme": "#007ee5",
    })
}

fn prepare(_: &mut Call<'_>, row: &mut Row) -> Result<(), Refusal> {
    let name = field(row, "typeName").as_str().unwrap_or_default();
    if TYPES.iter().any(|(known, ..)| *known == name) {
        return Ok(());
    }
    Err(Refusal::invalid_input(format!(
        "There is no type of keys '{name}'."
    )))
}

fn types(_: &mut Call<'_>) -> Reply {
    let parameter = |name: &&str| json!({"name": name, "label": name, "type": "text", "required": true});
    let types = TYPES.iter().map(|(name, label, parameters)| {
        json!({
            "name": name,
            "label": label,
            "parameters": parameters.iter().map(parameter).collect::<Vec<_>>(),
            "componentType": "key",
            "author": "Make",
            "version": "1.0.0",
            "theme": "#007ee5",
            "icon": format!("/img/packages/{name}.png"),
        })
    });
    Reply::json(json!({"keysTypes": types.collect::<Vec<_>>()}))
}
