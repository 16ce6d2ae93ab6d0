//! Making and changing scenarios.

use serde_json::{Value, json};

use super::{blueprints::add_version, embedded, required_embedded, scheduling, view};
use crate::make::{
    call::{Call, missing},
    reply::{Refusal, Reply},
    resource::{Field, Kind, optional, read},
    runs::note,
    state::{Row, field, row},
};

const PLAIN: &[Field] = &[
    optional("name", Kind::Text(120)),
    optional("description", Kind::Text(1_000)),
    optional("folderId", Kind::Number),
    optional("concept", Kind::Flag),
    optional("metadata", Kind::Object),
];

pub(super) fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let team = call.team()?;
    let blueprint = required_embedded(call, "blueprint")?;
    let scheduling = required_embedded(call, "scheduling")?;
    scheduling::check(call, team, &scheduling)?;
    let mut plain = read(call, PLAIN, true)?;
    require_folder(call, &plain)?;
    call.require_room(team, "scenarios", "scenarios", "scenarios")?;
    require_installed(call, team, &blueprint)?;
    let name = blueprint["name"].as_str().unwrap_or("New scenario");
    let mut scenario = row(json!({
        "id": call.state.next_number("scenarios"),
        "teamId": team,
        "name": name,
        "scheduling": scheduling,
        "isActive": false,
        "created": call.moment(),
        "createdByUser": call.caller.short(),
        "updatedByUser": null,
    }));
    let specifications = plain.remove("metadata").unwrap_or_default();
    scenario.insert("interface".to_owned(), from_metadata(&specifications));
    scenario.extend(plain);
    keep(call, scenario, &blueprint)
}

/// Stores a new scenario with the first version of its blueprint.
fn keep(call: &mut Call<'_>, mut scenario: Row, blueprint: &Value) -> Result<Reply, Refusal> {
    let id = field(&scenario, "id").clone();
    scenario.insert("lastEdit".to_owned(), call.moment().into());
    scenario.insert("isinvalid".to_owned(), lacks_connection(call, blueprint).into());
    scenario.insert("blueprint".to_owned(), blueprint.clone());
    call.state.insert("scenarios", scenario.clone())?;
    add_version(call.state, call.now, &id, blueprint);
    note(call.state, call.now, &id, "modify", &call.caller.short());
    Ok(call.one("scenario", view(call, &scenario)))
}

pub(super) fn change(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let scenario = call.row("scenarios")?;
    let team = field(&scenario, "teamId").as_u64().unwrap_or(0);
    let mut changes = read(call, PLAIN, false)?;
    require_folder(call, &changes)?;
    let blueprint = embedded(call, "blueprint")?;
    if let Some(scheduling) = embedded(call, "scheduling")? {
        scheduling::check(call, team, &scheduling)?;
        changes.insert("scheduling".to_owned(), scheduling);
    }
    if let Some(blueprint) = &blueprint {
        require_installed(call, team, blueprint)?;
        changes.insert("isinvalid".to_owned(), lacks_connection(call, blueprint).into());
        changes.insert("blueprint".to_owned(), blueprint.clone());
    }
    if let Some(interface) = new_interface(call, &mut changes) {
        changes.insert("interface".to_owned(), interface);
    }
    let mut after = scenario.clone();
    after.extend(changes.clone());
    require_on_demand(&after)?;
    changes.insert("lastEdit".to_owned(), call.moment().into());
    changes.insert("updatedByUser".to_owned(), call.caller.short());
    call.change("scenarios", Value::Object(changes));
    let id = field(&scenario, "id");
    if let Some(blueprint) = blueprint {
        add_version(call.state, call.now, id, &blueprint);
    }
    note(call.state, call.now, id, "modify", &call.caller.short());
    super::show(call)
}

/// The interface that a change brings. One with nothing in it is kept out where the mock was told so.
fn new_interface(call: &Call<'_>, changes: &mut Row) -> Option<Value> {
    let metadata = changes.remove("metadata")?;
    let interface = from_metadata(&metadata);
    let is_empty = |name: &str| interface[name].as_array().is_none_or(Vec::is_empty);
    let says_nothing = is_empty("input") && is_empty("output");
    (!says_nothing || !call.settings.keep_interface).then_some(interface)
}

fn from_metadata(metadata: &Value) -> Value {
    json!({"input": metadata["input_spec"], "output": metadata["output_spec"]})
}

