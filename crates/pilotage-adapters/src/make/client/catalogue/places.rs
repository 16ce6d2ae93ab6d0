//! Private spaces, devices, and the lists of countries, regions and time zones.

use super::Category;
use crate::make::client::operation::{
    Field, Kind, ORGANIZATION, Operation, Parameter, TEAM, delete, explained, field, get, in_body, in_path,
    in_query, patch,
};

pub(super) const PRIVATE_SPACES: Category = Category {
    name: "private-spaces",
    about: "What belongs to one person within an organization",
    operations: SPACE_OPERATIONS,
};

pub(super) const DEVICES: Category = Category {
    name: "devices",
    about: "Telephones and the like that scenarios work with",
    operations: DEVICE_OPERATIONS,
};

pub(super) const ENUMS: Category = Category {
    name: "enums",
    about: "Countries, regions and time zones",
    operations: ENUM_OPERATIONS,
};

const SPACE: Parameter = in_path(
    "privateSpaceId",
    Kind::Integer,
    "The space, as `list-private-spaces` shows it.",
    "101",
);

const SPACE_FIELDS: &[Field] = &[
    field("id", Kind::Integer),
    field("name", Kind::Text),
    field("organizationId", Kind::Integer),
    field("privateSpaceOwnerId", Kind::Integer),
    field("privateSpaceOwnerName", Kind::Text),
    explained(
        "operationsLimit",
        Kind::MaybeInteger,
        "The operations it may consume.",
    ),
    field("consumedOperations", Kind::Integer),
    field("isPaused", Kind::Flag),
];

const SPACE_OPERATIONS: &[Operation] = &[
    get(
        "list-private-spaces",
        "/private-spaces",
        "private-spaces:read",
        "Lists the private spaces of an organization.",
    )
    .with(&[
        ORGANIZATION,
        in_query("externalId", Kind::Text, "Only the one of this id of yours."),
    ])
    .whole()
    .pages("privateSpaces", SPACE_FIELDS),
    get(
        "get-private-space",
        "/private-spaces/{privateSpaceId}",
        "private-spaces:read",
        "Shows one private space.",
    )
    .with(&[SPACE])
    .whole()
    .one("privateSpace", SPACE_FIELDS),
    patch(
        "update-private-space",
        "/private-spaces/{privateSpaceId}",
        "private-spaces:write",
        "Changes what a private space may consume; below what is consumed it is paused at once.",
    )
    .with(&[
        SPACE,
        in_body("operationsLimit", Kind::MaybeInteger, "The limit; null for none.").like("1000"),
    ])
    .confirms()
    .one("privateSpace", SPACE_FIELDS),
];

const DEVICE: Parameter = in_path(
    "deviceId",
    Kind::Integer,
    "The device, as `list-devices` shows it.",
    "3527",
);

const DEVICE_FIELDS: &[Field] = &[
    field("id", Kind::Integer),
    field("name", Kind::Text),
    field("teamId", Kind::Integer),
    field("info", Kind::Object),
    explained("queueCount", Kind::Integer, "What waits for it."),
    field("gone", Kind::Flag),
];

const DEVICE_OPERATIONS: &[Operation] = &[
    get(
        "list-devices",
        "/devices",
        "devices:read",
        "Lists the devices of a team.",
    )
    .with(&[TEAM])
    .pages("devices", DEVICE_FIELDS),
    get(
        "get-device",
        "/devices/{deviceId}",
        "devices:read",
        "Shows one device of a team.",
    )
    .with(&[DEVICE])
    .one("device", DEVICE_FIELDS),
    delete(
        "delete-device",
        "/devices/{deviceId}",
        "devices:write",
        "Takes a device off a team.",
    )
    .with(&[DEVICE])
    .only("device"),
];

const ENUM_OPERATIONS: &[Operation] = &[
    get(
        "list-countries",
        "/enums/countries",
        "",
        "Lists countries with their ids.",
    )
    .of_account()
    .all(
        "countries",
        &[
            field("id", Kind::Integer),
            field("name", Kind::Text),
            field("code", Kind::Text),
        ],
    ),
    get(
        "list-regions",
        "/enums/imt-regions",
        "",
        "Lists the regions that organizations can live in.",
    )
    .of_account()
    .all(
        "imtRegions",
        &[field("id", Kind::Integer), field("name", Kind::Text)],
    ),
    get(
        "list-timezones",
        "/enums/timezones",
        "",
        "Lists time zones with their ids.",
    )
    .of_account()
    .all(
        "timezones",
        &[
            field("id", Kind::Integer),
            field("name", Kind::Text),
            field("code", Kind::Text),
            field("offset", Kind::Text),
        ],
    ),
];
