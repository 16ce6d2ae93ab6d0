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

/// What the conformance suite of MCP calls. It is offered only where the server is started for that suite.
pub static CONFORMANCE: Toolset = Toolset {
    name: "conformance",
    description: "The fixtures of the conformance suite of MCP",
    by_default: false,
};

/// Every toolset that may be named, in the order of the reference.
pub static TOOLSETS: &[&Toolset] = &[&PILOTAGE];
