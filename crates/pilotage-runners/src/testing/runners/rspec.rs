//! RSpec 3 (<https://rspec.info/documentation/3.12/rspec-core/RSpec/Core/Formatters.html>).

use std::{collections::BTreeMap, path::Path};

use async_trait::async_trait;
use pilotage_core::testing::Item;

use super::{
    Call, Listing, Runner, Task, command, has_file, mentions,
    reporter::{self, Mode, Reporter},
};

/// Runs Ruby's specs.
pub(super) struct Rspec;

impl Rspec {
    fn reporter<'a>(task: &'a Task<'a>) -> Reporter<'a> {
        Reporter {
            file: "pilotage_reporter.rb",
            source: include_str!("../reporters/rspec.rb"),
            task,
        }
    }

    fn call(task: &Task<'_>, mode: Mode, items: &[Item]) -> Result<Call, String> {
        let reporter = Self::reporter(task);
        let is_bundled = task.suite.place.join("Gemfile.lock").is_file();
        let usual: &[&str] = if is_bundled {
            &["bundle", "exec", "rspec"]
        } else {
            &["rspec"]
        };
        let mut command = command(task.suite, usual);
        command.extend(["--require".to_owned(), reporter.path()]);
        command.extend(["--format", "Pilotage::Reporter", "--no-color"].map(str::to_owned));
        if mode == Mode::Tests {
            command.push("--dry-run".to_owned());
        }
        command.extend(task.suite.settings.arguments.iter().cloned());
        for item in items {
            // Ids of one file go in one pair of brackets: `spec/a_spec.rb[1:1,1:2]`.
            let ids: Vec<_> = item
                .tests
                .iter()
                .filter_map(|id| id.rsplit_once('[')?.1.strip_suffix(']'))
                .collect();
            command.push(if ids.is_empty() {
                item.file.clone()
            } else {
                format!("{}[{}]", item.file, ids.join(","))
            });
        }
        reporter.call(command, mode, items)
    }
}

#[async_trait]
impl Runner for Rspec {
    fn name(&self) -> &'static str {
        "rspec"
    }

    fn detect(&self, folder: &Path) -> bool {
        let specs = folder.join("spec");
        let is_spec = |name: &str| name.ends_with("_spec.rb");
        folder.join(".rspec").is_file()
            || specs.join("spec_helper.rb").is_file()
            || has_file(&specs, is_spec)
            || (specs.is_dir() && mentions(&folder.join("Gemfile"), "rspec"))
    }

    async fn list(&self, task: &Task<'_>) -> Result<Listing, String> {
        let call = Self::call(task, Mode::List, &[])?;
        Ok(reporter::listing(Self::reporter(task).ask(call).await?))
    }

    async fn tests(&self, task: &Task<'_>, files: &[String]) -> BTreeMap<String, Vec<String>> {
        let items: Vec<_> = files.iter().map(|file| super::whole(file)).collect();
        let Ok(call) = Self::call(task, Mode::Tests, &items) else {
            return BTreeMap::new();
        };
        let told = Self::reporter(task).ask(call).await;
        told.map(reporter::tests).unwrap_or_default()
    }

    fn calls(&self, task: &Task<'_>, items: &[Item]) -> Result<Vec<Call>, String> {
        Ok(vec![Self::call(task, Mode::Run, items)?])
    }

    /// Ruby itself counts what runs; the reporter asks it.
    async fn lacks_for_coverage(&self, _task: &Task<'_>) -> Option<String> {
        None
    }
}
