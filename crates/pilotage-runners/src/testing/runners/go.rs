//! Go's own tests, a package being what elsewhere is a file (`go doc test2json` says what the lines of `-json` mean).

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use async_trait::async_trait;
use pilotage_core::testing::{Item, Outcome, Said, TestSeen};
use serde::Deserialize;

use super::{Call, Change, Listed, Listing, Reading, Runner, Task, command, exactly};
use crate::{
    process::{self, Order},
    testing::running,
};

/// Longest output of a test that is kept, in bytes.
const MOST_OUTPUT_BYTES: usize = 16 << 10;
/// One line for each package that has tests.
const WITH_TESTS: &str = "{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}";

/// One line for each package: its path, its folder, and what it and its tests import.
const IMPORTS: &str = "{{.ImportPath}}\t{{.Dir}}\t{{join .Imports \" \"}} {{join .TestImports \" \"}} {{join .XTestImports \" \"}}";

/// Runs Go's tests.
pub(super) struct Go;

impl Go {
    fn order(task: &Task<'_>, arguments: Vec<String>) -> Order {
        let mut command = command(task.suite, &["go"]);
        command.extend(arguments);
        let set = task.suite.settings.environment.clone().into_iter().collect();
        Order {
            command,
            folder: task.suite.place.clone(),
            pass: running::passed(task.suite),
            set,
        }
    }

    /// The lines that a command of Go writes.
    async fn lines(task: &Task<'_>, arguments: &[&str]) -> Result<Vec<String>, String> {
        let order = Self::order(task, arguments.iter().map(ToString::to_string).collect());
        let mut out = Vec::new();
        let followed = process::follow(&order, |bytes| {
            if out.len() < 16 << 20 {
                out.extend_from_slice(bytes);
            }
        });
        let followed = followed.await?;
        if followed.code != Some(0) {
            let said = crate::reading::brief(&running::end_of(&followed.errors, 20));
            return Err(format!("`{}` failed: {said}", order.command.join(" ")));
        }
        let text = String::from_utf8_lossy(&out);
        Ok(text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect())
    }
}

