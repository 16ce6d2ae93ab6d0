//! What stored events say about deployments and commits. Unknown members are passed over; what is missing or of another
//! shape makes an event one that says nothing.

use std::collections::{BTreeMap, BTreeSet};

use pilotage_core::{EventFacts, Timestamp, operation::short_line};
use serde::Deserialize;

/// Event types that can tell how a deployment ended.
///
/// - `deployment_status`: GitHub (docs.github.com, "Webhook events and payloads"), `deployment_status.state`.
/// - `deployment`: GitLab (docs.gitlab.com, "Deployment events"), `status`. GitHub's event of that name tells no end.
/// - `deployment.succeeded`, `deployment.failed`: Kubernetes, and whoever else says it so.
pub(super) const DEPLOYMENT_TYPES: [&str; 4] = [
    "deployment_status",
    "deployment",
    "deployment.succeeded",
    "deployment.failed",
];

/// The event type with which GitHub and GitLab tell of commits.
pub(super) const PUSH: &str = "push";

/// Fewer characters of a commit's name may be shared by others.
const SHORTEST_SHA: usize = 7;

/// How a deployment ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deployment {
    /// Same for everything that is said about one deployment.
    pub(super) key: String,
    /// What was deployed: a repository, or a name in a cluster.
    pub(super) project: String,
    /// Where to; empty where that is not said.
    pub(super) environment: String,
    /// Whether that is production, by what the sender says of it or by its name.
    pub(super) is_production: bool,
    /// The commit that was deployed, whole or its beginning, in lower case.
    pub(super) sha: Option<String>,
    /// Whether it succeeded.
    pub(super) succeeded: bool,
    /// When it ended.
    pub(super) at: Timestamp,
}

/// The deployment whose end an event tells, if it does.
pub(super) fn deployment(facts: &EventFacts, data: &[u8]) -> Option<Deployment> {
    match facts.event_type.as_str() {
        "deployment_status" => github(facts, &serde_json::from_slice(data).ok()?),
        "deployment" => gitlab(facts, &serde_json::from_slice(data).ok()?),
        "deployment.succeeded" => Some(plain(facts, &serde_json::from_slice(data).ok()?, true)),
        "deployment.failed" => Some(plain(facts, &serde_json::from_slice(data).ok()?, false)),
        _ => None,
    }
}

fn is_production_name(environment: &str) -> bool {
    ["production", "prod"]
        .iter()
        .any(|name| environment.eq_ignore_ascii_case(name))
}

/// A name of somebody else's, within bounds.
fn shown(name: &str) -> String {
    short_line(name, 200)
}

