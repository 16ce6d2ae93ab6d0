//! Webhooks and mailhooks, and what waits for them.

use super::Category;
use crate::make::client::operation::{
    Field, IN_TEAM, Kind, Operation, Parameter, Place, TEAM, delete, explained, field, get, in_body, in_path,
    in_query, patch, post, switch,
};

const READ: &str = "hooks:read";
const WRITE: &str = "hooks:write";

pub(super) const CATEGORY: Category = Category {
    name: "hooks",
    about: "Webhooks and mailhooks, their state, queue and log",
    operations: OPERATIONS,
};

const HOOK: Parameter = in_path(
    "hookId",
    Kind::Integer,
    "The webhook, as `list-hooks` shows it.",
    "11",
);
const DELIVERY: Parameter = in_path(
    "deliveryId",
    Kind::Text,
    "The delivery, as `list-hook-deliveries` shows it.",
    "\"1\"",
);

const FIELDS: &[Field] = &[
    field("id", Kind::Integer),
    field("name", Kind::Text),
    field("teamId", Kind::Integer),
    field("typeName", Kind::Text),
    explained("enabled", Kind::Flag, "Whether it takes deliveries."),
    explained(
        "gone",
        Kind::Flag,
        "Whether Make has switched its address off for good.",
    ),
    explained("queueCount", Kind::Integer, "Deliveries that wait."),
    explained("queueLimit", Kind::Integer, "How many may wait."),
    explained("scenarioId", Kind::MaybeInteger, "The scenario that it starts."),
    field("scenarioName", Kind::Text),
    field("scenarioIsActive", Kind::Flag),
    explained("url", Kind::Text, "Its address. Whoever knows it can deliver."),
];

const DONE: &[Field] = &[field("success", Kind::Flag)];

const OPERATIONS: &[Operation] = &[
    get(
        "list-hooks",
        "/hooks",
        READ,
        "Lists the webhooks and mailhooks of a team with their scenarios and how many deliveries wait.",
    )
    .with(&[
        TEAM,
        in_query(
            "typeName",
            Kind::Text,
            "Only those of this type, such as `gateway-webhook`.",
        ),
        in_query("assigned", Kind::Flag, "Only those with a scenario, or without."),
        in_query(
            "viewForScenarioId",
            Kind::Integer,
            "As they can be chosen in this scenario.",
        ),
    ])
    .pages("hooks", FIELDS),
    get(
        "get-hook",
        "/hooks/{hookId}",
        READ,
        "Shows one webhook and what waits for it.",
    )
    .with(&[HOOK])
    .one("hook", FIELDS),
    post("create-hook", "/hooks", WRITE, "Creates a webhook or mailhook.")
        .with(&[
            IN_TEAM,
            in_body(
                "name",
                Kind::Text,
                "What it is to be called, at most 128 characters.",
            )
            .required()
            .like("\"Orders\""),
            in_body(
                "typeName",
                Kind::Text,
                "`gateway-webhook`, `gateway-mailhook`, or the type of an app.",
            )
            .required()
            .like("\"gateway-webhook\""),
            Parameter::new(
                "data",
                Place::Spread,
                Kind::Object,
                "What its type needs, such as `{\"headers\": true}` or a connection.",
            )
            .secret(),
        ])
        .query(&[("useDefaults", "requiredOnly")])
        .one("hook", FIELDS),
    patch(
        "rename-hook",
        "/hooks/{hookId}",
        WRITE,
        "Renames a webhook; its address stays.",
    )
    .with(&[
        HOOK,
        in_body("name", Kind::Text, "The new name.")
            .required()
            .like("\"Renamed\""),
    ])
    .one("hook", FIELDS),
    switch(
        "set-hook-data",
        "/hooks/{hookId}/set-data",
        WRITE,
        "Changes what a webhook is set to, such as whether headers are passed on.",
    )
    .with(&[
        HOOK,
        Parameter::new("data", Place::Whole, Kind::Object, "The settings to change.")
            .required()
            .secret()
            .like(r#"{"headers":true}"#),
    ])
    .object(&[field("changed", Kind::Flag)]),
    delete(
        "delete-hook",
        "/hooks/{hookId}",
        WRITE,
        "Deletes a webhook: its address is gone for good, and the scenarios that it starts cannot run.",
    )
    .with(&[HOOK])
    .confirms()
    .only("hook"),
    switch(
        "enable-hook",
        "/hooks/{hookId}/enable",
        WRITE,
        "Lets a webhook take deliveries again.",
    )
    .with(&[HOOK])
    .object(DONE),
    switch(
        "disable-hook",
        "/hooks/{hookId}/disable",
        WRITE,
        "Switches a webhook off: senders are refused (410).",
    )
    .with(&[HOOK])
    .object(DONE),
    switch(
        "start-hook-learning",
        "/hooks/{hookId}/learn-start",
        WRITE,
        "Lets a webhook learn its data structure from the next delivery.",
    )
    .with(&[HOOK])
    .object(DONE),
    switch(
        "stop-hook-learning",
        "/hooks/{hookId}/learn-stop",
        WRITE,
        "Ends the learning of a webhook.",
    )
    .with(&[HOOK])
    .object(DONE),
    get(
        "ping-hook",
        "/hooks/{hookId}/ping",
        READ,
        "Shows whether a webhook is attached to a scenario, learning, or gone.",
    )
    .with(&[HOOK])
    .object(&[
        field("address", Kind::Text),
        field("attached", Kind::Flag),
        field("learning", Kind::Flag),
        field("gone", Kind::Flag),
    ]),
    get(
        "list-hook-deliveries",
        "/hooks/{hookId}/incomings",
        READ,
        "Lists the deliveries that wait in the queue of a webhook.",
    )
    .with(&[HOOK])
    .pages("incomings", DELIVERY_FIELDS),
    get(
        "get-hook-delivery",
        "/hooks/{hookId}/incomings/{deliveryId}",
        READ,
        "Shows a delivery that waits, with its data.",
    )
    .with(&[HOOK, DELIVERY])
    .one(
        "incoming",
        &[
            field("id", Kind::Text),
            field("created", Kind::Text),
            field("size", Kind::Integer),
            explained("data", Kind::Object, "What the sender sent."),
        ],
    ),
    get(
        "get-hook-queue",
        "/hooks/{hookId}/incomings/stats",
        READ,
        "Shows how many deliveries wait for a webhook, and how many may.",
    )
    .with(&[HOOK])
    .only("incomings"),
    delete(
        "delete-hook-deliveries",
        "/hooks/{hookId}/incomings",
        WRITE,
        "Deletes deliveries that wait: those named, or all.",
    )
    .with(&[
        HOOK,
        in_body("ids", Kind::Texts, "These; or `all`."),
        in_body("all", Kind::Flag, "All that wait.").like("true"),
        in_body("exceptIds", Kind::Texts, "With `all`: all but these."),
    ])
    .confirms()
    .only("incomings"),
    get(
        "list-hook-logs",
        "/hooks/{hookId}/logs",
        READ,
        "Lists what a webhook has received.",
    )
    .with(&[HOOK])
    .pages(
        "hookLogs",
        &[
            field("id", Kind::Text),
            field("timestamp", Kind::Text),
            field("status", Kind::Integer),
            field("size", Kind::Integer),
            field("replayable", Kind::Flag),
        ],
    ),
];

const DELIVERY_FIELDS: &[Field] = &[
    field("id", Kind::Text),
    field("scope", Kind::Text),
    explained("size", Kind::Integer, "In bytes."),
    field("created", Kind::Text),
];
