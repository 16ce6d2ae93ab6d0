//! A repository with a history of its own: TheAlgorithms/C, programs in C sorted into folders. A job for each of twenty folders
//! compiles what is in it and lets the compiler's analyser look through it; the series is the last commits that changed code there.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};
use serde_json::json;

use super::project::git;

/// The folders whose files compile by themselves, or most of them.
const FOLDERS: [&str; 20] = [
    "audio",
    "cipher",
    "client_server",
    "conversions",
    "data_structures",
    "developer_tools",
    "dynamic_programming",
    "exercism",
    "games",
    "geometry",
    "greedy_approach",
    "hash",
    "machine_learning",
    "math",
    "misc",
    "numerical_methods",
    "process_scheduling_algorithms",
    "project_euler",
    "searching",
    "sorting",
];
/// A file that lacks a header of another system is told in the output and fails nothing.
const BUILD: &str = "rm -rf out && mkdir out && find . -name '*.c' -not -path './out/*' | sort | while read -r file; do \
                     object=out/$(echo \"$file\" | tr / _).o; \
                     gcc -O2 -Wall -Wextra -fanalyzer -c \"$file\" -o \"$object\" 2>> out/warnings.txt || echo \"$file\" >> out/failed.txt; done";

/// The repository and the commits that are replayed, the oldest first.
pub(super) struct Real {
    repository: PathBuf,
    commits: Vec<String>,
}

impl Real {
    /// # Errors
    /// It is no repository, or another one.
    pub(super) fn open(repository: &Path, commits: usize) -> anyhow::Result<Self> {
        let repository = repository
            .canonicalize()
            .with_context(|| format!("{} is missing", repository.display()))?;
        let mut log = Command::new("git");
        log.args(["log", "--first-parent", "--format=%H"])
            .arg(format!("-{commits}"))
            .arg("--");
        for folder in FOLDERS {
            log.args([format!("{folder}/*.c"), format!("{folder}/*.h")]);
        }
        let output = log.current_dir(&repository).output()?;
        let told = String::from_utf8(output.stdout)?;
        let found: Vec<String> = told.lines().rev().map(str::to_owned).collect();
        ensure!(
            found.len() == commits,
            "{} has {} commits to replay, not {commits}: is it a clone of TheAlgorithms/C with its history?",
            repository.display(),
            found.len()
        );
        Ok(Self {
            repository,
            commits: found,
        })
    }

    /// A new checkout of a commit, with the definitions of both tools.
    pub(super) fn checkout(&self, place: &Path, number: usize) -> anyhow::Result<()> {
        let (from, to) = (self.repository.display().to_string(), place.display().to_string());
        git(
            &self.repository,
            &["clone", "-q", "--shared", "--no-checkout", &from, &to],
        )?;
        let commit = self.commits.get(number).context("no such commit")?;
        git(
            place,
            &["-c", "advice.detachedHead=false", "checkout", "-q", commit],
        )?;
        let mut packages = serde_json::Map::new();
        packages.insert(
            String::new(),
            json!({ "name": "algorithms", "workspaces": FOLDERS }),
        );
        for folder in FOLDERS {
            fs::create_dir_all(place.join(folder))?;
            let package =
                json!({ "name": folder, "version": "1.0.0", "private": true, "scripts": { "build": BUILD } });
            fs::write(place.join(folder).join("package.json"), package.to_string())?;
            packages.insert(
                format!("node_modules/{folder}"),
                json!({ "resolved": folder, "link": true }),
            );
            packages.insert(folder.to_owned(), json!({ "name": folder, "version": "1.0.0" }));
        }
        let lock =
            json!({ "name": "algorithms", "lockfileVersion": 3, "requires": true, "packages": packages });
        fs::write(place.join("package-lock.json"), lock.to_string())?;
        let workspace = json!({ "name": "algorithms", "private": true, "packageManager": "npm@11.0.0", "workspaces": FOLDERS });
        fs::write(place.join("package.json"), workspace.to_string())?;
        let tasks = json!({ "tasks": {
            "build": { "inputs": ["**/*.c", "**/*.h", "package.json"], "outputs": ["out/**"] }, "test": { "dependsOn": ["build"] },
        } });
        fs::write(place.join("turbo.json"), tasks.to_string())?;
        fs::write(
            place.join(".gitignore"),
            "out/\n.turbo/\n.pilotage/\nnode_modules/\n",
        )?;
        Ok(fs::write(place.join("pilotage.yaml"), definition())?)
    }
}

/// Changes one file, which is in one job.
pub(super) fn change(place: &Path) -> anyhow::Result<()> {
    let path = place.join("sorting/bubble_sort.c");
    let text = fs::read_to_string(&path)?;
    Ok(fs::write(path, text + "\nint changed;\n")?)
}

fn definition() -> String {
    let job = |folder: &str| {
        json!({
            "inputs": { "files": [format!("{folder}/**/*.c"), format!("{folder}/**/*.h")], "tools": ["gcc --version"] },
            "outputs": [format!("{folder}/out")],
            "steps": [{ "run": BUILD, "workingDirectory": folder }],
        })
    };
    let jobs: serde_json::Map<_, _> = FOLDERS
        .iter()
        .map(|folder| ((*folder).to_owned(), job(folder)))
        .collect();
    json!({ "version": 1, "pipelines": { "ci": { "on": { "push": {} }, "jobs": jobs } } }).to_string()
}
