//! From what is measured to a verdict: the same for a run of the server, of the command line and of a rule.

use pilotage_core::{
    Timestamp,
    gate::{Comparison, Finding, GateRun, GateRunId, Measured, Report, newest},
    ports::{GateRunFilter, GateRuns, StoreError},
};

/// Runs of one commit whose evidence is looked at, the newest ones.
const MOST_RUNS: usize = 50;

/// Applies the waivers that were given, and says what differs from the run of the environment before.
///
/// # Errors
/// The store failed.
pub async fn conclude(runs: &dyn GateRuns, id: GateRunId, report: &mut Report) -> Result<(), StoreError> {
    report.run = Some(id);
    if let Some(commit) = report.commit.as_ref().map(|commit| commit.id.clone()) {
        let waivers = runs.waivers(Some(&commit)).await?;
        report.apply(&waivers);
    }
    if let Some((run, before)) = last_judged(runs, &report.environment, id).await? {
        report.comparison = Some(Comparison::new(run, &before, report));
    }
    Ok(())
}

/// The newest judged run of an environment beside `except`.
async fn last_judged(
    runs: &dyn GateRuns,
    environment: &str,
    except: GateRunId,
) -> Result<Option<(GateRunId, Report)>, StoreError> {
    let filter = GateRunFilter {
        environment: Some(environment.to_owned()),
        judged: true,
        ..GateRunFilter::default()
    };
    let page = runs.gate_runs(&filter, None, 2).await?;
    let Some(run) = page.items.into_iter().find(|run| run.id != except) else {
        return Ok(None);
    };
    Ok(report_of(runs, &run).await?.map(|report| (run.id, report)))
}

/// The report of a run, where it has one that this version reads.
///
/// # Errors
/// The store failed.
pub async fn report_of(runs: &dyn GateRuns, run: &GateRun) -> Result<Option<Report>, StoreError> {
    let Some(digest) = run.report else {
        return Ok(None);
    };
    let document = runs.document(digest).await?;
    Ok(document.and_then(|document| serde_json::from_slice(&document).ok()))
}

/// What was measured by a run.
///
/// # Errors
/// The store failed, or holds something else.
pub async fn findings_of(runs: &dyn GateRuns, run: &GateRun) -> Result<Vec<Finding>, StoreError> {
    let Some(digest) = run.measured else {
        return Ok(Vec::new());
    };
    let Some(document) = runs.document(digest).await? else {
        return Ok(Vec::new());
    };
    serde_json::from_slice(&document)
        .map_err(|error| StoreError::Corrupt(format!("the findings of the gate run {}: {error}", run.id)))
}

/// The newest evidence about a commit, from the runs that are stored. Runs over files that differed from it say nothing
/// about it.
pub(super) async fn stored_evidence(
    runs: &dyn GateRuns,
    commit: &str,
    now: Timestamp,
) -> Result<Measured, StoreError> {
    let filter = GateRunFilter {
        commit: Some(commit.to_owned()),
        judged: true,
        until: Some(now),
        ..GateRunFilter::default()
    };
    let mut found = Vec::new();
    for run in runs.gate_runs(&filter, None, MOST_RUNS).await?.items {
        if !run.changed && run.commit.as_deref() == Some(commit) {
            found.push(findings_of(runs, &run).await?);
        }
    }
    Ok(newest(found))
}
