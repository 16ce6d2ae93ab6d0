//! `pilotage gate waive` and `pilotage gate waivers`.

use clap::Args;
use pilotage_core::{Timestamp, gate::Waiver, ports::GateRuns as _};
use pilotage_engine::gates::{GateError, WaiverRequest, waive};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::place::{Place, collection};
use crate::{
    cli::{Context, DataDir},
    exit::{Done, usage},
    output::{Cell, Style, Table, clean, parse_future, remark},
};

const EXAMPLES: &str = "\
Examples:
  pilotage gate waive test-validation/code_coverage_branches --commit 1a2b3c4d --by 'Ann Lee' \\
      --reason 'generated code, removed with the next release' --expires 7d

It is bound to what the last run of the commit showed: when the evidence or the criterion changes, it does not apply.
It is shown in every report and on the audit trail.";

/// What is waived, by whom, why and until when.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Waive {
    /// The criterion: `gate/metric`, or `metric` where one gate alone asks it
    criterion: String,
    /// The commit, or the beginning of its hash
    #[arg(long, value_name = "HASH")]
    commit: String,
    /// Why, in one line
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Until when: a time like 2026-11-22T18:30:00Z, or a span from now like 12h or 7d
    #[arg(long, value_name = "WHEN", value_parser = parse_future)]
    expires: Timestamp,
    /// Who answers for it
    #[arg(long, value_name = "NAME")]
    by: String,
    /// The environment; that of the commit's last run where it is not given
    #[arg(long = "env", value_name = "NAME")]
    environment: Option<String>,
    #[command(flatten)]
    data_dir: DataDir,
}

impl Waive {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let place = Place::open(context, &self.data_dir)?;
        let outcome = self.waive(&place).await;
        place.close().await;
        let waiver = outcome?;
        if context.output.is_json() {
            context.output.json(&waiver)?;
        } else {
            let Waiver {
                gate,
                metric,
                environment,
                id,
                ..
            } = &waiver;
            let commit: String = waiver.commit.chars().take(12).collect();
            let line = format!(
                "waived {gate}/{metric} of {commit} for {environment} until {}, as {id}",
                waiver.expires_at
            );
            context.output.line(clean(&line))?;
        }
        Ok(Done::Yes)
    }

    async fn waive(self, place: &Place) -> anyhow::Result<Waiver> {
        match place {
            Place::Server(client) => {
                let body = json!({
                    "criterion": self.criterion, "commit": self.commit, "environment": self.environment,
                    "reason": self.reason, "by": self.by, "expiresAt": self.expires,
                });
                let answer = client
                    .change(Method::POST, &["gates", "waivers"], Some(&body))
                    .await?;
                Ok(answer.read()?)
            }
            Place::Here(store) => {
                let request = WaiverRequest {
                    criterion: self.criterion,
                    commit: self.commit,
                    environment: self.environment,
                    reason: self.reason,
                    by: self.by,
                    expires_at: self.expires,
                };
                waive(store, Timestamp::now(), "local", request)
                    .await
                    .map_err(refused)
            }
        }
    }
}

/// What the person can mend is told apart from what went wrong.
fn refused(error: GateError) -> anyhow::Error {
    match error {
        GateError::Invalid(_) | GateError::NotFound(_) => usage(error.to_string()),
        other => other.into(),
    }
}

/// Which waivers.
#[derive(Args, Debug)]
pub(crate) struct Waivers {
    /// Only of the commit whose hash begins like this
    #[arg(long, value_name = "HASH")]
    commit: Option<String>,
    /// Take this one back; it stays in the list
    #[arg(long, value_name = "ID")]
    revoke: Option<Uuid>,
    #[command(flatten)]
    data_dir: DataDir,
}

impl Waivers {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let place = Place::open(context, &self.data_dir)?;
        let found = self.find(&place).await;
        place.close().await;
        let waivers = found?;
        if context.output.is_json() {
            context.output.json(&json!({ "items": waivers, "next": null }))?;
        } else if waivers.is_empty() {
            remark("There is no waiver.");
        } else {
            context.output.table(&table(&waivers))?;
        }
        Ok(Done::Yes)
    }

    async fn find(&self, place: &Place) -> anyhow::Result<Vec<Waiver>> {
        match (place, self.revoke) {
            (Place::Server(client), Some(id)) => {
                let path = ["gates", "waivers", &id.to_string()];
                let answer = client.change::<()>(Method::DELETE, &path, None).await?;
                Ok(vec![answer.read()?])
            }
            (Place::Server(client), None) => {
                let query: Vec<_> = self
                    .commit
                    .clone()
                    .map(|commit| ("commit", commit))
                    .into_iter()
                    .collect();
                collection(client, &["gates", "waivers"], &query).await
            }
            (Place::Here(store), Some(id)) => {
                let revoked = store.revoke_waiver(id, Timestamp::now(), "local").await?;
                Ok(vec![
                    revoked.ok_or_else(|| usage(format!("There is no waiver {id}.")))?,
                ])
            }
            (Place::Here(store), None) => Ok(store.waivers(self.commit.as_deref()).await?),
        }
    }
}

fn table(waivers: &[Waiver]) -> Table {
    let now = Timestamp::now();
    let mut table = Table::new(&[
        "WAIVER",
        "STATE",
        "COMMIT",
        "FOR",
        "CRITERION",
        "BY",
        "UNTIL",
        "REASON",
    ]);
    for waiver in waivers {
        let (style, state) = if waiver.revoked_at.is_some() {
            (Style::Warning, "revoked")
        } else if waiver.expires_at <= now {
            (Style::Warning, "expired")
        } else {
            (Style::Good, "holds")
        };
        let commit: String = waiver.commit.chars().take(12).collect();
        table.row([
            Cell::id(&waiver.id.to_string()),
            Cell::styled(style, state),
            commit.as_str().into(),
            waiver.environment.as_str().into(),
            format!("{}/{}", waiver.gate, waiver.metric).as_str().into(),
            waiver.by.as_str().into(),
            waiver.expires_at.to_string().get(..16).unwrap_or_default().into(),
            waiver.reason.as_str().into(),
        ]);
    }
    table
}
