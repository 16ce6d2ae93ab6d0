//! Templates: those of a team, and those that Make offers to all.

use super::Category;
use crate::make::client::operation::{
    Field, IN_TEAM, Kind, NAME, Operation, Parameter, TEAM, delete, explained, field, get, in_body, in_path,
    in_query, patch, post,
};

const READ: &str = "templates:read";
const WRITE: &str = "templates:write";

pub(super) const CATEGORY: Category = Category {
    name: "templates",
    about: "Templates of a team, and those that Make offers to all",
    operations: OPERATIONS,
};

const TEMPLATE: Parameter = in_path(
    "templateId",
    Kind::Integer,
    "The template, as `list-team-templates` shows it.",
    "31",
);
const PUBLIC: Parameter = in_path(
    "templateUrl",
    Kind::Text,
    "The `url` of the template, as `list-public-templates` shows it.",
    "\"12289-add-webhook-data-to-a-google-sheet\"",
);

const FIELDS: &[Field] = &[
    field("id", Kind::Integer),
    field("name", Kind::Text),
    field("teamId", Kind::Integer),
    field("description", Kind::Text),
    field("usedApps", Kind::Texts),
    field("public", Kind::Flag),
    field("publicUrl", Kind::Text),
];

const PUBLIC_FIELDS: &[Field] = &[
    field("id", Kind::Integer),
    field("name", Kind::Text),
    field("description", Kind::Text),
    explained("url", Kind::Text, "For `get-public-template`."),
    field("usedApps", Kind::Texts),
    explained("usage", Kind::Integer, "How often it was used."),
];

const BLUEPRINT_FIELDS: &[Field] = &[
    field("blueprint", Kind::Object),
    field("controller", Kind::Object),
    field("scheduling", Kind::Object),
    field("language", Kind::Text),
    field("metadata", Kind::Any),
];

const LANGUAGE: Parameter = in_body("language", Kind::Text, "Such as `en`.");
const BLUEPRINT: Parameter = in_body("blueprint", Kind::Object, "What scenarios are made from.")
    .like(r#"{"name":"Example","flow":[]}"#);
const SCHEDULING: Parameter =
    in_body("scheduling", Kind::Object, "When they run.").like(r#"{"type":"on-demand"}"#);

const OPERATIONS: &[Operation] = &[
    get(
        "list-team-templates",
        "/templates",
        READ,
        "Lists the templates of a team.",
    )
    .with(&[TEAM])
    .whole()
    .pages("templates", FIELDS),
    get(
        "get-team-template",
        "/templates/{templateId}",
        READ,
        "Shows one template of a team.",
    )
    .with(&[TEMPLATE])
    .one("template", FIELDS),
    get(
        "get-team-template-blueprint",
        "/templates/{templateId}/blueprint",
        READ,
        "Shows the blueprint of a team's template.",
    )
    .with(&[TEMPLATE])
    .object(BLUEPRINT_FIELDS),
    post(
        "create-team-template",
        "/templates",
        WRITE,
        "Creates a template from a blueprint.",
    )
    .with(&[IN_TEAM, NAME.required(), LANGUAGE, BLUEPRINT, SCHEDULING])
    .one("template", FIELDS),
    patch(
        "update-team-template",
        "/templates/{templateId}",
        WRITE,
        "Changes a template of a team.",
    )
    .with(&[TEMPLATE, NAME, LANGUAGE, BLUEPRINT, SCHEDULING])
    .one("template", FIELDS),
    delete(
        "delete-team-template",
        "/templates/{templateId}",
        WRITE,
        "Deletes a template of a team.",
    )
    .with(&[TEMPLATE])
    .only("template"),
    get(
        "list-public-templates",
        "/templates/public",
        READ,
        "Finds templates that Make offers to all, by name and apps, the most used first.",
    )
    .with(&[
        in_query("name", Kind::Text, "What the name holds."),
        in_query("usedApps", Kind::Texts, "The apps in it, such as `gateway`."),
        in_query("includeEn", Kind::Flag, "Whether English ones are shown as well."),
    ])
    .whole()
    .of_account()
    .pages("templatesPublic", PUBLIC_FIELDS),
    get(
        "get-public-template",
        "/templates/public/{templateUrl}",
        READ,
        "Shows one template that Make offers to all.",
    )
    .with(&[PUBLIC])
    .whole()
    .of_account()
    .one("templatePublic", PUBLIC_FIELDS),
    get(
        "get-public-template-blueprint",
        "/templates/public/{templateUrl}/blueprint",
        READ,
        "Shows the blueprint of a template that Make offers to all.",
    )
    .with(&[PUBLIC])
    .of_account()
    .object(BLUEPRINT_FIELDS),
];
