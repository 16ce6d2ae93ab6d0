use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use pilotage_core::gate::{
    CriterionState, CriterionVerdict, Difference, Evidence, GateRun, GateRunId, GateState, GateVerdict,
    Moment as Measured, Report, WaiverShown, WaiverState,
};
use pilotage_engine::gates::report_of;

use super::{
    gates::{of_commit, short_commit, verdict_word},
    query::link,
    shell::{Shell, Visitor, page},
    words::{Moment, State as Word, cut, size},
};
use crate::{
    api::Id,
    door::Door,
    problem::{Kind, Problem},
};

/// Files and notes of one criterion.
const MOST_LINES: usize = 10;

/// A gate with how it came out.
struct Gate {
    id: String,
    name: String,
    effect: &'static str,
    state: Word,
    reason: Option<String>,
    criteria: Vec<Criterion>,
}

/// A criterion with its proof.
struct Criterion {
    metric: String,
    state: Word,
    value: String,
    threshold: String,
    impact: &'static str,
    reason: Option<String>,
    waiver: Option<String>,
    recommendation: Option<String>,
    proof: Option<Proof>,
}

/// What a value rests on.
struct Proof {
    summary: String,
    digest: String,
    how: &'static str,
    at: Moment,
    files: Vec<(String, String)>,
    notes: Vec<String>,
}

/// A waiver that was given for this.
struct Waived {
    state: Word,
    criterion: String,
    by: String,
    reason: String,
    until: Moment,
    says: &'static str,
}

/// A file that came with the run.
struct File {
    name: String,
    kind: String,
    size: String,
    href: String,
    digest: String,
}

/// What differs from the run before.
struct Since {
    href: String,
    commit: String,
    at: Moment,
    better: Vec<Difference>,
    worse: Vec<Difference>,
}

#[derive(Template)]
#[template(path = "gate_run.html")]
struct RunPage {
    shell: Shell,
    id: String,
    environment: String,
    environment_href: String,
    commit: String,
    commit_href: Option<String>,
    changed: bool,
    state: Word,
    message: String,
    score: Option<u32>,
    began: Moment,
    ended: Option<Moment>,
    origin: &'static str,
    by: String,
    pruned: bool,
    gates: Vec<Gate>,
    waivers: Vec<Waived>,
    since: Option<Since>,
    files: Vec<File>,
}

pub(super) async fn show(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let runs = door.gates.runs();
    let run = runs.gate_run(GateRunId(id)).await?;
    let run = run.ok_or_else(|| Problem::new(Kind::NotFound, "there is no gate run with this id"))?;
    let report = report_of(runs, &run).await?;
    page(&whole(&visitor, &run, report.as_ref()))
}

fn whole(visitor: &Visitor, run: &GateRun, report: Option<&Report>) -> RunPage {
    let commit = short_commit(run.commit.as_deref());
    let environment = cut(&run.environment, 64);
    RunPage {
        shell: visitor.shell(format!("{environment}, {commit}"), "/gates"),
        id: run.id.to_string(),
        environment_href: link("/gates", "environment", &run.environment),
        environment,
        commit_href: run.commit.as_deref().map(of_commit),
        commit,
        changed: run.changed,
        state: verdict_word(run.status, run.verdict),
        message: cut(&run.message, 500),
        score: run.verdict.map(|_| run.score),
        began: visitor.moment(run.started_at),
        ended: run.finished_at.map(|at| visitor.moment(at)),
        origin: run.origin.as_str(),
        by: cut(&run.actor, 80),
        pruned: report.is_none() && run.report.is_some(),
        gates: report
            .iter()
            .flat_map(|report| &report.gates)
            .map(|gate| of_gate(visitor, gate))
            .collect(),
        waivers: report
            .iter()
            .flat_map(|report| &report.waivers)
            .map(|shown| of_waiver(visitor, shown))
            .collect(),
        since: report.and_then(|report| since(visitor, report)),
        files: run.files.iter().map(of_file).collect(),
    }
}

fn of_file(file: &pilotage_core::gate::KeptFile) -> File {
    File {
        name: cut(&file.name, 200),
        kind: cut(&file.kind, 40),
        size: size(i64::try_from(file.bytes).unwrap_or(i64::MAX)),
        href: format!("/api/v1/gates/evidence/{}", file.digest),
        digest: file.digest.to_string(),
    }
}

