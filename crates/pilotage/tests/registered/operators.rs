//! What lies under `deploy/` for operators holds in the eyes of the tools that will read it.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{read, root};

/// What the variable names, or a line that says what is lacking.
fn tool(variable: &str, how: &str) -> Option<PathBuf> {
    let Some(path) = std::env::var_os(variable) else {
        let required = std::env::var_os("PILOTAGE_REQUIRE_ALL").is_some_and(|value| value == "1");
        assert!(!required, "{variable} is not set: {how}");
        // Not by a print macro: what those write in a test that passes is captured, and nobody would see it.
        let _ = writeln!(std::io::stderr(), "skipped: {variable} is not set: {how}");
        return None;
    };
    Some(path.into())
}

#[track_caller]
fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn prometheus_accepts_the_alerts_and_they_judge_right() {
    let how = "it is the path of promtool, which Debian's package `prometheus` has";
    let Some(promtool) = tool("PILOTAGE_PROMTOOL", how) else {
        return;
    };
    let folder = root().join("deploy/prometheus");
    succeeds(Command::new(&promtool).current_dir(&folder).args([
        "check",
        "rules",
        "--lint=all",
        "--lint-fatal",
        "alerts.yaml",
    ]));
    succeeds(
        Command::new(&promtool)
            .current_dir(&folder)
            .args(["test", "rules", "alerts_test.yaml"]),
    );
}

#[test]
fn the_dashboard_is_of_grafanas_schema() {
    let how = "run `npm ci` on a copy of .ci/grafana, and name that folder";
    let Some(folder) = tool("PILOTAGE_GRAFANA_SCHEMA", how) else {
        return;
    };
    let text = read("deploy/grafana/schema.ts") + "export const dashboard: OurDashboard = ";
    let file = folder.join("pilotage.ts");
    fs::write(
        &file,
        text.clone() + &read("deploy/grafana/pilotage.json") + ";\n",
    )
    .unwrap();
    succeeds(&mut compiler(&folder, &file));
    // A check that cannot fail is none.
    fs::write(
        &file,
        text + &read("deploy/grafana/pilotage.json").replacen("\"expr\"", "\"exprs\"", 1) + ";\n",
    )
    .unwrap();
    let refused = compiler(&folder, &file).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stdout).contains("'\"exprs\"' does not exist"));
}

fn compiler(folder: &Path, file: &Path) -> Command {
    let mut command = Command::new(folder.join("node_modules/.bin/tsc"));
    command
        .current_dir(folder)
        .args(["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022"])
        .args(["--module", "nodenext", "--moduleResolution", "nodenext"])
        .arg(file);
    command
}

/// Needs no tool: what the schema cannot say.
#[test]
fn every_panel_of_the_dashboard_has_its_place_and_says_what_it_shows() {
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana/pilotage.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels {
        let title = &panel["title"];
        assert!(
            ids.insert(panel["id"].as_u64().unwrap()),
            "{title}: its id is taken"
        );
        let place = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(
            place("x") + place("w") <= 24,
            "{title} reaches beyond the 24 columns"
        );
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(taken.insert((x, y)), "{title} lies on another");
            }
        }
        if panel["type"] != "row" {
            let description = panel["description"].as_str().unwrap_or_default();
            assert!(
                description.ends_with('.'),
                "{title} does not say what it shows in a sentence"
            );
            assert!(
                !panel["targets"].as_array().unwrap().is_empty(),
                "{title} is empty"
            );
        }
    }
}
