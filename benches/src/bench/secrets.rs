//! Secrets found in a corpus with labels, and how fast a large tree is looked through, beside known scanners.
//!
//! The corpus is rebuilt by `benches/secrets/corpus.py`. A finding is right if it stands in lines that are labelled as a
//! secret; every other one is wrong, those in lines without a label too. Labels of bare UUIDs do not take part.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};
use pilotage_benches::{
    process,
    table::{Row, Spread},
};
use serde_json::Value;

use crate::{Settings, note};

/// By default it asks vendors whether secrets are live, and for updates.
const KINGFISHER: &[&str] = &[
    "scan",
    "--no-validate",
    "--no-update-check",
    "--git-history",
    "none",
    "--no-dedup",
    "-f",
    "json",
];
const DETECT_SECRETS: &[&str] = &["scan", "--all-files", "--no-verify"];

/// A line of a file of the corpus.
type Line = (String, u64);

/// What is known about one half of the corpus.
#[derive(Debug, Default)]
struct Labels {
    /// Secrets: for each its lines.
    secrets: Vec<BTreeSet<Line>>,
    /// The lines of secrets, and the label of each.
    right: BTreeMap<Line, Vec<usize>>,
    /// Lines that are not counted: bare UUIDs.
    ignored: BTreeSet<Line>,
    repositories: BTreeSet<String>,
}

/// Reads the lines of findings out of what a scanner wrote about a folder.
type Read = fn(&[u8], &Path) -> anyhow::Result<BTreeSet<Line>>;

/// A figure of a score, and its name.
type Figure = (&'static str, fn(&Score) -> f64);

/// A scanner that can be run.
struct Rival {
    name: &'static str,
    program: PathBuf,
    arguments: &'static [&'static str],
    read: Read,
}

/// How one scanner did on one half.
#[derive(Debug)]
struct Score {
    findings: usize,
    right: usize,
    found: usize,
    secrets: usize,
}

impl Score {
    fn precision(&self) -> f64 {
        share(self.right, self.findings)
    }

