//! `pilotage ci render`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use pilotage_adapters::pipelines::{Platform, platform, platforms};
use pilotage_core::ports::Warning;
use serde_json::json;

use super::{Definition, diff};
use crate::{
    cli::Context,
    exit::{Done, usage},
    output::{Output, Style, clean, remark},
};

const EXAMPLES: &str = "\
Examples:
  pilotage ci render                            every platform, into the folders where they look
  pilotage ci render --platform github --check  in CI: fail when the committed workflow is not what the definition says";

/// What is rendered, and where to.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Render {
    /// A platform: github, gitlab, jenkins or azure-devops; may be given several times. Without it all of them
    #[arg(long = "platform", value_name = "PLATFORM")]
    platforms: Vec<String>,
    /// The root of the repository that the files are written to
    #[arg(long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// Write nothing; show how the files there differ, and exit with 1 if one does
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    definition: Definition,
}

/// What platforms do in another way.
type Told = Vec<(&'static Platform, Warning)>;

/// A file to write, and of which platform it is.
struct Wanted {
    platform: &'static Platform,
    path: String,
    text: String,
}

impl Render {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Done> {
        let (wanted, warnings) = self.wanted()?;
        let output = context.output;
        let mut done = Vec::new();
        for file in &wanted {
            let path = self.output.join(&file.path);
            let before = existing(&path)?;
            let state = match &before {
                Some(before) if *before == file.text => "unchanged",
                Some(_) => "changed",
                None => "new",
            };
            if !self.check && state != "unchanged" {
                write(&path, &file.text)?;
            }
            let before = before.unwrap_or_default();
            let difference =
                (self.check && state != "unchanged").then(|| diff::unified(&file.path, &before, &file.text));
            done.push((file, state, difference));
        }
        let same = done.iter().all(|(_, state, _)| *state == "unchanged");
        if output.is_json() {
            let files = done.iter().map(|(file, state, difference)| {
                json!({"path": file.path, "platform": file.platform.name, "state": state, "diff": difference})
            });
            let warnings = warnings.iter().map(|(platform, warning)| {
                json!({"platform": platform.name, "job": warning.job, "message": warning.message})
            });
            output.json(&json!({
                "files": files.collect::<Vec<_>>(), "warnings": warnings.collect::<Vec<_>>(), "written": !self.check,
            }))?;
        } else {
            for (file, state, difference) in &done {
                show(output, file, state, difference.as_deref(), self.check)?;
            }
            tell(&warnings);
        }
        Ok(Done::when(same || !self.check))
    }

    fn platforms(&self) -> anyhow::Result<Vec<&'static Platform>> {
        if self.platforms.is_empty() {
            return Ok(platforms().iter().collect());
        }
        let known: Vec<&str> = platforms().iter().map(|platform| platform.name).collect();
        self.platforms
            .iter()
            .map(|name| {
                platform(name).ok_or_else(|| {
                    usage(format!(
                        "There is no platform called `{name}`; there are {}.",
                        known.join(", ")
                    ))
                })
            })
            .collect()
    }

    /// Every file, each path once, and what the platforms do in another way.
    fn wanted(&self) -> anyhow::Result<(Vec<Wanted>, Told)> {
        let pipelines = self.definition.read()?;
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        let (mut wanted, mut warnings) = (Vec::new(), Vec::new());
        for platform in self.platforms()? {
            for pipeline in &pipelines {
                let rendered = platform
                    .renderer
                    .render(pipeline)
                    .map_err(|error| usage(error.to_string()))?;
                warnings.extend(rendered.warnings.into_iter().map(|warning| (platform, warning)));
                for file in rendered.files {
                    if let Some(other) = files.insert(file.path.clone(), pipeline.id.clone()) {
                        return Err(usage(format!(
                            "{} has one file, {}, and the pipelines `{other}` and `{}` would both be it; choose one with --pipeline.",
                            platform.title, file.path, pipeline.id
                        )));
                    }
                    wanted.push(Wanted {
                        platform,
                        path: file.path,
                        text: file.text,
                    });
                }
            }
        }
        Ok((wanted, warnings))
    }
}

fn existing(path: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn show(
    output: Output,
    file: &Wanted,
    state: &str,
    difference: Option<&str>,
    check: bool,
) -> anyhow::Result<()> {
    let word = match (check, state) {
        (_, "unchanged") => output.paint(Style::Faint, "as it is"),
        (true, "new") => output.paint(Style::Bad, "missing "),
        (true, _) => output.paint(Style::Bad, "differs "),
        (false, _) => output.paint(Style::Good, "written "),
    };
    output.line(format_args!("{word}  {}", clean(&file.path)))?;
    for line in difference.into_iter().flat_map(str::lines) {
        let style = match line.as_bytes().first() {
            Some(b'+') => Style::Good,
            Some(b'-') => Style::Bad,
            Some(b'@') => Style::Faint,
            _ => Style::Plain,
        };
        output.line(output.paint(style, line))?;
    }
    Ok(())
}

/// What changes from platform to platform, below the files.
fn tell(warnings: &[(&'static Platform, Warning)]) {
    for (platform, warning) in warnings {
        let job = warning
            .job
            .as_ref()
            .map(|job| format!(", {job}"))
            .unwrap_or_default();
        remark(format_args!("{}{job}: {}", platform.title, warning.message));
    }
}
