//! `execution`: look at what ran, try it again or stop it.

use clap::{Args, Subcommand, builder::PossibleValuesParser};
use pilotage_core::{
    ExecutionStatus, Timestamp,
    execution::{Attempt, AttemptResult, Execution},
};
use reqwest::Method;
use serde::Deserialize;
use uuid::Uuid;

use super::{
    identity,
    listing::{Listing, Paging},
};
use crate::{
    cli::Context,
    exit::Done,
    output::{Cell, Style, Table, clean, clean_lines, duration, parse_moment},
};

const EXAMPLES: &str = "\
Examples:
  pilotage execution list --status failed --since 1d
  pilotage execution show 01930000-0000-7000-8000-000000000000
  pilotage execution retry 01930000-0000-7000-8000-000000000000";

const HEADING: &[&str] = &["CREATED", "ID", "STATUS", "RULE", "EVENT", "REASON"];

/// Look at what ran, try it again or stop it.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum ExecutionCommand {
    /// List executions, newest first.
    List(List),
    /// Show one execution and every attempt.
    Show(One),
    /// Send a failed execution back from the dead letters; actions that succeeded are not repeated.
    Retry(One),
    /// Stop an execution; a running one stops at its next look.
    Cancel(One),
}

impl ExecutionCommand {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        match self {
            Self::List(list) => list.run(context).await,
            Self::Show(one) => one.show(context).await,
            Self::Retry(one) => one.operate(context, "retry").await,
            Self::Cancel(one) => one.operate(context, "cancel").await,
        }
    }
}

/// Filters; all that are given must hold.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only in this state; `failed` are the dead letters.
    #[arg(long, value_parser = PossibleValuesParser::new(ExecutionStatus::ALL.map(ExecutionStatus::as_str)))]
    status: Option<String>,
    /// Only of this rule.
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// Only of this event.
    #[arg(long, value_name = "ID", value_parser = identity::event)]
    event: Option<Uuid>,
    /// Created at or after: a time like 2026-11-22T18:30:00Z or a span like 2h.
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    since: Option<Timestamp>,
    /// Created before.
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    until: Option<Timestamp>,
    #[command(flatten)]
    paging: Paging,
}

impl List {
    async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let filters = [
            ("status", self.status),
            ("rule", self.rule),
            ("event", self.event.map(|id| id.to_string())),
            ("since", self.since.map(|at| at.to_string())),
            ("until", self.until.map(|at| at.to_string())),
        ];
        let listing = Listing {
            path: &["executions"],
            query: filters
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect(),
            heading: HEADING,
            row,
            empty: "No execution matches.",
        };
        listing.print(context, &self.paging).await
    }
}

/// Executions as a table.
pub(super) fn table(context: &Context, executions: &[Execution]) -> Table {
    let mut table = Table::new(HEADING);
    for execution in executions {
        table.row(row(context, execution));
    }
    table
}

fn row(context: &Context, execution: &Execution) -> Vec<Cell> {
    vec![
        context.output.age(execution.created_at).into(),
        Cell::id(&execution.id.to_string()),
        Cell::styled(style(execution.status), execution.status.as_str()),
        execution.rule.as_str().into(),
        Cell::styled(Style::Faint, &execution.event_id.to_string()),
        execution.reason.as_deref().unwrap_or_default().into(),
    ]
}

const fn style(status: ExecutionStatus) -> Style {
    match status {
        ExecutionStatus::Succeeded => Style::Good,
        ExecutionStatus::Failed => Style::Bad,
        ExecutionStatus::Pending | ExecutionStatus::Running => Style::Warning,
        ExecutionStatus::Waiting | ExecutionStatus::Cancelled => Style::Faint,
    }
}

/// Which execution.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// The execution's id, as `execution list` shows it.
    #[arg(value_parser = identity::execution)]
    id: Uuid,
}

/// An execution with its attempts.
#[derive(Deserialize)]
struct Detail {
    #[serde(flatten)]
    execution: Execution,
    #[serde(default)]
    attempts: Vec<Attempt>,
}

