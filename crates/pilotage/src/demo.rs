//! The demonstration: recorded deliveries go in through the real door, and a receiver on loopback stands in for the
//! systems that the rules call. It fails some first attempts on purpose, so that retries can be seen.

mod hints;
mod receiver;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use pilotage_core::{Timestamp, ports::ExecutionFilter};
use pilotage_engine::Ports;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    output::{Output, Style},
    program,
};
use hints::Hints;
use receiver::Receiver;

/// The configuration, with `RECEIVER` and `SECRET` where the address and the secret of this run go.
const CONFIG: &str = include_str!("demo/pilotage.yaml");

/// How long the recorded deliveries may take at most before the closing words come anyway.
const PATIENCE: Duration = Duration::from_secs(20);

/// One recorded delivery.
struct Recorded {
    source: &'static str,
    event: &'static str,
    body: &'static str,
}

const RECORDED: [Recorded; 6] = [
    Recorded {
        source: "github",
        event: "ping",
        body: include_str!("../../../fixtures/github/ping.json"),
    },
    Recorded {
        source: "github",
        event: "push",
        body: include_str!("../../../fixtures/github/push.json"),
    },
    Recorded {
        source: "gitlab",
        event: "Pipeline Hook",
        body: include_str!("../../../fixtures/gitlab/pipeline.json"),
    },
    Recorded {
        source: "make",
        event: "scenario.executed",
        body: include_str!("../../../fixtures/make/scenario.executed.json"),
    },
    Recorded {
        source: "kubernetes",
        event: "deployment.failed",
        body: include_str!("../../../fixtures/kubernetes/deployment.failed.json"),
    },
    Recorded {
        source: "github",
        event: "pull_request",
        body: include_str!("../../../fixtures/github/pull_request.opened.json"),
    },
];

/// A demonstration whose receiver is listening.
pub(crate) struct Demo {
    receiver: Receiver,
    secret: SecretString,
    config: String,
    data_dir: PathBuf,
    once: bool,
}

impl Demo {
    /// Starts the receiver and makes this run's configuration. The closing words name `data_dir`, and nothing that needs the
    /// server where it ends at `once`.
    ///
    /// # Errors
    /// No port on loopback can be had.
    pub(crate) async fn start(data_dir: PathBuf, once: bool) -> anyhow::Result<Self> {
        let receiver = Receiver::start().await?;
        let secret = format!("demo-{}", Uuid::new_v4().simple());
        let config = CONFIG
            .replace("RECEIVER", &receiver.address().to_string())
            .replace("SECRET", &secret);
        Ok(Self {
            receiver,
            secret: secret.into(),
            config,
            data_dir,
            once,
        })
    }

    /// This run's configuration.
    pub(crate) fn config(&self) -> &str {
        &self.config
    }

    /// Sends the recorded deliveries to `address`, waits until what they caused has ended, and says what to try next.
    pub(crate) async fn play(
        &self,
        address: SocketAddr,
        ports: &Ports,
        output: Output,
        stop: CancellationToken,
    ) {
        tokio::select! {
            () = stop.cancelled() => {}
            outcome = self.send_all(address) => match outcome {
                Ok(()) => {
                    self.settled(ports).await;
                    self.close(address, ports, output).await;
                }
                Err(error) => tracing::error!("the demonstration could not send: {error:#}"),
            }
        }
    }

    async fn send_all(&self, address: SocketAddr) -> anyhow::Result<()> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(10))
            .build()?;
        for recorded in &RECORDED {
            let delivery = Uuid::new_v4().to_string();
            let url = format!("http://{address}/webhooks/{}", recorded.source);
            let headers = pilotage_adapters::sources::sign(
                recorded.source,
                recorded.event,
                recorded.body.as_bytes(),
                Some(&self.secret),
                &delivery,
                Timestamp::now(),
            );
            let headers = headers.map_err(|error| anyhow::anyhow!("{}: {error}", recorded.source))?;
            let request = client.post(url);
            let request = headers
                .into_iter()
                .fold(request, |request, (name, value)| request.header(name, value));
            let answer = request.body(recorded.body).send().await.context("no answer")?;
            anyhow::ensure!(
                answer.status().is_success(),
                "{} answered {}",
                recorded.source,
                answer.status()
            );
        }
        Ok(())
    }

    /// Waits until every event is decided and every execution has ended.
    async fn settled(&self, ports: &Ports) {
        let settled = async {
            loop {
                if let Ok(totals) = ports.history.totals().await
                    && totals.undecided + totals.waiting + totals.pending + totals.running == 0
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let _ = tokio::time::timeout(PATIENCE, settled).await;
        // The story follows the audit trail a moment behind.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    async fn close(&self, address: SocketAddr, ports: &Ports, output: Output) {
        if output.is_json() {
            return;
        }
        let say = |text: String| _ = output.line(text);
        let totals = ports.history.totals().await.unwrap_or_default();
        say(format!(
            "\n{} {} events stored, {} of them matched by no rule; {} executions succeeded, {} in the dead letters; the receiver answered {} requests.",
            output.paint(Style::Strong, "That was the whole path."),
            totals.events,
            totals.unhandled,
            totals.succeeded,
            totals.failed,
            self.receiver.answered(),
        ));
        say(if self.once {
            "Try next:".to_owned()
        } else {
            "Try next, in another terminal:".to_owned()
        });
        let hints = Hints {
            program: &program::name(),
            address,
            data_dir: &self.data_dir,
            shown: worth_showing(ports).await,
            stays: !self.once,
        };
        hints.lines().into_iter().for_each(say);
        say(String::new());
    }
}

/// The execution with a failed first attempt, and its event.
async fn worth_showing(ports: &Ports) -> Option<(String, String)> {
    let filter = ExecutionFilter {
        rule: Some("push-to-main".to_owned()),
        ..Default::default()
    };
    let page = ports.history.executions(&filter, None, 1).await.ok()?;
    let execution = page.items.into_iter().next()?;
    Some((execution.id.to_string(), execution.event_id.to_string()))
}
