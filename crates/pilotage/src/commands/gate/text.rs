//! The verdict for people: one line for each criterion, and what to do about those that failed.

use std::fmt::Write as _;

use pilotage_core::{
    Timestamp,
    gate::{
        CriterionState, CriterionVerdict, Difference, Evidence, GateState, GateVerdict, Moment, Report,
        Verdict, WaivedBy, Waiver, WaiverShown,
    },
};

use crate::output::Style;

type Paint<'a> = &'a dyn Fn(Style, &str) -> String;

/// Most notes of one criterion.
const MAX_NOTES: usize = 3;

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
            let of = commit.at.map_or_else(String::new, |at| format!(" of {at}"));
            format!("Commit {short}{of}{changed}.")
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
        CriterionState::Waived => "WAIVED",
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
    let proof = match (&criterion.reason, &criterion.evidence) {
        (Some(reason), _) => reason.clone(),
        (None, Some(evidence)) => evidence_words(evidence),
        (None, None) => String::new(),
    };
    match &criterion.waiver {
        Some(WaivedBy {
            by,
            reason,
            expires_at,
            ..
        }) => {
            format!("waived by {by} until {}: {reason}; {proof}", minute(*expires_at))
        }
        None => proof,
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
        Moment::Report(at) => format!(" of {}", minute(at)),
        Moment::Cached(at) => format!(", cached since {}", minute(at)),
    };
    let digest: String = digest.to_string().chars().take(12).collect();
    format!(
        "{} {}, {place}{when}, {}{version}, sha256 {digest}",
        examined.count, examined.what, tool.name
    )
}

fn minute(at: Timestamp) -> String {
    at.to_string().get(..16).unwrap_or_default().replace('T', " ")
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
        paint(style, &report.headline()),
        paint(Style::Faint, &about(report))
    );
    for gate in &report.gates {
        out.push_str(&render_gate(gate, paint));
    }
    for line in waivers(report).into_iter().chain(changes(report)) {
        let _ = write!(out, "\n{}", paint(Style::Plain, &line));
    }
    out
}

/// Every waiver that was given for this, in a line each.
pub(super) fn waivers(report: &Report) -> Vec<String> {
    let line = |shown: &WaiverShown| {
        let Waiver {
            gate,
            metric,
            by,
            reason,
            expires_at,
            ..
        } = &shown.waiver;
        let state = shown.state.words();
        format!(
            "Waiver of {gate}/{metric} by {by} until {}, {state}: {reason}",
            minute(*expires_at)
        )
    };
    report.waivers.iter().map(line).collect()
}

/// What got better and what got worse, in a line each.
pub(super) fn changes(report: &Report) -> Vec<String> {
    let Some(comparison) = &report.comparison else {
        return Vec::new();
    };
    let of = comparison.commit.as_ref().map_or_else(String::new, |commit| {
        format!(" of commit {}", commit.chars().take(12).collect::<String>())
    });
    let since = format!("the run{of} at {}", minute(comparison.judged_at));
    if comparison.better.is_empty() && comparison.worse.is_empty() {
        return vec![format!("Nothing got better or worse since {since}.")];
    }
    let line = |word: &str, change: &Difference| {
        let Difference {
            gate,
            metric,
            before,
            now,
        } = change;
        format!("{word}: {gate}/{metric} was {before}, is {now}")
    };
    let better = comparison.better.iter().map(|change| line("Better", change));
    let worse = comparison.worse.iter().map(|change| line("Worse", change));
    std::iter::once(format!("Since {since}:"))
        .chain(worse)
        .chain(better)
        .collect()
}

fn render_gate(gate: &GateVerdict, paint: Paint<'_>) -> String {
    let style = match gate.state {
        GateState::Passed => Style::Good,
        GateState::Failed if gate.blocking => Style::Bad,
        _ => Style::Warning,
    };
    let effect = if gate.blocking { "blocking" } else { "advisory" };
    let word = paint(style, gate_word(gate.state));
    let mut out = format!("\n{word}  {} ({effect})", paint(Style::Strong, &gate.id));
    if let Some(reason) = &gate.reason {
        out += &paint(Style::Faint, &format!(": {reason}"));
    }
    out.push('\n');
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
        CriterionState::NoEvidence | CriterionState::Skipped | CriterionState::Waived => Style::Warning,
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