pub(super) fn set_interface(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut scenario = call.row("scenarios")?;
    let given = call.object()?.get("interface").cloned();
    let given = given
        .filter(Value::is_object)
        .ok_or_else(|| missing("interface"))?;
    let own = view::interface(&scenario);
    let side = |name: &str| {
        given
            .get(name)
            .or_else(|| own.get(name))
            .cloned()
            .unwrap_or_default()
    };
    let interface = json!({"input": side("input"), "output": side("output")});
    scenario.insert("interface".to_owned(), interface.clone());
    require_on_demand(&scenario)?;
    let edited = call.moment();
    call.change("scenarios", json!({"interface": interface, "lastEdit": edited}));
    note(
        call.state,
        call.now,
        field(&scenario, "id"),
        "modify",
        &call.caller.short(),
    );
    Ok(Reply::json(json!({"interface": interface})))
}

/// Inputs that have to be given can only be given on demand.
fn require_on_demand(scenario: &Row) -> Result<(), Refusal> {
    let interface = view::interface(scenario);
    let inputs = interface["input"].as_array().into_iter().flatten();
    let needs_input = inputs.into_iter().any(|input| input["required"] == true);
    if needs_input && view::scheduling(scenario)["type"] != "on-demand" {
        let reason = "A scenario with required inputs must be scheduled on demand.";
        return Err(Refusal::dependency(reason));
    }
    Ok(())
}

fn require_folder(call: &Call<'_>, fields: &Row) -> Result<(), Refusal> {
    match field(fields, "folderId") {
        Value::Null => Ok(()),
        id => call.row_by("scenarios-folders", &id.to_string()).map(|_| ()),
    }
}

/// Where the organization lists its apps, a new one is installed only if that is confirmed.
fn require_installed(call: &mut Call<'_>, team: u64, blueprint: &Value) -> Result<(), Refusal> {
    let organization = call.state.organization_of_team(team).unwrap_or(0).to_string();
    let row = call.row_by("organizations", &organization)?;
    let Some(installed) = field(&row, "installedApps").as_array() else {
        return Ok(());
    };
    let modules = view::modules(blueprint);
    let mut apps: Vec<Value> = modules
        .iter()
        .map(|module| view::package(module).into())
        .collect();
    apps.retain(|app| !installed.contains(app));
    if apps.is_empty() {
        return Ok(());
    }
    if !call.request.is_true("confirmed") {
        let reasons = apps
            .iter()
            .map(|app| format!("The app {} is not installed.", app.as_str().unwrap_or_default()))
            .collect();
        return Err(Refusal::unconfirmed("Apps have to be installed.", reasons));
    }
    apps.splice(0..0, installed.iter().cloned());
    call.change_by("organizations", &organization, json!({"installedApps": apps}));
    Ok(())
}

/// Whether a module names a connection that there is not.
fn lacks_connection(call: &Call<'_>, blueprint: &Value) -> bool {
    let flow = blueprint["flow"].as_array().into_iter().flatten();
    let mut named = flow.filter_map(|node| node["parameters"]["__IMTCONN__"].as_u64());
    named.any(|id| call.state.find("connections", &id.to_string()).is_none())
}

pub(super) fn clone(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let original = call.row("scenarios")?;
    call.organization()?;
    let team = call.team()?;
    let name = crate::make::resource::text_of(call, "name")?.to_owned();
    call.require_room(team, "scenarios", "scenarios", "scenarios")?;
    let mut blueprint = field(&original, "blueprint").clone();
    remap(&mut blueprint, &call.body);
    blueprint["name"] = name.clone().into();
    let mut copy = original.clone();
    copy.extend(row(json!({
        "id": call.state.next_number("scenarios"),
        "teamId": team,
        "name": name,
        "isActive": false,
        "folderId": null,
        "created": call.moment(),
        "createdByUser": call.caller.short(),
        "updatedByUser": null,
    })));
    keep(call, copy, &blueprint)
}

/// Puts the new connections, hooks and so on in the place of the old ones, as the maps of the body say.
fn remap(blueprint: &mut Value, maps: &Value) {
    const NAMES: [(&str, &str); 6] = [
        ("__IMTCONN__", "account"),
        ("account", "account"),
        ("hook", "hook"),
        ("__IMTHOOK__", "hook"),
        ("datastore", "datastore"),
        ("key", "key"),
    ];
    let Some(flow) = blueprint["flow"].as_array_mut() else {
        return;
    };
    for node in flow {
        for (name, map) in NAMES {
            let old = node["parameters"].get(name).map(Value::to_string);
            let new = old.and_then(|old| maps[map].get(old.trim_matches('"')).cloned());
            if let (Some(new), Some(parameters)) = (new, node["parameters"].as_object_mut()) {
                parameters.insert(name.to_owned(), new);
            }
        }
    }
}
