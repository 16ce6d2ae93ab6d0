//! `pilotage load`: put a service under load and judge how it stood up.

mod screen;

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use pilotage_core::{Timestamp, gate::Operator};
use pilotage_runners::{
    load::{
        self, Figures, HttpSender, LoadFile, Plan, Progress, Report, RequestFile, Row, ScenarioFile,
        ThresholdFile, Verdict, Watcher,
    },
    testing::services::process_of,
};
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    cli::{Context, DataDir},
    exit::{Done, usage},
    settings::Settings,
};

const EXAMPLES: &str = "\
Examples:
  pilotage load run                       every scenario of pilotage.yaml
  pilotage load run checkout              one of them
  pilotage load run --url http://127.0.0.1:8080/health --rate 200 --duration 30s \\
      --threshold 'response_time_p95<300ms' --threshold 'error_rate<0.1%'
  pilotage load run --url http://localhost:3000/ --users 20 --duration 10s --pid 4711

With --rate requests are sent on a schedule that does not wait for answers, and are measured from when they were due, so
that a server that stands still is seen as its callers would see it. Users wait, and do not show that.
Other hosts than this machine have to be named in `load.allow`.

Exit codes: 0 all thresholds hold, 1 one does not or arrivals were dropped, 2 usage or configuration,
3 this machine could not keep the schedule, so nothing is known.";

/// Put a service under load.
#[derive(Debug, Subcommand)]
pub(crate) enum LoadCommand {
    /// Send requests on a schedule, measure, and judge.
    Run(Run),
}

impl LoadCommand {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        match self {
            Self::Run(command) => command.run(context).await,
        }
    }
}

/// What is sent, and what has to hold.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Run {
    /// Scenarios of the configuration; all of them where none is named
    #[arg(value_name = "SCENARIO", conflicts_with = "url")]
    scenarios: Vec<String>,
    /// File with the configuration
    #[arg(
        long,
        env = "PILOTAGE_CONFIG",
        default_value = "pilotage.yaml",
        value_name = "FILE"
    )]
    config: PathBuf,
    /// One request to this address, in place of a scenario
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    single: Single,
    /// Write the report to this file; .pilotage/load/SCENARIO.json where nothing is said
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data_dir: DataDir,
}

/// How one address is put under load.
#[derive(Args, Debug)]
struct Single {
    /// Arrivals per second
    #[arg(long, requires = "url", conflicts_with = "users", value_name = "N")]
    rate: Option<f64>,
    /// Users who each wait for their answers
    #[arg(long, requires = "url", value_name = "N")]
    users: Option<u32>,
    /// How often a user begins anew, such as 100ms
    #[arg(long, requires = "users", value_name = "TIME")]
    pace: Option<String>,
    /// How long it is measured
    #[arg(long, requires = "url", default_value = "10s", value_name = "TIME")]
    duration: String,
    /// Time before it in which nothing is counted
    #[arg(long, requires = "url", value_name = "TIME")]
    warm_up: Option<String>,
    /// Time in which the rate grows from nothing
    #[arg(long, requires = "url", value_name = "TIME")]
    ramp: Option<String>,
    /// Longest time for an answer
    #[arg(long, requires = "url", value_name = "TIME")]
    timeout: Option<String>,
    /// Method of the request
    #[arg(long, requires = "url", default_value = "GET", value_name = "METHOD")]
    method: String,
    /// A header, `Name: value`; may be given several times
    #[arg(long = "header", short = 'H', requires = "url", value_name = "HEADER")]
    headers: Vec<String>,
    /// Body of the request
    #[arg(long, requires = "url", value_name = "TEXT")]
    body: Option<String>,
    /// What has to hold, such as `response_time_p95<300ms`; may be given several times
    #[arg(long = "threshold", requires = "url", value_name = "METRIC<VALUE", value_parser = threshold)]
    thresholds: Vec<ThresholdFile>,
    /// Process whose memory and processor time are watched
    #[arg(long, requires = "url", value_name = "PID")]
    pid: Option<u32>,
    /// Container whose memory and processor time are watched
    #[arg(long, requires = "url", conflicts_with = "pid", value_name = "NAME")]
    container: Option<String>,
}

