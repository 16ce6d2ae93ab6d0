//! Connections and webhooks of an app: they belong to no version.

use super::{APP, CHANGED, COMMON, LABEL, READ, SECTION_BODY, WRITE, section};
use crate::make::client::{
    catalogue::Category,
    operation::{Field, Kind, Operation, Parameter, delete, field, get, in_body, in_path, patch, post, put},
};

pub(in crate::make::client::catalogue) const CONNECTIONS: Category = Category {
    name: "custom-app-connections",
    about: "Connections of custom apps",
    operations: CONNECTION_OPERATIONS,
};

pub(in crate::make::client::catalogue) const WEBHOOKS: Category = Category {
    name: "custom-app-webhooks",
    about: "Webhooks of custom apps",
    operations: WEBHOOK_OPERATIONS,
};

const CONNECTION: Parameter = in_path(
    "connectionName",
    Kind::Text,
    "The connection of the app.",
    "\"my-app\"",
);
const WEBHOOK: Parameter = in_path("webhookName", Kind::Text, "The webhook of the app.", "\"my-app\"");
const CONNECTION_SECTIONS: &[&str] = &["api", "parameters", "scopes", "scope", "install", "installSpec"];
const WEBHOOK_SECTIONS: &[&str] = &["api", "parameters", "attach", "detach", "scope"];

const FIELDS: &[Field] = &[
    field("name", Kind::Text),
    field("label", Kind::Text),
    field("type", Kind::Text),
];

const CONNECTION_OPERATIONS: &[Operation] = &[
    get(
        "list-custom-app-connections",
        "/sdk/apps/{appName}/connections",
        READ,
        "Lists the connections of an app.",
    )
    .with(&[APP])
    .of_account()
    .all("appConnections", FIELDS),
    get(
        "get-custom-app-connection",
        "/sdk/apps/connections/{connectionName}",
        READ,
        "Shows one connection of an app.",
    )
    .with(&[CONNECTION])
    .of_account()
    .one("appConnection", FIELDS),
    post(
        "create-custom-app-connection",
        "/sdk/apps/{appName}/connections",
        WRITE,
        "Adds a connection to an app.",
    )
    .with(&[
        APP,
        in_body("type", Kind::Text, "Such as `oauth`, `basic` or `other`.")
            .required()
            .like("\"oauth\""),
        LABEL.required(),
    ])
    .of_account()
    .one("appConnection", FIELDS),
    patch(
        "update-custom-app-connection",
        "/sdk/apps/connections/{connectionName}",
        WRITE,
        "Changes a connection of an app.",
    )
    .with(&[CONNECTION, LABEL])
    .of_account()
    .one("appConnection", FIELDS),
    delete(
        "delete-custom-app-connection",
        "/sdk/apps/connections/{connectionName}",
        WRITE,
        "Deletes a connection of an app.",
    )
    .with(&[CONNECTION])
    .of_account()
    .only("appConnection"),
    get(
        "get-custom-app-connection-section",
        "/sdk/apps/connections/{connectionName}/{section}",
        READ,
        "Shows a section of a connection of an app.",
    )
    .with(&[CONNECTION, section("section", CONNECTION_SECTIONS, "\"api\"")])
    .of_account()
    .text(),
    put(
        "set-custom-app-connection-section",
        "/sdk/apps/connections/{connectionName}/{section}",
        WRITE,
        "Writes a section of a connection of an app.",
    )
    .with(&[
        CONNECTION,
        section("section", CONNECTION_SECTIONS, "\"api\""),
        SECTION_BODY,
    ])
    .of_account()
    .object(CHANGED),
    get(
        "get-custom-app-connection-common",
        "/sdk/apps/connections/{connectionName}/common",
        READ,
        "Shows which common data a connection of an app has; credentials are masked.",
    )
    .with(&[CONNECTION])
    .of_account()
    .object(&[]),
    put(
        "set-custom-app-connection-common",
        "/sdk/apps/connections/{connectionName}/common",
        WRITE,
        "Writes the common data of a connection of an app.",
    )
    .with(&[CONNECTION, COMMON])
    .of_account()
    .object(CHANGED),
];

const WEBHOOK_OPERATIONS: &[Operation] = &[
    get(
        "list-custom-app-webhooks",
        "/sdk/apps/{appName}/webhooks",
        READ,
        "Lists the webhooks of an app.",
    )
    .with(&[APP])
    .of_account()
    .all("appWebhooks", FIELDS),
    get(
        "get-custom-app-webhook",
        "/sdk/apps/webhooks/{webhookName}",
        READ,
        "Shows one webhook of an app.",
    )
    .with(&[WEBHOOK])
    .of_account()
    .one("appWebhook", FIELDS),
    post(
        "create-custom-app-webhook",
        "/sdk/apps/{appName}/webhooks",
        WRITE,
        "Adds a webhook to an app.",
    )
    .with(&[
        APP,
        in_body("type", Kind::Text, "Such as `web` or `web-shared`.")
            .required()
            .like("\"web\""),
        LABEL.required(),
    ])
    .of_account()
    .one("appWebhook", FIELDS),
    patch(
        "update-custom-app-webhook",
        "/sdk/apps/webhooks/{webhookName}",
        WRITE,
        "Changes a webhook of an app.",
    )
    .with(&[WEBHOOK, LABEL])
    .of_account()
    .one("appWebhook", FIELDS),
    delete(
        "delete-custom-app-webhook",
        "/sdk/apps/webhooks/{webhookName}",
        WRITE,
        "Deletes a webhook of an app.",
    )
    .with(&[WEBHOOK])
    .of_account()
    .only("appWebhook"),
    get(
        "get-custom-app-webhook-section",
        "/sdk/apps/webhooks/{webhookName}/{section}",
        READ,
        "Shows a section of a webhook of an app.",
    )
    .with(&[WEBHOOK, section("section", WEBHOOK_SECTIONS, "\"api\"")])
    .of_account()
    .text(),
    put(
        "set-custom-app-webhook-section",
        "/sdk/apps/webhooks/{webhookName}/{section}",
        WRITE,
        "Writes a section of a webhook of an app.",
    )
    .with(&[
        WEBHOOK,
        section("section", WEBHOOK_SECTIONS, "\"api\""),
        SECTION_BODY,
    ])
    .of_account()
    .object(CHANGED),
];
