//! What was consumed, day by day.

use super::{Category, organizations::ORGANIZATION, scenarios::SCENARIO, teams::TEAM};
use crate::make::client::operation::{Field, Kind, Operation, Parameter, explained, field, get, in_query};

pub(super) const CATEGORY: Category = Category {
    name: "usage",
    about: "Operations, transfer and credits of scenarios, teams and organizations",
    operations: OPERATIONS,
};

const FIELDS: &[Field] = &[
    explained("date", Kind::Text, "`DD-MM-YYYY`."),
    field("operations", Kind::Integer),
    explained("dataTransfer", Kind::Integer, "In bytes."),
    explained("centicredits", Kind::Integer, "Hundredths of a credit."),
];

const TIMEZONE: Parameter = in_query(
    "organizationTimezone",
    Kind::Flag,
    "Whether days are those of the organization's time zone.",
);

const OPERATIONS: &[Operation] = &[
    get(
        "get-scenario-usage",
        "/scenarios/{scenarioId}/usage",
        "scenarios:read",
        "Shows what a scenario consumed on each of the last 30 days.",
    )
    .with(&[SCENARIO, TIMEZONE])
    .all("data", FIELDS),
    get(
        "get-team-usage",
        "/teams/{teamId}/usage",
        "teams:read",
        "Shows what a team consumed on each of the last 30 days.",
    )
    .with(&[TEAM, TIMEZONE])
    .all("data", FIELDS),
    get(
        "get-organization-usage",
        "/organizations/{organizationId}/usage",
        "organizations:read",
        "Shows what an organization consumed on each of the last 30 days.",
    )
    .with(&[ORGANIZATION, TIMEZONE])
    .all("data", FIELDS),
];
