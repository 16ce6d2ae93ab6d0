//! What happened over time, from stored facts.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{extract::State, response::Response};
use pilotage_core::{
    Timestamp,
    ports::{Activity, LatencyBucket},
};

use super::{
    chart::{Chart, NARROW, Stack, WIDE, plain},
    delivery::{self, Delivery},
    shell::{Shell, Visitor, page},
    words::{count, duration, percent},
};
use crate::{door::Door, problem::Problem};

/// A stretch of time to look back on: what it is called in the address and on the page, and the length of its steps.
struct Span {
    key: &'static str,
    name: &'static str,
    hours: u64,
    step_minutes: u64,
}

const SPANS: [Span; 4] = [
    Span {
        key: "6h",
        name: "6 hours",
        hours: 6,
        step_minutes: 5,
    },
    Span {
        key: "24h",
        name: "24 hours",
        hours: 24,
        step_minutes: 15,
    },
    Span {
        key: "7d",
        name: "7 days",
        hours: 7 * 24,
        step_minutes: 120,
    },
    Span {
        key: "30d",
        name: "30 days",
        hours: 30 * 24,
        step_minutes: 480,
    },
];

/// A figure with its name.
struct Figure {
    name: &'static str,
    value: String,
    note: String,
}

#[derive(Template)]
#[template(path = "figures.html")]
struct FiguresPage {
    shell: Shell,
    /// Address, name, and whether it is shown.
    spans: Vec<(String, &'static str, bool)>,
    figures: Vec<Figure>,
    charts: Vec<Chart>,
    delivery: Delivery,
}

pub(super) async fn show(State(door): State<Arc<Door>>, visitor: Visitor) -> Result<Response, Problem> {
    let asked = visitor.query.text("span");
    let span = SPANS
        .iter()
        .find(|span| Some(span.key) == asked)
        .unwrap_or(&SPANS[1]);
    let since = visitor.now - Duration::from_hours(span.hours);
    let step = Duration::from_mins(span.step_minutes);
    let activity = door.ports.history.activity(since, visitor.now, step).await?;
    let choice = |one: &Span| {
        (
            visitor.query.with("span", Some(one.key)),
            one.name,
            one.key == span.key,
        )
    };
    page(&FiguresPage {
        spans: SPANS.iter().map(choice).collect(),
        figures: figures(&activity),
        charts: charts(&activity, span),
        delivery: delivery::of(&door, &visitor).await?,
        shell: visitor.shell("Metrics", "/metrics-board"),
    })
}

fn figures(activity: &[Activity]) -> Vec<Figure> {
    let sum = |value: fn(&Activity) -> i64| activity.iter().map(value).sum::<i64>();
    let (deliveries, unhandled) = (sum(|one| one.deliveries), sum(|one| one.unhandled));
    let (succeeded, failed) = (sum(|one| one.succeeded), sum(|one| one.failed));
    let ended = succeeded + failed;
    let (timed, time) = (sum(|one| one.timed), sum(|one| one.duration_us));
    let not_enough = || {
        (
            "not enough data".to_owned(),
            "no execution has ended in this time".to_owned(),
        )
    };
    let (rate, rate_note) = percent(succeeded, ended).map_or_else(not_enough, |rate| {
        (rate, format!("of {} that ended", count(ended)))
    });
    let (mean, mean_note) = time.checked_div(timed).map_or_else(not_enough, |mean| {
        (duration(mean), "from scheduled to ended, on average".to_owned())
    });
    let figure = |name, value, note| Figure { name, value, note };
    vec![
        figure(
            "Deliveries",
            count(deliveries),
            format!("{} matched no rule", count(unhandled)),
        ),
        figure("Success rate", rate, rate_note),
        figure("Time", mean, mean_note),
        figure(
            "Dead letters",
            count(failed),
            format!(
                "after {} failed attempts in all",
                count(sum(|one| one.attempts_failed))
            ),
        ),
    ]
}

fn charts(activity: &[Activity], span: &Span) -> Vec<Chart> {
    let ended = |one: &Activity| vec![one.succeeded, one.failed, one.cancelled];
    let mean = |one: &Activity| vec![one.duration_us.checked_div(one.timed).unwrap_or(0)];
    let by_day = span.hours > 24;
    vec![
        deliveries(activity, by_day, WIDE),
        Chart::new(
            "Executions that ended",
            &["succeeded", "failed", "cancelled"],
            WIDE,
            stacks(activity, by_day, ended),
            None,
            plain,
        ),
        Chart::new(
            "Mean time from scheduled to ended",
            &["on average"],
            WIDE,
            stacks(activity, by_day, mean),
            None,
            duration,
        ),
    ]
}

fn stacks(activity: &[Activity], by_day: bool, values: fn(&Activity) -> Vec<i64>) -> Vec<Stack> {
    let stack = |one: &Activity| {
        let at = one.start.to_string();
        let (date, time) = (
            at.get(5..10).unwrap_or_default(),
            at.get(11..16).unwrap_or_default(),
        );
        Stack {
            label: if by_day { date } else { time }.to_owned(),
            name: format!("{date} {time}"),
            values: values(one),
        }
    };
    activity.iter().map(stack).collect()
}

fn deliveries(activity: &[Activity], by_day: bool, width: i64) -> Chart {
    let handled = |one: &Activity| vec![(one.deliveries - one.unhandled).max(0), 0, one.unhandled];
    let series = ["for a rule", "", "for no rule"];
    Chart::new(
        "Deliveries",
        &series,
        width,
        stacks(activity, by_day, handled),
        None,
        plain,
    )
}

/// The deliveries of the last hours, for the first page.
pub(super) async fn lately(door: &Door, now: Timestamp) -> Result<Chart, Problem> {
    let (since, step) = (now - Duration::from_hours(6), Duration::from_mins(5));
    let activity = door.ports.history.activity(since, now, step).await?;
    Ok(deliveries(&activity, false, 2 * NARROW))
}

/// A rule's histogram; the fine buckets of the store are added up to one for each doubling.
pub(super) fn latency(buckets: &[LatencyBucket]) -> Option<Chart> {
    let doubling = |micros: i64| micros.max(1).ilog2();
    let first = doubling(buckets.first()?.up_to_us);
    let last = doubling(buckets.last()?.up_to_us);
    let stack = |power: u32| {
        let among = buckets.iter().filter(|bucket| doubling(bucket.up_to_us) == power);
        let (from, to) = (1_i64 << power.min(61), 2_i64 << power.min(61));
        Stack {
            label: duration(from),
            name: format!("{} to {}", duration(from), duration(to)),
            values: vec![among.map(|bucket| bucket.count).sum()],
        }
    };
    let stacks = (first..=last).map(stack).collect();
    let title = "Time from scheduled to ended";
    Some(Chart::new(title, &["executions"], NARROW, stacks, None, plain))
}