    fn recall(&self) -> f64 {
        share(self.found, self.secrets)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of findings are small")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// All that there is: quality where a corpus is given, speed where a tree is.
pub(crate) fn run(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let rivals = rivals(settings)?;
    let mut rows = Vec::new();
    if let (Some(corpus), Some(labels)) = (&settings.corpus, &settings.labels) {
        rows.extend(quality(&rivals, corpus, labels)?);
    }
    if let Some(tree) = &settings.tree {
        rows.extend(speed(settings, &rivals, tree)?);
    }
    if rows.is_empty() {
        note("  not measured: give --corpus with --labels, or --tree");
    }
    Ok(rows)
}

/// Ours first.
fn rivals(settings: &Settings) -> anyhow::Result<Vec<Rival>> {
    let ours = settings
        .pilotage
        .clone()
        .map_or_else(|| Settings::binary("pilotage"), Ok)?;
    let mut rivals = vec![Rival {
        name: "pilotage",
        program: ours.canonicalize()?,
        arguments: &["gate", "secrets", "--format", "json"],
        read: of_ours,
    }];
    let mut add = |name: &'static str, program: &Option<PathBuf>, arguments, read: Read| {
        let Some(program) = program else {
            note(&format!("  no --{name}: it is left out"));
            return anyhow::Ok(());
        };
        rivals.push(Rival {
            name,
            program: program.canonicalize()?,
            arguments,
            read,
        });
        Ok(())
    };
    add("kingfisher", &settings.kingfisher, KINGFISHER, of_kingfisher)?;
    add("ripsecrets", &settings.ripsecrets, &[], of_ripsecrets)?;
    add(
        "detect-secrets",
        &settings.detect_secrets,
        DETECT_SECRETS,
        of_detect_secrets,
    )?;
    Ok(rivals)
}

fn quality(rivals: &[Rival], corpus: &Path, labels: &Path) -> anyhow::Result<Vec<Row>> {
    let halves = labels_of(labels)?;
    let mut rows = Vec::new();
    let mut scores = BTreeMap::<&str, Vec<(&str, Score)>>::new();
    for rival in rivals {
        let (output, _) = rival.run(corpus)?;
        let lines = (rival.read)(&output, corpus)?;
        for (half, labels) in &halves {
            let score = labels.score(&lines);
            note(&format!(
                "  {half} {}: {} findings, {} right, {} of {} secrets",
                rival.name, score.findings, score.right, score.found, score.secrets
            ));
            scores.entry(half).or_default().push((rival.name, score));
        }
    }
    for (half, scores) in &scores {
        let Some(((_, ours), others)) = scores.split_first() else {
            continue;
        };
        let figures: [Figure; 2] = [("precision", Score::precision), ("recall", Score::recall)];
        for (what, figure) in figures {
            rows.extend(others.iter().map(|(name, other)| {
                Row::compared(
                    format!("{half}: {what}; reference: {name}"),
                    "",
                    &[figure(ours)],
                    &[figure(other)],
                )
            }));
            if others.is_empty() {
                rows.push(alone(&format!("{half}: {what}"), "", &[figure(ours)]));
            }
        }
    }
    Ok(rows)
}

/// Megabytes for each second of CPU, of a tree as a whole.
fn speed(settings: &Settings, rivals: &[Rival], tree: &Path) -> anyhow::Result<Vec<Row>> {
    let megabytes = size(tree)?;
    note(&format!("  {megabytes:.0} MB"));
    let mut rates = vec![Vec::new(); rivals.len()];
    for number in 1..=settings.rounds {
        for (rival, rates) in rivals.iter().zip(&mut rates) {
            let (_, cpu) = rival.run(tree)?;
            rates.push(megabytes / cpu.max(f64::MIN_POSITIVE));
            note(&format!("  {number} {}: {cpu:.2} s of CPU", rival.name));
        }
    }
    let Some((ours, others)) = rates.split_first() else {
        return Ok(Vec::new());
    };
    let what = format!("a tree of {megabytes:.0} MB by CPU time");
    if others.is_empty() {
        return Ok(vec![alone(&what, "MB/s", ours)]);
    }
    let compared = rivals.iter().skip(1).zip(others);
    let rows = compared.map(|(rival, other)| {
        Row::compared(format!("{what}; reference: {}", rival.name), "MB/s", ours, other)
    });
    Ok(rows.collect())
}

fn alone(what: &str, unit: &str, ours: &[f64]) -> Row {
    Row {
        what: what.to_owned(),
        ours: Spread::of(ours.iter().copied()).with(unit),
        reference: "none".to_owned(),
        ratio: String::new(),
    }
}

/// Bytes of every file below a folder, in millions.
#[expect(clippy::cast_precision_loss, reason = "trees are far below 2^52 bytes")]
fn size(folder: &Path) -> anyhow::Result<f64> {
    let mut folders = vec![folder.to_owned()];
    let mut bytes = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let about = entry.metadata()?;
            if about.is_dir() {
                folders.push(entry.path());
            } else if about.is_file() {
                bytes += about.len();
            }
        }
    }
    Ok(bytes as f64 / 1e6)
}

impl Rival {
    /// What it wrote, and how much CPU it and what it started took, in seconds.
    fn run(&self, folder: &Path) -> anyhow::Result<(Vec<u8>, f64)> {
        let before = process::cpu(std::process::id())?;
        let output = Command::new(&self.program)
            .args(self.arguments)
            .arg(folder)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .with_context(|| format!("{} cannot be run", self.program.display()))?;
        let cpu = process::cpu(std::process::id())?.saturating_sub(before);
        Ok((output.stdout, cpu.as_secs_f64()))
    }
}

