//! Which schedulings Make takes.

use serde_json::Value;

use crate::make::{call::Call, reply::Refusal};

const TYPES: [&str; 8] = [
    "immediately",
    "indefinitely",
    "once",
    "daily",
    "weekly",
    "monthly",
    "yearly",
    "on-demand",
];

/// Shortest interval of the API, whatever the plan.
const LEAST_SECS: u64 = 60;

/// # Errors
/// The type is unknown, the interval is below that of the plan, or the date is no moment.
pub(super) fn check(call: &Call<'_>, team: u64, scheduling: &Value) -> Result<(), Refusal> {
    let kind = scheduling["type"].as_str().unwrap_or_default();
    if !TYPES.contains(&kind) {
        let reason = format!("Invalid scheduling type. It must be one of {}.", TYPES.join(", "));
        return Err(Refusal::invalid_input(reason));
    }
    // The plan counts in minutes.
    let least = call
        .licensed(team, "interval")
        .unwrap_or(1)
        .saturating_mul(60)
        .max(LEAST_SECS);
    let interval = scheduling["interval"].as_u64();
    if kind == "indefinitely" && interval.is_none_or(|secs| secs < least) {
        return Err(Refusal::invalid_input(format!(
            "Invalid interval. It must be at least {least} seconds."
        )));
    }
    let date = scheduling["date"].as_str();
    if kind == "once" && !date.is_some_and(is_moment) {
        return Err(Refusal::invalid_input(
            "Invalid date. It must be a date with a time.",
        ));
    }
    Ok(())
}

/// `2026-01-31T10:00:00` and more exact; a date alone is not enough.
fn is_moment(text: &str) -> bool {
    let is_date =
        |date: &str| date.len() == 10 && date.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    let is_time =
        |time: &str| time.len() >= 5 && time.as_bytes()[2] == b':' && time.as_bytes()[0].is_ascii_digit();
    text.split_once('T')
        .is_some_and(|(date, time)| is_date(date) && is_time(time))
}
