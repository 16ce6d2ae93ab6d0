//! Who did what: Make's own audit log, on plans that have one.

use super::{Category, organizations::ORGANIZATION, teams::TEAM};
use crate::make::client::operation::{
    Field, Kind, Operation, Parameter, explained, field, get, in_path, in_query,
};

pub(super) const CATEGORY: Category = Category {
    name: "audit-log",
    about: "Who did what in an organization or team, on plans that log it",
    operations: OPERATIONS,
};

const FIELDS: &[Field] = &[
    explained("uuid", Kind::Text, "For `get-audit-log-entry`."),
    explained("event", Kind::Text, "What was done, such as `scenario_updated`."),
    field("triggeredAt", Kind::Text),
    explained("actor", Kind::Object, "Who did it."),
    explained("target", Kind::Object, "To what."),
    field("team", Kind::Object),
    field("organization", Kind::Object),
];

const EVENT: Parameter = in_query(
    "event",
    Kind::Texts,
    "Only these events, as the filters name them.",
);
const USER: Parameter = in_query("user", Kind::Integer, "Only what this user did.");
const FROM: Parameter = in_query("dateFrom", Kind::Text, "Not before this day.").like("\"2026-01-05\"");
const TO: Parameter = in_query("dateTo", Kind::Text, "Not after this day.");
const LIMIT: Parameter = in_query("limit", Kind::Integer, "How many at most.")
    .wire("pg[limit]")
    .like("20");
const AFTER: Parameter = in_query(
    "afterKey",
    Kind::Text,
    "The key that the page before named; what comes after it is shown.",
)
.wire("pg[afterKey]");

const OPERATIONS: &[Operation] = &[
    get(
        "list-organization-audit-log",
        "/audit-logs/organization/{organizationId}",
        "organizations:read",
        "Lists who did what in an organization, the latest first. Needs an admin's token and a plan with audit logs.",
    )
    .with(&[
        ORGANIZATION,
        in_query("team", Kind::Integer, "Only what was done in this team."),
        EVENT,
        USER,
        FROM,
        TO,
        LIMIT,
        AFTER,
    ])
    .all("auditLogs", FIELDS),
    get(
        "list-organization-audit-log-filters",
        "/audit-logs/organization/{organizationId}/filters",
        "organizations:read",
        "Lists the events, teams and users by which an organization's audit log can be filtered.",
    )
    .with(&[ORGANIZATION])
    .object(&[]),
    get(
        "list-team-audit-log",
        "/audit-logs/team/{teamId}",
        "teams:read",
        "Lists who did what in a team, the latest first. Needs a team admin's token and a plan with audit logs.",
    )
    .with(&[TEAM, EVENT, USER, FROM, TO, LIMIT, AFTER])
    .all("auditLogs", FIELDS),
    get(
        "list-team-audit-log-filters",
        "/audit-logs/team/{teamId}/filters",
        "teams:read",
        "Lists the events and users by which a team's audit log can be filtered.",
    )
    .with(&[TEAM])
    .object(&[]),
    get(
        "get-audit-log-entry",
        "/audit-logs/{entryId}",
        "organizations:read",
        "Shows one entry of the audit log.",
    )
    .with(&[in_path(
        "entryId",
        Kind::Text,
        "The entry's `uuid`.",
        "\"a1b2c3d4-e5f6-4890-abcd-ef1234567890\"",
    )])
    .one("auditLog", FIELDS),
];
