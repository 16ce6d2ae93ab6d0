//! Gates and evidence of the file, checked together: criteria may name metrics that evidence defines.

use pilotage_core::{
    config::Problem,
    gate::{self, Gate, Metrics},
};
use pilotage_runners::{Source, collector, secrets::Search};

use super::SettingsFile;

/// What a file says of gates.
pub(crate) struct Gates {
    /// Every gate that holds, the built-in ones first.
    pub(crate) in_force: Vec<Gate>,
    /// Where evidence comes from, as far as it is configured.
    pub(crate) sources: Vec<Source>,
    /// The metrics that there are, with those of the evidence.
    pub(crate) metrics: Metrics,
}

/// # Errors
/// Everything that is wrong with gates and evidence.
pub(crate) fn read(file: &SettingsFile) -> Result<Gates, Vec<Problem>> {
    let sources = collector::configured(&file.evidence)?;
    let mut metrics = Metrics::default();
    for (metric, unit) in sources.iter().flat_map(Source::measures) {
        metrics
            .define(&metric, unit)
            .map_err(|message| vec![Problem::at("/evidence", message)])?;
    }
    let gates = gate::resolve(&file.gates, &metrics)?;
    Ok(Gates {
        in_force: gates,
        sources,
        metrics,
    })
}

/// The first section of the kind `secrets`, which was checked before.
pub(super) fn secrets(file: &SettingsFile) -> Search {
    let section = file
        .evidence
        .values()
        .find(|section| section["kind"] == "secrets");
    let mut section = section.cloned().unwrap_or_default();
    if let Some(fields) = section.as_object_mut() {
        fields.remove("kind");
    }
    serde_json::from_value(section).unwrap_or_default()
}
