//! `pilotage run` on a project of 20 jobs that is made here: again with nothing changed, after one change, and over a series
//! of commits on new checkouts that share a cache; beside Turborepo with the same commands, where npm has put it.
//!
//! The project is ten crates that depend on each other in three levels. Each has a job that compiles it and one that compiles
//! and runs its tests, so the work is that of a real compiler. Every commit of the series changes one crate, as a person
//! would: mostly one that nothing or little depends on, now and then one at the root, sometimes words only.
//! In its place the history of a project of others, where a clone of it is given.

mod project;
mod real;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, ensure};
use pilotage_benches::table::{Row, Spread};
use serde_json::Value;

use self::{
    project::{SERIES, clone, commits, git, project},
    real::Real,
};
use crate::{Settings, note};

/// How many commits of the series are also built without any cache.
const UNCACHED_EVERY: usize = 6;

/// A tool that runs the jobs of a checkout.
struct Tool {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    uncached: &'static [&'static str],
    shared: fn(&Path) -> String,
}

/// Runs both tools over the same project.
pub(crate) fn run(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let ours = ours(settings)?;
    let theirs = settings.turbo.as_deref().map(turbo).transpose()?;
    if theirs.is_none() {
        note("  no Turborepo to compare with: `npm install turbo` in a folder, and that folder as --turbo");
    }
    let project = if let Some(repository) = &settings.algorithms {
        Project::Real(Real::open(repository, SERIES.len())?)
    } else {
        note("  no real history to replay: clone TheAlgorithms/C, and that folder as --algorithms");
        Project::Made
    };
    let first = figures(&ours, &project)?;
    let other = theirs.as_ref().map(|tool| figures(tool, &project)).transpose()?;
    ensure!(
        first.jobs_after_change == project.jobs_after_change(),
        "a change of one file is one of {} jobs, and {} ran",
        project.jobs_after_change(),
        first.jobs_after_change
    );
    Ok(rows(project.name(), &first, other.as_ref()))
}

/// What is built.
enum Project {
    /// Crates and commits that are made here.
    Made,
    /// What others wrote, with its history.
    Real(Real),
}

impl Project {
    fn name(&self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Real(_) => "TheAlgorithms/C",
        }
    }

    /// The place in which everything begins.
    fn begin(&self, place: &Path) -> anyhow::Result<()> {
        match self {
            Self::Made => project(place),
            Self::Real(real) => real.checkout(place, SERIES.len() - 1),
        }
    }

    fn change(&self, place: &Path) -> anyhow::Result<()> {
        match self {
            Self::Made => project::change(place, 5, 1),
            Self::Real(_) => real::change(place),
        }
    }

    fn jobs_after_change(&self) -> usize {
        match self {
            Self::Made => 4,
            Self::Real(_) => 1,
        }
    }

    fn checkout(&self, origin: &Path, place: &Path, number: usize) -> anyhow::Result<()> {
        match self {
            Self::Made => clone(origin, place, number),
            Self::Real(real) => real.checkout(place, number),
        }
    }
}

/// What was measured of one tool.
struct Figures {
    name: &'static str,
    /// With nothing in any cache, in seconds.
    cold: f64,
    /// With nothing changed, several times.
    warm: Vec<f64>,
    /// After a change of one file.
    change: f64,
    jobs_after_change: usize,
    /// Of the whole series on new checkouts with a shared cache, and without a cache.
    series: f64,
    series_uncached: f64,
    /// Jobs that ran in the series.
    jobs_in_series: usize,
    /// A second checkout of the same commit with the shared cache.
    elsewhere: f64,
}

fn figures(tool: &Tool, project: &Project) -> anyhow::Result<Figures> {
    let place = tempfile::tempdir()?;
    let (origin, shared) = (place.path().join("origin"), place.path().join("shared"));
    project.begin(&origin)?;
    let own = place.path().join("own-cache");
    let (cold, ran) = tool.run(&origin, Some(&own))?;
    note(&format!("  {}: cold {cold:.2} s, {ran} jobs", tool.name));
    ensure!(ran == 20, "{} ran {ran} jobs of 20", tool.name);
    let mut warm = Vec::new();
    for _ in 0..5 {
        let (seconds, ran) = tool.run(&origin, Some(&own))?;
        ensure!(ran == 0, "{} ran {ran} jobs anew with nothing changed", tool.name);
        warm.push(seconds);
    }
    project.change(&origin)?;
    let (after, jobs_after_change) = tool.run(&origin, Some(&own))?;
    git(&origin, &["checkout", "-q", "."])?;
    note(&format!(
        "  {}: again {:.3} s, after a change of one file {after:.2} s with {jobs_after_change} jobs",
        tool.name,
        Spread::of(warm.iter().copied()).median
    ));
    if matches!(project, Project::Made) {
        commits(&origin)?;
    }
    let (mut series, mut uncached, mut elsewhere) = (0.0, Vec::new(), 0.0);
    let mut jobs_in_series = 0;
    for number in 0..SERIES.len() {
        let checkout = place.path().join(format!("checkout-{number}"));
        project.checkout(&origin, &checkout, number)?;
        let (seconds, ran) = tool.run(&checkout, Some(&shared))?;
        series += seconds;
        jobs_in_series += ran;
        note(&format!(
            "  {}: commit {:2} {seconds:.2} s, {ran} jobs",
            tool.name,
            number + 1
        ));
        if number % UNCACHED_EVERY == 0 {
            fs::remove_dir_all(&checkout)?;
            project.checkout(&origin, &checkout, number)?;
            uncached.push(tool.run(&checkout, None)?.0);
        }
        if number + 1 == SERIES.len() {
            fs::remove_dir_all(&checkout)?;
            project.checkout(&origin, &checkout, number)?;
            let (seconds, ran) = tool.run(&checkout, Some(&shared))?;
            ensure!(ran == 0, "{} repeated {ran} jobs on a second checkout", tool.name);
            elsewhere = seconds;
        }
        fs::remove_dir_all(&checkout)?;
    }
    let count = |length: usize| f64::from(u32::try_from(length).unwrap_or(u32::MAX));
    let series_uncached = uncached.iter().sum::<f64>() / count(uncached.len()) * count(SERIES.len());
    Ok(Figures {
        name: tool.name,
        cold,
        warm,
        change: after,
        jobs_after_change,
        series,
        series_uncached,
        jobs_in_series,
        elsewhere,
    })
}

