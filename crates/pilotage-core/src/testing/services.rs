//! The section `services:` as people write it: what tests need beside themselves.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::config::{Problem, nearest, pointer_segment};

/// Services that need not be described.
pub const RECIPES: &[&str] = &["redis", "postgres", "nats", "make-api-mock"];

/// Most services.
const MOST_SERVICES: usize = 50;
/// Longest name of one.
const MOST_NAME: usize = 40;
/// Most named ports of one.
const MOST_PORTS: usize = 10;
/// Longest time until one is ready, in seconds.
const MOST_READY_S: u64 = 3_600;
/// Until one is ready, where nothing is said, in seconds.
const USUAL_READY_S: u64 = 60;

/// Services by name.
pub type ServicesFile = BTreeMap<String, ServiceFile>;

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ServiceFile {
    /// One that is known: redis, postgres, nats or make-api-mock. Not needed where its name is that already.
    pub recipe: Option<String>,
    /// A container image; taken where a container engine answers.
    pub image: Option<String>,
    /// A program of this machine, in which `${port}`, `${ports.NAME}`, `${host}`, `${folder}`, `${program}` and `${env.NAME}` are
    /// filled in; taken where there is no image or no engine.
    pub command: Vec<String>,
    /// What the container is given, in place of what its image says.
    pub arguments: Vec<String>,
    /// The port inside of the container. On this machine a free one is taken.
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// Further free ports for a `command`, as `${ports.NAME}`.
    pub ports: Vec<String>,
    /// What its address begins with, such as `http`; `tcp` where nothing is said.
    pub scheme: Option<String>,
    /// When it is ready; when its port can be connected to where nothing is said.
    pub ready: Option<ReadyFile>,
    /// How long that may take, in seconds; 60 where nothing is said.
    #[schemars(range(min = 1, max = 3600))]
    pub ready_seconds: Option<u64>,
    /// Environment variables for it, filled in as `command` is.
    pub environment: BTreeMap<String, String>,
    /// Names of environment variables that are handed on to it as they are.
    pub pass: Vec<String>,
    /// Environment variables for those who use it, filled in as `command` is, beside `PILOTAGE_SERVICE_NAME_HOST`, `_PORT` and `_URL`.
    pub provides: BTreeMap<String, String>,
    /// Services that have to be ready before it; it is given their variables. For a `command` only.
    pub needs: Vec<String>,
    /// What is put into it before anybody uses it.
    pub seed: Option<SeedFile>,
    /// Whether all suites use one; where not, each has its own. Those that `needs` nothing, and redis and postgres, are shared where
    /// nothing is said.
    pub shared: Option<bool>,
}

/// When a service is ready: one of these.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ReadyFile {
    /// When its port can be connected to.
    pub tcp: Option<bool>,
    /// When this path answers with a status of 200 to 299.
    pub http: Option<String>,
    /// Which of its named ports answers there; its first where nothing is said.
    pub port: Option<String>,
    /// When this command ends with code 0; in the container, if it is one.
    pub command: Option<Vec<String>>,
    /// When it has written this.
    pub log: Option<String>,
}

/// What is put into a service: one of these.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SeedFile {
    /// A command that is given the variables of the service.
    pub command: Vec<String>,
    /// A file: statements for postgres, commands for redis, a seed for make-api-mock.
    pub file: Option<String>,
}

impl ServiceFile {
    /// How long it may take until it is ready.
    pub fn ready_within(&self) -> Duration {
        Duration::from_secs(self.ready_seconds.unwrap_or(USUAL_READY_S))
    }

