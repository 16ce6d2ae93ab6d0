//! What was found, for people, for programs and for code scanning.

use pilotage_adapters::pipelines::lint::{self, Finding, Severity};
use serde_json::{Value, json};

use super::Checked;
use crate::output::{Output, Style, clean};

/// Most characters of a line that are shown.
const MAX_WIDTH: usize = 120;

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

pub(super) fn show(output: Output, checked: &[Checked]) -> anyhow::Result<()> {
    let mut counts = [0_usize; 2];
    for file in checked {
        for finding in &file.findings {
            let (style, count) = match finding.severity {
                Severity::Error => (Style::Bad, &mut counts[0]),
                Severity::Warning => (Style::Warning, &mut counts[1]),
            };
            *count += 1;
            output.line(format_args!(
                "{}: {} {}",
                output.paint(style, word(finding.severity)),
                output.paint(Style::Strong, &clean(&finding.message)),
                output.paint(Style::Faint, &format!("[{}]", finding.check)),
            ))?;
            snippet(output, file, finding)?;
        }
    }
    let files = match checked.len() {
        1 => "1 file".to_owned(),
        many => format!("{many} files"),
    };
    let summary = match counts {
        [0, 0] => output.paint(Style::Good, &format!("{files} checked, nothing found.")),
        [errors, warnings] => output.paint(
            Style::Strong,
            &format!("{files} checked: errors {errors}, warnings {warnings}."),
        ),
    };
    Ok(output.line(summary)?)
}

/// The line, and where on it.
fn snippet(output: Output, file: &Checked, finding: &Finding) -> anyhow::Result<()> {
    let margin = " ".repeat(finding.line.to_string().len());
    let place = format!("{}:{}:{}", file.path.display(), finding.line, finding.column);
    output.line(format_args!("{margin}--> {}", clean(&place)))?;
    let Some(line) = file.text.lines().nth(finding.line.saturating_sub(1)) else {
        return Ok(output.line("")?);
    };
    let shown: String = lint::without_secrets(line).chars().take(MAX_WIDTH).collect();
    output.line(format_args!("{} | {}", finding.line, clean(&shown)))?;
    if finding.column <= MAX_WIDTH {
        let indent = " ".repeat(finding.column.saturating_sub(1));
        output.line(format_args!(
            "{margin} | {indent}{}",
            output.paint(Style::Strong, "^")
        ))?;
    }
    Ok(output.line("")?)
}

pub(super) fn report(checked: &[Checked]) -> Value {
    let findings = checked.iter().flat_map(|file| {
        file.findings.iter().map(|finding| {
            json!({
                "file": file.path, "line": finding.line, "column": finding.column, "check": finding.check,
                "severity": finding.severity, "message": finding.message,
            })
        })
    });
    json!({
        "files": checked.iter().map(|file| &file.path).collect::<Vec<_>>(),
        "findings": findings.collect::<Vec<_>>(),
    })
}

/// SARIF 2.1.0, as code scanning reads it.
pub(super) fn sarif(checked: &[Checked]) -> Value {
    let rules = lint::checks()
        .iter()
        .map(|check| json!({"id": check.id, "shortDescription": {"text": check.about}}));
    let results = checked.iter().flat_map(|file| {
        file.findings.iter().map(|finding| {
            json!({
                "ruleId": finding.check,
                "level": word(finding.severity),
                "message": {"text": finding.message},
                "locations": [{"physicalLocation": {
                    "artifactLocation": {"uri": file.path.to_string_lossy().replace('\\', "/")},
                    "region": {"startLine": finding.line, "startColumn": finding.column},
                }}],
            })
        })
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "pilotage ci lint", "version": env!("CARGO_PKG_VERSION"), "rules": rules.collect::<Vec<_>>(),
            }},
            "results": results.collect::<Vec<_>>(),
        }],
    })
}
