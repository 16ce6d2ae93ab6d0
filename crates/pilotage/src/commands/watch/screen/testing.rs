//! Operations to show.

use pilotage_core::{
    Timestamp,
    operation::{OperationId, OperationStatus, ShownProgress, StatusUpdate},
};
use serde_json::json;
use uuid::Uuid;

/// The moment of the tests, in seconds since 1970.
pub(in crate::commands::watch) const NOW: i64 = 1_790_000_000;

/// An execution that changed so many seconds before `NOW` as its number says.
pub(in crate::commands::watch) fn update(number: u32, status: OperationStatus, name: &str) -> StatusUpdate {
    let facts = json!({ "name": name, "rule": name, "source": "github", "finishedAt": null });
    StatusUpdate {
        id: OperationId(Uuid::from_u128(
            0x0193_0000_0000_7000_8000_0000_0000_0000 + u128::from(number),
        )),
        kind: "execution".to_owned(),
        status,
        progress: ShownProgress {
            current: 1,
            total: 2,
            percentage: 50,
        },
        message: "action 1 (webhook)".to_owned(),
        timestamp: Timestamp::from_secs(NOW - i64::from(number)),
        metadata: facts.as_object().cloned().unwrap_or_default(),
    }
}
