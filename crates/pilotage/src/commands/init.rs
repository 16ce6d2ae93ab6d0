//! `pilotage init`: a configuration to start from, and a secret to give to GitHub.

use std::{
    io::{IsTerminal, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use uuid::Uuid;

use crate::{
    exit::{self, Done},
    output::Output,
    program::{self, quoted},
};

const STARTER: &str = include_str!("init/pilotage.yaml");

/// Write a configuration to start from
#[derive(Args, Debug)]
pub(crate) struct Init {
    /// Where to write it
    #[arg(long, default_value = "pilotage.yaml", value_name = "FILE")]
    config: PathBuf,
    /// Where the state and the generated secret are kept
    #[arg(
        long,
        env = "PILOTAGE_DATA_DIR",
        default_value = ".pilotage",
        value_name = "DIR"
    )]
    data_dir: PathBuf,
    /// Ask nothing
    #[arg(long)]
    yes: bool,
}

/// Writes the starter configuration and a fresh webhook secret; overwrites nothing.
///
/// # Errors
/// The file is there already, or cannot be written.
pub(crate) fn run(init: &Init, output: Output) -> anyhow::Result<Done> {
    if init.config.exists() {
        let name = init.config.display();
        return Err(exit::usage(format!(
            "{name} is there already; look at it with `pilotage check --config {name}`"
        )));
    }
    if !init.yes && std::io::stdin().is_terminal() && !agreed(init, output)? {
        return Ok(Done::NotReady);
    }
    let secret = init.data_dir.join("github-webhook-secret");
    create_secret(&init.data_dir, &secret)?;
    let text = STARTER.replace("SECRET_FILE", &secret.display().to_string());
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&init.config);
    let file = file
        .as_mut()
        .map_err(|error| anyhow::anyhow!("cannot write {}: {error}", init.config.display()))?;
    file.write_all(text.as_bytes())?;
    if output.is_json() {
        output.json(&json!({ "config": init.config, "githubSecretFile": secret }))?;
        return Ok(Done::Yes);
    }
    output.line(format!(
        "Wrote {} and a webhook secret in {}.",
        init.config.display(),
        secret.display()
    ))?;
    output.line("Next:")?;
    for line in next(init, &secret) {
        output.line(line)?;
    }
    Ok(Done::Yes)
}

/// What to type, aligned.
fn next(init: &Init, secret: &Path) -> Vec<String> {
    let config = if init.config == Path::new("pilotage.yaml") {
        String::new()
    } else {
        format!(" --config {}", quoted(&init.config))
    };
    let data_dir = if init.data_dir == Path::new(".pilotage") {
        String::new()
    } else {
        format!(" --data-dir {}", quoted(&init.data_dir))
    };
    let commands = [
        (format!("check{config}"), "is the configuration right?"),
        (format!("up{config}{data_dir}"), "start"),
    ];
    let program = program::name();
    let width = commands
        .iter()
        .map(|(command, _)| command.len())
        .max()
        .unwrap_or(0);
    let aligned = commands
        .into_iter()
        .map(|(command, what)| format!("  {program} {command:width$}  {what}"));
    let send = format!(
        "  {program} webhook send github --event push --file PAYLOAD.json --secret-file {}",
        quoted(secret)
    );
    aligned
        .chain(["And from another terminal, a delivery:".to_owned(), send])
        .collect()
}

fn agreed(init: &Init, output: Output) -> anyhow::Result<bool> {
    output.line(format!(
        "This writes {} and a fresh secret below {}.",
        init.config.display(),
        init.data_dir.display()
    ))?;
    print_prompt("Go on? [Y/n] ")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(
        answer.trim().to_ascii_lowercase().as_str(),
        "" | "y" | "yes"
    ))
}

fn print_prompt(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn create_secret(data_dir: &Path, path: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .with_context(|| format!("cannot make {}", data_dir.display()))?;
    if path.exists() {
        return Ok(());
    }
    let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let write = || {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(secret.as_bytes())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
