//! Checking a file offline: the audit chain, and that what is stored is what the chain says.

mod error;
mod gate_runs;
mod pipeline_runs;
mod test_runs;

pub use error::VerifyError;

use std::path::Path;

use pilotage_core::{
    Digest, EventFacts, Position, Timestamp,
    audit::{AuditRecord, ChainVerifier, Head, kind},
};
use rusqlite::{Connection, OptionalExtension, Row, Rows};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    columns::status_code,
    events,
    executions::FinishedFacts,
    keys,
    registry::{self, PrunedFacts},
    schema,
    test_runs::Pruned as TestRunsPruned,
};

/// How often the progress is told, in records.
const PROGRESS_EVERY: u64 = 10_000;

/// What held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyReport {
    /// The last audit record. Whoever wrote down an earlier head can find it in the chain; a chain that was cut short
    /// behind its last record can only be noticed that way.
    pub head: Head,
    /// Events whose facts agree with their records.
    pub events: i64,
    /// Stored bodies whose digests agree with their records.
    pub bodies: i64,
    /// Bodies that retention pruned, as many as the records say.
    pub pruned: i64,
    /// Ended executions whose status agrees with their last record.
    pub executions: i64,
    /// Ended runs of gates that agree with their record, and their documents with their digests.
    pub gate_runs: i64,
}

/// Checks the whole file at `path` in one snapshot, in constant memory; a server may be running on it. `progress` is
/// told the number of records checked so far, now and then and at the end.
///
/// # Errors
/// Names the first record, event or execution that does not hold.
pub fn verify_file(path: &Path, progress: &mut dyn FnMut(u64)) -> Result<VerifyReport, VerifyError> {
    let connection = schema::open_reader(path)?;
    schema::check_identity(&connection, path)?;
    let snapshot = connection.unchecked_transaction()?;
    let mut statement = snapshot.prepare(&format!(
        "SELECT {}, b.size, b.compressed, b.data FROM events e LEFT JOIN bodies b USING (position) ORDER BY e.position",
        events::FACTS
    ))?;
    let mut check = Check {
        connection: &snapshot,
        events: statement.query([])?,
        chain: ChainVerifier::after(Head::EMPTY),
        keyed_through: keys::keyed_through(&snapshot)?,
        pruned_before: gate_runs::pruned_before(&snapshot)?,
        missing_test_runs: 0,
        pruned_test_runs: 0,
        report: VerifyReport {
            head: Head::EMPTY,
            events: 0,
            bodies: 0,
            pruned: 0,
            executions: 0,
            gate_runs: 0,
        },
    };
    check.records(progress)?;
    check.rule_versions()?;
    check.end()
}

/// The facts of an audit record `delivery.accepted`; written by `append`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    position: Position,
    delivery_id: String,
    #[serde(rename = "type")]
    event_type: String,
    timestamp: i64,
    verified: bool,
    digest: Digest,
    data_digest: Option<Digest>,
    attributes_digest: Option<Digest>,
}

struct Check<'c, 's> {
    connection: &'c Connection,
    events: Rows<'s>,
    chain: ChainVerifier,
    keyed_through: Position,
    pruned_before: Timestamp,
    missing_test_runs: i64,
    pruned_test_runs: i64,
    report: VerifyReport,
}

impl Check<'_, '_> {
    fn records(&mut self, progress: &mut dyn FnMut(u64)) -> Result<(), VerifyError> {
        let mut statement = self.connection.prepare("SELECT * FROM audit ORDER BY sequence")?;
        let mut rows = statement.query([])?;
        let mut checked = 0;
        while let Some(row) = rows.next()? {
            let record = registry::record(row)?;
            self.chain.check(&record)?;
            self.content(&record)?;
            checked += 1;
            if checked % PROGRESS_EVERY == 0 {
                progress(checked);
            }
        }
        progress(checked);
        Ok(())
    }

