//! Which platform is meant, and how its runs are shown.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use pilotage_core::{
    pipeline_run::{PipelineRun, RunState, Standing},
    ports::CiPlatform,
};

use super::remote::Remote;
use crate::{
    cli::Context,
    exit::usage,
    output::{Output, Style, clean},
    settings,
};

/// Which platform is meant.
#[derive(Args, Debug)]
pub(super) struct Target {
    /// The configuration that names the platforms; with --server, those of the server are meant
    #[arg(
        long,
        env = "PILOTAGE_CONFIG",
        default_value = "pilotage.yaml",
        value_name = "FILE"
    )]
    config: PathBuf,
    /// A platform by its name under `platforms:`; not needed where there is only one
    #[arg(long, value_name = "NAME")]
    platform: Option<String>,
}

/// A platform and its name in the configuration.
#[derive(Clone)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) platform: Arc<dyn CiPlatform>,
}

impl Target {
    /// # Errors
    /// The configuration does not hold, or does not say which platform is meant. Where a server is named, it says so itself.
    pub(super) fn choose(&self, context: &Context) -> anyhow::Result<Named> {
        if context.global.server.is_some() {
            let platform = self.platform.clone();
            let client = context.client()?;
            return Ok(Named {
                name: platform.clone().unwrap_or_default(),
                platform: Arc::new(Remote { client, platform }),
            });
        }
        let platforms = settings::platforms(&self.config)?;
        let file = self.config.display();
        let names: Vec<&str> = platforms.keys().map(String::as_str).collect();
        let there_are = names.join(", ");
        let name = match (&self.platform, names.as_slice()) {
            (Some(name), _) if platforms.contains_key(name) => name.clone(),
            (_, []) => {
                return Err(usage(format!(
                    "There are no `platforms` in {file}; docs/guides/platforms.md shows how one is named."
                )));
            }
            (Some(name), _) => {
                return Err(usage(format!(
                    "There is no platform called `{name}` in {file}; there are: {there_are}."
                )));
            }
            (None, [only]) => (*only).to_owned(),
            (None, _) => {
                return Err(usage(format!(
                    "There are several platforms in {file}; choose one with --platform: {there_are}."
                )));
            }
        };
        let platform = platforms[&name].clone();
        Ok(Named { name, platform })
    }
}

impl Named {
    /// Name and kind of the platform.
    fn shown(&self) -> String {
        match (self.name.as_str(), self.platform.title()) {
            ("", title) => title.to_owned(),
            (name, title) => format!("{name} ({title})"),
        }
    }

    /// The command that does something with a run of this platform, as one can type it.
    pub(super) fn command(&self, verb: &str, run: &str) -> String {
        let run = quoted(run);
        if self.platform.title() == Remote::TITLE {
            // The server is named by an option or in the environment, as it was for this command.
            return format!("pilotage ci {verb} {run} --server ...");
        }
        format!("pilotage ci {verb} {run} --platform {}", self.name)
    }
}

/// As a shell takes it.
fn quoted(text: &str) -> String {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_./:@".contains(&byte));
    if is_plain {
        text.to_owned()
    } else {
        format!("'{}'", clean(text).replace('\'', "'\\''"))
    }
}

/// A state in its colour, with the platform's word where that says more.
pub(super) fn standing(output: Output, standing: &Standing) -> String {
    let word = standing.state.as_str();
    let painted = output.paint(style(standing.state), word);
    if standing.word.is_empty() || standing.word == word {
        painted
    } else {
        format!("{painted} ({})", clean(&standing.word))
    }
}

pub(super) const fn style(state: RunState) -> Style {
    match state {
        RunState::Succeeded => Style::Good,
        RunState::Failed => Style::Bad,
        RunState::Waiting | RunState::Cancelled => Style::Warning,
        RunState::Running => Style::Strong,
        RunState::Queued | RunState::Skipped => Style::Faint,
    }
}

/// The fields of a run for people.
pub(super) fn show(output: Output, named: &Named, run: &PipelineRun) -> anyhow::Result<()> {
    let mut fields = vec![
        ("run", clean(&run.id)),
        ("platform", named.shown()),
        ("pipeline", clean(&run.pipeline)),
        ("state", standing(output, &run.standing)),
    ];
    let optional = [
        ("branch", &run.reference),
        ("commit", &run.commit),
        ("page", &run.url),
    ];
    fields.extend(optional.into_iter().filter_map(|(label, value)| {
        let value = value.as_ref()?;
        Some((label, clean(value)))
    }));
    Ok(output.fields(&fields)?)
}
