//! Requests that ask a person for the credentials that only he can give.

use super::Category;
use crate::make::client::operation::{
    Field, IN_TEAM, Kind, Operation, Parameter, TEAM, delete, explained, field, get, in_body, in_path,
    in_query, post, switch,
};

const READ: &str = "credential-requests:read";
const WRITE: &str = "credential-requests:write";

pub(super) const CATEGORY: Category = Category {
    name: "credential-requests",
    about: "Links on which a person gives credentials, without anyone else seeing them",
    operations: OPERATIONS,
};

const REQUEST: Parameter = in_path(
    "requestId",
    Kind::Text,
    "The request, as `list-credential-requests` shows it.",
    "\"a07e16f2ad134bf49cf83a00aa95c0a5\"",
);
const CREDENTIAL: Parameter = in_path(
    "credentialId",
    Kind::Text,
    "The credential, as `get-credential-request` shows it.",
    "\"b12f9e3c2d15af8\"",
);

const FIELDS: &[Field] = &[
    field("id", Kind::Text),
    field("name", Kind::Text),
    field("description", Kind::Text),
    field("teamId", Kind::Integer),
    field("status", Kind::Text),
    field("createdAt", Kind::Text),
    field("expiresAt", Kind::Text),
    explained(
        "credentials",
        Kind::Objects,
        "What is asked for: `{id, name, state, appName, ...}` each.",
    ),
];

const CREDENTIAL_FIELDS: &[Field] = &[
    field("id", Kind::Text),
    field("name", Kind::Text),
    field("state", Kind::Text),
    field("declineReason", Kind::Text),
];

const MADE: &[Field] = &[
    explained("request", Kind::Object, "The request."),
    explained(
        "publicUri",
        Kind::Text,
        "Give this address to the person who has the credentials.",
    ),
    field("credentials", Kind::Objects),
];

const NAME: Parameter = in_body("name", Kind::Text, "What the person reads first.");
const DESCRIPTION: Parameter = in_body("description", Kind::Text, "What the credentials are for.");
const CONNECTIONS: Parameter = in_body(
    "connections",
    Kind::Objects,
    "Connections to be made: `{type, scope?, description?}` each.",
);
const KEYS: Parameter = in_body(
    "keys",
    Kind::Objects,
    "Keys to be made: `{type, description?}` each.",
);

const OPERATIONS: &[Operation] = &[
    get(
        "list-credential-requests",
        "/credential-requests/requests",
        READ,
        "Lists the requests for credentials of a team.",
    )
    .with(&[
        TEAM,
        in_query("userId", Kind::Integer, "Only those to this user."),
        in_query("makeProviderId", Kind::Any, "Only those to this provider."),
        in_query(
            "status",
            Kind::Text,
            "Only those that stand so, such as `pending`.",
        ),
        in_query("name", Kind::Text, "Only those whose name holds this."),
    ])
    .whole()
    .pages("requests", FIELDS),
    get(
        "get-credential-request",
        "/credential-requests/requests/{requestId}/detail",
        READ,
        "Shows a request with the credentials that it asks for.",
    )
    .with(&[REQUEST])
    .one("requestDetail", FIELDS),
    post(
        "create-credential-request",
        "/credential-requests/actions/create",
        WRITE,
        "Asks a person for the credentials that apps need; answers with the address to give to him.",
    )
    .with(&[
        IN_TEAM,
        NAME,
        DESCRIPTION,
        in_body(
            "credentials",
            Kind::Objects,
            "`{appName, appModules, appVersion?}` each.",
        )
        .required()
        .like(r#"[{"appName":"slack","appModules":["CreateMessage"],"appVersion":4}]"#),
    ])
    .object(MADE),
    post(
        "create-credential-request-for",
        "/credential-requests/actions/create-by-credentials",
        WRITE,
        "Asks a person for certain connections and keys; answers with the address to give to him.",
    )
    .with(&[
        IN_TEAM,
        NAME,
        DESCRIPTION,
        CONNECTIONS.like(r#"[{"type":"google"}]"#),
        KEYS,
    ])
    .object(MADE),
    post(
        "extend-connection",
        "/credential-requests/actions/extend",
        WRITE,
        "Asks a person to let a connection do more.",
    )
    .with(&[
        in_body("connectionId", Kind::Integer, "The connection.")
            .required()
            .like("2"),
        in_body("scopes", Kind::Texts, "What it is to be allowed as well.")
            .required()
            .like("[\"read\"]"),
    ])
    .object(MADE),
    switch(
        "decline-credential",
        "/credential-requests/credentials/{credentialId}/decline",
        WRITE,
        "Declines to give a credential that was asked for.",
    )
    .with(&[CREDENTIAL, in_body("reason", Kind::Text, "Why.")])
    .one("credential", CREDENTIAL_FIELDS),
    delete(
        "delete-credential",
        "/credential-requests/credentials/{credentialId}/delete-remote",
        WRITE,
        "Deletes what a person gave; he is asked anew.",
    )
    .posts()
    .with(&[CREDENTIAL])
    .one("credential", CREDENTIAL_FIELDS),
    delete(
        "delete-credential-request",
        "/credential-requests/requests/{requestId}",
        WRITE,
        "Deletes a request with the credentials that were given to it.",
    )
    .with(&[REQUEST])
    .confirms()
    .only("request"),
    get(
        "list-app-modules-with-credentials",
        "/credential-requests/apps/{appName}/{appVersion}/modules-with-credentials",
        "apps:read",
        "Lists the modules of an app that need credentials.",
    )
    .with(&[
        in_path("appName", Kind::Text, "The app.", "\"slack\""),
        in_path("appVersion", Kind::Any, "Its version.", "4"),
    ])
    .of_account()
    .all(
        "appModules",
        &[
            field("name", Kind::Text),
            field("label", Kind::Text),
            field("type", Kind::Text),
            field("scope", Kind::Texts),
        ],
    ),
];
