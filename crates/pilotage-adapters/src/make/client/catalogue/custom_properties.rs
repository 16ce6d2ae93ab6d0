//! Which custom properties scenarios of an organization may have.

use super::Category;
use crate::make::client::operation::{
    Field, Kind, ORGANIZATION, Operation, Parameter, delete, explained, field, get, in_body, in_path,
    in_query, patch, post,
};

const READ: &str = "custom-property-structures:read";
const WRITE: &str = "custom-property-structures:write";

pub(super) const CATEGORY: Category = Category {
    name: "custom-properties",
    about: "Which custom properties scenarios of an organization may have",
    operations: OPERATIONS,
};

const STRUCTURE: Parameter = in_path(
    "customPropertyStructureId",
    Kind::Integer,
    "The structure, as `list-custom-property-structures` shows it.",
    "1",
);
const ITEM: Parameter = in_path(
    "customPropertyStructureItemId",
    Kind::Integer,
    "The property, as `list-custom-property-items` shows it.",
    "1",
);
const TYPES: &[&str] = &[
    "boolean",
    "number",
    "shortText",
    "longText",
    "date",
    "dropdown",
    "multiselect",
];
const LABEL: Parameter = in_body("label", Kind::Text, "What people read.").like("\"Region\"");
const DESCRIPTION: Parameter = in_body("description", Kind::Text, "What it is for.");
const OPTIONS: Parameter = in_body("options", Kind::Objects, "The choices: `{value, label}` each.");
const REQUIRED: Parameter = in_body("required", Kind::Flag, "Whether every scenario needs it.").like("false");

const STRUCTURE_FIELDS: &[Field] = &[
    field("id", Kind::Integer),
    field("created", Kind::Text),
    explained("belongers", Kind::Objects, "Whose it is."),
];

const ITEM_FIELDS: &[Field] = &[
    field("id", Kind::Integer),
    field("name", Kind::Text),
    field("label", Kind::Text),
    field("type", Kind::Text),
    field("description", Kind::Text),
    field("required", Kind::Flag),
    field("options", Kind::Objects),
];

const ITEMS: &str = "/custom-property-structures/{customPropertyStructureId}/custom-property-structure-items";
const ONE_ITEM: &str =
    "/custom-property-structures/custom-property-structure-items/{customPropertyStructureItemId}";

const OPERATIONS: &[Operation] = &[
    get(
        "list-custom-property-structures",
        "/custom-property-structures",
        READ,
        "Lists the structures of custom properties; an organization has at most one.",
    )
    .with(&[ORGANIZATION])
    .all("customPropertyStructures", STRUCTURE_FIELDS),
    post(
        "create-custom-property-structure",
        "/custom-property-structures",
        WRITE,
        "Creates the structure of an organization's custom properties.",
    )
    .with(&[
        in_body("associatedType", Kind::Text, "What has the properties.")
            .required()
            .one_of(&["scenario"])
            .like("\"scenario\""),
        in_body("belongerType", Kind::Text, "Whose they are.")
            .required()
            .one_of(&["organization"])
            .like("\"organization\""),
        in_body("belongerId", Kind::Integer, "The organization.")
            .required()
            .like("5"),
    ])
    .one("customPropertyStructure", STRUCTURE_FIELDS),
    get(
        "list-custom-property-items",
        ITEMS,
        READ,
        "Lists the properties of a structure.",
    )
    .with(&[
        STRUCTURE,
        in_query("id", Kind::Integer, "Only this one."),
        in_query("name", Kind::Text, "Only the one of this name."),
        in_query("label", Kind::Text, "Only those of this label."),
        in_query("description", Kind::Text, "Only those of this description."),
        in_query("type", Kind::Text, "Only those of this type.").one_of(TYPES),
        in_query("required", Kind::Flag, "Only those that are required, or not."),
    ])
    .whole()
    .pages("customPropertyStructureItems", ITEM_FIELDS),
    post(
        "create-custom-property-item",
        ITEMS,
        WRITE,
        "Adds a property to a structure.",
    )
    .with(&[
        STRUCTURE,
        in_body("name", Kind::Text, "Its name in scenarios.")
            .required()
            .like("\"region\""),
        LABEL.required(),
        in_body("type", Kind::Text, "What it holds.")
            .required()
            .one_of(TYPES)
            .like("\"shortText\""),
        DESCRIPTION,
        OPTIONS,
        REQUIRED.required(),
    ])
    .one("customPropertyStructureItem", ITEM_FIELDS),
    patch(
        "update-custom-property-item",
        ONE_ITEM,
        WRITE,
        "Changes label, description, choices or obligation of a property.",
    )
    .with(&[ITEM, LABEL, DESCRIPTION, OPTIONS, REQUIRED])
    .one("customPropertyStructureItem", ITEM_FIELDS),
    delete(
        "delete-custom-property-item",
        ONE_ITEM,
        WRITE,
        "Deletes a property; scenarios lose what they have of it.",
    )
    .with(&[ITEM])
    .confirms()
    .only("customPropertyStructureItem"),
];
