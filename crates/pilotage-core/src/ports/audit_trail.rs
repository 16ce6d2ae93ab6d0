use async_trait::async_trait;

use super::StoreError;
use crate::audit::{AuditRecord, Head};

/// Reading the audit trail. Nothing can be written to it alone: records come with the changes they record.
#[async_trait]
pub trait AuditTrail: Send + Sync {
    /// Up to `limit` records with a sequence above `after`, oldest first.
    async fn records_after(&self, after: i64, limit: usize) -> Result<Vec<AuditRecord>, StoreError>;

    /// The last record's place.
    async fn head(&self) -> Result<Head, StoreError>;
}
