//! `pilotage schema`: the JSON Schema of `pilotage.yaml`, for editors.

use pilotage_adapters::{notifiers, runs, sources};
use serde_json::Value;

use crate::{exit::Done, output::Output, settings::SettingsFile};

/// Prints the schema.
///
/// # Errors
/// Never: the schema is made of what the program was built with.
pub(crate) fn run(output: Output) -> anyhow::Result<Done> {
    output.json(&schema())?;
    Ok(Done::Yes)
}

/// The schema of the whole file, with what every registered source and notifier says of itself.
pub(crate) fn schema() -> Value {
    let mut generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
    let sections = [
        ("sources", sources::schema(&mut generator)),
        ("notifiers", notifiers::schema(&mut generator)),
        ("platforms", runs::schema(&mut generator)),
        ("evidence", pilotage_runners::collector::schema(&mut generator)),
        (
            "slack",
            generator.subschema_for::<pilotage_adapters::slack::AppConfig>(),
        ),
    ];
    let mut root = generator.into_root_schema_for::<SettingsFile>().to_value();
    if let Some(properties) = root.get_mut("properties").and_then(Value::as_object_mut) {
        properties.extend(sections.map(|(name, schema)| (name.to_owned(), schema.to_value())));
    }
    root
}
