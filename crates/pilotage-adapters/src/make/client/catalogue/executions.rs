//! What ran, and who changed what: the log of a scenario holds both.

use super::{Category, scenarios::SCENARIO};
use crate::make::client::operation::{
    Field, Kind, Operation, Parameter, Place, explained, field, get, in_path, in_query, post,
};

const READ: &str = "scenarios:read";

pub(super) const CATEGORY: Category = Category {
    name: "executions",
    about: "Runs of scenarios with their logs, results and replays",
    operations: OPERATIONS,
};

pub(super) const LOG_FIELDS: &[Field] = &[
    explained("id", Kind::Text, "The run, or the change."),
    explained("imtId", Kind::Text, "Where it stands in the log."),
    explained(
        "type",
        Kind::Text,
        "`auto` or `manual` for runs; `start`, `stop` or `modify` for what people did.",
    ),
    explained("eventType", Kind::Text, "`EXECUTION_END` for runs."),
    explained("status", Kind::Integer, "1 success, 2 warning, 3 error."),
    field("timestamp", Kind::Text),
    explained("duration", Kind::Integer, "In milliseconds."),
    field("operations", Kind::Integer),
    explained("centicredits", Kind::Integer, "Hundredths of a credit."),
    explained("transfer", Kind::Integer, "In bytes."),
    field("authorId", Kind::Integer),
    explained("authorName", Kind::Text, "Who ran or changed it."),
    explained("error", Kind::Object, "`{name, message}`."),
    field("scenarioId", Kind::Integer),
];

pub(super) const EXECUTION: Parameter = in_path(
    "executionId",
    Kind::Text,
    "The run, as `list-scenario-executions` shows it.",
    "\"a07e16f2ad134bf49cf83a00aa95c0a5\"",
);

const OPERATIONS: &[Operation] = &[
    get(
        "list-scenario-executions",
        "/scenarios/{scenarioId}/logs",
        READ,
        "Lists the runs of a scenario, the latest first, and who started, stopped or changed it. Filter by status 3 to find failures.",
    )
    .with(&[
        SCENARIO,
        in_query("status", Kind::Integer, "1 success, 2 warning, 3 error."),
        in_query("from", Kind::Integer, "Not before; milliseconds since 1970."),
        in_query("to", Kind::Integer, "Not after; milliseconds since 1970."),
    ])
    .log("scenarioLogs", LOG_FIELDS),
    get(
        "get-scenario-execution",
        "/scenarios/{scenarioId}/logs/{executionId}",
        READ,
        "Shows one entry of a scenario's log: duration, credits, error, and whether it can be replayed.",
    )
    .with(&[SCENARIO, EXECUTION])
    .one("scenarioLog", LOG_FIELDS),
    get(
        "get-execution-result",
        "/scenarios/{scenarioId}/executions/{executionId}",
        READ,
        "Shows how a run stands, its outputs, and the module that failed. It may not be found for some seconds after the start.",
    )
    .with(&[
        SCENARIO,
        EXECUTION,
        in_query("maxBytes", Kind::Integer, "Refuse (413) outputs that are larger."),
    ])
    .object(&[
        explained("status", Kind::Text, "RUNNING, SUCCESS, WARNING or ERROR."),
        field("outputs", Kind::Any),
        explained("error", Kind::Object, "`{name, message, causeModule: {name, appName}}`."),
    ]),
    get(
        "list-module-executions",
        "/scenarios/{scenarioId}/modules/{moduleId}/logs",
        READ,
        "Lists what one module of a scenario did in each run.",
    )
    .with(&[
        SCENARIO,
        in_path("moduleId", Kind::Integer, "The module's id in the blueprint.", "2"),
    ])
    .log(
        "moduleLogs",
        &[
            field("imtId", Kind::Text),
            field("timestamp", Kind::Text),
            explained("status", Kind::Integer, "1 success, 2 warning, 3 error."),
            field("error", Kind::Object),
            explained("size", Kind::Integer, "In bytes."),
            field("bundles", Kind::Integer),
            field("executionId", Kind::Text),
        ],
    ),
    post(
        "replay-scenario-execution",
        "/scenarios/{scenarioId}/replay",
        "scenarios:run",
        "Runs a scenario that is on once more with the input of an earlier run.",
    )
    .with(&[
        SCENARIO,
        Parameter::new("executionIds", Place::Body, Kind::Texts, "The run; Make takes only the first.")
            .required()
            .like("[\"a07e16f2ad134bf49cf83a00aa95c0a5\"]"),
    ]),
];
