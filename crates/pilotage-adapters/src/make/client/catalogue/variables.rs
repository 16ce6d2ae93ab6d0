//! Variables of teams and organizations, on plans that have them.

use super::{Category, organizations::ORGANIZATION, teams::TEAM};
use crate::make::client::operation::{
    Field, Kind, Operation, Parameter, delete, explained, field, get, in_body, in_path, patch, post,
};

const TEAM_READ: &str = "team-variables:read";
const TEAM_WRITE: &str = "team-variables:write";
const ORGANIZATION_READ: &str = "organization-variables:read";
const ORGANIZATION_WRITE: &str = "organization-variables:write";

pub(super) const CATEGORY: Category = Category {
    name: "variables",
    about: "Variables of teams and organizations",
    operations: OPERATIONS,
};

const NAME: Parameter = in_path("name", Kind::Text, "The variable.", "\"ENVIRONMENT\"");
const NEW_NAME: Parameter = in_body("name", Kind::Text, "What it is to be called.")
    .required()
    .like("\"REGION\"");
const TYPE: Parameter = in_body(
    "typeId",
    Kind::Integer,
    "1 a number, 2 a text, 3 true or false, 4 a date.",
)
.required()
.like("2");
const VALUE: Parameter = in_body("value", Kind::Any, "Its value, of that type.")
    .required()
    .like("\"emea\"");

const FIELDS: &[Field] = &[
    field("name", Kind::Text),
    field("value", Kind::Any),
    explained(
        "typeId",
        Kind::Integer,
        "1 a number, 2 a text, 3 true or false, 4 a date.",
    ),
    field("isSystem", Kind::Flag),
];

const OPERATIONS: &[Operation] = &[
    get(
        "list-team-variables",
        "/teams/{teamId}/variables",
        TEAM_READ,
        "Lists the variables of a team.",
    )
    .with(&[TEAM])
    .all("teamVariables", FIELDS),
    post(
        "create-team-variable",
        "/teams/{teamId}/variables",
        TEAM_WRITE,
        "Creates a variable of a team.",
    )
    .with(&[TEAM, NEW_NAME, TYPE, VALUE])
    .one("teamVariable", FIELDS),
    patch(
        "update-team-variable",
        "/teams/{teamId}/variables/{name}",
        TEAM_WRITE,
        "Changes the value of a team's variable.",
    )
    .with(&[TEAM, NAME, TYPE, VALUE])
    .one("teamVariable", FIELDS),
    delete(
        "delete-team-variable",
        "/teams/{teamId}/variables/{name}",
        TEAM_WRITE,
        "Deletes a variable of a team; scenarios that use it cannot run.",
    )
    .with(&[TEAM, NAME])
    .confirms()
    .only("ok"),
    get(
        "list-organization-variables",
        "/organizations/{organizationId}/variables",
        ORGANIZATION_READ,
        "Lists the variables of an organization.",
    )
    .with(&[ORGANIZATION])
    .all("organizationVariables", FIELDS),
    post(
        "create-organization-variable",
        "/organizations/{organizationId}/variables",
        ORGANIZATION_WRITE,
        "Creates a variable of an organization.",
    )
    .with(&[ORGANIZATION, NEW_NAME, TYPE, VALUE])
    .one("organizationVariable", FIELDS),
    patch(
        "update-organization-variable",
        "/organizations/{organizationId}/variables/{name}",
        ORGANIZATION_WRITE,
        "Changes the value of an organization's variable.",
    )
    .with(&[ORGANIZATION, NAME.like("\"COMPANY\""), TYPE, VALUE])
    .one("organizationVariable", FIELDS),
    delete(
        "delete-organization-variable",
        "/organizations/{organizationId}/variables/{name}",
        ORGANIZATION_WRITE,
        "Deletes a variable of an organization; scenarios that use it cannot run.",
    )
    .with(&[ORGANIZATION, NAME.like("\"COMPANY\"")])
    .confirms()
    .only("ok"),
];
