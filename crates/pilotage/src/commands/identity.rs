//! Identities as options and arguments take them.

use uuid::Uuid;

/// The id of an event.
pub(super) fn event(text: &str) -> Result<Uuid, String> {
    read(text, "event list")
}

/// The id of an execution.
pub(super) fn execution(text: &str) -> Result<Uuid, String> {
    read(text, "execution list")
}

fn read(text: &str, listed_by: &str) -> Result<Uuid, String> {
    text.parse()
        .map_err(|_| format!("want an id from `pilotage {listed_by}`"))
}
