//! The calls, one after the other, each with a time of its own.

use std::{future::Future, sync::Arc, time::Duration};

use pilotage_core::testing::TestReport;
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::Counts;
use crate::client::{Client, ClientError};

/// How often the server is told how far the run has come, and how soon a call is tried again.
const EVERY: Duration = Duration::from_secs(1);
/// After so many times it is told even if nothing happened, so that it knows that the run goes on.
const MOST_SILENT: u32 = 60;
/// For a call that says little.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// For the report.
const REPORT_TIMEOUT: Duration = Duration::from_secs(12);
/// How often the report is sent, and what comes before it, when there is no answer.
const MOST_TRIES: u32 = 5;

/// Everything that a server is told of a run.
pub(super) struct Telling {
    pub(super) client: Arc<Client>,
    pub(super) id: String,
    /// What is said when it begins; it names the identity, so that saying it twice begins it once.
    pub(super) begins: Value,
    pub(super) counts: Arc<Counts>,
    /// Files that are planned.
    pub(super) files: u32,
}

/// Why the server was not told.
enum Untold {
    /// It may be told later.
    Later(String),
    /// It does not want to know.
    Never(String),
}

impl Telling {
    /// Tells how it goes until the report comes, and then sends that. Without a report the run was interrupted.
    ///
    /// # Errors
    /// Why the server does not have the run, in words.
    pub(super) async fn run(self, mut come: oneshot::Receiver<TestReport>) -> Result<(), String> {
        let mut has_begun = false;
        let report = tokio::select! {
            report = &mut come => report,
            why = self.goes_on(&mut has_begun) => return Err(why),
        };
        match report {
            Ok(report) => self.ends(has_begun, &report).await,
            Err(_) if has_begun => {
                let _ = self
                    .call(Method::POST, "break-off", None::<&Value>, CALL_TIMEOUT)
                    .await;
                Err("the run was interrupted".to_owned())
            }
            Err(_) => Err("the run was interrupted".to_owned()),
        }
    }

    /// Says that the run begins and how far it has come, until the server does not want to know any more.
    async fn goes_on(&self, has_begun: &mut bool) -> String {
        let (mut told, mut silent) = ([0; 3], 0);
        loop {
            if !*has_begun {
                match self.begin().await {
                    Ok(()) => *has_begun = true,
                    Err(Untold::Later(_)) => {}
                    Err(Untold::Never(why)) => return why,
                }
            }
            let now = self.counts.now();
            silent += 1;
            if *has_begun && (now != told || silent >= MOST_SILENT) {
                match self.progress(now).await {
                    Ok(()) => (told, silent) = (now, 0),
                    Err(Untold::Later(_)) => {}
                    Err(Untold::Never(why)) => return why,
                }
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    async fn begin(&self) -> Result<(), Untold> {
        let begun = self
            .client
            .change(Method::POST, &["tests", "runs"], Some(&self.begins));
        within(CALL_TIMEOUT, begun).await
    }

    async fn progress(&self, [through, tests, failed]: [u32; 3]) -> Result<(), Untold> {
        let (through, files) = (through.min(self.files), self.files);
        let mut message = format!("{through} of {files} files, {tests} tests");
        if failed > 0 {
            message = format!("{message}, {failed} failed");
        }
        let body = json!({ "current": through, "total": files, "message": message });
        self.call(Method::PUT, "progress", Some(&body), CALL_TIMEOUT)
            .await
    }

    /// Sends the report, a few times where nobody answers: the server may be starting again.
    async fn ends(&self, mut has_begun: bool, report: &TestReport) -> Result<(), String> {
        let mut tries = 0;
        loop {
            let sent = if has_begun {
                self.call(Method::PUT, "report", Some(report), REPORT_TIMEOUT)
                    .await
            } else {
                self.begin().await
            };
            match sent {
                Ok(()) if has_begun => return Ok(()),
                Ok(()) => has_begun = true,
                Err(Untold::Never(why)) => return Err(why),
                Err(Untold::Later(why)) if tries + 1 >= MOST_TRIES => return Err(why),
                Err(Untold::Later(_)) => {
                    tries += 1;
                    tokio::time::sleep(EVERY).await;
                }
            }
        }
    }

    async fn call<B: Serialize + Sync>(
        &self,
        method: Method,
        what: &str,
        body: Option<&B>,
        timeout: Duration,
    ) -> Result<(), Untold> {
        let path = ["tests", "runs", &self.id, what];
        within(timeout, self.client.change(method, &path, body)).await
    }
}

async fn within<T>(
    timeout: Duration,
    call: impl Future<Output = Result<T, ClientError>>,
) -> Result<(), Untold> {
    match tokio::time::timeout(timeout, call).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(match error.status() {
            // A server that starts, or is asked too much, may be asked again.
            None | Some(408 | 425 | 429 | 500..) => Untold::Later(error.reason()),
            Some(_) => Untold::Never(error.reason()),
        }),
        Err(_) => Err(Untold::Later("it did not answer in time".to_owned())),
    }
}
