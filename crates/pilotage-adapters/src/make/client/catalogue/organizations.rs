//! Organizations.

use super::Category;
use crate::make::client::operation::{
    Field, Kind, NAME, Operation, Parameter, delete, explained, field, get, in_body, in_path, patch, post,
};

const READ: &str = "organizations:read";
const WRITE: &str = "organizations:write";

pub(super) const CATEGORY: Category = Category {
    name: "organizations",
    about: "Organizations and their plans",
    operations: OPERATIONS,
};

/// An organization in the path.
pub(super) const ORGANIZATION: Parameter = in_path(
    "organizationId",
    Kind::Integer,
    "The organization, as `list-organizations` shows it.",
    "5",
);

const FIELDS: &[Field] = &[
    field("id", Kind::Integer),
    field("name", Kind::Text),
    explained(
        "isPaused",
        Kind::Flag,
        "Whether Make has stopped everything in it.",
    ),
    explained(
        "license",
        Kind::Object,
        "The plan: `{apiLimit, interval, operations, ...}`.",
    ),
    explained("teams", Kind::Objects, "`{id, name}` each."),
    explained(
        "zone",
        Kind::Text,
        "The zone it lives in, such as `eu1.make.com`.",
    ),
    explained("operations", Kind::Text, "Operations consumed."),
    explained("transfer", Kind::Text, "Bytes transferred."),
    explained(
        "centicreditsConsumed",
        Kind::Text,
        "Hundredths of credits consumed.",
    ),
    field("timezoneId", Kind::Integer),
    field("countryId", Kind::Integer),
    explained("nextReset", Kind::Text, "When the counters begin anew."),
];

const TIMEZONE: Parameter = in_body(
    "timezoneId",
    Kind::Integer,
    "The time zone, as `list-timezones` shows it.",
)
.like("113");
const COUNTRY: Parameter = in_body(
    "countryId",
    Kind::Integer,
    "The country, as `list-countries` shows it.",
)
.like("57");

const OPERATIONS: &[Operation] = &[
    get(
        "list-organizations",
        "/organizations",
        READ,
        "Lists the organizations of the account with their teams and plans.",
    )
    .whole()
    .of_account()
    .pages("organizations", FIELDS),
    get(
        "get-organization",
        "/organizations/{organizationId}",
        READ,
        "Shows one organization: plan, limits, consumption.",
    )
    .with(&[ORGANIZATION])
    .one("organization", FIELDS),
    post(
        "create-organization",
        "/organizations",
        WRITE,
        "Creates an organization.",
    )
    .with(&[
        NAME.required(),
        in_body(
            "regionId",
            Kind::Integer,
            "The region, as `list-regions` shows it.",
        )
        .required()
        .like("1"),
        TIMEZONE.required(),
        COUNTRY.required(),
    ])
    .of_account()
    .one("organization", FIELDS),
    patch(
        "update-organization",
        "/organizations/{organizationId}",
        WRITE,
        "Changes name, country or time zone of an organization.",
    )
    .with(&[ORGANIZATION, NAME, COUNTRY, TIMEZONE])
    .one("organization", FIELDS),
    delete(
        "delete-organization",
        "/organizations/{organizationId}",
        WRITE,
        "Deletes an organization with everything in it.",
    )
    .with(&[ORGANIZATION])
    .confirms()
    .only("organization"),
];