impl Labels {
    fn score(&self, lines: &BTreeSet<Line>) -> Score {
        let mine = |line: &&Line| {
            let repository = line.0.split('/').nth(1).unwrap_or_default();
            self.repositories.contains(repository)
        };
        let counted: Vec<&Line> = lines
            .iter()
            .filter(mine)
            .filter(|line| self.right.contains_key(*line) || !self.ignored.contains(*line))
            .collect();
        let right = counted.iter().filter(|line| self.right.contains_key(**line));
        let found = self
            .secrets
            .iter()
            .filter(|secret| secret.iter().any(|line| lines.contains(line)));
        Score {
            findings: counted.len(),
            right: right.count(),
            found: found.count(),
            secrets: self.secrets.len(),
        }
    }
}

/// The labels by half. The columns are path, first line, last line, label, category, half; none holds a comma.
fn labels_of(file: &Path) -> anyhow::Result<BTreeMap<String, Labels>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let mut halves = BTreeMap::<String, Labels>::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.trim_end().split(',').collect();
        let [path, first, last, label, category, half] = fields[..] else {
            anyhow::bail!("{}: not six columns: {line}", file.display());
        };
        let labels = halves.entry(half.to_owned()).or_default();
        let repository = path.split('/').nth(1).unwrap_or_default();
        labels.repositories.insert(repository.to_owned());
        let (first, last): (u64, u64) = (first.parse()?, last.parse()?);
        ensure!(first <= last && last - first < 100_000, "{line}");
        let lines: BTreeSet<Line> = (first..=last).map(|line| (path.to_owned(), line)).collect();
        if category == "UUID" {
            labels.ignored.extend(lines);
        } else if label == "T" {
            for line in &lines {
                labels
                    .right
                    .entry(line.clone())
                    .or_default()
                    .push(labels.secrets.len());
            }
            labels.secrets.push(lines);
        }
    }
    Ok(halves)
}

/// A path as the labels have it: `data/…` below the folder that was scanned or beside it.
fn labelled(path: &str) -> Option<String> {
    let begin = if path.starts_with("data/") {
        0
    } else {
        path.rfind("/data/")? + 1
    };
    path.get(begin..).map(str::to_owned)
}

fn of_ours(output: &[u8], corpus: &Path) -> anyhow::Result<BTreeSet<Line>> {
    let report: Value = serde_json::from_slice(output).context("pilotage did not write JSON")?;
    let items = report["items"].as_array().context("no items")?;
    let base = corpus.canonicalize()?;
    let line = |item: &Value| {
        let path = base.join(item["path"].as_str()?);
        Some((labelled(path.to_str()?)?, item["line"].as_u64()?))
    };
    Ok(items.iter().filter_map(line).collect())
}

fn of_kingfisher(output: &[u8], _: &Path) -> anyhow::Result<BTreeSet<Line>> {
    // A second document with counts follows the findings.
    let mut documents = serde_json::Deserializer::from_slice(output).into_iter::<Value>();
    let report = documents.next().context("kingfisher wrote nothing")??;
    let findings = report["findings"].as_array().context("no findings")?;
    let line = |finding: &Value| {
        let finding = &finding["finding"];
        Some((labelled(finding["path"].as_str()?)?, finding["line"].as_u64()?))
    };
    Ok(findings.iter().filter_map(line).collect())
}

fn of_ripsecrets(output: &[u8], _: &Path) -> anyhow::Result<BTreeSet<Line>> {
    let text = std::str::from_utf8(output).context("ripsecrets did not write text")?;
    let line = |line: &str| {
        let mut fields = line.splitn(3, ':');
        let path = labelled(fields.next()?)?;
        Some((path, fields.next()?.parse().ok()?))
    };
    Ok(text.lines().filter_map(line).collect())
}

fn of_detect_secrets(output: &[u8], _: &Path) -> anyhow::Result<BTreeSet<Line>> {
    let report: Value = serde_json::from_slice(output).context("detect-secrets did not write JSON")?;
    let files = report["results"].as_object().context("no results")?;
    let line = |(path, findings): (&String, &Value)| {
        let path = labelled(path)?;
        let numbers = findings
            .as_array()?
            .iter()
            .filter_map(|finding| finding["line_number"].as_u64());
        Some(numbers.map(|number| (path.clone(), number)).collect::<Vec<_>>())
    };
    Ok(files.iter().filter_map(line).flatten().collect())
}