    fn content(&mut self, record: &AuditRecord) -> Result<(), VerifyError> {
        match record.kind.as_str() {
            kind::DELIVERY_ACCEPTED => self.event(record),
            kind::EXECUTION_FINISHED => self.execution(record),
            kind::GATE_RUN_ENDED => {
                gate_runs::check(self.connection, record, self.pruned_before)?;
                self.report.gate_runs += 1;
                Ok(())
            }
            kind::PIPELINE_RUN_ENDED => pipeline_runs::check(self.connection, record),
            kind::TEST_RUN_ENDED => {
                self.missing_test_runs += i64::from(!test_runs::check(self.connection, record)?);
                Ok(())
            }
            kind::TEST_RUNS_PRUNED => {
                let facts: TestRunsPruned = facts_of(record)?;
                self.pruned_test_runs += facts.count;
                Ok(())
            }
            kind::BODIES_PRUNED => {
                let facts: PrunedFacts = facts_of(record)?;
                self.report.pruned += i64::try_from(facts.count).unwrap_or(i64::MAX);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Events and the records of their acceptance come in the same order, so both are walked side by side.
    fn event(&mut self, record: &AuditRecord) -> Result<(), VerifyError> {
        let accepted: Accepted = facts_of(record)?;
        let sequence = record.sequence;
        let row = self.events.next()?.ok_or(VerifyError::EventMissing {
            sequence,
            position: accepted.position,
        })?;
        let (position, facts) = events::facts(row)?;
        if position < accepted.position {
            return Err(VerifyError::EventUnrecorded { position });
        }
        if position > accepted.position {
            return Err(VerifyError::EventMissing {
                sequence,
                position: accepted.position,
            });
        }
        let with_body = has_body(row)?;
        if let Some(what) =
            changed_fact(record, &accepted, &facts).or(changed_body(row, &accepted, with_body))
        {
            return Err(VerifyError::EventChanged {
                sequence,
                position,
                what,
            });
        }
        self.key(position, &facts)?;
        self.report.events += 1;
        self.report.bodies += i64::from(with_body);
        Ok(())
    }

    /// Without its key a delivery would be taken for a new one when it comes again.
    fn key(&self, position: Position, facts: &EventFacts) -> Result<(), VerifyError> {
        if position > self.keyed_through {
            return Ok(());
        }
        let key = keys::key(&facts.tenant.0, &facts.source, &facts.delivery_id);
        let found = keys::in_table(self.connection, &key)?;
        (found == Some(position))
            .then_some(())
            .ok_or(VerifyError::KeyMissing { position })
    }

    fn execution(&mut self, record: &AuditRecord) -> Result<(), VerifyError> {
        let facts: FinishedFacts = facts_of(record)?;
        let changed = || VerifyError::ExecutionChanged {
            sequence: record.sequence,
            execution: record.subject.clone(),
        };
        let id = Uuid::parse_str(&record.subject).map_err(|_| changed())?;
        let (status, finished_record) = self
            .connection
            .prepare_cached("SELECT status, finished_record FROM executions WHERE id = ?1")?
            .query_row([id.as_bytes()], |row| {
                Ok((row.get::<_, u8>(0)?, row.get::<_, Option<i64>>(1)?))
            })
            .optional()?
            .ok_or_else(changed)?;
        // An earlier ending was followed by a return from the dead letters.
        if finished_record != Some(record.sequence) {
            return Ok(());
        }
        if status != status_code(facts.status) {
            return Err(changed());
        }
        self.report.executions += 1;
        Ok(())
    }

    /// Every record names the version of a rule by its digest, so a version that has its digest is the one on record.
    fn rule_versions(&self) -> Result<(), VerifyError> {
        let mut statement = self
            .connection
            .prepare("SELECT digest, json FROM rule_versions")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let digest = Digest(row.get(0)?);
            let holds = row
                .get_ref(1)?
                .as_bytes()
                .is_ok_and(|json| Digest::of(json) == digest);
            if !holds {
                return Err(VerifyError::RuleChanged { digest });
            }
        }
        Ok(())
    }

    fn end(mut self) -> Result<VerifyReport, VerifyError> {
        if let Some(row) = self.events.next()? {
            let position = Position(row.get(0)?);
            return Err(VerifyError::EventUnrecorded { position });
        }
        let VerifyReport {
            events,
            bodies,
            pruned,
            executions,
            ..
        } = self.report;
        let missing = events - bodies;
        if missing != pruned {
            return Err(VerifyError::BodiesMissing { missing, pruned });
        }
        let (missing, pruned) = (self.missing_test_runs, self.pruned_test_runs);
        if missing != pruned {
            return Err(VerifyError::TestRunsMissing { missing, pruned });
        }
        let ended: i64 =
            self.connection
                .query_row("SELECT count(*) FROM executions WHERE status >= 3", [], |row| {
                    row.get(0)
                })?;
        if ended != executions {
            return Err(VerifyError::ExecutionsUnrecorded(ended - executions));
        }
        Ok(VerifyReport {
            head: self.chain.head(),
            ..self.report
        })
    }
}

fn facts_of<T: for<'de> Deserialize<'de>>(record: &AuditRecord) -> Result<T, VerifyError> {
    serde_json::from_str(&record.facts).map_err(|_| VerifyError::Facts {
        sequence: record.sequence,
    })
}

fn has_body(row: &Row<'_>) -> rusqlite::Result<bool> {
    Ok(row.get::<_, Option<i64>>(events::BEHIND_FACTS)?.is_some())
}

fn changed_body(row: &Row<'_>, accepted: &Accepted, with_body: bool) -> Option<&'static str> {
    let expected = accepted.data_digest.unwrap_or(accepted.digest);
    let holds = !with_body
        || matches!(events::data(row, events::BEHIND_FACTS), Ok(Some(data)) if Digest::of(&data) == expected);
    (!holds).then_some("body")
}

fn changed_fact(record: &AuditRecord, accepted: &Accepted, facts: &EventFacts) -> Option<&'static str> {
    let holds = [
        (facts.id.to_string() == record.subject, "id"),
        (facts.tenant.0 == record.tenant, "tenant"),
        (
            record.actor.strip_prefix("source:") == Some(&facts.source),
            "source",
        ),
        (facts.event_type == accepted.event_type, "type"),
        (facts.delivery_id == accepted.delivery_id, "delivery id"),
        (facts.timestamp.as_micros() == accepted.timestamp, "timestamp"),
        (facts.received_at == record.at, "time of receipt"),
        (facts.verified == accepted.verified, "verified"),
        (facts.digest == accepted.digest, "digest"),
        (
            attributes_digest(facts) == accepted.attributes_digest,
            "attributes",
        ),
    ];
    holds.into_iter().find(|(holds, _)| !holds).map(|(_, what)| what)
}

fn attributes_digest(facts: &EventFacts) -> Option<Digest> {
    let text = serde_json::to_string(&facts.attributes).ok()?;
    (!facts.attributes.is_empty()).then(|| Digest::of(text.as_bytes()))
}
