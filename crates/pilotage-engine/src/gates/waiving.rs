//! Waivers: what a person asks for, bound to what the last run of the commit showed.

use pilotage_core::{
    Timestamp,
    gate::Waiver,
    ports::{GateRunFilter, GateRuns},
};
use uuid::Uuid;

use super::{GateError, judging::report_of};

/// What a person asks for.
#[derive(Clone, Debug)]
pub struct WaiverRequest {
    /// `gate/metric`, or `metric` where one gate alone asks it.
    pub criterion: String,
    /// The commit, or the beginning of its hash.
    pub commit: String,
    /// Where the run that showed it was to go; any environment where it is not given.
    pub environment: Option<String>,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub by: String,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Binds a waiver to what the last run of the commit showed, and keeps it.
///
/// # Errors
/// There is no such run or criterion, or what was asked does not hold.
pub async fn waive(
    runs: &dyn GateRuns,
    now: Timestamp,
    actor: &str,
    request: WaiverRequest,
) -> Result<Waiver, GateError> {
    let commit = request.commit.to_ascii_lowercase();
    super::running::check_commit(&commit).map_err(|message| GateError::invalid("/commit", message))?;
    let filter = GateRunFilter {
        commit: Some(commit.clone()),
        environment: request.environment,
        judged: true,
        ..GateRunFilter::default()
    };
    let page = runs.gate_runs(&filter, None, 500).await?;
    let mut runs_of_commit = page.items.into_iter().filter(|run| !run.changed);
    let Some(run) = runs_of_commit.next() else {
        return Err(GateError::NotFound(format!(
            "judged run of commit {commit} as it was committed: a waiver is bound to what a run showed"
        )));
    };
    if runs_of_commit.any(|other| other.commit != run.commit) {
        let message = format!("several commits begin with {commit}: give more of its hash");
        return Err(GateError::invalid("/commit", message));
    }
    let report = report_of(runs, &run).await?;
    let report = report.ok_or_else(|| GateError::NotFound(format!("report of run {}", run.id)))?;
    let (gate, metric, subject) = report
        .waivable(&request.criterion)
        .map_err(|message| GateError::invalid("/criterion", message))?;
    let waiver = Waiver {
        id: Uuid::now_v7(),
        environment: run.environment,
        commit: run.commit.unwrap_or(commit),
        gate,
        metric,
        subject,
        reason: request.reason.trim().to_owned(),
        by: request.by.trim().to_owned(),
        actor: actor.to_owned(),
        created_at: now,
        expires_at: request.expires_at,
        revoked_at: None,
        revoked_by: None,
    };
    if let Some(problem) = waiver.problem() {
        return Err(GateError::invalid("", problem));
    }
    runs.add_waiver(waiver.clone()).await?;
    Ok(waiver)
}
