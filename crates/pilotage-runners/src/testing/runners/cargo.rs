//! Cargo's tests: it builds them once, and then each program of tests is run by itself, as `cargo test` would run it.
//!
//! Test programs tell how long each test took only where unstable options may be used, which the variable `RUSTC_BOOTSTRAP`
//! allows a program that is built already; nothing is compiled with it (`library/test/src/cli.rs` in Rust's own repository).

mod build;
mod measuring;
mod nextest;
mod stream;

use std::{collections::BTreeMap, path::Path};

use async_trait::async_trait;
use pilotage_core::testing::Item;

pub(super) use self::measuring::Counting;
use self::{measuring::Tools, stream::Stream};
use super::{Call, Listing, Reading, Runner, Speech, Task};
use crate::{process::Order, testing::running};

/// Runs Rust's tests.
pub(super) struct Cargo;

#[async_trait]
impl Runner for Cargo {
    fn name(&self) -> &'static str {
        "cargo"
    }

    fn detect(&self, folder: &Path) -> bool {
        folder.join("Cargo.toml").is_file()
    }

    async fn list(&self, task: &Task<'_>) -> Result<Listing, String> {
        build::list(task).await
    }

    async fn tests(&self, task: &Task<'_>, files: &[String]) -> BTreeMap<String, Vec<String>> {
        let told = |file: &String| Some((file.clone(), task.listing.get(file)?.tests.clone()?));
        files.iter().filter_map(told).collect()
    }

    fn calls(&self, task: &Task<'_>, items: &[Item]) -> Result<Vec<Call>, String> {
        let by_nextest = nextest::is_wanted(task);
        let call = |item: &Item| {
            let listed = task.listing.get(&item.file);
            let binary = listed.and_then(|listed| listed.binary.as_ref());
            let binary = binary.ok_or_else(|| format!("{} is not built", item.file))?;
            let counting = measuring::variables(task, binary.counting.as_deref());
            if by_nextest && binary.speech == Speech::Libtest {
                let tests = listed.and_then(|listed| listed.tests.clone());
                return Ok(by_nextest_call(task, item, tests.unwrap_or_default(), counting));
            }
            let mut command = binary.command.clone();
            let mut set = binary.set.clone();
            set.extend(counting);
            set.extend(task.suite.settings.environment.clone());
            if binary.speech == Speech::Libtest {
                command.extend(
                    [
                        "-Zunstable-options",
                        "--format=json",
                        "--report-time",
                        "--test-threads=1",
                    ]
                    .map(str::to_owned),
                );
                if !item.tests.is_empty() {
                    command.push("--exact".to_owned());
                    command.extend(item.tests.iter().cloned());
                }
                set.push(("RUSTC_BOOTSTRAP".to_owned(), "1".to_owned()));
            }
            let stream = Stream::new(&item.file, binary.speech == Speech::Libtest);
            let reading = match binary.speech {
                Speech::Code => Reading::Code,
                _ => Reading::Output(Box::new(move |line| stream.take(line))),
            };
            Ok(Call {
                items: vec![item.clone()],
                order: Order {
                    command,
                    folder: binary.folder.clone(),
                    pass: running::passed(task.suite),
                    set,
                },
                reading,
            })
        };
        items.iter().map(call).collect()
    }

    async fn lacks_for_coverage(&self, task: &Task<'_>) -> Option<String> {
        Tools::find(task).await.err()
    }

    async fn report_coverage(&self, task: &Task<'_>, folder: &Path) -> Result<(), String> {
        measuring::report(task, folder).await
    }
}

/// One program of tests by nextest.
fn by_nextest_call(
    task: &Task<'_>,
    item: &Item,
    tests: Vec<String>,
    counting: Vec<(String, String)>,
) -> Call {
    let (command, mut set) = nextest::call(task, item);
    set.extend(counting);
    set.extend(task.suite.settings.environment.clone());
    let tests = if item.tests.is_empty() {
        tests
    } else {
        item.tests.clone()
    };
    let mut stream = nextest::Stream::new(&item.file, tests);
    Call {
        items: vec![item.clone()],
        order: Order {
            command,
            folder: task.suite.place.clone(),
            pass: running::passed(task.suite),
            set,
        },
        reading: Reading::Output(Box::new(move |line| stream.take(line))),
    }
}
