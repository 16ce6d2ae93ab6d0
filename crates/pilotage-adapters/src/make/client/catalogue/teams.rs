//! Teams.

use super::Category;
use crate::make::client::operation::{
    Field, Kind, NAME, ORGANIZATION, Operation, Parameter, delete, explained, field, get, in_body, in_path,
    in_query, patch, post,
};

const READ: &str = "teams:read";
const WRITE: &str = "teams:write";

pub(super) const CATEGORY: Category = Category {
    name: "teams",
    about: "Teams of an organization",
    operations: OPERATIONS,
};

/// A team in the path.
pub(super) const TEAM: Parameter = in_path(
    "teamId",
    Kind::Integer,
    "The team, as `list-teams` shows it.",
    "5",
);

const FIELDS: &[Field] = &[
    field("id", Kind::Integer),
    field("name", Kind::Text),
    field("organizationId", Kind::Integer),
    explained(
        "operationsLimit",
        Kind::MaybeInteger,
        "The operations it may consume.",
    ),
    explained("transferLimit", Kind::Text, "The bytes it may transfer."),
    field("consumedOperations", Kind::Integer),
    field("consumedTransfer", Kind::Text),
    field("activeScenarios", Kind::Integer),
    field("isPaused", Kind::Flag),
];

const LIMITS: [Parameter; 2] = [
    in_body("operationsLimit", Kind::Integer, "The operations it may consume."),
    in_body("transferLimit", Kind::Integer, "The bytes it may transfer."),
];

const OPERATIONS: &[Operation] = &[
    get(
        "list-teams",
        "/teams",
        READ,
        "Lists the teams of an organization.",
    )
    .with(&[
        ORGANIZATION,
        in_query(
            "includePrivateSpaces",
            Kind::Flag,
            "Whether private spaces are listed as well.",
        ),
    ])
    .whole()
    .pages("teams", FIELDS),
    get(
        "get-team",
        "/teams/{teamId}",
        READ,
        "Shows one team with its limits.",
    )
    .with(&[TEAM])
    .one("team", FIELDS),
    post(
        "create-team",
        "/teams",
        WRITE,
        "Creates a team in an organization.",
    )
    .with(&[
        NAME.required(),
        in_body("organizationId", Kind::Integer, "The organization.")
            .required()
            .like("5"),
        LIMITS[0],
        LIMITS[1],
    ])
    .one("team", FIELDS),
    patch(
        "update-team",
        "/teams/{teamId}",
        WRITE,
        "Renames a team, or changes its limits.",
    )
    .with(&[TEAM, NAME, LIMITS[0], LIMITS[1]])
    .one("team", FIELDS),
    delete(
        "delete-team",
        "/teams/{teamId}",
        WRITE,
        "Deletes a team with everything in it.",
    )
    .with(&[TEAM])
    .confirms()
    .only("team"),
];
