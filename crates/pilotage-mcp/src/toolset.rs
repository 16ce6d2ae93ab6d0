//! The groups in which tools are offered, so that nobody pays with context for tools that he does not use.

/// A group of tools that is offered or left out as a whole.
#[derive(Debug, PartialEq, Eq)]
pub struct Toolset {
    /// As it is named in `--toolsets`.
    pub name: &'static str,
    /// What its tools are for.
    pub description: &'static str,
    /// Whether it is offered where none are named.
    pub by_default: bool,
}

/// Pilotage itself: what came in, what was decided, what ran.
pub static PILOTAGE: Toolset = Toolset {
    name: "pilotage",
    description: "Pilotage itself: events, rules, executions, status, the audit trail",
    by_default: true,
};

/// Quality gates: what they ask, and whether a commit may go to an environment.
pub static GATES: Toolset = Toolset {
    name: "gates",
    description: "Quality gates: what they ask, and whether a commit may go to an environment",
    by_default: true,
};

/// Pipelines on their platforms: started, followed, their logs.
pub static PIPELINES: Toolset = Toolset {
    name: "pipelines",
    description: "CI pipelines on GitHub, GitLab, Jenkins and Azure DevOps: start, follow, logs, stop, run again",
    by_default: false,
};

/// Runs of tests: what failed, what was flaky, what is missing.
pub static TESTS: Toolset = Toolset {
    name: "tests",
    description: "Runs of tests: what failed, what was flaky, what is missing",
    by_default: false,
};

/// What the conformance suite of MCP calls. It is offered only where the server is started for that suite.
pub static CONFORMANCE: Toolset = Toolset {
    name: "conformance",
    description: "The fixtures of the conformance suite of MCP",
    by_default: false,
};

/// Make.com: scenarios, runs, connections, teams and users.
pub static MAKE: Toolset = Toolset {
    name: "make",
    description: "Make.com: scenarios, runs, connections, teams and users",
    by_default: true,
};

/// Make.com: versions, interface, cloning, incomplete executions, folders.
pub static MAKE_SCENARIOS: Toolset = Toolset {
    name: "make-scenarios",
    description: "Make.com: versions, interface, cloning, incomplete executions, folders",
    by_default: false,
};

/// Make.com: webhooks, their state and their queues.
pub static MAKE_HOOKS: Toolset = Toolset {
    name: "make-hooks",
    description: "Make.com: webhooks, their state and their queues",
    by_default: false,
};

/// Make.com: connections, keys, requests for credentials.
pub static MAKE_CONNECTIONS: Toolset = Toolset {
    name: "make-connections",
    description: "Make.com: connections, keys, requests for credentials",
    by_default: false,
};

/// Make.com: data stores, data structures, functions, variables.
pub static MAKE_DATA: Toolset = Toolset {
    name: "make-data",
    description: "Make.com: data stores, data structures, functions, variables",
    by_default: false,
};

/// Make.com: templates of teams and public ones.
pub static MAKE_TEMPLATES: Toolset = Toolset {
    name: "make-templates",
    description: "Make.com: templates of teams and public ones",
    by_default: false,
};

/// Make.com: organizations, teams, users, roles, usage, audit logs, custom properties, private spaces.
pub static MAKE_ADMIN: Toolset = Toolset {
    name: "make-admin",
    description: "Make.com: organizations, teams, users, roles, usage, audit logs, custom properties, private spaces",
    by_default: false,
};

/// Make.com: agents on one's own premises and the systems behind them.
pub static MAKE_AGENTS: Toolset = Toolset {
    name: "make-agents",
    description: "Make.com: agents on one's own premises and the systems behind them",
    by_default: false,
};

/// Make.com: apps that people build for it.
pub static MAKE_APPS: Toolset = Toolset {
    name: "make-apps",
    description: "Make.com: apps that people build for it",
    by_default: false,
};

/// Every toolset that may be named, in the order of the reference.
pub static TOOLSETS: &[&Toolset] = &[
    &PILOTAGE,
    &GATES,
    &PIPELINES,
    &TESTS,
    &MAKE,
    &MAKE_SCENARIOS,
    &MAKE_HOOKS,
    &MAKE_CONNECTIONS,
    &MAKE_DATA,
    &MAKE_TEMPLATES,
    &MAKE_ADMIN,
    &MAKE_AGENTS,
    &MAKE_APPS,
];
