//! `pilotage test env`.

use std::{
    collections::BTreeMap,
    io::IsTerminal as _,
    os::unix::process::ExitStatusExt as _,
    process::{ExitStatus, Stdio},
};

use anyhow::Context as _;
use clap::Args;
use pilotage_core::testing::{ServicesFile, TestsFile};
use pilotage_runners::testing::services::Services;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};

use super::{
    choosing::Known,
    run::interrupted,
    serving::{self, Serving},
};
use crate::{
    cli::Context,
    exit::{Done, usage},
    output::remark,
};

const EXAMPLES: &str = "\
Examples:
  pilotage test env -- npm start                            with every service that the tests use
  pilotage test env --service postgres --service redis -- python manage.py shell
  pilotage test env --suite pytest -- pytest -k login       with what that suite is given
  pilotage test env --service make-api-mock --print         until Ctrl-C, for use from elsewhere

The command is given the variables of this environment and those of the services: REDIS_URL,
DATABASE_URL with PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE, NATS_URL, MAKE_API_ENDPOINT
with MAKE_API_TOKEN, and for every service PILOTAGE_SERVICE_<NAME>_HOST, _PORT and _URL.

Exit codes: that of the command (128 and the signal that ended it), 2 usage or configuration,
3 could not run.";

/// The name under which the services of this command are used.
const USER: &str = "env";

/// With which services, and what.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Env {
    /// This service; may be given several times. Without it, those that the tests use
    #[arg(long, value_name = "NAME")]
    service: Vec<String>,
    /// The services of this suite
    #[arg(long, value_name = "NAME", conflicts_with = "service")]
    suite: Option<String>,
    /// Show the variables; without a command, and wait for Ctrl-C
    #[arg(long)]
    print: bool,
    /// The command
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
    #[command(flatten)]
    serving: Serving,
    #[command(flatten)]
    known: Known,
}

impl Env {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        if self.command.is_empty() && !self.print {
            return Err(usage("Name a command after `--`, or ask for --print."));
        }
        let root = std::env::current_dir()?;
        let (tests, declared) = self.known.sections()?;
        let wanted = self.wanted(&tests, &declared)?;
        let users = [(USER.to_owned(), wanted)];
        let services = self.serving.arrange(&root, declared, &users).await?;
        let done = match &services {
            None => Err(usage(
                "The configuration names no service: name one with --service, such as redis, postgres, nats or make-api-mock.",
            )),
            Some(services) => self.within(context, services).await,
        };
        serving::end(services.as_deref()).await;
        done
    }

    /// Those that are named, those of the suite, those that tests use, or all that there are.
    fn wanted(&self, tests: &TestsFile, declared: &ServicesFile) -> anyhow::Result<Vec<String>> {
        if !self.service.is_empty() {
            return Ok(self.service.clone());
        }
        let mut wanted = tests.services.clone();
        if let Some(name) = &self.suite {
            let suite = tests
                .suites
                .get(name)
                .ok_or_else(|| usage(format!("The configuration has no suite `{name}`.")))?;
            wanted.extend(suite.services.clone());
            return Ok(wanted);
        }
        wanted.extend(tests.suites.values().flat_map(|suite| suite.services.clone()));
        if wanted.is_empty() {
            wanted.extend(declared.keys().cloned());
        }
        Ok(wanted)
    }

    async fn within(&self, context: &Context, services: &Services) -> anyhow::Result<Done> {
        tokio::select! {
            ready = services.ready(USER) => ready.map_err(|why| anyhow::anyhow!("{why}"))?,
            () = interrupted() => anyhow::bail!("Interrupted: nothing was run."),
        };
        let variables = services.variables(USER);
        let Some((program, arguments)) = self.command.split_first() else {
            show(context, &variables)?;
            interrupted().await;
            return Ok(Done::Yes);
        };
        if self.print {
            for (name, value) in &variables {
                remark(format!("{name}={value}"));
            }
        }
        // In the process group of this program, so that the terminal is its own and Ctrl-C reaches it.
        let child = Command::new(program)
            .args(arguments)
            .envs(&variables)
            .stdin(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("`{program}` cannot be started"))?;
        follow(child).await
    }
}

fn show(context: &Context, variables: &BTreeMap<String, String>) -> anyhow::Result<()> {
    if context.output.is_json() {
        return context.output.json(&json!(variables));
    }
    for (name, value) in variables {
        context.output.line(format!("{name}={value}"))?;
    }
    Ok(())
}

/// Waits for the command, and hands on what it is asked to. What the terminal sends reaches it by itself, and whether that is
/// its end is for it to say.
async fn follow(mut child: Child) -> anyhow::Result<Done> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    let pid = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw);
    let hand_on = |signal| {
        // It may have ended meanwhile.
        let _ = pid.map(|pid| kill_process(pid, signal));
    };
    let has_terminal = std::io::stdin().is_terminal();
    loop {
        tokio::select! {
            status = child.wait() => return Ok(done(status.context("the command cannot be waited for")?)),
            _ = interrupt.recv() => if !has_terminal { hand_on(Signal::INT) },
            _ = terminate.recv() => hand_on(Signal::TERM),
        }
    }
}

fn done(status: ExitStatus) -> Done {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    Done::Code(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
}
