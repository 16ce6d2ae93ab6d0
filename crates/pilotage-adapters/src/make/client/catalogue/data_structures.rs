//! Data structures: what records and deliveries have to look like.

use super::Category;
use crate::make::client::operation::{
    Field, IN_TEAM, Kind, NAME, Operation, Parameter, TEAM, delete, explained, field, get, in_body, in_path,
    patch, post,
};

const READ: &str = "udts:read";
const WRITE: &str = "udts:write";

pub(super) const CATEGORY: Category = Category {
    name: "data-structures",
    about: "What records and deliveries have to look like",
    operations: OPERATIONS,
};

const STRUCTURE: Parameter = in_path(
    "dataStructureId",
    Kind::Integer,
    "The data structure, as `list-data-structures` shows it.",
    "178",
);
const STRICT: Parameter = in_body("strict", Kind::Flag, "Whether other fields are refused.").like("false");
const SPEC: Parameter = in_body(
    "spec",
    Kind::Objects,
    "`{type, name, label?, required?, default?}` each.",
)
.like(r#"[{"type":"text","name":"name","required":true}]"#);

const FIELDS: &[Field] = &[
    field("id", Kind::Integer),
    field("name", Kind::Text),
    field("teamId", Kind::Integer),
    field("strict", Kind::Flag),
    explained("spec", Kind::Objects, "The fields."),
];

const OPERATIONS: &[Operation] = &[
    get(
        "list-data-structures",
        "/data-structures",
        READ,
        "Lists the data structures of a team.",
    )
    .with(&[TEAM])
    .whole()
    .pages("dataStructures", FIELDS),
    get(
        "get-data-structure",
        "/data-structures/{dataStructureId}",
        READ,
        "Shows one data structure.",
    )
    .with(&[STRUCTURE])
    .one("dataStructure", FIELDS),
    post(
        "create-data-structure",
        "/data-structures",
        WRITE,
        "Creates a data structure.",
    )
    .with(&[IN_TEAM, NAME.required(), STRICT.required(), SPEC.required()])
    .one("dataStructure", FIELDS),
    patch(
        "update-data-structure",
        "/data-structures/{dataStructureId}",
        WRITE,
        "Changes a data structure; the fields that are given take the place of all.",
    )
    .with(&[STRUCTURE, NAME, STRICT, SPEC])
    .one("dataStructure", FIELDS),
    post(
        "clone-data-structure",
        "/data-structures/{dataStructureId}/clone",
        WRITE,
        "Copies a data structure into a team.",
    )
    .with(&[
        STRUCTURE,
        NAME.required(),
        in_body("targetTeamId", Kind::Integer, "The team.")
            .required()
            .like("6"),
    ])
    .one("dataStructure", FIELDS),
    delete(
        "delete-data-structure",
        "/data-structures/{dataStructureId}",
        WRITE,
        "Deletes a data structure.",
    )
    .with(&[STRUCTURE])
    .confirms()
    .only("dataStructure"),
];