#[async_trait]
impl Runner for Go {
    fn name(&self) -> &'static str {
        "go"
    }

    fn detect(&self, folder: &Path) -> bool {
        folder.join("go.mod").is_file()
    }

    async fn list(&self, task: &Task<'_>) -> Result<Listing, String> {
        let wanted = &task.suite.settings.arguments;
        let mut arguments = vec!["list", "-e", "-f", WITH_TESTS];
        let packages: Vec<&str> = wanted
            .iter()
            .map(String::as_str)
            .filter(|word| word.starts_with("./"))
            .collect();
        arguments.extend(if packages.is_empty() {
            vec!["./..."]
        } else {
            packages
        });
        let mut files = Self::lines(task, &arguments).await?;
        files.sort();
        Ok(Listing {
            files: files.into_iter().map(Listed::new).collect(),
        })
    }

    async fn tests(&self, task: &Task<'_>, files: &[String]) -> BTreeMap<String, Vec<String>> {
        let mut tests = BTreeMap::new();
        for file in files {
            if let Ok(lines) = Self::lines(task, &["test", "-list", ".", file]).await {
                let is_name = |line: &String| {
                    ["Test", "Example", "Fuzz"]
                        .iter()
                        .any(|start| line.starts_with(start))
                };
                tests.insert(file.clone(), lines.into_iter().filter(is_name).collect());
            }
        }
        tests
    }

    /// A file belongs to the package of its folder, or of the nearest folder above that is one, as test data does. A package
    /// is reached by itself and by all that import it, in tests too.
    async fn reaching(&self, task: &Task<'_>, change: &Change<'_>) -> Option<BTreeSet<String>> {
        let lines = Self::lines(task, &["list", "-e", "-f", IMPORTS, "./..."])
            .await
            .ok()?;
        let packages = lines
            .iter()
            .map(|line| Package::read(line))
            .collect::<Option<Vec<_>>>()?;
        let place = task.suite.place.canonicalize().ok()?;
        let mut reached = BTreeSet::new();
        for file in change.files {
            let path = place.join(file);
            let mut above = path
                .ancestors()
                .skip(1)
                .take_while(|above| above.starts_with(&place));
            let is_module = ["go.mod", "go.sum", "go.work", "go.work.sum"]
                .iter()
                .any(|name| file.ends_with(name));
            let owner =
                above.find_map(|above| packages.iter().find(|package| Path::new(package.folder) == above))?;
            if is_module {
                return None;
            }
            reached.insert(owner.path);
        }
        loop {
            let more: Vec<_> = packages
                .iter()
                .filter(|package| {
                    !reached.contains(package.path)
                        && package.imports.iter().any(|import| reached.contains(import))
                })
                .map(|package| package.path)
                .collect();
            if more.is_empty() {
                break;
            }
            reached.extend(more);
        }
        Some(
            reached
                .into_iter()
                .filter(|path| task.listing.contains_key(*path))
                .map(str::to_owned)
                .collect(),
        )
    }

    fn calls(&self, task: &Task<'_>, items: &[Item]) -> Result<Vec<Call>, String> {
        let others: Vec<_> = task
            .suite
            .settings
            .arguments
            .iter()
            .filter(|word| !word.starts_with("./"))
            .collect();
        // Names select in every package of a call, so a part of one has a call of its own.
        let (parts, whole): (Vec<Item>, Vec<Item>) =
            items.iter().cloned().partition(|item| !item.tests.is_empty());
        let groups = parts
            .into_iter()
            .map(|item| vec![item])
            .chain(Some(whole).filter(|items| !items.is_empty()));
        let calls = groups.enumerate().map(|(number, items)| {
            // `-p 1`: a runner takes one of our workers. `-count=1`: what is cached did not run.
            let mut arguments = ["test", "-json", "-count=1", "-p", "1"]
                .map(str::to_owned)
                .to_vec();
            if let Some(folder) = task.coverage {
                // What the tests of one package reach in another counts as well.
                arguments.extend(["-covermode=count", "-coverpkg=./..."].map(str::to_owned));
                let profile = folder.join(format!("cover-{number}.out"));
                arguments.push(format!("-coverprofile={}", profile.display()));
            }
            arguments.extend(others.iter().copied().cloned());
            if let Some(part) = items.first().filter(|item| !item.tests.is_empty()) {
                let mut tests: Vec<String> = part
                    .tests
                    .iter()
                    .filter_map(|id| id.split('/').next())
                    .map(str::to_owned)
                    .collect();
                tests.dedup();
                arguments.extend(["-run".to_owned(), exactly(&tests, "/")]);
            }
            arguments.extend(items.iter().map(|item| item.file.clone()));
            let mut stream = Stream::default();
            let reading = Reading::Output(Box::new(move |line| stream.take(line)));
            Call {
                items,
                order: Self::order(task, arguments),
                reading,
            }
        });
        Ok(calls.collect())
    }

    async fn lacks_for_coverage(&self, _task: &Task<'_>) -> Option<String> {
        None
    }
}

/// A package, as [`IMPORTS`] has it told.
struct Package<'a> {
    path: &'a str,
    folder: &'a str,
    imports: Vec<&'a str>,
}

impl<'a> Package<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut fields = line.split('\t');
        Some(Self {
            path: fields.next()?,
            folder: fields.next()?,
            imports: fields.next().unwrap_or_default().split_whitespace().collect(),
        })
    }
}

/// A line of the stream. Fields and actions as `go doc test2json` and `go help buildjson` give them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Line {
    action: String,
    #[serde(default)]
    package: String,
    #[serde(default)]
    import_path: String,
    test: Option<String>,
    elapsed: Option<f64>,
    output: Option<String>,
    failed_build: Option<String>,
}

/// What is known of the packages that are at work.
#[derive(Default)]
struct Stream {
    /// Output by package and test; what belongs to no test under the empty name.
    output: BTreeMap<(String, String), String>,
    /// Whether a package has a failed test.
    failed: BTreeMap<String, bool>,
    /// What the compiler said.
    build: String,
}

impl Stream {
    fn take(&mut self, line: &str) -> Vec<Said> {
        // Older versions write what the compiler says between the lines.
        let Ok(line) = serde_json::from_str::<Line>(line) else {
            append(&mut self.build, line);
            append(&mut self.build, "\n");
            return Vec::new();
        };
        let file = line.package.clone();
        match (line.action.as_str(), line.test.clone()) {
            ("build-output", _) => {
                append(&mut self.build, line.output.as_deref().unwrap_or_default());
                let _ = line.import_path;
                Vec::new()
            }
            ("start", None) => vec![Said::File {
                file,
                tests: None,
                ids: Vec::new(),
            }],
            ("run", Some(id)) => vec![Said::Start { file, id }],
            ("output", test) => {
                let kept = self.output.entry((file, test.unwrap_or_default())).or_default();
                append(kept, line.output.as_deref().unwrap_or_default());
                Vec::new()
            }
            ("pass" | "fail" | "skip", Some(id)) => vec![self.test(file, id, &line)],
            ("pass" | "fail" | "skip", None) => self.package(file, &line),
            _ => Vec::new(),
        }
    }