    /// Which of [`RECIPES`] it follows under this name; `None` for one that is described whole.
    pub fn recipe(&self, name: &str) -> Option<&'static str> {
        let is_described = self.image.is_some() || !self.command.is_empty();
        let by_name = (!is_described).then_some(name);
        let wanted = self.recipe.as_deref().or(by_name)?;
        RECIPES.iter().copied().find(|recipe| *recipe == wanted)
    }

    fn problems(&self, name: &str, all: &ServicesFile) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut require = |holds: bool, pointer: &str, message: String| {
            if !holds {
                problems.push(Problem::at(pointer, message));
            }
        };
        let recipe = self.recipe(name);
        let is_known = self
            .recipe
            .as_ref()
            .is_none_or(|wanted| RECIPES.contains(&wanted.as_str()));
        require(is_known, "/recipe", format!("one of {}", RECIPES.join(", ")));
        let is_described = recipe.is_some() || self.image.is_some() || !self.command.is_empty();
        require(
            is_described || !is_known,
            "",
            format!("an `image`, a `command`, or a `recipe` of {}", RECIPES.join(", ")),
        );
        require(
            recipe.is_none() || self.command.is_empty(),
            "/command",
            "a recipe knows its own command".to_owned(),
        );
        require(
            self.image.is_none() || recipe.is_some() || self.port.is_some(),
            "/port",
            "the port inside of the container has to be named".to_owned(),
        );
        require(
            self.needs.is_empty() || (self.image.is_none() && recipe.is_none()),
            "/needs",
            "only a service with a `command` and no `image` can reach others".to_owned(),
        );
        for (place, need) in self.needs.iter().enumerate() {
            if let Some(message) = unknown(need, all) {
                require(false, &format!("/needs/{place}"), message);
            }
        }
        problems.extend(self.bounds());
        problems.extend(self.seeding(recipe));
        problems
    }

    fn bounds(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut require = |holds: bool, pointer: &str, message: String| {
            if !holds {
                problems.push(Problem::at(pointer, message));
            }
        };
        let seconds = self.ready_seconds.unwrap_or(USUAL_READY_S);
        require(
            (1..=MOST_READY_S).contains(&seconds),
            "/readySeconds",
            format!("between 1 and {MOST_READY_S}"),
        );
        let names: BTreeSet<_> = self.ports.iter().collect();
        let are_names = self.ports.iter().all(|port| is_name(port));
        require(
            names.len() == self.ports.len() && names.len() <= MOST_PORTS && are_names,
            "/ports",
            format!("at most {MOST_PORTS} names of small letters, digits and dashes, each once"),
        );
        if let Some(ready) = &self.ready {
            let port = ready.port.as_ref();
            let known = port.is_none_or(|port| self.ports.contains(port));
            require(known, "/ready/port", "one of the names in `ports`".to_owned());
            require(
                ready.is_one(),
                "/ready",
                "one of `tcp: true`, `http`, `command` and `log`".to_owned(),
            );
        }
        problems
    }

    fn seeding(&self, recipe: Option<&str>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut require = |holds: bool, pointer: &str, message: String| {
            if !holds {
                problems.push(Problem::at(pointer, message));
            }
        };
        if let Some(seed) = &self.seed {
            let takes_files = recipe.is_some_and(|recipe| recipe != "nats");
            require(
                seed.command.is_empty() == seed.file.is_some(),
                "/seed",
                "either a `command` or a `file`".to_owned(),
            );
            require(
                takes_files || seed.file.is_none(),
                "/seed/file",
                "postgres, redis and make-api-mock take files; for others use a `command`".to_owned(),
            );
        }
        problems
    }
}

impl ReadyFile {
    fn is_one(&self) -> bool {
        let given = [
            self.tcp == Some(true),
            self.http.as_ref().is_some_and(|path| path.starts_with('/')),
            self.command.as_ref().is_some_and(|command| !command.is_empty()),
            self.log.as_ref().is_some_and(|text| !text.is_empty()),
        ];
        given.iter().filter(|given| **given).count() == 1
    }
}

fn is_name(name: &str) -> bool {
    let letters = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    !name.is_empty() && name.len() <= MOST_NAME && name.chars().all(letters)
}