impl One {
    async fn show(self, context: &Context) -> anyhow::Result<Done> {
        let answer = context
            .client()?
            .get(&["executions", &self.id.to_string()], &[])
            .await?;
        if context.output.is_json() {
            context.output.json_text(&answer.text)?;
        } else {
            answer.read::<Detail>()?.print(context)?;
        }
        Ok(Done::Yes)
    }

    async fn operate(self, context: &Context, what: &str) -> anyhow::Result<Done> {
        let id = self.id.to_string();
        let answer = context
            .client()?
            .change::<()>(Method::POST, &["executions", &id, what], None)
            .await?;
        if context.output.is_json() {
            context.output.json_text(&answer.text)?;
        } else {
            let execution: Execution = answer.read()?;
            let status = context
                .output
                .paint(style(execution.status), execution.status.as_str());
            let note = match execution.cancel_requested_by {
                Some(_) if !execution.status.is_final() => ", will stop at its next look",
                _ => "",
            };
            context
                .output
                .line(format_args!("execution {id} is {status}{note}"))?;
        }
        Ok(Done::Yes)
    }
}

impl Detail {
    fn print(&self, context: &Context) -> anyhow::Result<()> {
        let output = &context.output;
        let execution = &self.execution;
        let moment = |at: Option<Timestamp>| at.map(|at| output.moment(at));
        let text = |text: &Option<String>| text.as_deref().map(clean);
        let fields = [
            (
                "execution",
                Some(output.paint(Style::Strong, &execution.id.to_string())),
            ),
            (
                "status",
                Some(output.paint(style(execution.status), execution.status.as_str())),
            ),
            ("reason", text(&execution.reason)),
            ("rule", Some(clean(&execution.rule))),
            ("version", Some(format!("sha256:{}", execution.rule_digest))),
            ("event", Some(execution.event_id.to_string())),
            ("created", moment(Some(execution.created_at))),
            ("started", moment(execution.started_at)),
            ("finished", moment(execution.finished_at)),
            (
                "due",
                moment((!execution.status.is_final()).then_some(execution.due)),
            ),
            ("concurrency", text(&execution.concurrency_key)),
            ("debounce", text(&execution.debounce_key)),
            ("replayed by", text(&execution.replayed_by)),
            ("cancelled by", text(&execution.cancel_requested_by)),
        ];
        let fields: Vec<_> = fields
            .into_iter()
            .filter_map(|(label, value)| Some((label, value?)))
            .collect();
        output.fields(&fields)?;
        self.attempts
            .iter()
            .try_for_each(|attempt| print_attempt(context, attempt))
    }
}

/// One stop on the timeline: what was asked, how it ended, and the first part of the answer.
fn print_attempt(context: &Context, attempt: &Attempt) -> anyhow::Result<()> {
    let output = &context.output;
    let (word, style) = match attempt.result {
        AttemptResult::Success => ("✓ success", Style::Good),
        AttemptResult::Retryable => ("✗ failed, may be tried again", Style::Warning),
        AttemptResult::Permanent => ("✗ failed for good", Style::Bad),
        AttemptResult::Cancelled => ("✗ cancelled", Style::Faint),
    };
    output.line(format_args!(
        "\n{}  action {} ({}), attempt {}, {}",
        output.moment(attempt.started_at),
        u64::from(attempt.action) + 1,
        clean(&attempt.action_type),
        attempt.number,
        duration(attempt.duration_us),
    ))?;
    let status = attempt
        .status
        .map(|status| format!(" -> {status}"))
        .unwrap_or_default();
    output.line(format_args!("  {}{status}", clean(&attempt.request)))?;
    output.line(format_args!("  {}", output.paint(style, word)))?;
    if let Some(error) = &attempt.error {
        output.line(format_args!("  {}", clean(error)))?;
    }
    if let Some(response) = attempt
        .response
        .as_deref()
        .filter(|response| !response.trim().is_empty())
    {
        let excerpt = clean_lines(response).replace('\n', "\n  | ");
        output.line(format_args!("  | {excerpt}"))?;
    }
    Ok(())
}
