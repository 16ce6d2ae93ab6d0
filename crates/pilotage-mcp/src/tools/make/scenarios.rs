//! Creating and changing scenarios: in terms of what people want rather than of what Make's API takes.

use std::borrow::Cow;

use pilotage_adapters::make::client::{Arguments, catalogue::find};
use pilotage_core::ports::Role;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{answers, differences, made};
use crate::{
    answer::{Answer, ToolAnswer, ToolError},
    context::Context,
    make::Make,
    schema,
    tool::{Effect, Example, Run, Tool, typed},
    toolset::MAKE,
};

pub(crate) static TOOLS: &[Tool] = &[
    Tool {
        name: "create-scenario",
        title: "Create scenario",
        description: "Creates a scenario in Make, empty or from a blueprint. It is off until `start-scenario`.",
        toolset: &MAKE,
        effect: Effect::Change { idempotent: false },
        role: Role::Operator,
        open_world: true,
        input: schema::arguments::<CreateScenario>,
        output: || {
            json!({"type": "object", "properties": {
                "success": {"type": "boolean"},
                "scenario_id": {"type": "integer"},
                "webhook_url": {"type": "string"},
            }, "required": ["success", "scenario_id"]})
        },
        example: Example {
            input: || json!({"name": "Orders to the store", "teamId": 5}),
            output: || json!({"success": true, "scenario_id": 925}),
        },
        run: Run::Json(|context, given| typed(context, given, create)),
    },
    Tool {
        name: "update-scenario",
        title: "Update scenario",
        description: "Changes what is given of a scenario in Make; all else stays. `dry_run` shows how the blueprint would differ.",
        toolset: &MAKE,
        effect: Effect::Change { idempotent: true },
        role: Role::Operator,
        open_world: true,
        input: schema::arguments::<UpdateScenario>,
        output: || {
            json!({"type": "object", "properties": {
                "success": {"type": "boolean"},
                "scenario_id": {"type": "integer"},
                "changed": {"type": "array", "items": {"type": "string"}},
                "blueprint": {"type": "object"},
            }, "required": ["success", "scenario_id"]})
        },
        example: Example {
            input: || json!({"scenarioId": 925, "name": "Orders to the warehouse"}),
            output: || json!({"success": true, "scenario_id": 925, "changed": ["name"]}),
        },
        run: Run::Json(|context, given| typed(context, given, update)),
    },
];

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct CreateScenario {
    #[schemars(length(min = 1, max = 120))]
    name: String,
    /// Has a default
    team_id: Option<u64>,
    description: Option<String>,
    folder_id: Option<u64>,
    /// `{name, flow, metadata}`
    blueprint: Option<serde_json::Map<String, Value>>,
    /// `{type: on-demand | immediately | indefinitely, interval?}`
    scheduling: Option<serde_json::Map<String, Value>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct UpdateScenario {
    scenario_id: u64,
    #[schemars(length(min = 1, max = 120))]
    name: Option<String>,
    description: Option<String>,
    /// null for no folder
    #[serde(default, deserialize_with = "given")]
    folder_id: Folder,
    scheduling: Option<serde_json::Map<String, Value>>,
    /// The whole new blueprint
    blueprint: Option<serde_json::Map<String, Value>>,
}

/// What is said of the folder.
#[derive(Default)]
enum Folder {
    #[default]
    Kept,
    None,
    Into(u64),
}

impl JsonSchema for Folder {
    fn schema_name() -> Cow<'static, str> {
        "Folder".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"anyOf": [{"type": "integer"}, {"type": "null"}]})
    }
}

fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Folder, D::Error> {
    let folder = Option::deserialize(deserializer)?;
    Ok(folder.map_or(Folder::None, Folder::Into))
}

impl Folder {
    fn argument(&self) -> Option<Value> {
        match self {
            Self::Kept => None,
            Self::None => Some(Value::Null),
            Self::Into(folder) => Some((*folder).into()),
        }
    }
}

/// A blueprint with nothing in it, and Make's usual settings.
pub(super) fn blueprint(name: &str, flow: &Value) -> Value {
    json!({
        "name": name,
        "flow": flow,
        "metadata": {
            "version": 1,
            "scenario": {
                "roundtrips": 1, "maxErrors": 3, "autoCommit": true, "autoCommitTriggerLast": true, "sequential": false,
                "slots": null, "confidential": false, "dataloss": false, "dlq": false, "freshVariables": false,
            },
            "designer": {"orphans": []},
        },
    })
}

/// What a new scenario is made from.
pub(super) struct New {
    pub(super) name: String,
    pub(super) team: u64,
    pub(super) folder: Option<u64>,
    pub(super) description: Option<String>,
    pub(super) blueprint: Value,
    pub(super) scheduling: Value,
}

impl New {
    fn arguments(&self) -> Arguments {
        let mut arguments = Arguments::new();
        arguments.insert("teamId".to_owned(), self.team.into());
        arguments.insert("blueprint".to_owned(), self.blueprint.clone());
        arguments.insert("scheduling".to_owned(), self.scheduling.clone());
        arguments.extend(self.folder.map(|folder| ("folderId".to_owned(), folder.into())));
        arguments
    }

    /// Says what would be created.
    ///
    /// # Errors
    /// The arguments do not hold.
    pub(super) async fn would(&self, context: &Context) -> ToolAnswer {
        let operation = operation("create-scenario")?;
        made::would(context.make()?, context, operation, &self.arguments()).await
    }

