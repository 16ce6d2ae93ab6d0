//! Jest, from 27 on (<https://jestjs.io/docs/configuration#custom-reporters>).

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use async_trait::async_trait;
use pilotage_core::testing::Item;

use super::{
    Call, Change, Listed, Listing, NOTHING, Runner, Task, apart, command, exactly, has_file, installed,
    mentions, nameable,
    reporter::{self, Mode, Reporter},
};
use crate::{process, testing::running};

/// Most modules that are asked for one by one.
const MOST_MODULES: usize = 20;

/// Runs tests of JavaScript and TypeScript.
pub(super) struct Jest;

impl Jest {
    fn reporter<'a>(task: &'a Task<'a>) -> Reporter<'a> {
        Reporter {
            file: "pilotage-reporter.cjs",
            source: include_str!("../reporters/jest.cjs"),
            task,
        }
    }

    fn command(task: &Task<'_>) -> Vec<String> {
        let program = installed(&task.suite.place, "jest");
        command(task.suite, &[&program])
    }

    /// A run of these files, or of nothing in them where only their tests are asked for.
    fn call(task: &Task<'_>, mode: Mode, items: &[Item]) -> Result<Call, String> {
        let reporter = Self::reporter(task);
        let mut command = Self::command(task);
        command.push(format!("--reporters={}", reporter.path()));
        // A runner takes one of our workers.
        command.push("--runInBand".to_owned());
        match task.coverage {
            // The suite's own thresholds are nothing that a part could meet.
            Some(folder) => command.extend([
                "--coverage".to_owned(),
                "--coverageReporters=json".to_owned(),
                format!("--coverageDirectory={}", folder.display()),
                "--coverageThreshold={}".to_owned(),
            ]),
            None => command.push("--coverage=false".to_owned()),
        }
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
            command.extend(["-t".to_owned(), exactly(&tests, " ")]);
        }
        command.push("--runTestsByPath".to_owned());
        command.extend(
            items
                .iter()
                .map(|item| task.suite.place.join(&item.file).display().to_string()),
        );
        reporter.call(command, mode, items)
    }

    /// The files that it names, asked in this way.
    async fn files(task: &Task<'_>, how: &[&str]) -> Result<BTreeSet<String>, String> {
        let mut command = Self::command(task);
        command.extend(["--listTests", "--json"].map(str::to_owned));
        command.extend(task.suite.settings.arguments.iter().cloned());
        command.extend(how.iter().map(ToString::to_string));
        let call = Self::reporter(task).call(command, Mode::List, &[])?;
        let mut out = Vec::new();
        let followed = process::follow(&call.order, |bytes| {
            if out.len() < 16 << 20 {
                out.extend_from_slice(bytes);
            }
        });
        let followed = followed.await?;
        let line = out
            .split(|byte| *byte == b'\n')
            .rfind(|line| line.starts_with(b"["));
        let paths: Vec<String> = serde_json::from_slice(line.unwrap_or_default()).map_err(|_| {
            let said = running::end_of(&followed.errors, 20);
            format!(
                "`{}` tells no files: {}",
                call.order.command.join(" "),
                crate::reading::brief(&said)
            )
        })?;
        let relative = |path: &String| running::relative(&task.suite.place, path);
        Ok(paths.iter().map(relative).collect())
    }
}

#[async_trait]
impl Runner for Jest {
    fn name(&self) -> &'static str {
        "jest"
    }

    fn detect(&self, folder: &Path) -> bool {
        mentions(&folder.join("package.json"), "\"jest\"")
            || has_file(folder, |name| name.starts_with("jest.config."))
    }

    async fn list(&self, task: &Task<'_>) -> Result<Listing, String> {
        let files = Self::files(task, &[]).await?;
        Ok(Listing {
            files: files.into_iter().map(Listed::new).collect(),
        })
    }

    /// Jest follows imports (<https://jestjs.io/docs/cli#--findrelatedtests-spaceseparatedlistofsourcefiles>), but not from what its
    /// configuration names. So a module that no test imports asks for everything.
    async fn reaching(&self, task: &Task<'_>, change: &Change<'_>) -> Option<BTreeSet<String>> {
        if change.files.len() > MOST_MODULES || !change.is_modules(&task.suite.place) {
            return None;
        }
        let mut reached = BTreeSet::new();
        for file in change.files {
            let file = task.suite.place.join(file).display().to_string();
            let found = Self::files(task, &["--findRelatedTests", &file]).await.ok()?;
            if found.is_empty() {
                return None;
            }
            reached.extend(found);
        }
        Some(reached)
    }

    async fn tests(&self, task: &Task<'_>, files: &[String]) -> BTreeMap<String, Vec<String>> {
        let items: Vec<_> = files.iter().map(|file| super::whole(file)).collect();
        let Ok(call) = Self::call(task, Mode::Tests, &items) else {
            return BTreeMap::new();
        };
        let told = Self::reporter(task).ask(call).await;
        nameable(told.map(reporter::tests).unwrap_or_default(), " ")
    }

    fn calls(&self, task: &Task<'_>, items: &[Item]) -> Result<Vec<Call>, String> {
        let apart = apart(items).into_iter();
        apart.map(|items| Self::call(task, Mode::Run, &items)).collect()
    }

    fn starts_for_parts(&self) -> bool {
        true
    }

    async fn lacks_for_coverage(&self, _task: &Task<'_>) -> Option<String> {
        None
    }
}
