//! Folders of scenarios.

use super::Category;
use crate::make::client::operation::{
    Field, IN_TEAM, Kind, NAME, Operation, Parameter, TEAM, delete, explained, field, get, in_body, in_path,
    in_query, patch, post,
};

const READ: &str = "scenarios:read";
const WRITE: &str = "scenarios:write";

pub(super) const CATEGORY: Category = Category {
    name: "folders",
    about: "Folders of scenarios",
    operations: OPERATIONS,
};

const FOLDER: Parameter = in_path(
    "folderId",
    Kind::Integer,
    "The folder, as `list-folders` shows it.",
    "1576",
);

const FIELDS: &[Field] = &[
    field("id", Kind::Integer),
    field("name", Kind::Text),
    explained("scenariosTotal", Kind::Integer, "How many scenarios lie in it."),
    explained("parentId", Kind::MaybeInteger, "The folder around it."),
];

const PARENT: Parameter = in_body(
    "parentId",
    Kind::MaybeInteger,
    "The folder around it; null for none.",
);

const OPERATIONS: &[Operation] = &[
    get(
        "list-folders",
        "/scenarios-folders",
        READ,
        "Lists the folders of a team.",
    )
    .with(&[
        TEAM,
        in_query("parentId", Kind::Integer, "Only those in this folder."),
        in_query("childrenDepth", Kind::Text, "Whether to show what is in each.").one_of(&["all"]),
    ])
    .whole()
    .pages("scenariosFolders", FIELDS),
    post(
        "create-folder",
        "/scenarios-folders",
        WRITE,
        "Creates a folder for scenarios.",
    )
    .with(&[IN_TEAM, NAME.required(), PARENT])
    .one("scenarioFolder", FIELDS),
    patch(
        "update-folder",
        "/scenarios-folders/{folderId}",
        WRITE,
        "Renames a folder, or puts it into another.",
    )
    .with(&[FOLDER, NAME, PARENT])
    .whole()
    .one("scenarioFolder", FIELDS),
    delete(
        "delete-folder",
        "/scenarios-folders/{folderId}",
        WRITE,
        "Deletes a folder; its scenarios stay.",
    )
    .with(&[FOLDER])
    .only("scenarioFolder"),
];
