//! The report for machines and for pages: Markdown, JUnit XML and SARIF.

use std::fmt::Write as _;

use pilotage_core::gate::{CriterionState, CriterionVerdict, GateState, GateVerdict, Report};
use serde_json::{Value, json};

use super::text::{about, advice, changes, criterion_word, gate_word, proof, value, waivers};
use crate::output::clean;

/// For a step summary of GitHub or a note of GitLab.
pub(super) fn markdown(report: &Report) -> String {
    let mut out = format!(
        "## {}\n\n{}\n",
        escape_markdown(&report.headline()),
        escape_markdown(&about(report))
    );
    for gate in &report.gates {
        let effect = if gate.blocking { "blocking" } else { "advisory" };
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "\n### {}: {} ({effect})\n",
            escape_markdown(&gate.id),
            gate_word(gate.state)
        );
        if let Some(reason) = &gate.reason {
            let _ = write!(out, "\n{}\n", escape_markdown(reason));
        }
        if !gate.criteria.is_empty() {
            out.push_str(
                "\n| | criterion | value | asked | impact | evidence |\n|---|---|---|---|---|---|\n",
            );
        }
        for criterion in &gate.criteria {
            let cells = [
                criterion_word(criterion.state).to_owned(),
                criterion.metric.clone(),
                value(criterion),
                criterion.threshold.clone(),
                criterion.impact.name().to_owned(),
                std::iter::once(proof(criterion))
                    .chain(advice(criterion))
                    .collect::<Vec<_>>()
                    .join("; "),
            ];
            let _ = writeln!(
                out,
                "| {} |",
                cells.map(|cell| escape_markdown(&cell)).join(" | ")
            );
        }
    }
    for line in waivers(report).into_iter().chain(changes(report)) {
        let _ = write!(out, "\n- {}", escape_markdown(&line));
    }
    if out.contains("\n- ") {
        out.push('\n');
    }
    bounded(out)
}

/// GitHub takes a step summary of 1 MiB, and GitLab a note of 1,000,000 characters: more would be shown as nothing at all.
const MOST_MARKDOWN_BYTES: usize = 900_000;

fn bounded(mut out: String) -> String {
    if out.len() > MOST_MARKDOWN_BYTES {
        let end = out.floor_char_boundary(MOST_MARKDOWN_BYTES);
        let whole_lines = out.get(..end).and_then(|text| text.rfind('\n')).unwrap_or(end);
        out.truncate(whole_lines);
        out.push_str(
            "\n\nThe rest is too long for a summary and is left out here: `--format json` has all of it.\n",
        );
    }
    out
}

/// No text becomes markup: what Markdown or HTML would act on is escaped.
pub(in crate::commands) fn escape_markdown(text: &str) -> String {
    let mut out = String::new();
    for letter in clean(text).chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '!' | '~' | '@' | '$' => {
                out.push('\\');
                out.push(letter);
            }
            _ => out.push(letter),
        }
    }
    out
}

/// One suite for each gate, one case for each criterion.
pub(super) fn junit(report: &Report) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let name = escape_xml(&format!("gates for {}", report.environment));
    let _ = writeln!(out, "<testsuites name=\"{name}\">");
    for gate in &report.gates {
        junit_gate(&mut out, gate);
    }
    out.push_str("</testsuites>\n");
    out
}

