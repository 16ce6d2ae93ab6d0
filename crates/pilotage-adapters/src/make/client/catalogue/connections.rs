//! Connections to other services. What they hold is never shown by Make.

use super::Category;
use crate::make::client::operation::{
    Field, Kind, Operation, Parameter, Place, TEAM, delete, explained, field, get, in_body, in_path,
    in_query, patch, post, switch,
};

const READ: &str = "connections:read";
const WRITE: &str = "connections:write";

pub(super) const CATEGORY: Category = Category {
    name: "connections",
    about: "Connections to other services",
    operations: OPERATIONS,
};

const CONNECTION: Parameter = in_path(
    "connectionId",
    Kind::Integer,
    "The connection, as `list-connections` shows it.",
    "2",
);

const FIELDS: &[Field] = &[
    field("id", Kind::Integer),
    field("name", Kind::Text),
    explained(
        "accountName",
        Kind::Text,
        "The type of connection, such as `google`.",
    ),
    explained("accountLabel", Kind::Text, "The type in words."),
    field("accountType", Kind::Text),
    field("teamId", Kind::Integer),
    explained("expire", Kind::Text, "When it has to be renewed."),
    explained("scoped", Kind::Flag, "Whether its scopes suffice."),
    explained(
        "scenarioUsages",
        Kind::Objects,
        "The scenarios that use it: `{id, name}` each.",
    ),
];

const OPERATIONS: &[Operation] = &[
    get(
        "list-connections",
        "/connections",
        READ,
        "Lists the connections of a team and the scenarios that use them; never the credentials.",
    )
    .with(&[
        TEAM,
        in_query(
            "type",
            Kind::Texts,
            "Only those of these types, such as `google`.",
        ),
    ])
    .whole()
    .pages("connections", FIELDS),
    get(
        "get-connection",
        "/connections/{connectionId}",
        READ,
        "Shows one connection; never the credentials.",
    )
    .with(&[CONNECTION])
    .whole()
    .one("connection", FIELDS),
    post(
        "create-connection",
        "/connections",
        WRITE,
        "Creates a connection from credentials. OAuth ones need a person and a credential request.",
    )
    .with(&[
        TEAM,
        in_body("name", Kind::Text, "What it is to be called.")
            .wire("accountName")
            .required()
            .like("\"Shop\""),
        in_body(
            "accountName",
            Kind::Text,
            "The type of connection, such as `basicauth`.",
        )
        .wire("accountType")
        .required()
        .like("\"basicauth\""),
        in_body("scope", Kind::Texts, "The scopes it is to have.").wire("scopes"),
        Parameter::new(
            "data",
            Place::Spread,
            Kind::Object,
            "What its type needs, credentials among it.",
        )
        .secret(),
    ])
    .one("connection", FIELDS),
    patch(
        "rename-connection",
        "/connections/{connectionId}",
        WRITE,
        "Renames a connection.",
    )
    .with(&[
        CONNECTION,
        in_body("name", Kind::Text, "The new name.")
            .required()
            .like("\"Renamed\""),
    ])
    .one("connection", FIELDS),
    switch(
        "set-connection-data",
        "/connections/{connectionId}/set-data",
        WRITE,
        "Changes what a connection holds, such as a password that was renewed.",
    )
    .with(&[
        CONNECTION,
        Parameter::new("data", Place::Whole, Kind::Object, "The fields to change.")
            .required()
            .secret()
            .like(r#"{"url":"https://example.com"}"#),
    ])
    .object(&[field("changed", Kind::Flag)]),
    switch(
        "verify-connection",
        "/connections/{connectionId}/test",
        WRITE,
        "Has Make try whether a connection works.",
    )
    .with(&[CONNECTION])
    .object(&[field("verified", Kind::Flag)]),
    switch(
        "check-connection-scopes",
        "/connections/{connectionId}/scoped",
        WRITE,
        "Shows whether a connection has the scopes that are named.",
    )
    .with(&[
        CONNECTION,
        in_body("scope", Kind::Texts, "The scopes.")
            .required()
            .like("[\"read\"]"),
    ])
    .one("connection", &[field("scoped", Kind::Flag)]),
    get(
        "get-connection-fields",
        "/connections/{connectionId}/editable-data-schema",
        READ,
        "Shows which fields of a connection can be changed.",
    )
    .with(&[CONNECTION])
    .only("editableParameters"),
    delete(
        "delete-connection",
        "/connections/{connectionId}",
        WRITE,
        "Deletes a connection; scenarios that use it cannot run.",
    )
    .with(&[CONNECTION])
    .confirms()
    .only("connection"),
];
