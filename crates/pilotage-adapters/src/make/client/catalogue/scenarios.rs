//! Scenarios, their blueprints and versions, and what they run on.

use super::Category;
use crate::make::client::operation::{
    Field, IN_TEAM, Kind, Operation, Parameter, Place, delete, explained, field, get, in_body, in_path,
    in_query, patch, post, put, switch,
};

const READ: &str = "scenarios:read";
const WRITE: &str = "scenarios:write";

pub(super) const CATEGORY: Category = Category {
    name: "scenarios",
    about: "Scenarios, blueprints, versions, interface, running and scheduling",
    operations: OPERATIONS,
};

/// A scenario in the path.
pub(super) const SCENARIO: Parameter = in_path(
    "scenarioId",
    Kind::Integer,
    "The scenario, as `list-scenarios` shows it.",
    "925",
);

const SCENARIO_FIELDS: &[Field] = &[
    field("id", Kind::Integer),
    field("name", Kind::Text),
    field("teamId", Kind::Integer),
    explained("isActive", Kind::Flag, "Whether it is switched on."),
    explained(
        "isinvalid",
        Kind::Flag,
        "Whether it cannot run, such as for want of a connection.",
    ),
    explained("isPaused", Kind::Flag, "Whether Make has stopped it."),
    explained("islocked", Kind::Flag, "Whether it is being edited."),
    field("description", Kind::Text),
    explained("folderId", Kind::MaybeInteger, "The folder it lies in."),
    explained("hookId", Kind::MaybeInteger, "The webhook that starts it."),
    explained(
        "scheduling",
        Kind::Object,
        "When it runs: `{type, interval?, ...}`.",
    ),
    explained("dlqCount", Kind::Integer, "Incomplete executions that wait."),
    explained("lastEdit", Kind::Text, "When it was changed last."),
    field("created", Kind::Text),
    explained("createdByUser", Kind::Object, "`{id, name, email}`."),
    explained(
        "updatedByUser",
        Kind::Object,
        "`{id, name, email}` of who changed it last.",
    ),
    explained("nextExec", Kind::Text, "When it runs next, if it is scheduled."),
    explained("usedPackages", Kind::Texts, "The apps in it."),
];

const VERSION_FIELDS: &[Field] = &[
    explained(
        "version",
        Kind::Integer,
        "Its number, for `get-scenario-blueprint`.",
    ),
    field("created", Kind::Text),
    field("scenarioId", Kind::Integer),
    field("draft", Kind::Flag),
];

const SWITCHED: &[Field] = &[field("id", Kind::Integer), field("isActive", Kind::Flag)];

