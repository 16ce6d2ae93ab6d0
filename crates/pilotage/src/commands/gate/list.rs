//! `pilotage gate list`.

use clap::Args;
use serde_json::json;

use super::Config;
use crate::{cli::Context, exit::Done, output::Table};

/// What is listed.
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only gates of this environment
    #[arg(long = "env", value_name = "NAME")]
    environment: Option<String>,
    #[command(flatten)]
    config: Config,
}

impl List {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Done> {
        let mut gates = self.config.gates()?.in_force;
        if let Some(environment) = &self.environment {
            gates.retain(|gate| gate.applies_to(environment));
        }
        if context.output.is_json() {
            let items: Vec<_> = gates.iter().map(shown).collect();
            context.output.json(&json!({ "items": items, "next": null }))?;
            return Ok(Done::Yes);
        }
        let mut table = Table::new(&["GATE", "FOR", "EFFECT", "METRIC", "ASKED", "IMPACT"]);
        for gate in &gates {
            let effect = if gate.blocking { "blocking" } else { "advisory" };
            for criterion in &gate.criteria {
                table.row([
                    gate.id.as_str().into(),
                    gate.environments.join(", ").into(),
                    effect.into(),
                    criterion.metric.as_str().into(),
                    criterion.test.show(criterion.unit).into(),
                    criterion.impact.name().into(),
                ]);
            }
        }
        context.output.table(&table)?;
        Ok(Done::Yes)
    }
}

fn shown(gate: &pilotage_core::gate::Gate) -> serde_json::Value {
    let criteria = gate.criteria.iter().map(|criterion| {
        json!({
            "metric": criterion.metric, "unit": criterion.unit, "threshold": criterion.test.show(criterion.unit),
            "impact": criterion.impact, "description": criterion.description,
            "recommendation": criterion.recommendation, "onNoEvidence": criterion.on_no_evidence,
        })
    });
    json!({
        "id": gate.id, "name": gate.name, "type": gate.kind, "environments": gate.environments,
        "blocking": gate.blocking, "timeoutSeconds": gate.timeout.as_secs_f64(),
        "criteria": criteria.collect::<Vec<_>>(),
    })
}
