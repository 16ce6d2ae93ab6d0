//! Vitest, from 3 on (<https://vitest.dev/api/advanced/reporters.html>).

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use async_trait::async_trait;
use pilotage_core::testing::Item;

use super::{
    Call, Change, Listed, Listing, NOTHING, Runner, Task, apart, command, exactly, has_file, has_package,
    installed, mentions, nameable,
    reporter::{self, Mode, Reporter},
};
use crate::{process, testing::running};

/// What stands between a test and what it is in; a space where names are matched.
const SEPARATOR: &str = " > ";

/// Runs tests of JavaScript and TypeScript.
pub(super) struct Vitest;

impl Vitest {
    fn reporter<'a>(task: &'a Task<'a>) -> Reporter<'a> {
        Reporter {
            file: "pilotage-reporter.mjs",
            source: include_str!("../reporters/vitest.mjs"),
            task,
        }
    }

    fn command(task: &Task<'_>, verb: &str) -> Vec<String> {
        let program = installed(&task.suite.place, "vitest");
        let mut command = command(task.suite, &[&program]);
        command.push(verb.to_owned());
        command
    }

    /// A run of these files, or of nothing in them where only their tests are asked for.
    fn call(task: &Task<'_>, mode: Mode, items: &[Item]) -> Result<Call, String> {
        let reporter = Self::reporter(task);
        let mut command = Self::command(task, "run");
        command.push(format!("--reporter={}", reporter.path()));
        // A runner takes one of our workers.
        command.extend(["--maxWorkers=1", "--no-file-parallelism"].map(str::to_owned));
        command.extend(measured(task));
        command.extend(
            task.suite
                .settings
                .test_timeout()
                .map(|limit| format!("--testTimeout={}", limit.as_millis())),
        );
        command.extend(task.suite.settings.arguments.iter().cloned());
        let tests: Vec<String> = items.iter().flat_map(|item| item.tests.clone()).collect();
        if mode == Mode::Tests {
            command.extend(["-t", NOTHING].map(str::to_owned));
        } else if !tests.is_empty() {
            command.extend(["-t".to_owned(), exactly(&tests, SEPARATOR)]);
        }
        // Names are taken as parts of paths, so what they match besides has to be borne; whole paths match little.
        let paths = items
            .iter()
            .map(|item| task.suite.place.join(&item.file).display().to_string());
        command.extend(paths);
        reporter.call(command, mode, items)
    }

    /// The files that it names: all, or those that reach what differs from a commit.
    async fn files(task: &Task<'_>, changed: Option<&str>) -> Result<BTreeSet<String>, String> {
        let out = task.scratch.join("files.json");
        let mut command = Self::command(task, "list");
        command.extend(["--filesOnly".to_owned(), format!("--json={}", out.display())]);
        command.extend(changed.map(|base| format!("--changed={base}")));
        command.extend(task.suite.settings.arguments.iter().cloned());
        let call = Self::reporter(task).call(command, Mode::List, &[])?;
        let followed = process::follow(&call.order, |_| ()).await?;
        let text = std::fs::read(&out).unwrap_or_default();
        let files: Vec<serde_json::Value> = serde_json::from_slice(&text).map_err(|_| {
            let said = running::end_of(&followed.errors, 20);
            format!(
                "`{}` tells no files: {}",
                call.order.command.join(" "),
                crate::reading::brief(&said)
            )
        })?;
        let paths = files.iter().filter_map(|file| file["file"].as_str());
        let relative = |path| running::relative(&task.suite.place, path);
        Ok(paths.map(relative).collect())
    }
}

/// Maps are asked for, which can be merged. The reporter takes the suite's own thresholds away, as a part cannot meet them.
fn measured(task: &Task<'_>) -> Vec<String> {
    let Some(folder) = task.coverage else {
        return vec!["--coverage.enabled=false".to_owned()];
    };
    let mut arguments = vec![
        "--coverage.enabled=true".to_owned(),
        "--coverage.reporter=json".to_owned(),
        "--coverage.reportOnFailure=true".to_owned(),
        format!("--coverage.reportsDirectory={}", folder.display()),
    ];
    if !has_package(&task.suite.place, "@vitest/coverage-v8") {
        arguments.push("--coverage.provider=istanbul".to_owned());
    }
    arguments
}

#[async_trait]
impl Runner for Vitest {
    fn name(&self) -> &'static str {
        "vitest"
    }

    fn detect(&self, folder: &Path) -> bool {
        mentions(&folder.join("package.json"), "\"vitest\"")
            || has_file(folder, |name| name.starts_with("vitest.config."))
    }

    async fn list(&self, task: &Task<'_>) -> Result<Listing, String> {
        let files = Self::files(task, None).await?;
        Ok(Listing {
            files: files.into_iter().map(Listed::new).collect(),
        })
    }

    /// Vitest follows imports, also from what its configuration names (<https://vitest.dev/guide/cli#changed>).
    async fn reaching(&self, task: &Task<'_>, change: &Change<'_>) -> Option<BTreeSet<String>> {
        if !change.is_modules(&task.suite.place) {
            return None;
        }
        Self::files(task, Some(change.base)).await.ok()
    }

    async fn tests(&self, task: &Task<'_>, files: &[String]) -> BTreeMap<String, Vec<String>> {
        let items: Vec<_> = files.iter().map(|file| super::whole(file)).collect();
        let Ok(call) = Self::call(task, Mode::Tests, &items) else {
            return BTreeMap::new();
        };
        let told = Self::reporter(task).ask(call).await;
        nameable(told.map(reporter::tests).unwrap_or_default(), SEPARATOR)
    }

    fn calls(&self, task: &Task<'_>, items: &[Item]) -> Result<Vec<Call>, String> {
        let apart = apart(items).into_iter();
        apart.map(|items| Self::call(task, Mode::Run, &items)).collect()
    }

    fn starts_for_parts(&self) -> bool {
        true
    }

    async fn lacks_for_coverage(&self, task: &Task<'_>) -> Option<String> {
        let providers = ["@vitest/coverage-v8", "@vitest/coverage-istanbul"];
        let has = providers.iter().any(|name| has_package(&task.suite.place, name));
        (!has).then(|| "neither @vitest/coverage-v8 nor @vitest/coverage-istanbul is installed".to_owned())
    }
}
