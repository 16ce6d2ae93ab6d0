use std::sync::{Arc, atomic::Ordering};

use askama::Template;
use axum::{extract::State, response::Response};
use pilotage_core::audit::{AuditRecord, Head};

use super::{
    query::Query,
    shell::{Shell, Visitor, page},
    verify::Progress,
    words::{Moment, count, cut, duration},
};
use crate::{door::Door, problem::Problem};

/// Records on a page.
const LINES: usize = 50;
/// Records read at once.
const BATCH: i64 = 500;
/// Records looked at for one page at most; then the page says where to go on.
const MOST_LOOKED_AT: i64 = 5_000;

/// A record in the list.
struct Record {
    sequence: i64,
    at: Moment,
    kind: String,
    actor: String,
    subject: String,
    subject_href: Option<String>,
    facts: String,
    hash: String,
    short_hash: String,
}

impl Record {
    fn new(visitor: &Visitor, record: AuditRecord) -> Self {
        let hash = record.hash.to_string();
        Self {
            sequence: record.sequence,
            at: visitor.moment(record.at),
            subject_href: subject_href(&record),
            kind: record.kind,
            actor: cut(&record.actor, 80),
            subject: cut(&record.subject, 80),
            facts: cut(&record.facts, 1_000),
            short_hash: hash.get(..12).unwrap_or(&hash).to_owned(),
            hash,
        }
    }
}

fn subject_href(record: &AuditRecord) -> Option<String> {
    let (noun, _) = record.kind.split_once('.')?;
    let folder = match noun {
        "delivery" | "event" => "/events/",
        "execution" | "attempt" => "/executions/",
        "rule" => "/rules/",
        "gate" if record.kind.starts_with("gate.run-") => "/gates/runs/",
        "pipeline" => "/pipelines/",
        "test" if record.kind.starts_with("test.run-") => "/tests/runs/",
        _ => return None,
    };
    Some(super::query::path(folder, &record.subject))
}

/// What the records of a page have in common.
struct Wanted {
    kind: String,
    actor: String,
    subject: String,
}

impl Wanted {
    fn of(query: &Query) -> Self {
        Self {
            kind: query.field("kind"),
            actor: query.field("actor"),
            subject: query.field("subject"),
        }
    }

    fn is_any(&self) -> bool {
        self.kind.is_empty() && self.actor.is_empty() && self.subject.is_empty()
    }

    fn holds(&self, record: &AuditRecord) -> bool {
        record.kind.starts_with(&self.kind)
            && record.actor.contains(&self.actor)
            && record.subject.contains(&self.subject)
    }
}

/// How the verification stands, in words.
struct Verification {
    running: bool,
    class: &'static str,
    text: String,
    at: Option<Moment>,
}

impl Verification {
    fn of(visitor: &Visitor, progress: Progress) -> Option<Self> {
        Some(match progress {
            Progress::Never => return None,
            Progress::Running { began, records } => Self {
                running: true,
                class: "run",
                text: format!(
                    "Verifying: {} records checked so far",
                    count(i64::try_from(records.load(Ordering::Relaxed)).unwrap_or(i64::MAX))
                ),
                at: Some(visitor.moment(began)),
            },
            Progress::Ended { at, took, outcome } => {
                let took = duration(pilotage_core::time::micros(took));
                let (class, text) = match outcome {
                    Ok(text) => ("ok", format!("The trail holds: {text} (took {took})")),
                    Err(text) => ("bad", format!("The trail does not hold: {text}")),
                };
                Self {
                    running: false,
                    class,
                    text,
                    at: Some(visitor.moment(at)),
                }
            }
        })
    }
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    shell: Shell,
    head: Head,
    length: String,
    wanted: Wanted,
    records: Vec<Record>,
    newest: Option<String>,
    older: Option<String>,
    /// How many were looked at, where the page was ended by that.
    looked_at: Option<String>,
    can_verify: bool,
    verification: Option<Verification>,
}

pub(super) async fn show(State(door): State<Arc<Door>>, visitor: Visitor) -> Result<Response, Problem> {
    let query = &visitor.query;
    let head = door.ports.audit.head().await?;
    let wanted = Wanted::of(query);
    let after = query.number("after")?;
    let before = after
        .unwrap_or(i64::MAX)
        .clamp(1, head.sequence.saturating_add(1));
    let found = read_before(&door, before, &wanted).await?;
    page(&Audit {
        length: count(head.sequence),
        newest: after.map(|_| query.with("after", None)),
        older: (found.next > 1).then(|| query.with("after", Some(&found.next.to_string()))),
        looked_at: found.gave_up.then(|| count(MOST_LOOKED_AT)),
        records: found
            .records
            .into_iter()
            .map(|record| Record::new(&visitor, record))
            .collect(),
        can_verify: door.verifying.is_possible(),
        verification: Verification::of(&visitor, door.verifying.progress()),
        shell: visitor.shell("Audit", "/audit"),
        head,
        wanted,
    })
}

struct Found {
    records: Vec<AuditRecord>,
    /// Everything below this was not looked at.
    next: i64,
    gave_up: bool,
}

/// The records below `before` that are wanted, newest first. The trail is read forwards, so this goes back batch by batch.
async fn read_before(door: &Door, before: i64, wanted: &Wanted) -> Result<Found, Problem> {
    let mut found = Found {
        records: Vec::new(),
        next: before,
        gave_up: false,
    };
    let step = if wanted.is_any() {
        i64::try_from(LINES).unwrap_or(BATCH)
    } else {
        BATCH
    };
    while found.next > 1 && found.records.len() < LINES {
        if before - found.next >= MOST_LOOKED_AT {
            found.gave_up = true;
            break;
        }
        let from = (found.next - 1 - step).max(0);
        let limit = usize::try_from(found.next - 1 - from).unwrap_or(0);
        let batch = door.ports.audit.records_after(from, limit).await?;
        found.next = from + 1;
        for record in batch.into_iter().rev().filter(|record| wanted.holds(record)) {
            if found.records.len() == LINES {
                break;
            }
            found.records.push(record);
        }
        if let Some(last) = found.records.last().filter(|_| found.records.len() == LINES) {
            found.next = last.sequence;
        }
    }
    Ok(found)
}
