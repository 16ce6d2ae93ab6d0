//! Data stores and their records. Sizes are texts, in bytes.

use super::Category;
use crate::make::client::operation::{
    Field, IN_TEAM, Kind, NAME, Operation, Parameter, Place, TEAM, delete, explained, field, get, in_body,
    in_path, patch, post, put,
};

const READ: &str = "datastores:read";
const WRITE: &str = "datastores:write";

pub(super) const CATEGORY: Category = Category {
    name: "data-stores",
    about: "Data stores and their records",
    operations: OPERATIONS,
};

const STORE: Parameter = in_path(
    "dataStoreId",
    Kind::Integer,
    "The data store, as `list-data-stores` shows it.",
    "137",
);
const RECORD: Parameter = in_path(
    "key",
    Kind::Text,
    "The record, as `list-data-store-records` shows it.",
    "\"ecc4819b2260\"",
);
const DATA: Parameter = Parameter::new("data", Place::Whole, Kind::Object, "The fields of the record.")
    .required()
    .like(r#"{"name":"Ada"}"#);

const FIELDS: &[Field] = &[
    field("id", Kind::Integer),
    field("name", Kind::Text),
    field("teamId", Kind::Integer),
    explained("records", Kind::Integer, "How many there are."),
    explained("size", Kind::Text, "In bytes."),
    explained("maxSize", Kind::Text, "In bytes."),
    explained(
        "datastructureId",
        Kind::MaybeInteger,
        "What its records look like.",
    ),
];

const RECORD_FIELDS: &[Field] = &[field("key", Kind::Text), field("data", Kind::Object)];

const MAX_SIZE: Parameter = in_body("maxSizeMB", Kind::Integer, "How large it may become.").like("1");
const STRUCTURE: Parameter = in_body("datastructureId", Kind::Integer, "What its records look like.");

const OPERATIONS: &[Operation] = &[
    get(
        "list-data-stores",
        "/data-stores",
        READ,
        "Lists the data stores of a team with their sizes.",
    )
    .with(&[TEAM])
    .whole()
    .pages("dataStores", FIELDS),
    get(
        "get-data-store",
        "/data-stores/{dataStoreId}",
        READ,
        "Shows one data store.",
    )
    .with(&[STORE])
    .whole()
    .one("dataStore", FIELDS),
    post(
        "create-data-store",
        "/data-stores",
        WRITE,
        "Creates a data store.",
    )
    .with(&[IN_TEAM, NAME.required(), MAX_SIZE.required(), STRUCTURE])
    .one("dataStore", FIELDS),
    patch(
        "update-data-store",
        "/data-stores/{dataStoreId}",
        WRITE,
        "Changes name, size or data structure of a data store.",
    )
    .with(&[STORE, NAME, MAX_SIZE, STRUCTURE])
    .one("dataStore", FIELDS),
    delete(
        "delete-data-store",
        "/data-stores/{dataStoreId}",
        WRITE,
        "Deletes a data store with its records.",
    )
    .with(&[STORE])
    .confirms()
    .only("dataStore"),
    get(
        "list-data-store-records",
        "/data-stores/{dataStoreId}/data",
        READ,
        "Lists the records of a data store.",
    )
    .with(&[STORE])
    .pages("records", RECORD_FIELDS),
    post(
        "create-data-store-record",
        "/data-stores/{dataStoreId}/data",
        WRITE,
        "Adds a record to a data store.",
    )
    .with(&[
        STORE,
        in_body("key", Kind::Text, "Its key; Make makes one where none is given."),
        in_body("data", Kind::Object, "Its fields.")
            .required()
            .like(r#"{"name":"Ada"}"#),
    ])
    .object(RECORD_FIELDS),
    patch(
        "update-data-store-record",
        "/data-stores/{dataStoreId}/data/{key}",
        WRITE,
        "Changes those fields of a record that are given.",
    )
    .with(&[STORE, RECORD, DATA])
    .object(RECORD_FIELDS),
    put(
        "replace-data-store-record",
        "/data-stores/{dataStoreId}/data/{key}",
        WRITE,
        "Puts other fields in the place of all that a record has.",
    )
    .with(&[STORE, RECORD, DATA])
    .object(RECORD_FIELDS),
    delete(
        "delete-data-store-records",
        "/data-stores/{dataStoreId}/data",
        WRITE,
        "Deletes records by their keys.",
    )
    .with(&[
        STORE,
        in_body("keys", Kind::Texts, "The keys.")
            .required()
            .like("[\"ecc4819b2260\"]"),
    ])
    .confirms()
    .only("keys"),
];
