//! Keys: credentials that modules use, such as for basic authentication. What they hold is never shown by Make.

use super::Category;
use crate::make::client::operation::{
    Field, IN_TEAM, Kind, NAME, Operation, Parameter, TEAM, delete, explained, field, get, in_body, in_path,
    patch, post,
};

const READ: &str = "keys:read";
const WRITE: &str = "keys:write";

pub(super) const CATEGORY: Category = Category {
    name: "keys",
    about: "Keys that modules use",
    operations: OPERATIONS,
};

const KEY: Parameter = in_path("keyId", Kind::Integer, "The key, as `list-keys` shows it.", "1");

const FIELDS: &[Field] = &[
    field("id", Kind::Integer),
    field("name", Kind::Text),
    explained("typeName", Kind::Text, "As `list-key-types` names it."),
    field("teamId", Kind::Integer),
];

const PARAMETERS: Parameter = in_body(
    "parameters",
    Kind::Object,
    "The credentials, as the type asks for them.",
)
.secret();

const OPERATIONS: &[Operation] = &[
    get(
        "list-keys",
        "/keys",
        READ,
        "Lists the keys of a team; never what they hold.",
    )
    .with(&[TEAM])
    .whole()
    .pages("keys", FIELDS),
    get(
        "get-key",
        "/keys/{keyId}",
        READ,
        "Shows one key; never what it holds.",
    )
    .with(&[KEY])
    .whole()
    .one("key", FIELDS),
    get(
        "list-key-types",
        "/keys/types",
        READ,
        "Lists the types of keys and what each asks for.",
    )
    .of_account()
    .all(
        "keysTypes",
        &[
            field("name", Kind::Text),
            field("label", Kind::Text),
            field("parameters", Kind::Objects),
            field("componentType", Kind::Text),
        ],
    ),
    post("create-key", "/keys", WRITE, "Creates a key from credentials.")
        .with(&[
            IN_TEAM,
            NAME.required(),
            in_body("typeName", Kind::Text, "As `list-key-types` names it.")
                .required()
                .like("\"basicauth\""),
            PARAMETERS
                .required()
                .like(r#"{"authUser":"ada","authPass":"example"}"#),
        ])
        .one("key", FIELDS),
    patch(
        "update-key",
        "/keys/{keyId}",
        WRITE,
        "Renames a key, or puts other credentials into it.",
    )
    .with(&[KEY, NAME, PARAMETERS])
    .one("key", FIELDS),
    delete(
        "delete-key",
        "/keys/{keyId}",
        WRITE,
        "Deletes a key; modules that use it cannot run.",
    )
    .with(&[KEY])
    .confirms()
    .only("key"),
];
