//! The project: its crates, the same jobs for both tools, and its commits.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, process::Command};

use anyhow::ensure;
use serde_json::json;

/// What each crate depends on.
pub(super) const CRATES: [(&str, &[&str]); 10] = [
    ("base", &[]),
    ("text", &["base"]),
    ("time", &["base"]),
    ("store", &["base"]),
    ("rules", &["text", "time"]),
    ("queue", &["store", "time"]),
    ("api", &["rules", "queue"]),
    ("page", &["text"]),
    ("report", &["rules"]),
    ("tool", &["store"]),
];
/// Functions of a crate: so many that a compiler has something to do.
const FUNCTIONS: usize = 30;
/// The crate that each commit of the series changes; none where it changes words.
pub(super) const SERIES: [Option<usize>; 30] = [
    Some(7),
    Some(8),
    Some(9),
    None,
    Some(6),
    Some(7),
    Some(9),
    Some(4),
    Some(8),
    None,
    Some(7),
    Some(5),
    Some(9),
    Some(8),
    Some(6),
    Some(1),
    None,
    Some(7),
    Some(9),
    Some(8),
    Some(6),
    Some(3),
    Some(7),
    None,
    Some(8),
    Some(9),
    Some(0),
    Some(6),
    Some(7),
    Some(8),
];
/// Makes the project, as a repository with one commit.
pub(super) fn project(root: &Path) -> anyhow::Result<()> {
    for (number, (name, _)) in CRATES.iter().enumerate() {
        let folder = root.join("packages").join(name);
        fs::create_dir_all(folder.join("src"))?;
        fs::write(folder.join("src/lib.rs"), source(number, 0))?;
        fs::write(folder.join("package.json"), package(number))?;
    }
    fs::write(root.join("pilotage.yaml"), definition())?;
    fs::write(root.join("README.md"), "Ten crates.\n")?;
    fs::write(
        root.join(".gitignore"),
        "out/\n.turbo/\n.pilotage/\nnode_modules/\n",
    )?;
    let workspace = json!({
        "name": "project", "private": true, "packageManager": "npm@11.0.0", "workspaces": ["packages/*"],
    });
    fs::write(root.join("package.json"), workspace.to_string())?;
    fs::write(root.join("package-lock.json"), lock())?;
    let tasks = json!({ "tasks": {
        "build": { "dependsOn": ["^build"], "inputs": ["src/**", "package.json"], "outputs": ["out/*.rlib"], "env": [] },
        "test": { "dependsOn": ["build"], "inputs": ["src/**", "package.json"], "outputs": ["out/report.txt"] },
    }, "globalPassThroughEnv": ["CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] });
    fs::write(root.join("turbo.json"), tasks.to_string())?;
    git(root, &["init", "-q", "-b", "main"])?;
    commit(root, "Begin")
}

/// The source of a crate: functions that a compiler has work with, and a test that calls them.
fn source(number: usize, version: usize) -> String {
    let mut text = format!("//! Version {version}.\n\n");
    for need in CRATES.get(number).map(|(_, needs)| *needs).unwrap_or_default() {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "pub use {need}::f0 as of_{need};");
    }
    for function in 0..FUNCTIONS {
        let _ = writeln!(
            text,
            "/// Mixes.\npub fn f{function}(seed: u64) -> Vec<String> {{\n    let mut all: Vec<u64> = (0..seed % 64).map(|n| \
             n.wrapping_mul({}).rotate_left(7)).collect();\n    all.sort_by_key(|n| n % {});\n    \
             all.iter().map(|n| format!(\"{{n:x}}\")).collect()\n}}",
            function * 31 + number,
            function + 2
        );
    }
    let calls: Vec<String> = (0..FUNCTIONS)
        .map(|function| format!("f{function}(40).len()"))
        .collect();
    let _ = writeln!(
        text,
        "#[test]\nfn all() {{\n    assert_eq!({}, {});\n}}",
        calls.join(" + "),
        40 * FUNCTIONS
    );
    text
}

/// The commands of a crate: one that compiles it, one that compiles and runs its tests.
fn commands(number: usize) -> (String, String) {
    let name = CRATES.get(number).map_or("", |(name, _)| name);
    let externs: String = below(number).iter().fold(String::new(), |mut text, need| {
        let _ = write!(text, " -L ../{need}/out");
        text
    });
    let direct: String = CRATES
        .get(number)
        .map(|(_, needs)| *needs)
        .unwrap_or_default()
        .iter()
        .fold(String::new(), |mut text, need| {
            let _ = write!(text, " --extern {need}=../{need}/out/lib{need}.rlib");
            text
        });
    let rustc = format!("rustc --edition 2021 --crate-name {name} src/lib.rs{externs}{direct}");
    (
        format!("mkdir -p out && {rustc} --crate-type rlib -C opt-level=1 --out-dir out"),
        format!("{rustc} --test -o out/tests && out/tests > out/report.txt && rm out/tests"),
    )
}

/// All that a crate depends on, directly or not.
fn below(number: usize) -> Vec<&'static str> {
    let mut all: Vec<&'static str> = Vec::new();
    let mut left = vec![number];
    while let Some(number) = left.pop() {
        for need in CRATES.get(number).map(|(_, needs)| *needs).unwrap_or_default() {
            if !all.contains(need) {
                all.push(need);
                left.extend(CRATES.iter().position(|(name, _)| name == need));
            }
        }
    }
    all
}

fn package(number: usize) -> String {
    let (name, needs) = CRATES.get(number).copied().unwrap_or(("", &[]));
    let (build, test) = commands(number);
    let needs: BTreeMap<&str, &str> = needs.iter().map(|need| (*need, "*")).collect();
    let package = json!({
        "name": name, "version": "1.0.0", "private": true, "dependencies": needs,
        "scripts": { "build": build, "test": test },
    });
    format!("{package:#}\n")
}

fn lock() -> String {
    let mut packages = serde_json::Map::new();
    packages.insert(
        String::new(),
        json!({ "name": "project", "workspaces": ["packages/*"] }),
    );
    for (name, needs) in CRATES {
        let needs: BTreeMap<&str, &str> = needs.iter().map(|need| (*need, "*")).collect();
        packages.insert(
            format!("node_modules/{name}"),
            json!({ "resolved": format!("packages/{name}"), "link": true }),
        );
        packages.insert(
            format!("packages/{name}"),
            json!({ "name": name, "version": "1.0.0", "dependencies": needs }),
        );
    }
    json!({ "name": "project", "lockfileVersion": 3, "requires": true, "packages": packages }).to_string()
}

/// The same jobs for Pilotage.
fn definition() -> String {
    let mut jobs = serde_json::Map::new();
    for (number, (name, needs)) in CRATES.iter().enumerate() {
        let (build, test) = commands(number);
        let folder = format!("packages/{name}");
        let inputs = json!({ "files": [format!("{folder}/src")], "tools": ["rustc -vV"] });
        let job = |needs: Vec<String>, outputs: String, commands: String| {
            json!({
                "needs": needs, "inputs": inputs, "outputs": [outputs],
                "steps": [{ "run": commands, "workingDirectory": folder }],
            })
        };
        let before = needs.iter().map(|need| format!("build_{need}")).collect();
        jobs.insert(
            format!("build_{name}"),
            job(before, format!("{folder}/out/*.rlib"), build),
        );
        let before = vec![format!("build_{name}")];
        jobs.insert(
            format!("test_{name}"),
            job(before, format!("{folder}/out/report.txt"), test),
        );
    }
    // Every JSON document is one of YAML.
    json!({ "version": 1, "pipelines": { "ci": { "on": { "push": {} }, "jobs": jobs } } }).to_string()
}

/// Changes a crate, or words.
pub(super) fn change(root: &Path, number: usize, version: usize) -> anyhow::Result<()> {
    let name = CRATES.get(number).map_or("", |(name, _)| name);
    Ok(fs::write(
        root.join("packages").join(name).join("src/lib.rs"),
        source(number, version),
    )?)
}

/// Commits the series.
pub(super) fn commits(root: &Path) -> anyhow::Result<()> {
    for (version, changed) in SERIES.iter().enumerate() {
        match changed {
            Some(number) => change(root, *number, version + 2)?,
            None => fs::write(root.join("README.md"), format!("Ten crates, {version}.\n"))?,
        }
        commit(root, &format!("Change {version}"))?;
        git(root, &["tag", &format!("c{version}")])?;
    }
    Ok(())
}

pub(super) fn clone(origin: &Path, checkout: &Path, number: usize) -> anyhow::Result<()> {
    let branch = format!("c{number}");
    let (from, to) = (origin.display().to_string(), checkout.display().to_string());
    git(
        origin,
        &[
            "clone",
            "-q",
            "--no-hardlinks",
            "-c",
            "advice.detachedHead=false",
            "-b",
            &branch,
            &from,
            &to,
        ],
    )
}

pub(super) fn commit(root: &Path, subject: &str) -> anyhow::Result<()> {
    git(root, &["add", "."])?;
    git(
        root,
        &[
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.com",
            "commit",
            "-q",
            "-m",
            subject,
        ],
    )
}

pub(super) fn git(root: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let status = Command::new("git").args(arguments).current_dir(root).status()?;
    ensure!(status.success(), "git {} failed", arguments.join(" "));
    Ok(())
}
