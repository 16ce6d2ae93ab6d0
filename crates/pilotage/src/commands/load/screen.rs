//! A load run as it goes along, and what it came to.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
    sync::atomic::Ordering,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use pilotage_runners::load::{Model, Plan, Progress, Report, Verdict};

use crate::output::{Cell, Output, Style, Table, clean, remark};

/// Between two looks at how far a run is.
pub(super) const EVERY: Duration = Duration::from_millis(250);
/// Between two lines where no bar can be drawn.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Columns of the chart.
const COLUMNS: usize = 60;
const LEVELS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// How far a run is: a bar on a terminal, a line now and then elsewhere.
pub(super) struct Bar {
    drawn: Option<ProgressBar>,
    is_quiet: bool,
    next: Duration,
}

impl Bar {
    pub(super) fn new(output: Output, plan: &Plan) -> Self {
        let what = match plan.model {
            Model::Open(rate) => format!("{rate} arrivals per second"),
            Model::Closed(users, _) => format!("{users} users"),
        };
        let name = clean(&plan.name);
        let length = super::whole(plan);
        let is_live = !output.is_json() && io::stderr().is_terminal();
        let drawn = is_live.then(|| {
            let bar = ProgressBar::new(u64::try_from(length.as_millis()).unwrap_or(u64::MAX));
            let style = ProgressStyle::with_template("{prefix} [{bar:30}] {msg}");
            bar.set_style(
                style
                    .unwrap_or_else(|_| ProgressStyle::default_bar())
                    .progress_chars("=> "),
            );
            bar.set_prefix(name.clone());
            bar
        });
        if drawn.is_none() && !output.is_json() {
            remark(format!("{name}: {what} for {} s", length.as_secs_f64()));
        }
        Self {
            drawn,
            is_quiet: output.is_json(),
            next: LINE_EVERY,
        }
    }

