//! The verdict for people: one line for each criterion, and what to do about those that failed.

use std::fmt::Write as _;

use pilotage_core::gate::{
    CriterionState, CriterionVerdict, Evidence, GateState, GateVerdict, Moment, Report, Verdict,
};

use crate::output::Style;

type Paint<'a> = &'a dyn Fn(Style, &str) -> String;

/// Most notes of one criterion.
const MAX_NOTES: usize = 3;

/// The verdict in one sentence, and the score.
pub(super) fn headline(report: &Report) -> String {
    let environment = &report.environment;
    let (stopping, all) = report.blocking();
    let words = match report.verdict {
        Verdict::Ready => format!("Ready for {environment}: none of {all} blocking gates failed."),
        Verdict::NotReady => {
            format!("Not ready for {environment}: {stopping} of {all} blocking gates do not pass.")
        }
        Verdict::NotJudged => format!("Not judged for {environment}: no blocking gate says anything."),
    };
    format!("{words} Score {} of 100.", report.score)
}

/// Which commit, in one sentence.
pub(super) fn about(report: &Report) -> String {
    match &report.commit {
        None => "No commit is known here; reports are judged by their age alone.".to_owned(),
        Some(commit) => {
            let short: String = commit.id.chars().take(12).collect();
            let changed = if commit.changed {
                ", with changes that are not committed: what was run now is about the files as they are"
            } else {
                ""
            };
            format!("Commit {short} of {}{changed}.", commit.at)
        }
    }
}

/// A word for the state of a gate.
pub(super) const fn gate_word(state: GateState) -> &'static str {
    match state {
        GateState::Passed => "passed",
        GateState::Failed => "FAILED",
        GateState::Skipped => "skipped",
        GateState::NotRun => "not run",
    }
}

/// A word for the state of a criterion.
pub(super) const fn criterion_word(state: CriterionState) -> &'static str {
    match state {
        CriterionState::Passed => "pass",
        CriterionState::Failed => "FAIL",
        CriterionState::NoEvidence => "no evidence",
        CriterionState::Skipped => "skipped",
    }
}

/// The measured value; a dash where there is none.
pub(super) fn value(criterion: &CriterionVerdict) -> String {
    let shown = criterion
        .evidence
        .as_ref()
        .map(|evidence| evidence.unit.show(&evidence.value));
    shown.unwrap_or_else(|| "-".to_owned())
}

/// Where a value is from, or why there is none.
pub(super) fn proof(criterion: &CriterionVerdict) -> String {
    match (&criterion.reason, &criterion.evidence) {
        (Some(reason), _) => reason.clone(),
        (None, Some(evidence)) => evidence_words(evidence),
        (None, None) => String::new(),
    }
}

fn evidence_words(evidence: &Evidence) -> String {
    let Evidence {
        tool,
        examined,
        files,
        file_count,
        digest,
        ..
    } = evidence;
    let version = tool
        .version
        .as_ref()
        .map_or_else(String::new, |version| format!(" {version}"));
    let place = match (files.first(), *file_count) {
        (Some(file), 1) => file.path.clone(),
        (Some(file), count) => format!("{} and {} more", file.path, count - 1),
        (None, _) => evidence.source.clone(),
    };
    let when = match evidence.measured_at {
        Moment::Now(_) => String::new(),
        Moment::Report(at) => format!(
            " of {}",
            at.to_string().get(..16).unwrap_or_default().replace('T', " ")
        ),
    };
    let digest: String = digest.to_string().chars().take(12).collect();
    format!(
        "{} {}, {place}{when}, {}{version}, sha256 {digest}",
        examined.count, examined.what, tool.name
    )
}

/// Everything. Text of strangers is cleaned by `paint`.
pub(super) fn render(report: &Report, paint: Paint<'_>) -> String {
    let style = match report.verdict {
        Verdict::Ready => Style::Good,
        Verdict::NotReady => Style::Bad,
        Verdict::NotJudged => Style::Warning,
    };
    let mut out = format!(
        "{}\n{}\n",
        paint(style, &headline(report)),
        paint(Style::Faint, &about(report))
    );
    for gate in &report.gates {
        out.push_str(&render_gate(gate, paint));
    }
    out
}

fn render_gate(gate: &GateVerdict, paint: Paint<'_>) -> String {
    let style = match gate.state {
        GateState::Passed => Style::Good,
        GateState::Failed if gate.blocking => Style::Bad,
        _ => Style::Warning,
    };
    let effect = if gate.blocking { "blocking" } else { "advisory" };
    let word = paint(style, gate_word(gate.state));
    let mut out = format!("\n{word}  {} ({effect})\n", paint(Style::Strong, &gate.id));
    let width = |of: &dyn Fn(&CriterionVerdict) -> String| {
        gate.criteria
            .iter()
            .map(|criterion| of(criterion).chars().count())
            .max()
            .unwrap_or(0)
    };
    let metric = width(&|criterion| criterion.metric.clone());
    let found = width(&|criterion| value(criterion));
    let asked = width(&|criterion| criterion.threshold.clone());
    for criterion in &gate.criteria {
        let (style, word) = (criterion_style(criterion.state), criterion_word(criterion.state));
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "  {}  {:metric$}  {:>found$}  {:asked$}  {:8}  {}",
            paint(style, &format!("{word:11}")),
            paint(Style::Plain, &criterion.metric),
            paint(Style::Plain, &value(criterion)),
            paint(Style::Plain, &criterion.threshold),
            criterion.impact.name(),
            paint(Style::Faint, &proof(criterion)),
        );
        for line in advice(criterion) {
            let _ = writeln!(out, "{:15}{}", "", paint(Style::Plain, &line));
        }
    }
    out
}

const fn criterion_style(state: CriterionState) -> Style {
    match state {
        CriterionState::Passed => Style::Good,
        CriterionState::Failed => Style::Bad,
        CriterionState::NoEvidence | CriterionState::Skipped => Style::Warning,
    }
}

/// What was found and what to do, for a criterion that failed.
pub(super) fn advice(criterion: &CriterionVerdict) -> Vec<String> {
    if criterion.state != CriterionState::Failed {
        return Vec::new();
    }
    let notes = criterion.evidence.iter().flat_map(|evidence| &evidence.notes);
    let mut lines: Vec<_> = notes.take(MAX_NOTES).cloned().collect();
    lines.push(format!("-> {}", criterion.recommendation));
    lines.retain(|line| line != "-> ");
    lines
}
