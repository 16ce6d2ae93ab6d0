//! Types for what version control of scenarios and agents need most. What Make adds later is let through unseen.

use futures::TryStreamExt;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{Arguments, CallOptions, MakeClient, MakeError, Operation, catalogue::find};

/// A scenario, without its blueprint.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct Scenario {
    /// Its id.
    pub id: u64,
    /// Its team.
    pub team_id: u64,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// The folder that it lies in.
    pub folder_id: Option<u64>,
    /// The webhook that starts it.
    pub hook_id: Option<u64>,
    /// Whether it is on.
    pub is_active: bool,
    /// Whether it cannot run.
    #[serde(rename = "isinvalid")]
    pub is_invalid: bool,
    /// When it runs: `{type, interval?, ...}`.
    pub scheduling: Value,
    /// When it was changed last, as Make writes it.
    pub last_edit: Option<String>,
    /// Incomplete executions that wait.
    pub dlq_count: u64,
    /// Who changed it last.
    pub updated_by_user: Option<Person>,
}

/// Somebody as scenarios and logs name him.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Person {
    /// His id.
    pub id: u64,
    /// His name.
    pub name: String,
    /// His address.
    pub email: Option<String>,
}

/// A blueprint with what Make keeps beside it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct Blueprint {
    /// `{name, flow, metadata}`.
    pub blueprint: Value,
    /// When the scenario runs.
    pub scheduling: Value,
    /// The interface, as `{input_spec, output_spec}`.
    pub metadata: Value,
    /// When the scenario was changed last, as Make writes it.
    pub last_edit: Option<String>,
}

/// A version of a blueprint.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Version {
    /// Its number.
    pub version: u64,
    /// When it was made, as Make writes it.
    pub created: String,
    /// Whether it is a draft.
    pub draft: bool,
}

/// An entry of a scenario's log: a run, or what somebody did to the scenario.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct LogEntry {
    /// The run, or the change.
    pub id: String,
    /// Where it stands in the log.
    pub imt_id: String,
    /// `auto` or `manual` for runs; `start`, `stop` or `modify` for what people did.
    #[serde(rename = "type")]
    pub kind: String,
    /// 1 success, 2 warning, 3 error; only for runs.
    pub status: Option<u8>,
    /// As Make writes it.
    pub timestamp: String,
    /// In milliseconds.
    #[serde(rename = "duration")]
    pub duration_ms: Option<u64>,
    /// Who ran or changed it.
    pub author_name: Option<String>,
    /// Why it failed: `{name, message}`.
    pub error: Option<Value>,
}

impl LogEntry {
    /// Whether it tells of a change that somebody made, and not of a run.
    pub fn is_change(&self) -> bool {
        self.kind == "modify"
    }
}

/// What became of a run that was started.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct Run {
    /// The run.
    pub execution_id: String,
    /// 1 success, 2 warning, 3 error; only where it was waited for.
    pub status: Option<u8>,
    /// What came out; only where it was waited for.
    pub outputs: Value,
}

/// A team.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
pub struct Team {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its organization.
    pub organization_id: u64,
}

/// An organization.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct Organization {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where it lives, such as `eu1.make.com`.
    pub zone: Option<String>,
    /// Whether Make has stopped everything in it.
    pub is_paused: bool,
    /// Its plan.
    pub license: Value,
}

/// A change of a scenario. What is `None` stays as it is, the interface always.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScenarioChange {
    /// Another name.
    pub name: Option<String>,
    /// Another description.
    pub description: Option<String>,
    /// Another folder, or none.
    pub folder_id: Option<Option<u64>>,
    /// Another time to run.
    pub scheduling: Option<Value>,
    /// Another blueprint, which takes the place of the present one as a whole.
    pub blueprint: Option<Value>,
}

impl ScenarioChange {
    fn arguments(self, scenario: u64) -> Arguments {
        let mut arguments = Map::new();
        arguments.insert("scenarioId".to_owned(), scenario.into());
        let fields = [
            ("name", self.name.map(Value::from)),
            ("description", self.description.map(Value::from)),
            ("folderId", self.folder_id.map(Value::from)),
            ("scheduling", self.scheduling),
            ("blueprint", self.blueprint),
        ];
        let given = fields
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        arguments.extend(given);
        arguments
    }
}

/// What stands in an answer, as a type.
fn read<T: DeserializeOwned>(operation: &Operation, answer: &Value) -> Result<T, MakeError> {
    as_type(operation.part(answer))
}