    pub(super) fn show(&mut self, elapsed: Duration, progress: &Progress) {
        let told = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        let message = format!(
            "{:.0} s, {} requests, {} failed, {} dropped",
            elapsed.as_secs_f64(),
            told(&progress.ended),
            told(&progress.failed),
            told(&progress.dropped)
        );
        if let Some(bar) = &self.drawn {
            bar.set_position(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
            bar.set_message(message);
        } else if !self.is_quiet && elapsed >= self.next {
            self.next = elapsed + LINE_EVERY;
            remark(message);
        }
    }

    pub(super) fn close(&self) {
        if let Some(bar) = &self.drawn {
            bar.finish_and_clear();
        }
    }
}

/// Prints a report for people.
pub(super) fn show(output: Output, report: &Report, place: &Path) -> io::Result<()> {
    let (style, word) = match report.verdict {
        Verdict::Passed => (Style::Good, "passed"),
        Verdict::Failed => (Style::Bad, "failed"),
        Verdict::Inconclusive => (Style::Warning, "inconclusive"),
    };
    let name = output.paint(Style::Strong, &clean(&report.scenario));
    output.line(format!("{name}: {}", output.paint(style, word)))?;
    for doubt in &report.inconclusive {
        output.line(format!("  nothing is known: {doubt}"))?;
    }
    if report.dropped > 0 {
        output.line(format!(
            "  {} arrivals were due and not begun, because too many were under way",
            report.dropped
        ))?;
    }
    figures(output, report)?;
    if report.steps.len() > 1 {
        steps(output, report)?;
    }
    chart(output, report)?;
    thresholds(output, report)?;
    output.line(format!("Report: {}", place.display()))
}

fn figures(output: Output, report: &Report) -> io::Result<()> {
    let shown = |metric: &str| report.shown(metric);
    let model = if report.model == "open" {
        "from when they were due"
    } else {
        "from when they were sent or due; users who wait do not show a server that stands still"
    };
    let mut fields = vec![
        (
            "requests",
            format!(
                "{} in {:.1} s, {:.1} per second",
                report.requests, report.seconds, report.throughput_rps
            ),
        ),
        ("measured", model.to_owned()),
        (
            "latency",
            format!(
                "p50 {}  p90 {}  p95 {}  p99 {}  max {}",
                shown("response_time_p50"),
                shown("response_time_p90"),
                shown("response_time_p95"),
                shown("response_time_p99"),
                shown("response_time_max")
            ),
        ),
        ("errors", format!("{}{}", shown("error_rate"), reasons(report))),
    ];
    if let Some(target) = &report.target {
        let growth = format!("{:+.0} KiB/s at the end", target.growth_per_second / 1_024.0);
        fields.push((
            "target",
            format!(
                "{} at most, {growth}, {:.2} cores",
                shown("memory_usage_peak"),
                target.cores
            ),
        ));
    }
    output.fields(&fields)
}

fn reasons(report: &Report) -> String {
    if report.failures.is_empty() {
        return String::new();
    }
    let reasons: Vec<_> = report
        .failures
        .iter()
        .map(|(why, many)| format!("{many} {why}"))
        .collect();
    let statuses = report
        .statuses
        .iter()
        .filter(|(status, _)| !(200..400).contains(*status));
    let statuses: Vec<_> = statuses
        .map(|(status, many)| format!("{many} x {status}"))
        .collect();
    format!(" ({})", [reasons, statuses].concat().join(", "))
}

fn steps(output: Output, report: &Report) -> io::Result<()> {
    let mut table = Table::new(&["REQUEST", "SENT", "FAILED", "P50", "P95", "MAX"]);
    let millis = |secs: f64| Cell::from(format!("{:.1} ms", secs * 1e3));
    for step in &report.steps {
        table.row([
            Cell::from(&step.name),
            Cell::from(step.requests.to_string()),
            Cell::from(step.failed.to_string()),
            millis(step.latency.p50),
            millis(step.latency.p95),
            millis(step.latency.max),
        ]);
    }
    output.table(&table)
}

/// The 95th percentile over time, on a scale that shows milliseconds beside seconds.
fn chart(output: Output, report: &Report) -> io::Result<()> {
    let highest = report
        .per_second
        .iter()
        .map(|second| second.p95)
        .fold(0.0, f64::max);
    if report.per_second.len() < 3 || highest <= 0.0 {
        return Ok(());
    }
    let each = report.per_second.len().div_ceil(COLUMNS);
    let columns = report.per_second.chunks(each).map(|seconds| {
        let worst = seconds.iter().map(|second| second.p95).fold(0.0, f64::max);
        let failed = seconds.iter().any(|second| second.failed > 0);
        let level = level(worst, highest);
        let bar = LEVELS.get(level).copied().unwrap_or(' ').to_string();
        output.paint(if failed { Style::Bad } else { Style::Plain }, &bar)
    });
    let columns: String = columns.collect();
    output.line(format!(
        "p95 by second  {columns}  up to {:.1} ms, a column is {each} s",
        highest * 1e3
    ))
}

/// From 1 to 8, by the logarithm: 8 is the highest, and 1 a thousandth of it or less.
fn level(value: f64, highest: f64) -> usize {
    let share = (value / highest).max(1e-3).log10() / 3.0 + 1.0;
    (2..=8)
        .rev()
        .find(|level| share * 8.0 >= f64::from(*level))
        .map_or(1, |level: u8| usize::from(level))
}

fn thresholds(output: Output, report: &Report) -> io::Result<()> {
    for asked in &report.thresholds {
        let (style, word) = if asked.holds {
            (Style::Good, "holds")
        } else {
            (Style::Bad, "does not hold")
        };
        let value = asked.value.as_deref().unwrap_or("not measured");
        let text = format!("  {} {}: {value}, ", asked.metric, asked.threshold);
        output.line(format!("{text}{}", output.paint(style, word)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_shows_little_beside_much() {
        let levels = [2.0, 1.0, 0.2, 0.02, 0.001, 0.0].map(|value| level(value, 2.0));
        assert_eq!(levels[0], 8);
        assert!(levels.windows(2).all(|pair| pair[0] >= pair[1]), "{levels:?}");
        assert_eq!(levels[5], 1, "what was there is seen");
    }
}
