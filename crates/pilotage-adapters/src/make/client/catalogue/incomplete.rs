//! Incomplete executions. A retry runs with the blueprint as it was at the failure, unless that was changed.

use super::{Category, executions::LOG_FIELDS};
use crate::make::client::operation::{
    Field, Kind, Operation, Parameter, delete, explained, field, get, in_body, in_path, in_query, patch, post,
};

const READ: &str = "dlqs:read";
const WRITE: &str = "dlqs:write";

pub(super) const CATEGORY: Category = Category {
    name: "incomplete-executions",
    about: "Runs that failed half way and wait: bundles, retries, deletion",
    operations: OPERATIONS,
};

const DLQ: Parameter = in_path(
    "incompleteExecutionId",
    Kind::Text,
    "The incomplete execution, as `list-incomplete-executions` shows it.",
    "\"a07e16f2ad134bf49cf83a00aa95c0a5\"",
);

const OF_SCENARIO: Parameter = in_query("scenarioId", Kind::Integer, "The scenario.")
    .required()
    .like("926");

const IDS: Parameter = in_body("ids", Kind::Texts, "These; or `all`.");
const ALL: Parameter = in_body("all", Kind::Flag, "All of the scenario.").like("true");
const EXCEPT: Parameter = in_body("exceptIds", Kind::Texts, "With `all`: all but these.");

const FIELDS: &[Field] = &[
    field("id", Kind::Text),
    explained("reason", Kind::Text, "Why it failed."),
    field("created", Kind::Text),
    explained("size", Kind::Integer, "In bytes."),
    field("resolved", Kind::Flag),
    explained("retry", Kind::Flag, "Whether it is tried again."),
    field("attempts", Kind::Integer),
];

const DETAIL: &[Field] = &[
    field("id", Kind::Text),
    field("scenarioId", Kind::Integer),
    field("scenarioName", Kind::Text),
    explained("companyId", Kind::Integer, "The team."),
    field("companyName", Kind::Text),
    explained("reason", Kind::Text, "Why it failed."),
    field("resolved", Kind::Flag),
    field("created", Kind::Text),
    explained("executionId", Kind::Text, "The run that failed."),
    field("retry", Kind::Flag),
    field("attempts", Kind::Integer),
    field("size", Kind::Integer),
];

const OPERATIONS: &[Operation] = &[
    get(
        "list-incomplete-executions",
        "/dlqs",
        READ,
        "Lists the runs of a scenario that failed half way and wait to be retried or deleted.",
    )
    .with(&[OF_SCENARIO])
    .pages("dlqs", FIELDS),
    get(
        "get-incomplete-execution",
        "/dlqs/{incompleteExecutionId}",
        READ,
        "Shows one incomplete execution: why it failed, how often it was tried.",
    )
    .with(&[DLQ])
    .one("dlq", DETAIL),
    get(
        "get-incomplete-execution-bundle",
        "/dlqs/{incompleteExecutionId}/bundle",
        READ,
        "Shows the data that an incomplete execution holds, by module.",
    )
    .with(&[DLQ])
    .only("response"),
    get(
        "get-incomplete-execution-blueprint",
        "/dlqs/{incompleteExecutionId}/blueprint",
        READ,
        "Shows the blueprint that a retry runs with: that of the failure, unless it was changed.",
    )
    .with(&[DLQ])
    .one("response", &[field("blueprint", Kind::Object)]),
    patch(
        "update-incomplete-execution",
        "/dlqs/{incompleteExecutionId}",
        WRITE,
        "Gives an incomplete execution another blueprint, so that a retry runs with the corrected one.",
    )
    .with(&[
        DLQ,
        in_body("blueprint", Kind::Embedded, "The corrected blueprint.")
            .required()
            .like(r#"{"name":"Example","flow":[],"metadata":{}}"#),
        in_body("failer", Kind::Integer, "The id of the module that failed.")
            .required()
            .like("2"),
    ])
    .one(
        "dlq",
        &[field("failer", Kind::Integer), field("blueprint", Kind::Object)],
    ),
    post(
        "retry-incomplete-execution",
        "/dlqs/{incompleteExecutionId}/retry",
        WRITE,
        "Runs an incomplete execution again from where it failed.",
    )
    .with(&[DLQ])
    .only("dlq"),
    post(
        "retry-incomplete-executions",
        "/dlqs/retry",
        WRITE,
        "Runs several incomplete executions of a scenario again: those named, or all.",
    )
    .with(&[OF_SCENARIO, IDS, ALL, EXCEPT])
    .only("ok"),
    delete(
        "delete-incomplete-executions",
        "/dlqs",
        WRITE,
        "Deletes incomplete executions of a scenario with the data in them: those named, or all.",
    )
    .with(&[OF_SCENARIO, IDS, ALL, EXCEPT])
    .confirms()
    .only("dlqs"),
    get(
        "list-incomplete-execution-attempts",
        "/dlqs/{incompleteExecutionId}/logs",
        READ,
        "Lists the attempts at an incomplete execution.",
    )
    .with(&[DLQ])
    .log("dlqLogs", LOG_FIELDS),
    get(
        "get-incomplete-execution-attempt",
        "/dlqs/{incompleteExecutionId}/logs/{attemptId}",
        READ,
        "Shows one attempt at an incomplete execution.",
    )
    .with(&[
        DLQ,
        in_path(
            "attemptId",
            Kind::Text,
            "The attempt, as `list-incomplete-execution-attempts` shows it.",
            "\"1356b72d781649a18692a0d4d09cd977\"",
        ),
    ])
    .one("dlqLog", LOG_FIELDS),
];