const BLUEPRINT: Parameter = in_body(
    "blueprint",
    Kind::Embedded,
    "The whole blueprint, an object with `name`, `flow` and `metadata`; it takes the place of the present one.",
)
.like(r#"{"name":"Example","flow":[],"metadata":{"version":1}}"#);

const SCHEDULING: Parameter = in_body(
    "scheduling",
    Kind::Embedded,
    "When it runs: `{\"type\": \"on-demand\"}`, `{\"type\": \"immediately\"}` (webhooks), or `{\"type\": \"indefinitely\", \"interval\": seconds}`.",
)
.like(r#"{"type":"on-demand"}"#);

const FOLDER: Parameter = in_body("folderId", Kind::MaybeInteger, "The folder; null for none.");

const MAP: &str = "Old ids and the new ones to put in their place: `{\"2\": 14}`; null where there is none.";

const PROPERTIES: Parameter = Parameter::new(
    "customProperties",
    Place::Whole,
    Kind::Object,
    "Names and values, as the organization's structure has them.",
)
.required()
.like(r#"{"region":"emea"}"#);

const PROPERTY_FIELDS: &[Field] = &[
    field("customProperties", Kind::Object),
    field("scenarioId", Kind::Integer),
];

const OPERATIONS: &[Operation] = &[
    get(
        "list-scenarios",
        "/scenarios",
        READ,
        "Lists scenarios with their state, the last changed first: of a team or of an organization.",
    )
    .with(&[
        in_query("teamId", Kind::Integer, "Or `organizationId`.").like("5"),
        in_query("organizationId", Kind::Integer, "Or `teamId`."),
        in_query("id", Kind::Integers, "Only these."),
        in_query("folderId", Kind::Integer, "Only those in this folder."),
        in_query("isActive", Kind::Flag, "Only those that are on, or off."),
        in_query("name", Kind::Text, "Only those of exactly this name."),
        in_query("type", Kind::Text, "Scenarios or tools.").one_of(&["scenario", "tool"]),
    ])
    .whole()
    .pages("scenarios", SCENARIO_FIELDS),
    get(
        "get-scenario",
        "/scenarios/{scenarioId}",
        READ,
        "Shows one scenario: state, scheduling, who changed it last. Its blueprint is a call of its own.",
    )
    .with(&[SCENARIO])
    .whole()
    .one("scenario", SCENARIO_FIELDS),
    post(
        "create-scenario",
        "/scenarios",
        WRITE,
        "Creates a scenario from a blueprint. It is off until it is started.",
    )
    .with(&[
        IN_TEAM,
        BLUEPRINT.required(),
        SCHEDULING.required(),
        FOLDER,
        in_body("basedon", Kind::Text, "The template that it is made from."),
    ])
    .whole()
    .confirms()
    .one("scenario", SCENARIO_FIELDS),
    patch(
        "update-scenario",
        "/scenarios/{scenarioId}",
        WRITE,
        "Changes name, description, folder, scheduling or blueprint of a scenario; what is not given stays as it is.",
    )
    .with(&[
        SCENARIO,
        in_body("name", Kind::Text, "The new name, at most 120 characters.").like("\"Renamed\""),
        in_body("description", Kind::Text, "The new description."),
        FOLDER,
        SCHEDULING,
        BLUEPRINT,
    ])
    .whole()
    .confirms()
    .one("scenario", SCENARIO_FIELDS),
    delete(
        "delete-scenario",
        "/scenarios/{scenarioId}",
        WRITE,
        "Deletes a scenario with its blueprint, versions, log and incomplete executions.",
    )
    .with(&[SCENARIO])
    .only("scenario"),
    switch(
        "start-scenario",
        "/scenarios/{scenarioId}/start",
        WRITE,
        "Switches a scenario on; one that runs at intervals runs once at once.",
    )
    .with(&[SCENARIO])
    .one("scenario", SWITCHED),
    switch(
        "stop-scenario",
        "/scenarios/{scenarioId}/stop",
        WRITE,
        "Switches a scenario off; webhooks go on collecting deliveries for it.",
    )
    .with(&[SCENARIO])
    .one("scenario", SWITCHED),
    post(
        "run-scenario",
        "/scenarios/{scenarioId}/run",
        "scenarios:run",
        "Runs a scenario that is on, with input, and optionally waits up to 40 seconds for what comes out.",
    )
    .with(&[
        SCENARIO,
        in_body("data", Kind::Object, "The input, as the interface of the scenario names it.")
            .like(r#"{"name":"Ada"}"#),
        in_body("responsive", Kind::Flag, "Whether to wait for the outputs.").like("true"),
        in_body("callbackUrl", Kind::Text, "Where Make tells that the run has ended."),
    ])
    .exempt()
    .object(&[
        explained("executionId", Kind::Text, "The run, for `get-execution-result`."),
        explained("status", Kind::Integer, "1 success, 2 warning, 3 error."),
        explained("outputs", Kind::Any, "Only of a run that was waited for."),
        explained("statusUrl", Kind::Text, "Where to ask how it stands."),
    ]),
    post(
        "clone-scenario",
        "/scenarios/{scenarioId}/clone",
        WRITE,
        "Copies a scenario into a team, with other connections, webhooks, keys and data stores where they are mapped.",
    )
    .with(&[
        SCENARIO,
        in_query("organizationId", Kind::Integer, "The organization of that team.").required().like("5"),
        IN_TEAM,
        in_body("name", Kind::Text, "The name of the copy.").required().like("\"A copy\""),
        in_body("states", Kind::Flag, "Whether the states of its modules are copied."),
        in_body("account", Kind::Object, MAP).like(r#"{"2":2}"#),
        in_body("hook", Kind::Object, MAP),
        in_body("key", Kind::Object, MAP),
        in_body("datastore", Kind::Object, MAP),
        in_body("device", Kind::Object, MAP),
        in_body("udt", Kind::Object, MAP),
        in_query("notAnalyze", Kind::Flag, "Whether to leave out the check that everything is mapped."),
    ])
    .whole()
    .confirms()
    .one("scenario", SCENARIO_FIELDS),
    get(
        "get-scenario-interface",
        "/scenarios/{scenarioId}/interface",
        READ,
        "Shows the inputs that a scenario takes and the outputs that it gives.",
    )
    .with(&[SCENARIO])
    .one("interface", INTERFACE_FIELDS),
    patch(
        "set-scenario-interface",
        "/scenarios/{scenarioId}/interface",
        WRITE,
        "Sets the inputs and outputs of a scenario. Required inputs need on-demand scheduling first.",
    )
    .with(&[
        SCENARIO,
        in_body("interface", Kind::Object, "`{\"input\": [fields], \"output\": [fields]}`.")
            .required()
            .like(r#"{"input":[],"output":[]}"#),
    ])
    .one("interface", INTERFACE_FIELDS),
    get(
        "get-scenario-blueprint",
        "/scenarios/{scenarioId}/blueprint",
        READ,
        "Shows the blueprint of a scenario as it is, as it is drafted, or as an earlier version had it.",
    )
    .with(&[
        SCENARIO,
        in_query("version", Kind::Integer, "An earlier version, as `list-scenario-versions` numbers it.")
            .wire("blueprintId"),
        in_query("draft", Kind::Flag, "Whether to show the draft; not together with a version."),
    ])
    .one(
        "response",
        &[
            explained("blueprint", Kind::Object, "`{name, flow, metadata}`."),
            field("scheduling", Kind::Object),
            explained("metadata", Kind::Object, "The interface: `{input_spec, output_spec}`."),
            field("created", Kind::Text),
            field("last_edit", Kind::Text),
            explained("idSequence", Kind::Integer, "The id that the next module gets."),
        ],
    ),
    get(
        "list-scenario-versions",
        "/scenarios/{scenarioId}/blueprints",
        READ,
        "Lists the versions of a scenario's blueprint; Make shows those of the last 60 days.",
    )
    .with(&[SCENARIO])
    .pages("scenariosBlueprints", VERSION_FIELDS),
    get(
        "get-scenario-custom-properties",
        "/scenarios/{scenarioId}/custom-properties",
        READ,
        "Shows the custom properties of a scenario.",
    )
    .with(&[SCENARIO])
    .object(PROPERTY_FIELDS),
    post(
        "create-scenario-custom-properties",
        "/scenarios/{scenarioId}/custom-properties",
        WRITE,
        "Gives a scenario that has none its custom properties.",
    )
    .with(&[SCENARIO, PROPERTIES])
    .object(PROPERTY_FIELDS),
    put(
        "replace-scenario-custom-properties",
        "/scenarios/{scenarioId}/custom-properties",
        WRITE,
        "Puts custom properties in the place of all that a scenario has.",
    )
    .with(&[SCENARIO, PROPERTIES])
    .object(PROPERTY_FIELDS),
    patch(
        "update-scenario-custom-properties",
        "/scenarios/{scenarioId}/custom-properties",
        WRITE,
        "Changes those custom properties of a scenario that are given.",
    )
    .with(&[SCENARIO, PROPERTIES])
    .object(PROPERTY_FIELDS),
    delete(
        "delete-scenario-custom-properties",
        "/scenarios/{scenarioId}/custom-properties",
        WRITE,
        "Takes all custom properties off a scenario.",
    )
    .with(&[SCENARIO])
    .only("ok"),
];

const INTERFACE_FIELDS: &[Field] = &[
    explained("input", Kind::Objects, "`{name, type, required, default}` each."),
    explained("output", Kind::Objects, "`{name, type}` each."),
];