fn junit_gate(out: &mut String, gate: &GateVerdict) {
    let id = escape_xml(&gate.id);
    let of = |states: &[CriterionState]| {
        gate.criteria
            .iter()
            .filter(|criterion| states.contains(&criterion.state))
            .count()
    };
    let failures = of(&[CriterionState::Failed, CriterionState::NoEvidence]);
    let not_run = usize::from(gate.state == GateState::NotRun);
    let (tests, skipped) = (
        gate.criteria.len() + not_run,
        of(&[CriterionState::Skipped, CriterionState::Waived]) + not_run,
    );
    let _ = writeln!(
        out,
        "  <testsuite name=\"{id}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\">"
    );
    if not_run > 0 {
        let message = escape_xml(&why_not_run(gate));
        let _ = writeln!(
            out,
            "    <testcase classname=\"{id}\" name=\"{id}\"><skipped message=\"{message}\"/></testcase>"
        );
    }
    for criterion in &gate.criteria {
        let metric = escape_xml(&criterion.metric);
        let message = escape_xml(&sentence(criterion));
        let inside = match criterion.state {
            CriterionState::Passed => String::new(),
            CriterionState::Skipped | CriterionState::Waived => format!("<skipped message=\"{message}\"/>"),
            CriterionState::Failed => {
                let text = escape_xml(&advice(criterion).join("\n"));
                format!("<failure message=\"{message}\" type=\"failed\">{text}</failure>")
            }
            CriterionState::NoEvidence => format!("<failure message=\"{message}\" type=\"noEvidence\"/>"),
        };
        let _ = writeln!(
            out,
            "    <testcase classname=\"{id}\" name=\"{metric}\">{inside}</testcase>"
        );
    }
    out.push_str("  </testsuite>\n");
}

fn why_not_run(gate: &GateVerdict) -> String {
    match &gate.reason {
        Some(reason) => format!("not run: {reason}"),
        None => "not run".to_owned(),
    }
}

fn sentence(criterion: &CriterionVerdict) -> String {
    let CriterionVerdict {
        metric, threshold, ..
    } = criterion;
    format!(
        "{metric} is {}, asked is {threshold}: {}",
        value(criterion),
        proof(criterion)
    )
}

/// Characters that XML cannot hold are shown as their escapes.
pub(in crate::commands) fn escape_xml(text: &str) -> String {
    let mut out = String::new();
    for letter in crate::output::clean_lines(text).chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(letter),
        }
    }
    out
}

/// Where a finding is shown: GitHub takes none without a place. It is the file that was read, or that says what is asked.
fn location(criterion: &CriterionVerdict) -> Value {
    let files = criterion.evidence.iter().flat_map(|evidence| &evidence.files);
    let uri = files
        .map(|file| file.path.as_str())
        .next()
        .unwrap_or("pilotage.yaml");
    at(uri)
}

fn at(uri: &str) -> Value {
    json!({ "physicalLocation": { "artifactLocation": { "uri": uri } } })
}

/// Every criterion that stands in the way, as a finding.
pub(super) fn sarif(report: &Report) -> Value {
    let mut results = Vec::new();
    for gate in &report.gates {
        let level = if gate.blocking { "error" } else { "warning" };
        let stands = |state| {
            use CriterionState::{Failed, NoEvidence, Waived};
            matches!(state, Failed | NoEvidence | Waived)
        };
        for criterion in gate.criteria.iter().filter(|criterion| stands(criterion.state)) {
            let mut result = json!({
                "ruleId": format!("{}/{}", gate.id, criterion.metric), "level": level,
                "message": { "text": sentence(criterion) }, "locations": [location(criterion)],
            });
            if let Some(waiver) = &criterion.waiver {
                let why = format!("{} until {}: {}", waiver.by, waiver.expires_at, waiver.reason);
                result["suppressions"] =
                    json!([{ "kind": "external", "status": "accepted", "justification": why }]);
            }
            results.push(result);
        }
        if gate.state == GateState::NotRun {
            let message = json!({ "text": format!("the gate {}: {}", gate.id, why_not_run(gate)) });
            let place = json!([at("pilotage.yaml")]);
            results
                .push(json!({ "ruleId": gate.id, "level": level, "message": message, "locations": place }));
        }
    }
    json!({
        "version": "2.1.0",
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "runs": [{
            "tool": { "driver": { "name": "pilotage gate", "version": env!("CARGO_PKG_VERSION") } },
            "results": results,
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_cut_at_a_line_and_says_so() {
        let line = "| ä |\n";
        let short = line.repeat(10);
        assert_eq!(bounded(short.clone()), short);
        let cut = bounded(line.repeat(MOST_MARKDOWN_BYTES));
        assert!(cut.len() < 1_000_000);
        let (table, rest) = cut.split_once("\n\n").unwrap();
        assert!(table.lines().all(|found| found == line.trim_end()));
        assert!(rest.starts_with("The rest is too long"), "{rest}");
    }
}
