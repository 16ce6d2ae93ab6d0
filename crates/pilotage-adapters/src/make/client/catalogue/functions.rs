//! Functions of a team's own, in JavaScript.

use super::Category;
use crate::make::client::operation::{
    Field, Kind, Operation, Parameter, TEAM, delete, explained, field, get, in_body, in_path, patch, post,
};

const READ: &str = "functions:read";
const WRITE: &str = "functions:write";

pub(super) const CATEGORY: Category = Category {
    name: "functions",
    about: "Functions of a team's own, in JavaScript",
    operations: OPERATIONS,
};

const FUNCTION: Parameter = in_path(
    "functionId",
    Kind::Integer,
    "The function, as `list-functions` shows it.",
    "2",
);
const NAME: Parameter = in_body("name", Kind::Text, "What it is to be called.").like("\"double\"");
const CODE: Parameter = in_body("code", Kind::Text, "One function in JavaScript.")
    .like("\"function double(n) { return 2 * n; }\"");
const DESCRIPTION: Parameter = in_body("description", Kind::Text, "What it does.");

const FIELDS: &[Field] = &[
    field("id", Kind::Integer),
    field("name", Kind::Text),
    field("description", Kind::Text),
    field("args", Kind::Text),
    field("code", Kind::Text),
    field("teamId", Kind::Integer),
    explained("scenarios", Kind::Objects, "Those that use it."),
    field("updatedAt", Kind::Text),
];

const OPERATIONS: &[Operation] = &[
    get(
        "list-functions",
        "/functions",
        READ,
        "Lists the functions of a team.",
    )
    .with(&[TEAM])
    .whole()
    .pages("functions", FIELDS),
    get(
        "get-function",
        "/functions/{functionId}",
        READ,
        "Shows one function with its code.",
    )
    .with(&[FUNCTION])
    .one("function", FIELDS),
    get(
        "list-function-versions",
        "/functions/{functionId}/history",
        READ,
        "Lists the earlier codes of a function and who changed it.",
    )
    .with(&[FUNCTION, TEAM])
    .all(
        "functionHistory",
        &[
            field("id", Kind::Integer),
            field("previousCode", Kind::Text),
            field("updatedAt", Kind::Text),
            field("updatedBy", Kind::Object),
        ],
    ),
    post(
        "create-function",
        "/functions",
        WRITE,
        "Creates a function from its code.",
    )
    .with(&[TEAM, NAME.required(), CODE.required(), DESCRIPTION])
    .one("function", FIELDS),
    post(
        "check-function",
        "/functions/eval",
        WRITE,
        "Checks the code of a function; nothing is kept.",
    )
    .reads()
    .with(&[TEAM, CODE.required()])
    .object(&[
        field("success", Kind::Flag),
        explained("error", Kind::Text, "What is wrong with it."),
    ]),
    patch(
        "update-function",
        "/functions/{functionId}",
        WRITE,
        "Changes name, code or description of a function.",
    )
    .with(&[FUNCTION, NAME, CODE, DESCRIPTION])
    .one("function", FIELDS),
    delete(
        "delete-function",
        "/functions/{functionId}",
        WRITE,
        "Deletes a function; scenarios that use it cannot run.",
    )
    .with(&[FUNCTION])
    .only("success"),
];