    /// Creates it, and answers with its id. What a description needs is a call of its own at Make.
    ///
    /// # Errors
    /// Make refuses. Where it refuses the description alone, the error names the scenario that is there.
    pub(super) async fn create(&self, context: &Context) -> Result<u64, ToolError> {
        let make = context.make()?;
        let answer = make
            .call(context, operation("create-scenario")?, &self.arguments(), false)
            .await?;
        let id = answer["scenario"]["id"].as_u64();
        let id =
            id.ok_or_else(|| ToolError::new("Make gave the new scenario no id", "List the scenarios."))?;
        let Some(description) = &self.description else {
            return Ok(id);
        };
        let change = json!({"scenarioId": id, "description": description});
        make.ask(context, "update-scenario", change)
            .await
            .map_err(|error| {
                ToolError::new(
                    format!("the scenario {id} was created, but has no description: {error}"),
                    "Give it one with `update-scenario`; do not create it again.",
                )
                .untrusted()
            })?;
        Ok(id)
    }
}

fn operation(id: &str) -> Result<&'static pilotage_adapters::make::client::Operation, ToolError> {
    find(id).ok_or_else(|| {
        ToolError::new(
            format!("there is no operation `{id}`"),
            "This is a fault of the server.",
        )
    })
}

async fn create(context: &Context, asked: CreateScenario) -> ToolAnswer {
    let make = context.make()?;
    let team = match asked.team_id {
        Some(team) => team,
        None => make.default_team(context).await?,
    };
    let mut own = asked
        .blueprint
        .map_or_else(|| blueprint(&asked.name, &json!([])), Value::Object);
    refuse_mask(&own)?;
    own["name"] = asked.name.clone().into();
    let new = New {
        name: asked.name,
        team,
        folder: asked.folder_id,
        description: asked.description.filter(|text| !text.is_empty()),
        blueprint: own,
        scheduling: asked
            .scheduling
            .map_or_else(|| json!({"type": "on-demand"}), Value::Object),
    };
    if context.is_dry_run() {
        return new.would(context).await;
    }
    let id = new.create(context).await?;
    let mut structured = json!({"success": true, "scenario_id": id, "name": new.name, "team_id": team});
    answers::mark(make, &mut structured);
    Ok(Answer::json(structured).with_text(format!(
        "Successfully created scenario {id} in team {team}{}. It is off; `start-scenario` switches it on.",
        said_of_mock(make)
    )))
}

pub(super) const fn said_of_mock(make: &Make) -> &'static str {
    if make.is_mock() {
        " of the mock of Make (no account is behind it)"
    } else {
        ""
    }
}

/// A blueprint that was shown with masks must not overwrite what they hide.
fn refuse_mask(blueprint: &Value) -> Result<(), ToolError> {
    if answers::holds_mask(blueprint) {
        return Err(ToolError::new(
            format!(
                "the blueprint holds `{}`, which stands for a credential that was not shown",
                answers::MASK
            ),
            "Have a person change this scenario in Make, or move the credential into a key or connection there.",
        ));
    }
    Ok(())
}

async fn update(context: &Context, asked: UpdateScenario) -> ToolAnswer {
    let make = context.make()?;
    let id = asked.scenario_id;
    let mut arguments = Arguments::new();
    let fields = [
        ("name", asked.name.map(Value::from)),
        ("description", asked.description.map(Value::from)),
        ("folderId", asked.folder_id.argument()),
        ("scheduling", asked.scheduling.map(Value::Object)),
        ("blueprint", asked.blueprint.map(Value::Object)),
    ];
    arguments.extend(
        fields
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?))),
    );
    if arguments.is_empty() {
        return Err(ToolError::new(
            "nothing is given that could be changed",
            "Give a name, description, folderId, scheduling or blueprint.",
        ));
    }
    let changed: Vec<String> = arguments.keys().cloned().collect();
    let mut structured = json!({"success": true, "scenario_id": id, "changed": changed});
    if let Some(after) = arguments.get("blueprint") {
        refuse_mask(after)?;
        let answer = make
            .ask(context, "get-scenario-blueprint", json!({"scenarioId": id}))
            .await?;
        structured["blueprint"] = differences::of_blueprints(&answer["response"]["blueprint"], after);
    }
    arguments.insert("scenarioId".to_owned(), id.into());
    if context.is_dry_run() {
        return would_update(make, context, id, &arguments, structured).await;
    }
    make.call(context, operation("update-scenario")?, &arguments, false)
        .await?;
    answers::mark(make, &mut structured);
    Ok(Answer::json(structured).untrusted())
}

/// What each field is and would be.
async fn would_update(
    make: &Make,
    context: &Context,
    id: u64,
    arguments: &Arguments,
    mut facts: Value,
) -> ToolAnswer {
    let present = make
        .ask(context, "get-scenario", json!({"scenarioId": id}))
        .await?;
    let plain = arguments
        .iter()
        .filter(|(name, _)| !["blueprint", "scenarioId"].contains(&name.as_str()));
    for (name, after) in plain {
        facts[name.as_str()] = json!({"before": present["scenario"][name], "after": after});
    }
    if let Value::Object(facts) = &mut facts {
        facts.remove("success");
    }
    facts["request"] = json!({"method": "PATCH", "path": format!("/api/v2/scenarios/{id}")});
    answers::mark(make, &mut facts);
    Ok(Answer::would(&format!("change the scenario {id} at Make"), &facts).untrusted())
}