impl Single {
    fn scenario(&self, url: &str) -> anyhow::Result<ScenarioFile> {
        let text = |text: &Option<String>| text.clone().map(Value::from);
        let headers = self.headers.iter().map(|header| {
            let (name, value) = header
                .split_once(':')
                .ok_or_else(|| usage(format!("`{header}` is no header: write `Name: value`")))?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        });
        Ok(ScenarioFile {
            // Ten a second hurt nobody.
            rate: self.rate.or_else(|| self.users.is_none().then_some(10.0)),
            users: self.users,
            pace: text(&self.pace),
            duration: self.duration.clone().into(),
            warm_up: text(&self.warm_up),
            ramp: text(&self.ramp),
            timeout: text(&self.timeout),
            requests: vec![RequestFile {
                method: Some(self.method.clone()),
                url: url.to_owned(),
                headers: headers.collect::<anyhow::Result<_>>()?,
                body: text(&self.body),
                ..RequestFile::default()
            }],
            thresholds: self.thresholds.clone(),
            pid: self.pid,
            container: self.container.clone(),
            ..ScenarioFile::default()
        })
    }
}

/// `response_time_p95<300ms`.
fn threshold(text: &str) -> Result<ThresholdFile, String> {
    let operators = [
        ("<=", Operator::Lte),
        (">=", Operator::Gte),
        ("<", Operator::Lt),
        (">", Operator::Gt),
    ];
    let found = operators.into_iter().find_map(|(sign, operator)| {
        let (metric, value) = text.split_once(sign)?;
        Some(ThresholdFile {
            metric: metric.trim().to_owned(),
            operator,
            threshold: number(value.trim()),
        })
    });
    found.ok_or_else(|| "write it as `response_time_p95<300ms`".to_owned())
}

fn number(text: &str) -> Value {
    text.parse::<f64>().map_or_else(|_| text.into(), Value::from)
}

impl Run {
    async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let file = self.file()?;
        let chosen: Vec<_> = match &self.url {
            Some(_) => vec!["url".to_owned()],
            None => self.chosen(&file)?,
        };
        // A wrong scenario is told before anything is sent.
        let mut all = Vec::new();
        for name in &chosen {
            let scenario = &file.scenarios[name];
            let plan =
                Plan::new(name, scenario, &file.allow).map_err(|problems| self.refused(name, &problems))?;
            all.push((plan, rows(&self.config, scenario)?, watched(scenario).await?));
        }
        let mut worst = Done::Yes;
        let mut reports = Vec::new();
        for (plan, rows, pid) in all {
            let report = one(context, plan, rows, pid).await?;
            let place = self.place(&report.scenario);
            keep(&place, &report)?;
            if !context.output.is_json() {
                screen::show(context.output, &report, &place)?;
            }
            worst = worse(worst, report.verdict);
            let is_over = report.verdict == Verdict::Inconclusive;
            reports.push(report);
            if is_over {
                break;
            }
        }
        if context.output.is_json() {
            match reports.as_slice() {
                [only] if self.url.is_some() => context.output.json(only)?,
                _ => context.output.json(&reports)?,
            }
        }
        Ok(worst)
    }

    /// The section of the configuration; where an address is named, the file need not be there.
    fn file(&self) -> anyhow::Result<LoadFile> {
        let mut file = if self.url.is_some() && !self.config.exists() {
            LoadFile::default()
        } else {
            Settings::read(&self.config)?.file.load
        };
        if let Some(url) = &self.url {
            file.scenarios = [("url".to_owned(), self.single.scenario(url)?)].into();
        }
        Ok(file)
    }

    fn chosen(&self, file: &LoadFile) -> anyhow::Result<Vec<String>> {
        let known = || file.scenarios.keys().cloned().collect::<Vec<_>>();
        if file.scenarios.is_empty() {
            return Err(usage(format!(
                "There are no `load.scenarios` in {}. Write one, or name an address with --url.",
                self.config.display()
            )));
        }
        if self.scenarios.is_empty() {
            return Ok(known());
        }
        for name in &self.scenarios {
            if !file.scenarios.contains_key(name) {
                return Err(usage(format!(
                    "There is no scenario `{name}`; there are {}.",
                    known().join(", ")
                )));
            }
        }
        Ok(self.scenarios.clone())
    }

    fn refused(&self, name: &str, problems: &[pilotage_core::config::Problem]) -> anyhow::Error {
        let mut text = if self.url.is_some() {
            "this cannot be run".to_owned()
        } else {
            format!("the scenario `{name}` cannot be run")
        };
        for problem in problems {
            let pointer = problem.pointer.trim_start_matches('/');
            let _ = write!(
                text,
                "
  {pointer}: {}",
                problem.message
            );
            if let Some(help) = &problem.help {
                let _ = write!(text, " ({help})");
            }
        }
        usage(text)
    }

    fn place(&self, scenario: &str) -> PathBuf {
        let usual = || {
            self.data_dir
                .data_dir
                .join("load")
                .join(format!("{}.json", file_name(scenario)))
        };
        self.output.clone().unwrap_or_else(usual)
    }
}

