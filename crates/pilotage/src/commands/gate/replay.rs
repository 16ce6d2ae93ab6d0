//! `pilotage gate run --replay`: what today's criteria, or a draft's, would have said of past runs.

use pilotage_core::{
    Timestamp,
    gate::{CriterionState, Gate, Report, Verdict, judge, measured},
    ports::GateRunFilter,
};
use serde::Serialize;
use serde_json::json;

use super::{
    history::{short, verdict_word},
    place::{Place, Run},
};
use crate::{
    cli::{Context, DataDir},
    exit::Done,
    output::{Cell, Table, parse_moment, remark},
};

/// Runs that are judged again at most.
const MOST_RUNS: usize = 5_000;
/// Criteria that are named for one run.
const MOST_REASONS: usize = 3;

/// A stretch of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    from: Timestamp,
    to: Timestamp,
}

/// `FROM..TO`, each a time or a span before now; without `TO` until now.
pub(super) fn stretch(text: &str) -> Result<Stretch, String> {
    let (from, to) = text
        .split_once("..")
        .ok_or("write it as FROM..TO, such as 30d.. or 60d..30d")?;
    let to = if to.is_empty() {
        Ok(Timestamp::now())
    } else {
        parse_moment(to)
    };
    let (from, to) = (parse_moment(from)?, to?);
    if from < to {
        Ok(Stretch { from, to })
    } else {
        Err("it ends before it begins".to_owned())
    }
}

/// A past run, judged again.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replayed {
    run: Run,
    /// What it said then.
    was: Option<Verdict>,
    /// What the criteria of today say of the same evidence, at the same moment.
    would_be: Verdict,
    score: u32,
    /// Criteria of blocking gates that stand in the way.
    stands: Vec<String>,
}

/// Judges the runs of an environment again.
pub(super) async fn replay(
    context: &Context,
    data_dir: &DataDir,
    environment: &str,
    gates: &[Gate],
    Stretch { from, to }: Stretch,
) -> anyhow::Result<Done> {
    let filter = GateRunFilter {
        environment: Some(environment.to_owned()),
        judged: true,
        since: Some(from),
        until: Some(to),
        ..GateRunFilter::default()
    };
    let place = Place::open(context, data_dir)?;
    let replayed = judge_again(&place, &filter, gates).await;
    place.close().await;
    let (replayed, pruned) = replayed?;
    let changed = replayed
        .iter()
        .filter(|one| one.was != Some(one.would_be))
        .count();
    if context.output.is_json() {
        let answer = json!({ "environment": environment, "from": from, "to": to, "runs": replayed, "changed": changed, "pruned": pruned });
        context.output.json(&answer)?;
    } else if replayed.is_empty() && pruned == 0 {
        remark("No run was judged in this time.");
    } else {
        context.output.table(&table(context, &replayed))?;
        let runs = replayed.len();
        context.output.line(format_args!(
            "{changed} of {runs} runs would be judged otherwise."
        ))?;
        if pruned > 0 {
            remark(format_args!(
                "{pruned} more cannot be judged again: their evidence is older than `retention.evidenceDays`."
            ));
        }
    }
    Ok(Done::Yes)
}

/// The runs judged again, and how many are not, since their evidence was pruned.
async fn judge_again(
    place: &Place,
    filter: &GateRunFilter,
    gates: &[Gate],
) -> anyhow::Result<(Vec<Replayed>, usize)> {
    let (mut replayed, mut pruned) = (Vec::new(), 0);
    for run in place.runs(filter, MOST_RUNS).await? {
        let whole = place.whole(run.id).await?;
        let Some(then) = whole.report else {
            pruned += usize::from(whole.pruned);
            continue;
        };
        let known = measured(whole.measured);
        let (at, commit) = (then.judged_at, then.commit.clone());
        let commit_at = commit.as_ref().and_then(|commit| commit.at);
        let verdicts = gates
            .iter()
            .map(|gate| judge(gate, &known, at, commit_at))
            .collect();
        let mut now = Report::new(&then.environment, commit, at, verdicts);
        // What was waived then is waived for the same criterion on the same evidence, and for no other.
        let waivers: Vec<_> = then.waivers.into_iter().map(|shown| shown.waiver).collect();
        now.apply(&waivers);
        replayed.push(Replayed {
            was: Some(then.verdict),
            would_be: now.verdict,
            score: now.score,
            stands: stands(&now),
            run,
        });
    }
    Ok((replayed, pruned))
}

fn stands(report: &Report) -> Vec<String> {
    let blocking = report.gates.iter().filter(|gate| gate.blocking);
    let criteria = blocking.flat_map(|gate| gate.criteria.iter().map(move |criterion| (gate, criterion)));
    let standing = criteria.filter(|(_, criterion)| {
        matches!(
            criterion.state,
            CriterionState::Failed | CriterionState::NoEvidence
        )
    });
    standing
        .map(|(gate, criterion)| format!("{}/{}", gate.id, criterion.metric))
        .collect()
}

fn table(context: &Context, replayed: &[Replayed]) -> Table {
    let mut table = Table::new(&[
        "RUN",
        "COMMIT",
        "BEGAN",
        "WAS",
        "WOULD BE",
        "WHAT STANDS IN THE WAY",
    ]);
    for one in replayed {
        let ((was_style, was), (style, would_be)) = (verdict_word(one.was), verdict_word(Some(one.would_be)));
        let more = one.stands.len().saturating_sub(MOST_REASONS);
        let mut why = one
            .stands
            .iter()
            .take(MOST_REASONS)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        if more > 0 {
            why = format!("{why} and {more} more");
        }
        table.row([
            Cell::id(&one.run.id.to_string()),
            short(&one.run).as_str().into(),
            context.output.age(one.run.started_at).into(),
            Cell::styled(was_style, was),
            Cell::styled(style, would_be),
            why.as_str().into(),
        ]);
    }
    table
}
