//! Make.com as tools see it: the client, and which team is meant where none is named.

use std::{any::Any, sync::Arc, time::Duration};

use pilotage_adapters::make::client::{
    Arguments, CallOptions, MakeClient, MakeError, Operation, Reason, Waiting, catalogue,
};
use serde_json::{Value, json};
use tokio::sync::{OnceCell, mpsc};

use crate::{answer::ToolError, context::Context};

/// How long a call waits for Make's rate limit. Clients of agents give up after 30 to 60 s.
const PATIENCE: Duration = Duration::from_secs(25);
/// Waits that are told about before somebody has read the first.
const MOST_UNTOLD: usize = 16;

/// Make.com, as one token sees it.
#[derive(Clone, Debug)]
pub struct Make {
    client: MakeClient,
    team: Option<u64>,
    is_mock: bool,
    place: Arc<OnceCell<Place>>,
    kept: Option<Arc<dyn Any + Send + Sync>>,
}

/// Where what is named nowhere belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) organization: Option<u64>,
    pub(crate) team: Option<u64>,
}

impl Make {
    /// Through this client; `team` is meant where a call names none, and `is_mock` is said in answers.
    pub fn new(client: MakeClient, team: Option<u64>, is_mock: bool) -> Self {
        Self {
            client,
            team,
            is_mock,
            place: Arc::default(),
            kept: None,
        }
    }

    /// The same, with something that is to live as long: a mock that runs in this process.
    #[must_use]
    pub fn keeping(mut self, kept: Arc<dyn Any + Send + Sync>) -> Self {
        self.kept = Some(kept);
        self
    }

    /// Whether there is no account behind it.
    pub const fn is_mock(&self) -> bool {
        self.is_mock
    }

    /// The team of the configuration.
    pub(crate) const fn configured_team(&self) -> Option<u64> {
        self.team
    }

    /// The client itself.
    pub const fn client(&self) -> &MakeClient {
        &self.client
    }

    /// What to say where Make is not set up.
    pub(crate) fn absent() -> ToolError {
        ToolError::new(
            "Make.com is not set up on this server",
            "Its operator sets MAKE_API_ENDPOINT (such as https://eu1.make.com/api/v2) and MAKE_API_TOKEN, or starts it \
             with `--mock-make` to try it without an account.",
        )
    }

    /// Does an operation of Make's and answers with the whole of its JSON. Waits for Make's rate limit are told as progress.
    ///
    /// # Errors
    /// Make refuses, or cannot be reached; the error says what to do next.
    pub async fn call(
        &self,
        context: &Context,
        operation: &'static Operation,
        arguments: &Arguments,
        confirmed: bool,
    ) -> Result<Value, ToolError> {
        let (tell, mut told) = mpsc::channel(MOST_UNTOLD);
        let options = CallOptions {
            confirmed,
            patience: PATIENCE,
            // Nobody misses a report that finds no room: the next says the same.
            on_wait: Some(Arc::new(move |waiting| {
                let _ = tell.try_send(waiting);
            })),
            ..CallOptions::default()
        };
        // Beside the call and not within it: a client that is slow to listen holds nobody up who waits behind this call.
        let report = async {
            let mut reports = 0.0;
            while let Some(waiting) = told.recv().await {
                reports += 1.0;
                context.progress(reports, None, &words(waiting)).await;
            }
            std::future::pending().await
        };
        tokio::select! {
            answer = self.client.call(operation, arguments, &options) => answer.map_err(|error| refused(&error)),
            never = report => never,
        }
    }

    /// Does the operation of that id.
    ///
    /// # Errors
    /// As for [`Make::call`].
    pub async fn ask(&self, context: &Context, id: &str, arguments: Value) -> Result<Value, ToolError> {
        let operation = catalogue::find(id).ok_or_else(|| unknown(id))?;
        let Value::Object(arguments) = arguments else {
            return Err(unknown(id));
        };
        self.call(context, operation, &arguments, false).await
    }

    /// The team that is meant where none is named: the one of the configuration, or the first of the first organization.
    ///
    /// # Errors
    /// There is none, or Make cannot be asked.
    pub async fn default_team(&self, context: &Context) -> Result<u64, ToolError> {
        if let Some(team) = self.team {
            return Ok(team);
        }
        let team = self.place(context).await?.team;
        team.ok_or_else(|| ToolError::new("the token belongs to no team", "Name a team with `teamId`."))
    }

    /// The organization that is meant where none is named: that of the default team, or the first.
    ///
    /// # Errors
    /// There is none, or Make cannot be asked.
    pub async fn default_organization(&self, context: &Context) -> Result<u64, ToolError> {
        let organization = self.place(context).await?.organization;
        organization.ok_or_else(|| {
            ToolError::new(
                "the token belongs to no organization",
                "Name an organization with `organizationId`.",
            )
        })
    }

    async fn place(&self, context: &Context) -> Result<Place, ToolError> {
        let found = self.place.get_or_try_init(async || {
            let answer = self
                .ask(context, "list-organizations", json!({"limit": 100}))
                .await?;
            Ok(place_in(&answer["organizations"], self.team))
        });
        found.await.copied()
    }
}

/// The organization of `team`, or else the first, and the first team of it.
fn place_in(organizations: &Value, team: Option<u64>) -> Place {
    let all = organizations.as_array().map(Vec::as_slice).unwrap_or_default();
    let teams = |organization: &Value| {
        let teams = organization["teams"].as_array().into_iter().flatten();
        teams.filter_map(|team| team["id"].as_u64()).collect::<Vec<_>>()
    };
    let of_team = |organization: &&Value| team.is_some_and(|team| teams(organization).contains(&team));
    let chosen = all.iter().find(of_team).or_else(|| all.first());
    Place {
        organization: chosen.and_then(|organization| organization["id"].as_u64()),
        team: team.or_else(|| teams(chosen?).first().copied()),
    }
}

fn unknown(id: &str) -> ToolError {
    ToolError::new(
        format!("there is no operation `{id}` of Make's"),
        "This is a fault of the server.",
    )
}

/// What Make said, as an error of a tool.
pub(crate) fn refused(error: &MakeError) -> ToolError {
    let told = ToolError::new(error.to_string().trim_end_matches('.'), error.advice());
    // What Make says may repeat what strangers wrote.
    if error.said().is_some() {
        told.untrusted()
    } else {
        told
    }
}

fn words(waiting: Waiting) -> String {
    let secs = waiting.at_least.as_secs_f64().ceil();
    match waiting.reason {
        Reason::RateLimit if waiting.ahead > 0 => {
            format!(
                "waiting for the rate limit of Make, behind {} calls",
                waiting.ahead
            )
        }
        Reason::RateLimit => format!("waiting {secs} s for the rate limit of Make"),
        Reason::Retry => format!("trying again in {secs} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_is_of_the_team_of_the_configuration_or_the_first() {
        let organizations = json!([
            {"id": 1, "teams": [{"id": 10}, {"id": 11}]},
            {"id": 2, "teams": [{"id": 20}]},
        ]);
        let table = [
            (None, Some(1), Some(10)),
            (Some(20), Some(2), Some(20)),
            (Some(99), Some(1), Some(99)),
        ];
        for (configured, organization, team) in table {
            assert_eq!(place_in(&organizations, configured), Place { organization, team });
        }
        assert_eq!(place_in(&json!([]), None), Place::default());
        assert_eq!(place_in(&json!(null), None), Place::default());
    }
}