/// A scenario's name as part of a path: nothing in it climbs or hides.
fn file_name(name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    name.chars()
        .map(|letter| if plain(letter) { letter } else { '_' })
        .take(100)
        .collect()
}

/// What `${name}` stands for, arrival after arrival. The file lies beside the configuration.
fn rows(config: &Path, scenario: &ScenarioFile) -> anyhow::Result<Vec<Row>> {
    const MOST_BYTES: u64 = 64 << 20;
    let Some(data) = &scenario.data else {
        return Ok(Vec::new());
    };
    let path = config.parent().unwrap_or_else(|| Path::new("")).join(data);
    let told = || format!("the data of the scenario, {}", path.display());
    let length = fs::metadata(&path).with_context(told)?.len();
    anyhow::ensure!(length <= MOST_BYTES, "{} has more than 64 MiB", path.display());
    let text = fs::read(&path).with_context(told)?;
    serde_json::from_slice(&text)
        .map_err(|error| usage(format!("{} is no list of objects: {error}", path.display())))
}

/// The process that is watched.
async fn watched(scenario: &ScenarioFile) -> anyhow::Result<Option<u32>> {
    let Some(container) = &scenario.container else {
        return Ok(scenario.pid);
    };
    let pid = process_of(container).await;
    pid.map(Some)
        .map_err(|why| usage(format!("the container {container} cannot be watched: {why}")))
}

async fn one(context: &Context, plan: Plan, rows: Vec<Row>, pid: Option<u32>) -> anyhow::Result<Report> {
    let sender = HttpSender::new(plan.timeout).context("the requests cannot be sent")?;
    let mut watcher = pid.map(Watcher::new).transpose().map_err(usage)?;
    let progress = Arc::<Progress>::default();
    let (tell, stop) = watch::channel(false);
    let begun_at = Timestamp::now() + plan.warm_up;
    let begun = Instant::now();
    let running = load::run(plan.clone(), rows, sender, progress.clone(), stop);
    let mut bar = screen::Bar::new(context.output, &plan);
    let figures: Figures = {
        tokio::pin!(running);
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(interrupted);
        let mut is_stopping = false;
        loop {
            tokio::select! {
                figures = &mut running => break figures,
                _ = &mut interrupted, if !is_stopping => {
                    // What was sent is waited for, and reported.
                    is_stopping = true;
                    let _ = tell.send(true);
                }
                () = tokio::time::sleep(screen::EVERY) => {
                    bar.show(begun.elapsed(), &progress);
                    if let Some(watcher) = &mut watcher {
                        watcher.look();
                    }
                }
            }
        }
    };
    bar.close();
    let measured = begun.elapsed().saturating_sub(plan.warm_up).min(plan.duration);
    let target = watcher.and_then(|watcher| watcher.seen());
    let mut report = Report::new(&plan, &figures, target, begun_at, measured.as_secs_f64());
    if begun.elapsed() < plan.whole() {
        report.interrupted();
    }
    Ok(report)
}

fn keep(place: &Path, report: &Report) -> anyhow::Result<()> {
    let told = || format!("cannot write {}", place.display());
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        fs::create_dir_all(folder).with_context(told)?;
    }
    // Whoever reads it meanwhile finds the whole of the old one, or of the new.
    let part = place.with_extension("json.part");
    fs::write(&part, serde_json::to_vec_pretty(report)?).with_context(told)?;
    fs::rename(&part, place).with_context(told)
}

const fn worse(so_far: Done, verdict: Verdict) -> Done {
    match (so_far, verdict) {
        (Done::Unknown, _) | (_, Verdict::Inconclusive) => Done::Unknown,
        (_, Verdict::Failed) => Done::NotReady,
        (so_far, Verdict::Passed) => so_far,
    }
}

/// How long a run of a scenario takes, for the bar.
const fn whole(plan: &Plan) -> Duration {
    plan.warm_up.saturating_add(plan.duration)
}
