//! pytest, from 6.2 on (<https://docs.pytest.org/en/stable/reference/reference.html#hooks>).

use std::{collections::BTreeMap, path::Path};

use async_trait::async_trait;
use pilotage_core::testing::Item;

use super::{
    Call, Listing, Runner, Task, command, has_file, mentions,
    reporter::{self, Mode, Reporter},
};
use crate::process;

/// Runs Python's tests.
pub(super) struct Pytest;

impl Pytest {
    fn reporter<'a>(task: &'a Task<'a>) -> Reporter<'a> {
        Reporter {
            file: "pilotage_reporter.py",
            source: include_str!("../reporters/pytest.py"),
            task,
        }
    }

    fn call(task: &Task<'_>, mode: Mode, items: &[Item]) -> Result<Call, String> {
        let local = task.suite.place.join(".venv/bin/python");
        let python = if local.is_file() {
            local.display().to_string()
        } else {
            "python3".to_owned()
        };
        let mut command = command(task.suite, &[&python, "-m", "pytest"]);
        // Without this the folder that the paths are from would depend on which files are named.
        command.push(format!("--rootdir={}", task.suite.place.display()));
        command
            .extend(["-p", "pilotage_reporter", "-q", "--continue-on-collection-errors"].map(str::to_owned));
        if mode != Mode::Run {
            command.push("--collect-only".to_owned());
        }
        if let (Some(folder), true) = (task.coverage, mode == Mode::Run) {
            command.extend(["--cov", "--cov-branch", "--cov-fail-under=0"].map(str::to_owned));
            command.push(format!(
                "--cov-report=json:{}",
                folder.join("coverage.json").display()
            ));
        }
        command.extend(task.suite.settings.arguments.iter().cloned());
        for item in items {
            let whole = std::slice::from_ref(&item.file);
            command.extend(
                if item.tests.is_empty() { whole } else { &item.tests }
                    .iter()
                    .cloned(),
            );
        }
        let mut call = Self::reporter(task).call(command, mode, items)?;
        let own = call
            .order
            .set
            .iter()
            .find(|(name, _)| name == "PYTHONPATH")
            .map(|(_, value)| value.clone());
        let before = own
            .or_else(|| std::env::var("PYTHONPATH").ok())
            .unwrap_or_default();
        let path = format!("{}:{before}", task.scratch.display());
        if let Some(folder) = task.coverage {
            // Runners side by side would write over each other's data.
            let data = folder.join(".coverage").display().to_string();
            call.order.set.push(("COVERAGE_FILE".to_owned(), data));
        }
        call.order
            .set
            .push(("PYTHONPATH".to_owned(), path.trim_end_matches(':').to_owned()));
        Ok(call)
    }
}

#[async_trait]
impl Runner for Pytest {
    fn name(&self) -> &'static str {
        "pytest"
    }

    fn detect(&self, folder: &Path) -> bool {
        let is_test = |name: &str| {
            let path = Path::new(name);
            let is_python = path.extension().is_some_and(|extension| extension == "py");
            is_python && (name.starts_with("test_") || name.ends_with("_test.py"))
        };
        let python = ["pyproject.toml", "setup.py", "setup.cfg"]
            .iter()
            .any(|name| folder.join(name).is_file());
        folder.join("pytest.ini").is_file()
            || folder.join("conftest.py").is_file()
            || mentions(&folder.join("pyproject.toml"), "[tool.pytest")
            || mentions(&folder.join("setup.cfg"), "[tool:pytest]")
            || mentions(&folder.join("tox.ini"), "[pytest]")
            || has_file(folder, is_test)
            || (python
                && ["tests", "test"]
                    .iter()
                    .any(|name| has_file(&folder.join(name), is_test)))
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

    fn idle_code(&self) -> Option<i32> {
        Some(5)
    }

    /// pytest tells of options that its plugins bring.
    async fn lacks_for_coverage(&self, task: &Task<'_>) -> Option<String> {
        let mut order = Self::call(task, Mode::List, &[]).ok()?.order;
        order.command.push("--help".to_owned());
        let mut said = Vec::new();
        let followed = process::follow(&order, |bytes| {
            if said.len() < 1 << 20 {
                said.extend_from_slice(bytes);
            }
        });
        let ran = followed.await.is_ok();
        let has = ran && String::from_utf8_lossy(&said).contains("--cov-report");
        (!has).then(|| "pytest-cov is not installed".to_owned())
    }
}
