//! The door for agents, as people configure it.

use pilotage_core::config::{Problem, nearest};
use pilotage_mcp::{registry::Selection, toolset::TOOLSETS};
use serde::Deserialize;
use url::Url;

/// The door for agents: MCP at `/mcp`, at `/ws` and by `pilotage mcp`.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Mcp {
    /// The toolsets that are offered; `all` is every one. Where nothing is said, those offered by default.
    pub(crate) toolsets: Option<Vec<String>>,
    /// Whether tools that change anything are left out.
    pub(crate) read_only: bool,
    /// Whether destructive tools run without the agreement of a person.
    pub(crate) allow_unconfirmed: bool,
    /// Messages per second from each caller, over all connections, and twice as many at once; 0 is no limit.
    pub(crate) messages_per_second: u32,
    /// The address by which clients reach this server where it is not the `Host` that they name, for example
    /// `https://pilotage.example.com` behind a proxy.
    pub(crate) public_url: Option<String>,
    /// Authorization servers (OAuth 2.1) that the protected-resource metadata names.
    pub(crate) authorization_servers: Vec<String>,
}

impl Default for Mcp {
    fn default() -> Self {
        Self {
            toolsets: None,
            read_only: false,
            allow_unconfirmed: false,
            messages_per_second: 200,
            public_url: None,
            authorization_servers: Vec::new(),
        }
    }
}

impl Mcp {
    /// What is offered.
    pub(crate) fn selection(&self) -> Selection {
        let by_default = Selection::default();
        Selection {
            toolsets: self.toolsets.clone().unwrap_or(by_default.toolsets),
            read_only: self.read_only,
            conformance: false,
        }
    }
}

/// Every name that a toolset may be called by.
pub(crate) fn toolset_names() -> impl Iterator<Item = &'static str> {
    TOOLSETS.iter().map(|toolset| toolset.name).chain(["all"])
}

/// What the types cannot say.
pub(super) fn check(mcp: &Mcp) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, name) in mcp.toolsets.iter().flatten().enumerate() {
        if toolset_names().all(|known| known != name) {
            let pointer = format!("/mcp/toolsets/{index}");
            let problem = Problem::at(pointer, format!("there is no toolset `{name}`"));
            problems.push(problem.help(instead_of(name)));
        }
    }
    let is_web = |text: &str| Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    let wanted = "an address that begins with https:// or http://";
    if mcp.public_url.as_deref().is_some_and(|url| !is_web(url)) {
        problems.push(Problem::at("/mcp/publicUrl", wanted));
    }
    for (index, url) in mcp.authorization_servers.iter().enumerate() {
        if !is_web(url) {
            problems.push(Problem::at(format!("/mcp/authorizationServers/{index}"), wanted));
        }
    }
    problems
}

/// What somebody may have meant by a name that is no toolset's.
pub(crate) fn instead_of(name: &str) -> String {
    match nearest(name, toolset_names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", toolset_names().collect::<Vec<_>>().join(", ")),
    }
}
