//! What a run came to: figures, thresholds, and whether it can be believed at all.

use std::collections::BTreeMap;

use pilotage_core::{
    Timestamp,
    gate::{Unit, Value},
};
use serde::{Deserialize, Serialize};

use super::{
    figures::{Counted, Figures},
    plan::{Model, Plan, count},
    watching::Watched,
};

/// A generator that begins one of a hundred arrivals later than this measures itself.
const MOST_LATENESS: f64 = 0.005;
/// Less of the rate that was asked for than this is another test.
const LEAST_OF_RATE: f64 = 0.99;

/// Whether what was asked holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Everything holds.
    Passed,
    /// Something does not.
    Failed,
    /// The generator could not do what was asked of it, so nothing is known.
    Inconclusive,
}

/// Latencies in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// Half of the requests ended within.
    pub p50: f64,
    /// 90 of 100.
    pub p90: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1,000.
    pub p999: f64,
    /// All of them.
    pub max: f64,
    /// On average.
    pub mean: f64,
}

/// One request of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// What it is called.
    pub name: String,
    /// How many ended.
    pub requests: u64,
    /// How many of those badly.
    pub failed: u64,
    /// How long they took.
    pub latency: Latency,
}

/// One second, by when its requests were due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecondReport {
    /// How many were due and ended.
    pub requests: u64,
    /// How many of those badly.
    pub failed: u64,
    /// Half of them ended within so many seconds.
    pub p50: f64,
    /// 95 of 100.
    pub p95: f64,
}

/// A threshold, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ThresholdReport {
    /// What was asked about.
    pub metric: String,
    /// What was asked, as people read it.
    pub threshold: String,
    /// What was found, as people read it; nothing where it was not measured.
    pub value: Option<String>,
    /// Whether it holds; what was not measured does not.
    pub holds: bool,
}

/// The process under load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetReport {
    /// Resident bytes when it began.
    pub memory_start: u64,
    /// The most that was seen.
    pub memory_peak: u64,
    /// When it ended.
    pub memory_end: u64,
    /// Bytes per second by which it grew over the last half.
    pub growth_per_second: f64,
    /// Processors that were busy with it, on average.
    pub cores: f64,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Version of this format: 1. Its name tells the file from those of other tools.
    pub pilotage_load: u32,
    /// What was run.
    pub scenario: String,
    /// `open` or `closed`.
    pub model: String,
    /// When what is measured began.
    pub started_at: Timestamp,
    /// How long it was measured, in seconds.
    pub seconds: f64,
    /// Arrivals per second that were asked for, in the open model.
    pub asked_rate: Option<f64>,
    /// Requests that ended.
    pub requests: u64,
    /// How many of those badly.
    pub failed: u64,
    /// Arrivals that were due and not begun.
    pub dropped: u64,
    /// Requests of a hundred that ended badly; what was dropped counts among them.
    pub error_percent: f64,
    /// Requests that ended, per second.
    pub throughput_rps: f64,
    /// How long they took, from when they were due.
    pub latency: Latency,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests that ended badly, by why.
    pub failures: BTreeMap<String, u64>,
    /// Each request of the plan.
    pub steps: Vec<StepReport>,
    /// Each second.
    pub per_second: Vec<SecondReport>,
    /// Seconds by which 99 of 100 arrivals were begun too late at most.
    pub lateness_p99: f64,
    /// The process under load, where one was watched.
    pub target: Option<TargetReport>,
    /// What was asked, and whether it holds.
    pub thresholds: Vec<ThresholdReport>,
    /// Why nothing is known; empty where something is.
    pub inconclusive: Vec<String>,
    /// What it comes to.
    pub verdict: Verdict,
}

impl Report {
    /// The report of a run that began at this moment and was measured for so many seconds.
    pub fn new(
        plan: &Plan,
        figures: &Figures,
        watched: Option<Watched>,
        started_at: Timestamp,
        seconds: f64,
    ) -> Self {
        let all = &figures.all;
        let arrivals = figures.steps.first().map_or(0, |first| first.requests);
        let bad = all.failed() + figures.dropped;
        let whole = all.requests + figures.dropped;
        let mut report = Self {
            pilotage_load: 1,
            scenario: plan.name.clone(),
            model: if matches!(plan.model, Model::Open(_)) {
                "open"
            } else {
                "closed"
            }
            .to_owned(),
            started_at,
            seconds,
            asked_rate: plan.asked_rate(),
            requests: all.requests,
            failed: all.failed(),
            dropped: figures.dropped,
            error_percent: if whole == 0 {
                100.0
            } else {
                count(bad) * 100.0 / count(whole)
            },
            throughput_rps: count(all.requests) / seconds.max(f64::MIN_POSITIVE),
            latency: latency(all),
            statuses: all.statuses.clone(),
            failures: all
                .failures
                .iter()
                .map(|(failure, many)| (failure.as_str().to_owned(), *many))
                .collect(),
            steps: steps(plan, figures),
            per_second: per_second(figures),
            lateness_p99: figures.lateness(0.99),
            target: watched.map(target),
            thresholds: Vec::new(),
            inconclusive: Vec::new(),
            verdict: Verdict::Passed,
        };
        report.inconclusive = report.doubts(arrivals);
        report.judge(plan);
        report
    }