fn known(id: &str) -> Result<&'static Operation, MakeError> {
    find(id).ok_or_else(|| MakeError::Arguments(vec![format!("there is no operation `{id}`")]))
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Arguments {
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

impl MakeClient {
    async fn typed<T: DeserializeOwned>(
        &self,
        id: &str,
        arguments: Arguments,
        options: &CallOptions,
    ) -> Result<T, MakeError> {
        let operation = known(id)?;
        read(operation, &self.call(operation, &arguments, options).await?)
    }

    /// Every entry of a list, page after page.
    async fn listed<T: DeserializeOwned>(
        &self,
        id: &str,
        arguments: Arguments,
        options: &CallOptions,
    ) -> Result<Vec<T>, MakeError> {
        let entries = self.entries(known(id)?, arguments, options);
        entries
            .and_then(async |entry| as_type(&entry))
            .try_collect()
            .await
    }

    /// The scenarios of a team.
    ///
    /// # Errors
    /// As [`MakeError`] tells; so for every method here.
    pub async fn scenarios(&self, team: u64, options: &CallOptions) -> Result<Vec<Scenario>, MakeError> {
        self.listed("list-scenarios", object([("teamId", team.into())]), options)
            .await
    }

    /// One scenario.
    ///
    /// # Errors
    /// See [`Self::scenarios`].
    pub async fn scenario(&self, id: u64, options: &CallOptions) -> Result<Scenario, MakeError> {
        self.typed("get-scenario", of_scenario(id), options).await
    }

    /// The blueprint of a scenario as it is, or as a version had it.
    ///
    /// # Errors
    /// See [`Self::scenarios`].
    pub async fn blueprint(
        &self,
        id: u64,
        version: Option<u64>,
        options: &CallOptions,
    ) -> Result<Blueprint, MakeError> {
        let mut arguments = of_scenario(id);
        arguments.extend(version.map(|version| ("version".to_owned(), version.into())));
        self.typed("get-scenario-blueprint", arguments, options).await
    }

    /// The versions of a scenario's blueprint, those of the last 60 days.
    ///
    /// # Errors
    /// See [`Self::scenarios`].
    pub async fn versions(&self, id: u64, options: &CallOptions) -> Result<Vec<Version>, MakeError> {
        self.listed("list-scenario-versions", of_scenario(id), options)
            .await
    }

    /// Changes what is given and nothing else.
    ///
    /// # Errors
    /// See [`Self::scenarios`]; [`MakeError::ConfirmationRequired`] where apps would be installed.
    pub async fn update_scenario(
        &self,
        id: u64,
        change: ScenarioChange,
        options: &CallOptions,
    ) -> Result<Scenario, MakeError> {
        self.typed("update-scenario", change.arguments(id), options).await
    }

    /// Creates a scenario, which is off.
    ///
    /// # Errors
    /// See [`Self::scenarios`]; [`MakeError::ConfirmationRequired`] where apps would be installed.
    pub async fn create_scenario(
        &self,
        team: u64,
        blueprint: Value,
        scheduling: Value,
        options: &CallOptions,
    ) -> Result<Scenario, MakeError> {
        let arguments = object([
            ("teamId", team.into()),
            ("blueprint", blueprint),
            ("scheduling", scheduling),
        ]);
        self.typed("create-scenario", arguments, options).await
    }

    /// Switches a scenario on or off. One that stands so already is [`MakeError::Invalid`].
    ///
    /// # Errors
    /// See [`Self::scenarios`].
    pub async fn switch_scenario(&self, id: u64, on: bool, options: &CallOptions) -> Result<(), MakeError> {
        let operation = known(if on { "start-scenario" } else { "stop-scenario" })?;
        self.call(operation, &of_scenario(id), options).await.map(drop)
    }

    /// Runs a scenario with `input`, and waits for what comes out if `waits`.
    ///
    /// # Errors
    /// See [`Self::scenarios`]; [`MakeError::ServerTrouble`] where a run that was waited for goes on after 40 s.
    pub async fn run_scenario(
        &self,
        id: u64,
        input: Value,
        waits: bool,
        options: &CallOptions,
    ) -> Result<Run, MakeError> {
        let arguments = object([
            ("scenarioId", id.into()),
            ("data", input),
            ("responsive", waits.into()),
        ]);
        self.typed("run-scenario", arguments, options).await
    }

    /// The latest entries of a scenario's log, at most so many, the latest first.
    ///
    /// # Errors
    /// See [`Self::scenarios`].
    pub async fn log(&self, id: u64, most: u64, options: &CallOptions) -> Result<Vec<LogEntry>, MakeError> {
        let mut arguments = of_scenario(id);
        arguments.insert("limit".to_owned(), most.into());
        self.typed("list-scenario-executions", arguments, options).await
    }

    /// The organizations of the token.
    ///
    /// # Errors
    /// See [`Self::scenarios`].
    pub async fn organizations(&self, options: &CallOptions) -> Result<Vec<Organization>, MakeError> {
        self.listed("list-organizations", Arguments::new(), options).await
    }

    /// The teams of an organization.
    ///
    /// # Errors
    /// See [`Self::scenarios`].
    pub async fn teams(&self, organization: u64, options: &CallOptions) -> Result<Vec<Team>, MakeError> {
        self.listed(
            "list-teams",
            object([("organizationId", organization.into())]),
            options,
        )
        .await
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// See [`Self::scenarios`].
    pub async fn current_user(&self, options: &CallOptions) -> Result<Person, MakeError> {
        self.typed("get-current-user", Arguments::new(), options).await
    }
}

fn of_scenario(id: u64) -> Arguments {
    object([("scenarioId", id.into())])
}

fn as_type<T: DeserializeOwned>(entry: &Value) -> Result<T, MakeError> {
    T::deserialize(entry).map_err(|error| MakeError::NotMake(super::error::bounded(&error.to_string())))
}
