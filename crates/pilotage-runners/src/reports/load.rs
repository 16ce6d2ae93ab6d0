//! Results of load tools: our own, k6 (`--summary-export` and the JSON of `handleSummary`), oha (`--output-format json`), and the text
//! of wrk and wrk2 (with `--latency`).

use std::io::Read;

use serde_json::Value as Json;

use crate::{
    load::{Report, Verdict},
    reading::{Bounded, brief},
};

/// What one run showed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Load {
    /// Who.
    pub tool: &'static str,
    /// Requests that were sent.
    pub requests: u64,
    /// 95 of 100 requests were answered within so many seconds.
    pub p95_secs: Option<f64>,
    /// Requests in a second.
    pub per_second: Option<f64>,
    /// Requests of a hundred that failed.
    pub error_percent: Option<f64>,
    /// The most memory of the service that was seen, where it was watched.
    pub memory_bytes: Option<u64>,
}

/// Reads whichever it is.
///
/// # Errors
/// It is none of them, or no request was sent.
pub fn read<R: Read>(input: &mut Bounded<R>) -> Result<Load, String> {
    let text = input.whole(1).map_err(|error| error.to_string())?;
    let text = std::str::from_utf8(&text).map_err(|_| "it is not UTF-8")?;
    let load = if text.trim_start().starts_with('{') {
        let json: Json = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
        match (json.get("metrics"), json.get("latencyPercentiles")) {
            _ if json.get("pilotageLoad").is_some() => own(json)?,
            (Some(metrics), _) => k6(metrics)?,
            (None, Some(_)) => oha(&json)?,
            _ => return Err("it is neither of Pilotage, k6 nor oha".to_owned()),
        }
    } else {
        wrk(text)?
    };
    let numbers = [load.p95_secs, load.per_second, load.error_percent];
    if numbers
        .iter()
        .flatten()
        .any(|number| !number.is_finite() || *number < 0.0)
    {
        return Err("one of its numbers is none".to_owned());
    }
    if load.requests == 0 {
        return Err("no request was sent".to_owned());
    }
    Ok(load)
}

/// Our own. A run about which nothing is known is no evidence.
fn own(json: Json) -> Result<Load, String> {
    let report: Report =
        serde_json::from_value(json).map_err(|error| format!("it is no report of a load run: {error}"))?;
    if report.pilotage_load != 1 {
        return Err(format!(
            "this build does not read version {} of it",
            report.pilotage_load
        ));
    }
    if report.verdict == Verdict::Inconclusive {
        return Err(format!(
            "the run was inconclusive: {}",
            report.inconclusive.join("; ")
        ));
    }
    let memory = report.target.map(|target| target.memory_peak);
    Ok(Load {
        tool: "pilotage",
        requests: report.requests,
        p95_secs: Some(report.latency.p95),
        per_second: Some(report.throughput_rps),
        error_percent: Some(report.error_percent),
        memory_bytes: memory,
    })
}

/// `--summary-export` has the values beside each other, `handleSummary` below `values`. Times are in milliseconds.
fn k6(metrics: &Json) -> Result<Load, String> {
    let value = |metric: &str, names: &[&str]| {
        let metric = metrics.get(metric)?;
        let values = metric.get("values").unwrap_or(metric);
        names.iter().find_map(|name| values.get(name)?.as_f64())
    };
    let requests = value("http_reqs", &["count"]).ok_or("it has no `http_reqs`: no request was sent")?;
    Ok(Load {
        tool: "k6",
        requests: whole(requests),
        p95_secs: value("http_req_duration", &["p(95)"]).map(|millis| millis / 1_000.0),
        per_second: value("http_reqs", &["rate"]),
        error_percent: value("http_req_failed", &["rate", "value"]).map(|share| share * 100.0),
        memory_bytes: None,
    })
}

/// Times are in seconds. What fails without an answer is counted by its error, what fails with one by its status.
fn oha(json: &Json) -> Result<Load, String> {
    let counts = |key: &str, is_counted: fn(&str) -> bool| -> u64 {
        let all = json.get(key).and_then(Json::as_object).into_iter().flatten();
        all.filter(|(name, _)| is_counted(name))
            .filter_map(|(_, count)| count.as_u64())
            .sum()
    };
    let answered = counts("statusCodeDistribution", |_| true);
    let refused = counts("statusCodeDistribution", |status| !status.starts_with(['2', '3']));
    // At the end of its time oha gives up what is under way; that is no failure of the service.
    let broken = counts("errorDistribution", |error| !error.contains("deadline"));
    let requests = answered + broken;
    if requests == 0 {
        return Err("no request was sent".to_owned());
    }
    let number = |pointer: &str| json.pointer(pointer).and_then(Json::as_f64);
    Ok(Load {
        tool: "oha",
        requests,
        p95_secs: number("/latencyPercentiles/p95"),
        per_second: number("/summary/requestsPerSec"),
        error_percent: Some(crate::reading::percent(refused + broken, requests)),
        memory_bytes: None,
    })
}

/// wrk writes the percentiles 50, 75, 90 and 99, wrk2 a table with more: the next one above 95 is no less than 95.
fn wrk(text: &str) -> Result<Load, String> {
    let after = |start: &str| text.lines().find_map(|line| line.trim().strip_prefix(start));
    let rate = after("Requests/sec:").and_then(|rest| rest.trim().parse().ok());
    let sent = text.lines().find_map(|line| {
        let (number, _) = line.split_once(" requests in ")?;
        number.trim().parse::<u64>().ok()
    });
    let requests = sent.ok_or_else(|| {
        let first = text.lines().next().unwrap_or_default();
        format!("it is no result of k6, oha or wrk: {}", brief(first))
    })?;
    // "Socket errors: connect 0, read 0, write 0, timeout 3", left out when there is none.
    let sockets: u64 = after("Socket errors:").map_or(0, |rest| {
        let numbers = rest.split([',', ' ']).filter_map(|word| word.parse::<u64>().ok());
        numbers.sum()
    });
    let refused = after("Non-2xx or 3xx responses:").and_then(|rest| rest.trim().parse::<u64>().ok());
    let failed = sockets + refused.unwrap_or(0);
    Ok(Load {
        tool: "wrk",
        requests,
        p95_secs: text.lines().filter_map(percentile).find_map(|(share, secs)| {
            // A little of it may get lost in the float.
            (share >= 94.999).then_some(secs)
        }),
        per_second: rate,
        error_percent: Some(crate::reading::percent(
            failed.min(requests + sockets),
            requests + sockets,
        )),
        memory_bytes: None,
    })
}

/// `     99%    2.10ms` or `     99.000%    2.10ms`.
fn percentile(line: &str) -> Option<(f64, f64)> {
    let mut words = line.split_whitespace();
    let share = words.next()?.strip_suffix('%')?.parse().ok()?;
    let time = words.next()?;
    let digits = time.find(|letter: char| letter.is_ascii_alphabetic())?;
    let (number, unit) = time.split_at_checked(digits)?;
    let factor = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => return None,
    };
    Some((share, number.parse::<f64>().ok()? * factor))
}

/// Bytes as a number to compare.
#[expect(clippy::cast_precision_loss, reason = "memory stays far below 2^52 bytes")]
pub(crate) const fn as_number(bytes: u64) -> f64 {
    bytes as f64
}

/// A number that counts something.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count, between zero and far below 2^53; anything else becomes zero, which is no evidence"
)]
pub(crate) fn whole(number: f64) -> u64 {
    if (0.0..9e15).contains(&number) {
        number as u64
    } else {
        0
    }
}
