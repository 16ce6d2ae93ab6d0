//! Changes -> live status. The audit trail is the durable feed of everything that happened, in order: reporting follows it,
//! so what is shown is exactly what is recorded, and a follower that was away resumes from a sequence number.

use std::time::Duration;

use pilotage_core::{
    audit::AuditRecord,
    ports::{News, StoreError},
};
use tokio_util::sync::CancellationToken;

use crate::Ports;

/// Records handed on at once at most.
const BATCH: usize = 256;
/// How often to look when no bell rang.
const POLL: Duration = Duration::from_millis(500);

/// Follows the audit trail from a sequence number.
pub struct Reporter {
    ports: Ports,
    after: i64,
}

impl Reporter {
    /// Reports what is recorded from now on.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn from_now(ports: Ports) -> Result<Self, StoreError> {
        let after = ports.audit.head().await?.sequence;
        Ok(Self { ports, after })
    }

    /// Hands every new record to `report`, in order, until `stop` and what was recorded before it has been reported.
    pub async fn run(mut self, stop: CancellationToken, mut report: impl FnMut(&AuditRecord) + Send) {
        let mut bell = self.ports.bell.listen(News::Audit);
        loop {
            let stopping = stop.is_cancelled();
            match self.report_next(&mut report).await {
                Ok(0) if stopping => return,
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) if stopping => return tracing::warn!(%error, "the last reports are missing"),
                Err(error) => tracing::warn!(%error, "reporting could not go on; it will try again"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = bell.wait() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    async fn report_next(
        &mut self,
        report: &mut (impl FnMut(&AuditRecord) + Send),
    ) -> Result<usize, StoreError> {
        let records = self.ports.audit.records_after(self.after, BATCH).await?;
        for record in &records {
            report(record);
            self.after = record.sequence;
        }
        Ok(records.len())
    }
}