/// Why there is no such service; `None` if there is.
pub fn unknown(name: &str, all: &ServicesFile) -> Option<String> {
    if all.contains_key(name) || RECIPES.contains(&name) {
        return None;
    }
    let names: BTreeSet<&str> = all
        .keys()
        .map(String::as_str)
        .chain(RECIPES.iter().copied())
        .collect();
    let near = nearest(name, names.iter().copied());
    Some(near.map_or_else(
        || {
            format!(
                "there is no service `{name}`; there are {}",
                names.iter().copied().collect::<Vec<_>>().join(", ")
            )
        },
        |near| format!("there is no service `{name}`; did you mean `{near}`?"),
    ))
}

/// What the types cannot say of the section, with pointers from the root of the file.
pub fn service_problems(all: &ServicesFile) -> Vec<Problem> {
    let mut problems = Vec::new();
    if all.len() > MOST_SERVICES {
        problems.push(Problem::at(
            "/services",
            format!("at most {MOST_SERVICES} services"),
        ));
    }
    for (name, service) in all {
        let pointer = format!("/services/{}", pointer_segment(name));
        if !is_name(name) {
            problems.push(Problem::at(
                pointer.clone(),
                "a name of small letters, digits and dashes",
            ));
        }
        let own = service.problems(name, all).into_iter();
        problems.extend(own.map(|problem| problem.under(&pointer)));
        if problems.is_empty() && needs_itself(name, all) {
            problems.push(Problem::at(
                format!("{pointer}/needs"),
                "it needs itself, over others",
            ));
        }
    }
    problems
}

fn needs_itself(name: &str, all: &ServicesFile) -> bool {
    let mut seen = BTreeSet::new();
    let mut waiting: Vec<&str> = vec![name];
    while let Some(next) = waiting.pop() {
        for need in all.get(next).into_iter().flat_map(|service| &service.needs) {
            if need == name {
                return true;
            }
            if seen.insert(need.as_str()) {
                waiting.push(need);
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let file: ServicesFile = serde_json::from_str(text).unwrap();
        service_problems(&file).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_wrong_with_a_service_is_told_at_its_place() {
        let cases = [
            (r#"{"redis":{}, "cache":{"recipe":"redis"}}"#, ""),
            (
                r#"{"api":{"command":["api"],"ready":{"http":"/"},"needs":["redis"]}}"#,
                "",
            ),
            (r#"{"search":{"image":"search:2","port":9200}}"#, ""),
            (r#"{"search":{}}"#, "/services/search: an `image`, a `command`"),
            (r#"{"search":{"image":"search:2"}}"#, "/services/search/port"),
            (
                r#"{"cache":{"recipe":"rediss"}}"#,
                "/services/cache/recipe: one of redis",
            ),
            (
                r#"{"api":{"command":["api"],"needs":["postgras"]}}"#,
                "did you mean `postgres`?",
            ),
            (
                r#"{"api":{"command":["a"],"ready":{"http":"/","log":"up"}}}"#,
                "/ready: one of",
            ),
            (r#"{"api":{"command":["a"],"ready":{}}}"#, "/ready: one of"),
            (
                r#"{"api":{"command":["a"],"seed":{"file":"x.sql"}}}"#,
                "/seed/file",
            ),
            (r#"{"redis":{"seed":{}}}"#, "/services/redis/seed: either"),
            (
                r#"{"a":{"command":["a"],"needs":["b"]},"b":{"command":["b"],"needs":["a"]}}"#,
                "it needs itself",
            ),
            (
                r#"{"redis":{"command":["redis-server"],"recipe":"redis"}}"#,
                "knows its own command",
            ),
            (
                r#"{"A b":{"command":["a"]}}"#,
                "a name of small letters, digits and dashes",
            ),
            (r#"{"redis":{"readySeconds":0}}"#, "/readySeconds: between 1"),
        ];
        for (text, expected) in cases {
            let told = told(text);
            if expected.is_empty() {
                assert!(told.is_empty(), "{text}: {told:?}");
            } else {
                assert!(
                    told.iter().any(|told| told.contains(expected)),
                    "{text}: {told:?}"
                );
            }
        }
    }
}
