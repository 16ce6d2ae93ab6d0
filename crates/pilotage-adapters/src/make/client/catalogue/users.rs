//! Who calls, who else there is, and which roles they have.

use super::{Category, organizations::ORGANIZATION, teams::TEAM};
use crate::make::client::operation::{
    Field, Kind, Operation, Parameter, delete, explained, field, get, in_body, in_path, in_query, patch, post,
};

const READ: &str = "user:read";
const WRITE: &str = "user:write";

pub(super) const CATEGORY: Category = Category {
    name: "users",
    about: "Users, roles and custom roles",
    operations: OPERATIONS,
};

const USER: Parameter = in_path(
    "userId",
    Kind::Integer,
    "The user, as `list-users` shows it.",
    "1",
);
const ROLE: Parameter = in_path(
    "roleId",
    Kind::Integer,
    "The role, as `list-roles` shows it.",
    "1",
);
const CUSTOM_ROLE: Parameter = in_path("roleId", Kind::Integer, "The custom role.", "41");
const OF_ORGANIZATION: Parameter = in_query("organizationId", Kind::Integer, "The organization of the role.")
    .required()
    .like("5");

const USER_FIELDS: &[Field] = &[
    field("id", Kind::Integer),
    field("name", Kind::Text),
    field("email", Kind::Text),
    field("language", Kind::Text),
    field("timezoneId", Kind::Integer),
    field("lastLogin", Kind::Text),
];

const ROLE_FIELDS: &[Field] = &[
    field("id", Kind::Integer),
    field("name", Kind::Text),
    explained("category", Kind::Text, "`organization` or `team`."),
    field("description", Kind::Text),
    explained(
        "managementType",
        Kind::Text,
        "Whether it is Make's own or a custom one.",
    ),
    explained("permissions", Kind::Any, "What it lets people do."),
];

const MEMBER_FIELDS: &[Field] = &[
    explained(
        "usersRoleId",
        Kind::Integer,
        "The role, as `list-roles` shows it.",
    ),
    field("userId", Kind::Integer),
    field("teamId", Kind::Integer),
    field("organizationId", Kind::Integer),
    field("changeable", Kind::Flag),
];

const DESCRIPTION: Parameter = in_body("description", Kind::Any, "What it is for; null for nothing.");
const PERMISSIONS: Parameter = in_body(
    "permissions",
    Kind::Integers,
    "Ids, as `list-role-permissions` shows them.",
);

const OPERATIONS: &[Operation] = &[
    get(
        "get-current-user",
        "/users/me",
        "",
        "Shows who the token belongs to.",
    )
    .of_account()
    .one("authUser", USER_FIELDS),
    get(
        "get-current-authorization",
        "/users/me/current-authorization",
        "",
        "Shows which scopes the token has.",
    )
    .of_account()
    .one(
        "authorization",
        &[
            field("authUsed", Kind::Text),
            explained("scope", Kind::Texts, "What the token may do."),
        ],
    ),
    get(
        "list-users",
        "/users",
        READ,
        "Lists the users of a team or of an organization; give one of the two.",
    )
    .with(&[
        in_query(
            "teamId",
            Kind::Integer,
            "The team; either this or `organizationId`.",
        )
        .like("5"),
        in_query(
            "organizationId",
            Kind::Integer,
            "The organization; either this or `teamId`.",
        ),
    ])
    .pages("users", USER_FIELDS),
    get(
        "get-user",
        "/users/{userId}",
        READ,
        "Shows a user: name, address, last login.",
    )
    .with(&[USER])
    .one("user", USER_FIELDS),
    get(
        "list-team-members",
        "/teams/{teamId}/user-team-roles",
        "teams:read",
        "Lists who has which role in a team.",
    )
    .with(&[TEAM])
    .pages("userTeamRoles", MEMBER_FIELDS),
    get(
        "list-organization-members",
        "/organizations/{organizationId}/user-organization-roles",
        "organizations:read",
        "Lists who has which role in an organization.",
    )
    .with(&[ORGANIZATION])
    .pages("userOrganizationRoles", MEMBER_FIELDS),
    get(
        "list-user-team-roles",
        "/users/{userId}/user-team-roles",
        READ,
        "Lists the roles of a user in teams.",
    )
    .with(&[USER])
    .pages("userTeamRoles", MEMBER_FIELDS),
    get(
        "list-user-organization-roles",
        "/users/{userId}/user-organization-roles",
        READ,
        "Lists the roles of a user in organizations.",
    )
    .with(&[USER])
    .pages("userOrganizationRoles", MEMBER_FIELDS),
    get(
        "list-roles",
        "/users/roles",
        READ,
        "Lists the roles that people can have.",
    )
    .with(&[
        in_query("category", Kind::Text, "Only these.").one_of(&["organization", "team"]),
        in_query("excludeRole", Kind::Integers, "All but these."),
        in_query("roleId", Kind::Integer, "Only this one."),
        in_query(
            "organizationId",
            Kind::Integer,
            "With the custom roles of this organization.",
        ),
        in_query("teamId", Kind::Integer, "With the custom roles for this team."),
    ])
    .whole()
    .all("usersRoles", ROLE_FIELDS),
    get(
        "get-role",
        "/users/roles/{roleId}",
        READ,
        "Shows one role and what it allows.",
    )
    .with(&[ROLE])
    .one("usersRole", ROLE_FIELDS),
    get(
        "list-role-permissions",
        "/users/roles/permissions",
        READ,
        "Lists what custom roles can be allowed.",
    )
    .with(&[in_query("roleCategory", Kind::Text, "Only these.").one_of(&["organization", "team"])])
    .all(
        "usersRolesPermissions",
        &[
            field("id", Kind::Integer),
            field("name", Kind::Text),
            field("category", Kind::Text),
            field("roleCategory", Kind::Text),
            field("label", Kind::Text),
        ],
    ),
    post(
        "create-custom-role",
        "/users/custom-roles",
        WRITE,
        "Creates a role of an organization's own.",
    )
    .with(&[
        OF_ORGANIZATION,
        in_body("name", Kind::Text, "What it is to be called.")
            .required()
            .like("\"Reviewer\""),
        in_body("category", Kind::Text, "Where it holds.")
            .required()
            .one_of(&["organization", "team"])
            .like("\"team\""),
        DESCRIPTION,
        PERMISSIONS,
    ])
    .one("role", ROLE_FIELDS),
    patch(
        "update-custom-role",
        "/users/custom-roles/{roleId}",
        WRITE,
        "Changes a custom role.",
    )
    .with(&[
        CUSTOM_ROLE,
        OF_ORGANIZATION,
        in_body("name", Kind::Text, "The new name."),
        DESCRIPTION,
        PERMISSIONS,
    ])
    .one("role", ROLE_FIELDS),
    delete(
        "delete-custom-role",
        "/users/custom-roles/{roleId}",
        WRITE,
        "Deletes a custom role; those who have it lose it.",
    )
    .with(&[CUSTOM_ROLE, OF_ORGANIZATION])
    .only("roleId"),
];