/// A commit's name in lower case, if it is one or the beginning of one.
fn sha(text: &str) -> Option<String> {
    let fits = (SHORTEST_SHA..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then(|| text.to_ascii_lowercase())
}

#[derive(Deserialize)]
struct GitHubStatus {
    deployment_status: GitHubState,
    deployment: GitHubDeployment,
    repository: GitHubRepository,
}

#[derive(Deserialize)]
struct GitHubState {
    state: String,
}

#[derive(Deserialize)]
struct GitHubDeployment {
    id: u64,
    sha: String,
    environment: String,
    #[serde(default)]
    production_environment: bool,
}

#[derive(Deserialize)]
struct GitHubRepository {
    full_name: String,
}

fn github(facts: &EventFacts, status: &GitHubStatus) -> Option<Deployment> {
    // `inactive` says that a later deployment took over; the other states are on the way.
    let succeeded = match status.deployment_status.state.as_str() {
        "success" => true,
        "failure" | "error" => false,
        _ => return None,
    };
    let deployment = &status.deployment;
    let project = &status.repository.full_name;
    Some(Deployment {
        key: format!("{}/{project}/{}", facts.source, deployment.id),
        project: shown(project),
        environment: shown(&deployment.environment),
        is_production: deployment.production_environment || is_production_name(&deployment.environment),
        sha: sha(&deployment.sha),
        succeeded,
        at: facts.timestamp,
    })
}

#[derive(Deserialize)]
struct GitLabDeployment {
    status: String,
    deployment_id: u64,
    environment: String,
    #[serde(default)]
    environment_tier: Option<String>,
    #[serde(default)]
    short_sha: Option<String>,
    #[serde(default)]
    commit_url: Option<String>,
    project: GitLabProject,
}

#[derive(Deserialize)]
struct GitLabProject {
    path_with_namespace: String,
}

fn gitlab(facts: &EventFacts, told: &GitLabDeployment) -> Option<Deployment> {
    // `canceled` is a wish, not a failure.
    let succeeded = match told.status.as_str() {
        "success" => true,
        "failed" => false,
        _ => return None,
    };
    let project = &told.project.path_with_namespace;
    let whole = told.commit_url.as_deref().and_then(|url| url.rsplit('/').next());
    let tier = told.environment_tier.as_deref();
    Some(Deployment {
        key: format!("{}/{project}/{}", facts.source, told.deployment_id),
        project: shown(project),
        environment: shown(&told.environment),
        is_production: tier == Some("production") || is_production_name(&told.environment),
        sha: whole
            .and_then(sha)
            .or_else(|| told.short_sha.as_deref().and_then(sha)),
        succeeded,
        at: facts.timestamp,
    })
}

/// An Event of Kubernetes, whose namespace and name intake keeps beside it, or a post that says these things itself.
#[derive(Deserialize)]
struct Plain {
    #[serde(default)]
    metadata: Option<PlainMetadata>,
    #[serde(default)]
    environment: Option<String>,
    #[serde(default)]
    project: Option<String>,
    #[serde(default)]
    sha: Option<String>,
}

#[derive(Deserialize)]
struct PlainMetadata {
    #[serde(default)]
    uid: Option<String>,
}

fn plain(facts: &EventFacts, told: &Plain, succeeded: bool) -> Deployment {
    let attribute = |name: &str| facts.attributes.get(name).cloned();
    let environment = told.environment.clone().or_else(|| attribute("namespace"));
    let environment = environment.unwrap_or_default();
    let project = told.project.clone().or_else(|| attribute("name"));
    // Kubernetes sends the same Event again each time that it is seen anew.
    let uid = told.metadata.as_ref().and_then(|metadata| metadata.uid.clone());
    Deployment {
        key: format!("{}/{}", facts.source, uid.unwrap_or_else(|| facts.id.to_string())),
        project: shown(&project.unwrap_or_default()),
        is_production: is_production_name(&environment),
        environment: shown(&environment),
        sha: told.sha.as_deref().and_then(sha),
        succeeded,
        at: facts.timestamp,
    }
}

#[derive(Deserialize)]
struct Push {
    #[serde(default)]
    commits: Option<Vec<Commit>>,
    #[serde(default)]
    head_commit: Option<Commit>,
}

#[derive(Deserialize)]
struct Commit {
    id: String,
    timestamp: String,
}

/// Commits whose times are looked for.
pub(super) struct Wanted {
    names: BTreeSet<String>,
    /// How long the names are: some senders give the beginning of a commit's name.
    lengths: BTreeSet<usize>,
}

impl Wanted {
    /// Commits with these names, or names that begin like this.
    pub(super) fn new(names: BTreeSet<String>) -> Self {
        Self {
            lengths: names.iter().map(String::len).collect(),
            names,
        }
    }

    /// Whether nothing is left to look for.
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Takes the times of wanted commits from a push.
    pub(super) fn find(&mut self, data: &[u8], found: &mut BTreeMap<String, Timestamp>) {
        let Ok(push) = serde_json::from_slice::<Push>(data) else {
            return;
        };
        for commit in push.commits.into_iter().flatten().chain(push.head_commit) {
            let (Some(id), Ok(time)) = (sha(&commit.id), commit.timestamp.parse::<Timestamp>()) else {
                continue;
            };
            let beginnings = self.lengths.iter().filter_map(|length| id.get(..*length));
            found.extend(
                beginnings
                    .filter_map(|name| self.names.take(name))
                    .map(|name| (name, time)),
            );
        }
    }
}

#[cfg(test)]
mod tests;