fn rows(project: &str, ours: &Figures, other: Option<&Figures>) -> Vec<Row> {
    let row = |what: &str, figure: &dyn Fn(&Figures) -> (f64, String)| {
        let (mine, shown) = figure(ours);
        let (reference, ratio) = match other.map(figure) {
            Some((theirs, shown)) => (shown, format!("{:.2}", mine / theirs.max(f64::MIN_POSITIVE))),
            None => ("-".to_owned(), "-".to_owned()),
        };
        Row {
            what: format!("{project}: {what}"),
            ours: shown,
            reference,
            ratio,
        }
    };
    let name = other.map_or("none", |other| other.name);
    let seconds = |seconds: f64| (seconds, format!("{seconds:.2} s"));
    let share = |part: f64, whole: f64| {
        let share = 100.0 * part / whole.max(f64::MIN_POSITIVE);
        (share, format!("{share:.1} %"))
    };
    let warm = |figures: &Figures| Spread::of(figures.warm.iter().copied());
    vec![
        row(
            &format!("20 jobs, nothing in the cache (reference: {name})"),
            &|figures| seconds(figures.cold),
        ),
        row("again, nothing changed", &|figures| {
            (warm(figures).median, warm(figures).with("s"))
        }),
        row("again, share of the first run", &|figures| {
            share(warm(figures).median, figures.cold)
        }),
        row("after a change of one file", &|figures| {
            let (change, shown) = seconds(figures.change);
            (change, format!("{shown}, {} jobs", figures.jobs_after_change))
        }),
        row("the same commit on a second checkout, shared cache", &|figures| {
            seconds(figures.elsewhere)
        }),
        row("30 commits on 30 checkouts, shared cache", &|figures| {
            let (series, shown) = seconds(figures.series);
            (series, format!("{shown}, {} of 600 jobs", figures.jobs_in_series))
        }),
        row("30 commits, no cache (5 built, mean times 30)", &|figures| {
            seconds(figures.series_uncached)
        }),
        row("build time saved over the series", &|figures| {
            share(figures.series_uncached - figures.series, figures.series_uncached)
        }),
    ]
}

fn ours(settings: &Settings) -> anyhow::Result<Tool> {
    let given = settings
        .pilotage
        .as_ref()
        .map(|path| path.canonicalize())
        .transpose()?;
    Ok(Tool {
        name: "pilotage",
        program: given.map_or_else(|| Settings::binary("pilotage"), Ok)?,
        arguments: ["run", "--format", "json"].map(str::to_owned).to_vec(),
        uncached: &["--no-cache"],
        shared: |folder| format!("--cache={}", folder.display()),
    })
}

/// Turborepo in a folder where npm has put it.
fn turbo(folder: &Path) -> anyhow::Result<Tool> {
    let program = folder.join("node_modules/.bin/turbo");
    let program = program
        .canonicalize()
        .with_context(|| format!("{} is missing", program.display()))?;
    Ok(Tool {
        name: "Turborepo",
        program,
        arguments: [
            "run",
            "build",
            "test",
            "--concurrency=2",
            "--no-daemon",
            "--summarize",
        ]
        .map(str::to_owned)
        .to_vec(),
        uncached: &["--force"],
        shared: |folder| format!("--cache-dir={}", folder.display()),
    })
}

impl Tool {
    /// Runs all jobs: how long it took in seconds, and how many were not taken from a cache.
    fn run(&self, checkout: &Path, shared: Option<&Path>) -> anyhow::Result<(f64, usize)> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .current_dir(checkout)
            .stderr(Stdio::null());
        match shared {
            Some(shared) => command.arg((self.shared)(shared)),
            None => command.args(self.uncached),
        };
        command
            .env("TURBO_TELEMETRY_DISABLED", "1")
            .env("DO_NOT_TRACK", "1");
        let begun = Instant::now();
        let output = command
            .output()
            .with_context(|| format!("{} cannot be started", self.name))?;
        let seconds = begun.elapsed().as_secs_f64();
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success(),
            "{} failed in {}: {said}",
            self.name,
            checkout.display()
        );
        Ok((seconds, self.ran(checkout, &said)?))
    }

    fn ran(&self, checkout: &Path, said: &str) -> anyhow::Result<usize> {
        if self.name == "pilotage" {
            let report: Value = serde_json::from_str(said)?;
            let jobs = report["jobs"].as_array().context("the report has no jobs")?;
            return Ok(jobs.iter().filter(|job| job["cached"] == false).count());
        }
        let runs = checkout.join(".turbo/runs");
        let summary = fs::read_dir(&runs)?
            .next()
            .context("there is no summary")??
            .path();
        let report: Value = serde_json::from_slice(&fs::read(&summary)?)?;
        fs::remove_dir_all(runs)?;
        let tasks = report["tasks"].as_array().context("the summary has no tasks")?;
        Ok(tasks
            .iter()
            .filter(|task| task["cache"]["status"] == "MISS")
            .count())
    }
}
