//! Tells a server of a run: that it begins, how far it has come, and what came of it. The tests wait for none of that, and
//! what a server does changes nothing about their verdict.

mod telling;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use pilotage_core::testing::{Outcome, SuiteResult, TestReport};
use pilotage_runners::{process, testing::Happened};
use serde_json::json;
use tokio::{
    sync::{Mutex, oneshot},
    task::JoinHandle,
};
use uuid::Uuid;

use super::{planning::Share, printing::Whole};
use crate::{cli::Context, client::Client, output::remark};
use telling::Telling;

/// For the report, with everything that is tried again.
const REPORT_TIMEOUT: Duration = Duration::from_secs(15);
/// For saying that the run was interrupted.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest report that is sent, in bytes.
const MOST_BYTES: usize = 7 << 20;
/// Suites that are named when a run begins.
const MOST_SUITES: usize = 200;
/// Where CI says which branch this is: GitHub, GitLab, Azure DevOps, Jenkins.
const BRANCH_VARIABLES: [&str; 4] = [
    "GITHUB_REF_NAME",
    "CI_COMMIT_REF_NAME",
    "BUILD_SOURCEBRANCHNAME",
    "BRANCH_NAME",
];

/// What happened so far.
#[derive(Default)]
pub(super) struct Counts {
    files: AtomicU32,
    tests: AtomicU32,
    failed: AtomicU32,
}

impl Counts {
    /// Counts what happens.
    pub(super) fn note(&self, happened: &Happened) {
        match happened {
            Happened::File { .. } => _ = self.files.fetch_add(1, Ordering::Relaxed),
            Happened::Test { outcome, .. } => {
                self.tests.fetch_add(1, Ordering::Relaxed);
                if *outcome == Outcome::Failed {
                    self.failed.fetch_add(1, Ordering::Relaxed);
                }
            }
            Happened::Began { .. } | Happened::Note { .. } | Happened::Trouble { .. } => {}
        }
    }

    /// Files that are through, tests that ended, and those among them that failed.
    fn now(&self) -> [u32; 3] {
        [&self.files, &self.tests, &self.failed].map(|count| count.load(Ordering::Relaxed))
    }
}

/// The server that was named, and what it is told.
pub(super) struct Keeping {
    client: Option<Arc<Client>>,
    counts: Arc<Counts>,
    told: Mutex<Option<Told>>,
}

/// A run that a server is told of.
struct Told {
    id: Uuid,
    /// Takes the report; when this goes without one, the run was interrupted.
    report: oneshot::Sender<TestReport>,
    telling: JoinHandle<Result<(), String>>,
}

impl Keeping {
    /// Nobody is told where no server was named.
    ///
    /// # Errors
    /// The token cannot be read.
    pub(super) fn new(context: &Context) -> anyhow::Result<Self> {
        let named = context.global.server.is_some();
        Ok(Self {
            client: named.then(|| context.client()).transpose()?.map(Arc::new),
            counts: Arc::default(),
            told: Mutex::default(),
        })
    }

    /// Where what happens is counted.
    pub(super) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// The run begins; nothing is waited for.
    pub(super) async fn begin(&self, root: &Path, suites: &[SuiteResult], share: Share, plan: &str) {
        let Some(client) = &self.client else { return };
        let files = suites.iter().map(|suite| suite.planned.len()).sum::<usize>();
        let files = u32::try_from(files).unwrap_or(u32::MAX);
        let id = Uuid::now_v7();
        let names: Vec<_> = suites.iter().map(|suite| &suite.name).take(MOST_SUITES).collect();
        let part =
            (share.shards > 1).then(|| json!({ "shard": share.shard, "shards": share.shards, "plan": plan }));
        let commit = process::commit(root).await.map(|(commit, ..)| commit);
        let telling = Telling {
            client: Arc::clone(client),
            id: id.to_string(),
            begins: json!({
                "id": id, "name": name(root).await, "commit": commit, "shard": part, "suites": names, "files": files,
            }),
            counts: Arc::clone(&self.counts),
            files,
        };
        let (report, come) = oneshot::channel();
        *self.told.lock().await = Some(Told {
            id,
            report,
            telling: tokio::spawn(telling.run(come)),
        });
    }

    /// The run has ended. Whether the server has what came of it is said, and changes nothing.
    pub(super) async fn end(&self, context: &Context, whole: &Whole) {
        let Some(told) = self.told.lock().await.take() else {
            return;
        };
        let server = context.server();
        // Whoever tells is there until it has the report.
        let _ = told.report.send(report(whole));
        match finish(told.telling, REPORT_TIMEOUT).await {
            Ok(()) => {
                let id = told.id;
                let page = format!("{}/tests/runs/{id}", server.as_str().trim_end_matches('/'));
                remark(format_args!("The server keeps this run: {page}"));
            }
            Err(why) => remark(format_args!(
                "The server at {server} does not have this run: {why}. The verdict and the exit code stand without it."
            )),
        }
    }

    /// Whoever is still told of a run hears that it was interrupted.
    pub(super) async fn leave(&self) {
        if let Some(Told { report, telling, .. }) = self.told.lock().await.take() {
            drop(report);
            // It was interrupted, and nobody waits for more than that.
            let _ = finish(telling, LEAVE_TIMEOUT).await;
        }
    }
}

async fn finish(mut telling: JoinHandle<Result<(), String>>, within: Duration) -> Result<(), String> {
    match tokio::time::timeout(within, &mut telling).await {
        Ok(Ok(told)) => told,
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => {
            telling.abort();
            Err("it did not answer in time".to_owned())
        }
    }
}

/// What came of it, within what is taken.
fn report(whole: &Whole) -> TestReport {
    let fits = |report: &TestReport| serde_json::to_vec(report).is_ok_and(|text| text.len() <= MOST_BYTES);
    let mut report = TestReport::of(&whole.shard.verdict, whole.timing.map(|timing| timing.seconds));
    report.notes.clone_from(&whole.notes);
    report.coverage.clone_from(&whole.coverage);
    if !fits(&report) {
        report = report.without_passed();
    }
    if !fits(&report) {
        report = report.without_messages();
        report.coverage = None;
    }
    report.within_bounds()
}

/// The branch, as CI or git call it, else the folder.
async fn name(root: &Path) -> String {
    let given = BRANCH_VARIABLES
        .iter()
        .find_map(|variable| std::env::var(variable).ok());
    if let Some(given) = given.filter(|given| !given.trim().is_empty()) {
        return given;
    }
    let branch = process::git(root, &["rev-parse", "--abbrev-ref", "HEAD"]).await;
    let branch = branch
        .ok()
        .filter(|branch| branch != "HEAD" && !branch.is_empty());
    let folder = || root.file_name().map(|name| name.to_string_lossy().into_owned());
    branch.or_else(folder).unwrap_or_else(|| "tests".to_owned())
}
