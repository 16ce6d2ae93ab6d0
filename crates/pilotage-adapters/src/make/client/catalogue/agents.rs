//! Agents on somebody's own premises, and the systems that are reached through them.

use super::Category;
use crate::make::client::operation::{
    Field, Kind, ORGANIZATION, Operation, Parameter, delete, explained, field, get, in_body, in_path,
    in_query, patch, post,
};

const READ: &str = "agents:read";
const WRITE: &str = "agents:write";

pub(super) const CATEGORY: Category = Category {
    name: "agents",
    about: "Agents on one's own premises and the systems behind them",
    operations: OPERATIONS,
};

const AGENT: Parameter = in_path(
    "agentId",
    Kind::Text,
    "The agent, as `list-on-prem-agents` shows it.",
    "\"a1b2c3d4-e5f6-4890-abcd-ef1234567890\"",
);
const SYSTEM: Parameter = in_path(
    "connectedSystemId",
    Kind::Text,
    "The system, as `list-connected-systems` shows it.",
    "\"b2c3d4e5-f6a7-4901-bcde-f12345678901\"",
);
const NAME: Parameter = in_body("name", Kind::Text, "What it is to be called.").like("\"Warehouse\"");
const BEHIND: Parameter = in_body("agentId", Kind::Text, "The agent through which it is reached.")
    .like("\"a1b2c3d4-e5f6-4890-abcd-ef1234567890\"");
const APP: Parameter = in_body(
    "appName",
    Kind::Text,
    "Its kind, as `list-connected-system-apps` names it.",
)
.like("\"http\"");
const INPUTS: Parameter = in_body("inputs", Kind::Object, "What the app asks for.")
    .secret()
    .like(r#"{"baseUrl":"http://warehouse.internal"}"#);

const AGENT_FIELDS: &[Field] = &[
    field("id", Kind::Text),
    field("name", Kind::Text),
    field("status", Kind::Text),
    field("connected", Kind::Flag),
    field("version", Kind::Text),
    field("systemConnectionsCount", Kind::Integer),
];

const SYSTEM_FIELDS: &[Field] = &[
    field("id", Kind::Text),
    field("name", Kind::Text),
    field("agentId", Kind::Text),
    field("appName", Kind::Text),
    explained("inputs", Kind::Any, "Names and values."),
];

const OPERATIONS: &[Operation] = &[
    get(
        "list-on-prem-agents",
        "/agents",
        READ,
        "Lists the on-premises agents of an organization.",
    )
    .with(&[ORGANIZATION])
    .all("agents", AGENT_FIELDS),
    get(
        "get-on-prem-agent",
        "/agents/{agentId}",
        READ,
        "Shows one on-premises agent.",
    )
    .with(&[AGENT, ORGANIZATION])
    .one("agent", AGENT_FIELDS),
    post(
        "create-on-prem-agent",
        "/agent/register",
        WRITE,
        "Registers an on-premises agent; its secret is shown this once by Make, and never here.",
    )
    .with(&[ORGANIZATION, NAME.required()])
    .one("agent", AGENT_FIELDS),
    patch(
        "update-on-prem-agent",
        "/agents/{agentId}",
        WRITE,
        "Renames an on-premises agent.",
    )
    .with(&[AGENT, ORGANIZATION, NAME])
    .one("agent", AGENT_FIELDS),
    delete(
        "delete-on-prem-agent",
        "/agents/{agentId}",
        WRITE,
        "Deletes an on-premises agent with the systems behind it.",
    )
    .with(&[AGENT, ORGANIZATION])
    .only("agent"),
    get(
        "get-on-prem-agent-app-config",
        "/agents/{agentId}/apps/{appName}/config",
        READ,
        "Shows what a system of a kind asks for behind an agent.",
    )
    .with(&[
        AGENT,
        in_path("appName", Kind::Text, "The kind of system.", "\"http\""),
        ORGANIZATION,
    ])
    .object(&[field("inputs", Kind::Objects)]),
    get(
        "list-connected-systems",
        "/connected-systems",
        READ,
        "Lists the systems that are reached through on-premises agents.",
    )
    .with(&[
        ORGANIZATION,
        in_query("agentId", Kind::Text, "Only those behind this agent."),
    ])
    .all("connectedSystems", SYSTEM_FIELDS),
    get(
        "get-connected-system",
        "/connected-systems/{connectedSystemId}",
        READ,
        "Shows one system behind an agent.",
    )
    .with(&[SYSTEM, ORGANIZATION])
    .one("connectedSystem", SYSTEM_FIELDS),
    post(
        "create-connected-system",
        "/connected-systems",
        WRITE,
        "Adds a system behind an agent.",
    )
    .with(&[
        ORGANIZATION,
        NAME.required(),
        BEHIND.required(),
        APP.required(),
        INPUTS.required(),
    ])
    .one("connectedSystem", SYSTEM_FIELDS),
    patch(
        "update-connected-system",
        "/connected-systems/{connectedSystemId}",
        WRITE,
        "Changes a system behind an agent.",
    )
    .with(&[SYSTEM, ORGANIZATION, NAME, BEHIND, APP, INPUTS])
    .one("connectedSystem", SYSTEM_FIELDS),
    delete(
        "delete-connected-system",
        "/connected-systems/{connectedSystemId}",
        WRITE,
        "Deletes a system behind an agent.",
    )
    .with(&[SYSTEM, ORGANIZATION])
    .only("connectedSystem"),
    get(
        "list-connected-system-apps",
        "/enums/connected-system-apps",
        READ,
        "Lists the kinds of systems that can be reached through agents.",
    )
    .of_account()
    .all(
        "connectedSystemApps",
        &[
            field("name", Kind::Text),
            explained("label", Kind::Text, "In words."),
        ],
    ),
];
