//! `pilotage test list`.

use clap::Args;
use pilotage_core::testing::{History, MachineClass};
use pilotage_runners::testing::{self, Ready};
use serde_json::{Value, json};

use super::{
    choosing::{Choosing, look, scratch},
    serving::{self, Serving},
};
use crate::{
    cli::Context,
    exit::Done,
    output::{Cell, Style, Table},
};

/// What is listed.
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Every file, with its tests where they are known
    #[arg(long)]
    files: bool,
    #[command(flatten)]
    choosing: Choosing,
    #[command(flatten)]
    serving: Serving,
}

impl List {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let root = std::env::current_dir()?;
        let (file, declared) = self.choosing.known.sections()?;
        let history = self.choosing.known.history()?;
        let scratch = scratch()?;
        let mut suites = self.choosing.suites(&root, &file)?;
        // What a suite reads when it is loaded is there, though nothing listens behind it.
        let services = self
            .serving
            .arrange(&root, declared, &serving::users(&file, &suites))
            .await?;
        if let Some(services) = &services {
            serving::hand_over(&mut suites, services);
        }
        let suites = look(suites, scratch.path()).await;
        let class = testing::machine_class();
        if context.output.is_json() {
            let items: Vec<_> = suites
                .iter()
                .map(|ready| shown(ready, &history, &class))
                .collect();
            context.output.json(&json!({ "items": items, "next": null }))?;
        } else {
            context.output.table(&if self.files {
                files(&suites, &history, &class)
            } else {
                table(&suites, &history, &class)
            })?;
            for ready in &suites {
                if let Some(problem) = &ready.problem {
                    context.output.line(
                        context
                            .output
                            .paint(Style::Bad, &format!("{}: {problem}", ready.suite.name)),
                    )?;
                }
            }
        }
        Ok(Done::when(suites.iter().all(|ready| ready.problem.is_none())))
    }
}

/// How many tests a file has: as its runner tells, or as many as there were last time.
fn tests(
    ready: &Ready,
    file: &str,
    listed: Option<&[String]>,
    history: &History,
    class: &MachineClass,
) -> Option<usize> {
    let remembered = || {
        history
            .file(class, &ready.suite.name, file)
            .map(|file| file.tests.len())
    };
    listed.map(<[String]>::len).or_else(remembered)
}

fn last(ready: &Ready, file: &str, history: &History, class: &MachineClass) -> Option<f64> {
    history.file(class, &ready.suite.name, file)?.spent.last()
}

fn seconds(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.2} s"))
}

fn number(number: Option<usize>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

fn table(suites: &[Ready], history: &History, class: &MachineClass) -> Table {
    let mut table = Table::new(&["SUITE", "RUNNER", "FOLDER", "FILES", "TESTS", "LAST"]);
    for ready in suites {
        let files: Vec<_> = ready.files().collect();
        let counts: Option<Vec<_>> = files
            .iter()
            .map(|(file, listed)| tests(ready, file, *listed, history, class))
            .collect();
        let times: Option<Vec<_>> = files
            .iter()
            .map(|(file, _)| last(ready, file, history, class))
            .collect();
        let folder = if ready.suite.folder.is_empty() {
            "."
        } else {
            &ready.suite.folder
        };
        table.row([
            Cell::id(&ready.suite.name),
            ready.suite.runner_name().into(),
            folder.into(),
            files.len().to_string().into(),
            number(counts.map(|counts| counts.iter().sum())).into(),
            seconds(times.map(|times| times.iter().sum())).into(),
        ]);
    }
    table
}

fn files(suites: &[Ready], history: &History, class: &MachineClass) -> Table {
    let mut table = Table::new(&["SUITE", "FILE", "TESTS", "LAST"]);
    for ready in suites {
        for (file, listed) in ready.files() {
            table.row([
                ready.suite.name.as_str().into(),
                Cell::id(file),
                number(tests(ready, file, listed, history, class)).into(),
                seconds(last(ready, file, history, class)).into(),
            ]);
        }
    }
    table
}

fn shown(ready: &Ready, history: &History, class: &MachineClass) -> Value {
    let files = ready.files().map(|(file, listed)| {
        let known = history.file(class, &ready.suite.name, file);
        let remembered = known.map(|file| {
            let test = |(id, test): (&String, &pilotage_core::testing::TestKept)| json!({ "id": id, "seconds": test.seconds });
            file.tests.iter().map(test).collect::<Vec<_>>()
        });
        let listed = listed.map(|tests| tests.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>());
        json!({
            "file": file, "lastSeconds": known.and_then(|file| file.spent.last()),
            "tests": remembered.or(listed),
        })
    });
    json!({
        "name": ready.suite.name, "runner": ready.suite.runner_name(), "folder": ready.suite.folder,
        "tags": ready.suite.settings.tags, "problem": ready.problem, "files": files.collect::<Vec<_>>(),
    })
}