fn since(visitor: &Visitor, report: &Report) -> Option<Since> {
    let comparison = report.comparison.as_ref()?;
    Some(Since {
        href: format!("/gates/runs/{}", comparison.run),
        commit: short_commit(comparison.commit.as_deref()),
        at: visitor.moment(comparison.judged_at),
        better: comparison.better.clone(),
        worse: comparison.worse.clone(),
    })
}

fn of_waiver(visitor: &Visitor, shown: &WaiverShown) -> Waived {
    let waiver = &shown.waiver;
    let (word, class) = match shown.state {
        WaiverState::Applied => ("applied", "warn"),
        _ => ("not applied", "off"),
    };
    Waived {
        state: Word { word, class },
        criterion: format!("{}/{}", waiver.gate, waiver.metric),
        by: cut(&waiver.by, 200),
        reason: cut(&waiver.reason, 500),
        until: visitor.moment(waiver.expires_at),
        says: shown.state.words(),
    }
}

fn of_gate(visitor: &Visitor, gate: &GateVerdict) -> Gate {
    let (word, class) = match gate.state {
        GateState::Passed => ("passed", "ok"),
        GateState::Failed if gate.blocking => ("failed", "bad"),
        GateState::Failed => ("failed", "warn"),
        GateState::Skipped => ("skipped", "off"),
        GateState::NotRun => ("not run", "off"),
    };
    Gate {
        id: gate.id.clone(),
        name: cut(&gate.name, 80),
        effect: if gate.blocking { "blocking" } else { "advisory" },
        state: Word { word, class },
        reason: gate.reason.as_ref().map(|reason| cut(reason, 200)),
        criteria: gate
            .criteria
            .iter()
            .map(|criterion| of_criterion(visitor, criterion))
            .collect(),
    }
}

fn of_criterion(visitor: &Visitor, criterion: &CriterionVerdict) -> Criterion {
    let class = match criterion.state {
        CriterionState::Passed => "ok",
        CriterionState::Failed => "bad",
        CriterionState::NoEvidence | CriterionState::Waived => "warn",
        CriterionState::Skipped => "off",
    };
    let evidence = criterion.evidence.as_ref();
    let stands = criterion.state == CriterionState::Failed && !criterion.recommendation.is_empty();
    let waiver = criterion.waiver.as_ref().map(|waiver| {
        let until = waiver.expires_at.to_string();
        let until = until.get(..16).unwrap_or_default().replace('T', " ");
        format!("waived by {} until {until}Z: {}", waiver.by, waiver.reason)
    });
    Criterion {
        metric: cut(&criterion.metric, 200),
        state: Word {
            word: criterion.state.words(),
            class,
        },
        value: evidence.map_or_else(
            || "–".to_owned(),
            |evidence| cut(&evidence.unit.show(&evidence.value), 80),
        ),
        threshold: cut(&criterion.threshold, 120),
        impact: criterion.impact.name(),
        reason: criterion.reason.as_deref().map(|reason| cut(reason, 500)),
        waiver,
        recommendation: stands.then(|| cut(&criterion.recommendation, 300)),
        proof: evidence.map(|evidence| proof(visitor, evidence)),
    }
}

fn proof(visitor: &Visitor, evidence: &Evidence) -> Proof {
    let version = evidence.tool.version.as_deref().unwrap_or_default();
    let files = evidence.files.iter().take(MOST_LINES);
    Proof {
        summary: cut(
            &format!(
                "{} {}, {} {version} ({})",
                evidence.examined.count, evidence.examined.what, evidence.tool.name, evidence.source
            ),
            200,
        ),
        digest: evidence.digest.to_string(),
        how: match evidence.measured_at {
            Measured::Now(_) => "measured by this run",
            Measured::Report(_) => "reported",
            Measured::Cached(_) => "cached: the input was the same",
        },
        at: visitor.moment(evidence.measured_at.at()),
        files: files
            .map(|file| (cut(&file.path, 200), file.digest.to_string()))
            .collect(),
        notes: evidence
            .notes
            .iter()
            .take(MOST_LINES)
            .map(|note| cut(note, 300))
            .collect(),
    }
}
