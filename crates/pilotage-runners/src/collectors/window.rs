//! `window`: whether now is a time for changes, and when the next one begins.

use async_trait::async_trait;
use pilotage_core::{
    config::Problem,
    gate::{Measured, Tool, Unit, Value},
};
use serde::Deserialize;
use serde_json::Value as Json;

use super::section;
use crate::{
    Collector, CollectorKind, Measures, Site,
    calendar::{Calendar, FreezeFile, Standing, WindowFile},
    reading::{Proof, brief},
};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "window",
    build,
    detect: |_| None,
    schema: <Section as schemars::JsonSchema>::json_schema,
};

const METRIC: &str = "change_window_compliance";

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Section {
    /// The time zone in which everything is written, such as `Europe/Berlin`.
    time_zone: String,
    /// When changes are allowed; always where nothing is given.
    #[serde(default)]
    #[schemars(length(max = 100))]
    windows: Vec<WindowFile>,
    /// When they are not, whatever the windows say.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    freezes: Vec<FreezeFile>,
}

struct Window {
    calendar: Calendar,
    written: String,
}

fn build(value: &Json) -> Result<Box<dyn Collector>, Vec<Problem>> {
    let section: Section = section(value)?;
    let mut problems = Vec::new();
    if section.windows.is_empty() && section.freezes.is_empty() {
        problems.push(Problem::at(
            "",
            "neither windows nor freezes: nothing could be said",
        ));
    }
    if section.windows.len() > 100 || section.freezes.len() > 1_000 {
        problems.push(Problem::at("", "at most 100 windows and 1000 freezes"));
    }
    match Calendar::new(&section.time_zone, &section.windows, &section.freezes) {
        Ok(calendar) if problems.is_empty() => Ok(Box::new(Window {
            calendar,
            written: value.to_string(),
        })),
        Ok(_) => Err(problems),
        Err(found) => {
            problems.extend(
                found
                    .into_iter()
                    .map(|(place, message)| Problem::at(place, message)),
            );
            Err(problems)
        }
    }
}

#[async_trait]
impl Collector for Window {
    fn measures(&self) -> Measures {
        vec![(METRIC.to_owned(), Unit::Bool)]
    }

    async fn collect(&self, _: &Site) -> Measured {
        let now = jiff::Timestamp::now();
        let (is_open, mut notes) = (true, vec![format!("it is {}", self.calendar.show(now))]);
        let is_open = match self.calendar.at(now) {
            Standing::Open => is_open,
            Standing::Closed { reason, opens } => {
                notes.push(brief(&reason));
                notes.push(match opens {
                    Some(at) => format!("the next slot opens at {}", self.calendar.show(at)),
                    None => "no slot opens within 400 days".to_owned(),
                });
                false
            }
        };
        let tool = Tool {
            name: "calendar".to_owned(),
            version: None,
        };
        let proof = Proof::of_run(tool, self.written.as_bytes(), 1);
        let examined = (self.calendar.rules(), "windows and freezes");
        let evidence = proof.evidence(Value::Bool(is_open), Unit::Bool, examined, &notes);
        Measured::from([(METRIC.to_owned(), Ok(evidence))])
    }
}