    fn test(&mut self, file: String, id: String, line: &Line) -> Said {
        let outcome = match line.action.as_str() {
            "pass" => Outcome::Passed,
            "skip" => Outcome::Skipped,
            _ => Outcome::Failed,
        };
        *self.failed.entry(file.clone()).or_default() |= outcome == Outcome::Failed;
        let output = self
            .output
            .remove(&(file.clone(), id.clone()))
            .unwrap_or_default();
        let message = if outcome == Outcome::Passed {
            String::new()
        } else {
            output
        };
        let (name, seconds) = (id.clone(), line.elapsed.unwrap_or_default());
        Said::Test(TestSeen {
            file,
            id,
            name,
            outcome,
            seconds,
            message,
            earlier: Vec::new(),
        })
    }

    fn package(&mut self, file: String, line: &Line) -> Vec<Said> {
        let output = self
            .output
            .remove(&(file.clone(), String::new()))
            .unwrap_or_default();
        let mut said = Vec::new();
        let failed = self.failed.remove(&file).unwrap_or_default();
        let broken = output.contains("[build failed]")
            || output.contains("[setup failed]")
            || line.failed_build.is_some();
        if line.action == "fail" && (!failed || broken || output.contains("panic: ")) {
            // A panic takes the tests after it along, and nothing tells which those are.
            let why = if broken {
                format!("{}{output}", self.build)
            } else {
                output
            };
            said.push(Said::Error {
                file: Some(file.clone()),
                message: why,
            });
        }
        said.push(Said::Done {
            file,
            seconds: line.elapsed.unwrap_or_default(),
        });
        said
    }
}

fn append(kept: &mut String, text: &str) {
    if kept.len() < MOST_OUTPUT_BYTES {
        kept.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[&str]) -> Vec<Said> {
        let mut stream = Stream::default();
        lines.iter().flat_map(|line| stream.take(line)).collect()
    }

    #[test]
    fn a_package_that_does_not_compile_is_an_error_in_old_and_new_versions() {
        let old = [
            "# example.com/a [example.com/a.test]",
            "./a_test.go:3:1: syntax error",
            r#"{"Action":"output","Package":"example.com/a","Output":"FAIL\texample.com/a [build failed]\n"}"#,
            r#"{"Action":"fail","Package":"example.com/a","Elapsed":0}"#,
        ];
        let new = [
            r#"{"ImportPath":"example.com/a [example.com/a.test]","Action":"build-output","Output":"./a_test.go:3:1: syntax error\n"}"#,
            r#"{"ImportPath":"example.com/a [example.com/a.test]","Action":"build-fail"}"#,
            r#"{"Action":"start","Package":"example.com/a"}"#,
            r#"{"Action":"fail","Package":"example.com/a","Elapsed":0,"FailedBuild":"example.com/a [example.com/a.test]"}"#,
        ];
        for lines in [old, new] {
            let told = told(&lines);
            let message = told.iter().find_map(|said| match said {
                Said::Error { message, .. } => Some(message.as_str()),
                _ => None,
            });
            assert!(
                message.is_some_and(|message| message.contains("syntax error")),
                "{told:?}"
            );
        }
    }

    #[test]
    fn a_panic_is_told_beside_the_test_that_it_failed() {
        let told = told(&[
            r#"{"Action":"run","Package":"p","Test":"TestA"}"#,
            r#"{"Action":"fail","Package":"p","Test":"TestA","Elapsed":0}"#,
            r#"{"Action":"output","Package":"p","Output":"panic: boom\n"}"#,
            r#"{"Action":"fail","Package":"p","Elapsed":0.1}"#,
        ]);
        assert!(
            matches!(
                &told[..],
                [
                    Said::Start { .. },
                    Said::Test(_),
                    Said::Error { .. },
                    Said::Done { .. }
                ]
            ),
            "{told:?}"
        );
    }
}
