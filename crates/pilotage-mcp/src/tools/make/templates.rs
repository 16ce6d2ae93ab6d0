//! Templates to begin with: three of our own, and those that Make offers.

use pilotage_core::ports::Role;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    answers,
    scenarios::{New, blueprint, said_of_mock},
};
use crate::{
    answer::{Answer, ToolAnswer},
    context::Context,
    schema,
    tool::{Effect, Example, Run, Tool, typed},
    toolset::MAKE,
};

pub(crate) static TOOLS: &[Tool] = &[
    Tool {
        name: "create-scenario-from-template",
        title: "Create scenario from template",
        description: "Creates a scenario in Make with the modules of a template, still to be connected; `list-templates` shows them.",
        toolset: &MAKE,
        effect: Effect::Change { idempotent: false },
        role: Role::Operator,
        open_world: true,
        input: schema::arguments::<FromTemplate>,
        output: || {
            json!({"type": "object", "properties": {
                "success": {"type": "boolean"},
                "scenario_id": {"type": "integer"},
                "scenario_config": {"type": "object"},
            }, "required": ["success", "scenario_id", "scenario_config"]})
        },
        example: Example {
            input: || json!({"template_type": "notification", "name": "Tell sales", "team_id": 5}),
            output: || {
                let modules = [json!({"id": 1, "type": "webhook", "module": "gateway:CustomWebHook"})];
                json!({"success": true, "scenario_id": 925, "scenario_config": {"name": "Tell sales", "team_id": 5, "modules": modules}})
            },
        },
        run: Run::Json(|context, given| typed(context, given, create)),
    },
    Tool {
        name: "list-templates",
        title: "List templates",
        description: "Templates that scenarios can begin with: those of `create-scenario-from-template`, and the public ones of Make that fit the category.",
        toolset: &MAKE,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: true,
        input: schema::arguments::<ListTemplates>,
        output: || {
            json!({"type": "object", "properties": {
                "templates": {"type": "array", "items": {"type": "object"}},
            }, "required": ["templates"]})
        },
        example: Example {
            input: || json!({"category": "notification"}),
            output: || json!({"templates": [{"template_type": "notification", "source": "pilotage", "modules": ["webhook", "filter", "slack"]}]}),
        },
        run: Run::Json(|context, given| typed(context, given, list)),
    },
];

/// Public templates shown at once.
const MOST_PUBLIC: u64 = 20;

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    DataProcessing,
    Notification,
    Analytics,
}

/// A module of a template: what it is for, and what it is at Make.
struct Module {
    kind: &'static str,
    at_make: &'static str,
    version: u8,
}

const fn module(kind: &'static str, at_make: &'static str, version: u8) -> Module {
    Module {
        kind,
        at_make,
        version,
    }
}

const WEBHOOK: Module = module("webhook", "gateway:CustomWebHook", 1);

impl Kind {
    const ALL: [Self; 3] = [Self::DataProcessing, Self::Notification, Self::Analytics];

    const fn name(self) -> &'static str {
        match self {
            Self::DataProcessing => "data_processing",
            Self::Notification => "notification",
            Self::Analytics => "analytics",
        }
    }

    const fn about(self) -> &'static str {
        match self {
            Self::DataProcessing => "Takes data by a webhook, reshapes them and keeps them in a data store",
            Self::Notification => "Takes events by a webhook, lets some through and tells Slack",
            Self::Analytics => "Takes events by a webhook, adds them up and keeps the sums for a dashboard",
        }
    }

    const fn modules(self) -> [Module; 3] {
        match self {
            Self::DataProcessing => [
                WEBHOOK,
                module("transformer", "util:SetVariables", 1),
                module("database", "datastore:AddRecord", 1),
            ],
            Self::Notification => [
                WEBHOOK,
                module("filter", "util:SetVariable2", 1),
                module("slack", "slack:CreateMessage", 4),
            ],
            Self::Analytics => [
                WEBHOOK,
                module("aggregator", "util:FunctionAggregator2", 1),
                module("dashboard", "datastore:UpdateRecord", 1),
            ],
        }
    }

    fn shown(self) -> Value {
        json!({
            "template_type": self.name(),
            "category": self.name(),
            "source": "pilotage",
            "description": self.about(),
            "modules": self.modules().map(|own| own.kind),
        })
    }
}

#[derive(Deserialize, JsonSchema)]
struct FromTemplate {
    template_type: Kind,
    #[schemars(length(min = 1, max = 120))]
    name: String,
    /// Has a default
    team_id: Option<u64>,
}

#[derive(Deserialize, JsonSchema)]
struct ListTemplates {
    /// `data_processing`, `notification`, `analytics`, or any word
    category: Option<String>,
}

fn flow(kind: Kind) -> Value {
    let numbered = kind.modules().into_iter().zip(1_u32..);
    numbered
        .map(|(own, id)| {
            json!({
                "id": id, "module": own.at_make, "version": own.version, "parameters": {}, "mapper": {},
                "metadata": {"designer": {"x": 300 * (id - 1), "y": 0, "name": own.kind}},
            })
        })
        .collect()
}

async fn create(context: &Context, asked: FromTemplate) -> ToolAnswer {
    let make = context.make()?;
    let team = match asked.team_id {
        Some(team) => team,
        None => make.default_team(context).await?,
    };
    let kind = asked.template_type;
    let new = New {
        blueprint: blueprint(&asked.name, &flow(kind)),
        name: asked.name,
        team,
        folder: None,
        description: None,
        scheduling: json!({"type": "on-demand"}),
    };
    if context.is_dry_run() {
        return new.would(context).await;
    }
    let id = new.create(context).await?;
    let numbered = kind.modules().into_iter().zip(1_u32..);
    let modules: Vec<Value> = numbered
        .map(|(own, id)| json!({"id": id, "type": own.kind, "module": own.at_make}))
        .collect();
    let mut structured = json!({
        "success": true,
        "scenario_id": id,
        "template_type": kind.name(),
        "scenario_config": {"name": new.name, "team_id": team, "modules": modules},
    });
    answers::mark(make, &mut structured);
    Ok(Answer::json(structured).with_text(format!(
        "Successfully created scenario {id} from the template {}{}. Its modules are still to be connected in Make: {}.",
        kind.name(),
        said_of_mock(make),
        kind.modules().map(|own| own.kind).join(", "),
    )))
}

async fn list(context: &Context, asked: ListTemplates) -> ToolAnswer {
    let make = context.make()?;
    let wanted = asked.category.unwrap_or_default().trim().to_lowercase();
    let own = Kind::ALL
        .into_iter()
        .filter(|kind| kind.name().contains(&wanted.replace([' ', '-'], "_")));
    let mut templates: Vec<Value> = own.map(Kind::shown).collect();
    let mut arguments = json!({"limit": MOST_PUBLIC});
    if !wanted.is_empty() {
        arguments["name"] = wanted.into();
    }
    let mut structured = json!({});
    match make.ask(context, "list-public-templates", arguments).await {
        Ok(answer) => {
            let public = answer["templatesPublic"].as_array().cloned().unwrap_or_default();
            templates.extend(public.into_iter().map(|mut own| {
                own["source"] = "make".into();
                own
            }));
        }
        // Our own are of use without them.
        Err(error) => structured["note"] = format!("the public ones of Make are missing: {error}").into(),
    }
    structured["templates"] = templates.into();
    answers::mark(make, &mut structured);
    Ok(Answer::json(structured).untrusted())
}