    /// Why this cannot be believed.
    fn doubts(&self, arrivals: u64) -> Vec<String> {
        let mut doubts = Vec::new();
        if self.requests == 0 {
            doubts.push("no request ended".to_owned());
        }
        if self.lateness_p99 > MOST_LATENESS && self.model == "open" {
            doubts.push(format!(
                "this machine was too slow for the schedule: of 100 arrivals one began {:.0} ms late or later",
                self.lateness_p99 * 1e3
            ));
        }
        if let Some(asked) = self.asked_rate {
            let due = count(arrivals + self.dropped) / self.seconds.max(f64::MIN_POSITIVE);
            if due < asked * LEAST_OF_RATE && self.requests > 0 {
                doubts.push(format!(
                    "{due:.1} arrivals per second were due instead of {asked:.1}"
                ));
            }
        }
        doubts
    }

    /// Says that it was stopped before its end, so nothing is known.
    pub fn interrupted(&mut self) {
        self.inconclusive.push("it was stopped before its end".to_owned());
        self.verdict = Verdict::Inconclusive;
    }

    fn judge(&mut self, plan: &Plan) {
        self.thresholds = plan
            .thresholds
            .iter()
            .map(|asked| {
                let value = self.value(&asked.metric).map(Value::Number);
                ThresholdReport {
                    metric: asked.metric.clone(),
                    threshold: asked.test.show(asked.unit),
                    holds: value.as_ref().is_some_and(|value| asked.test.holds(value)),
                    value: value.as_ref().map(|value| asked.unit.show(value)),
                }
            })
            .collect();
        let asks_about_dropped = plan.thresholds.iter().any(|asked| asked.metric == "dropped");
        let holds = self.thresholds.iter().all(|threshold| threshold.holds);
        self.verdict = if !self.inconclusive.is_empty() {
            Verdict::Inconclusive
        } else if !holds || (self.dropped > 0 && !asks_about_dropped) {
            Verdict::Failed
        } else {
            Verdict::Passed
        };
    }

    /// A metric in its unit: seconds, percent, bytes, count.
    pub fn value(&self, metric: &str) -> Option<f64> {
        Some(match metric {
            "response_time_p50" => self.latency.p50,
            "response_time_p90" => self.latency.p90,
            "response_time_p95" => self.latency.p95,
            "response_time_p99" => self.latency.p99,
            "response_time_max" => self.latency.max,
            "throughput_rps" => self.throughput_rps,
            "error_rate" => self.error_percent,
            "dropped" => count(self.dropped),
            "memory_usage_peak" => count(self.target.as_ref()?.memory_peak),
            _ => return None,
        })
    }

    /// A figure as people read it.
    pub fn shown(&self, metric: &str) -> String {
        let unit = match metric {
            "throughput_rps" | "dropped" => Unit::Count,
            "error_rate" => Unit::Percent,
            "memory_usage_peak" => Unit::Bytes,
            _ => Unit::Seconds,
        };
        self.value(metric)
            .map_or_else(|| "-".to_owned(), |value| unit.show(&Value::Number(value)))
    }
}

fn latency(counted: &Counted) -> Latency {
    Latency {
        p50: counted.quantile(0.50),
        p90: counted.quantile(0.90),
        p95: counted.quantile(0.95),
        p99: counted.quantile(0.99),
        p999: counted.quantile(0.999),
        max: counted.longest(),
        mean: counted.mean(),
    }
}

fn steps(plan: &Plan, figures: &Figures) -> Vec<StepReport> {
    let steps = plan.steps.iter().zip(&figures.steps);
    steps
        .map(|(step, counted)| StepReport {
            name: step.name.clone(),
            requests: counted.requests,
            failed: counted.failed(),
            latency: latency(counted),
        })
        .collect()
}

fn per_second(figures: &Figures) -> Vec<SecondReport> {
    let seconds = figures.per_second.iter();
    seconds
        .map(|second| SecondReport {
            requests: second.requests,
            failed: second.failed,
            p50: second.quantile(0.50),
            p95: second.quantile(0.95),
        })
        .collect()
}

const fn target(watched: Watched) -> TargetReport {
    TargetReport {
        memory_start: watched.memory_start,
        memory_peak: watched.memory_peak,
        memory_end: watched.memory_end,
        growth_per_second: watched.growth,
        cores: watched.cores,
    }
}
