//! `pilotage ci import`.

use std::{io::Read as _, path::PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use pilotage_adapters::pipelines::{
    import::{Imported, import},
    lint::{self, Dialect},
};
use serde_json::json;

use crate::{
    cli::Context,
    exit::{Done, usage},
    output::{clean, remark},
};

const EXAMPLES: &str = "\
Examples:
  pilotage ci import .github/workflows/ci.yml             the definition on the standard output
  pilotage ci import .gitlab-ci.yml --output pilotage.yaml

What could not be carried over is listed with its line on the error output.";
/// Largest file that is read.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// What is read, and where to.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Import {
    /// A workflow of GitHub Actions or a .gitlab-ci.yml
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The name of the pipeline
    #[arg(long, default_value = "ci", value_name = "NAME")]
    name: String,
    /// A new file for the definition
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Import {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Done> {
        let text = self.read()?;
        let shown = self.file.to_string_lossy().replace('\\', "/");
        let dialect = match lint::dialect_of(&shown, &text) {
            Some(known @ (Dialect::GitHub | Dialect::GitLab)) => known,
            Some(_) => return Err(usage("Only GitHub Actions and GitLab CI can be read.")),
            // A configuration of GitLab may have any name, and nothing in it says what it is.
            None => Dialect::GitLab,
        };
        let imported = import(dialect, &self.name, &text)
            .map_err(|error| usage(format!("{}: {error}", self.file.display())))?;
        if let Some(path) = &self.output {
            write(path, &imported.text)?;
        }
        self.show(context, &imported)?;
        Ok(Done::when(true))
    }

    fn read(&self) -> anyhow::Result<String> {
        let cannot = || format!("cannot read {}", self.file.display());
        let mut text = String::new();
        let file = std::fs::File::open(&self.file).with_context(cannot)?;
        file.take(MAX_FILE_BYTES + 1)
            .read_to_string(&mut text)
            .with_context(cannot)?;
        if text.len() as u64 > MAX_FILE_BYTES {
            bail!("{} is larger than {MAX_FILE_BYTES} bytes", self.file.display());
        }
        Ok(text)
    }

    fn show(&self, context: &Context, imported: &Imported) -> anyhow::Result<()> {
        let output = context.output;
        if output.is_json() {
            return output.json(&json!({"definition": imported.text, "left": imported.left}));
        }
        if self.output.is_none() {
            for line in imported.text.lines() {
                output.line(clean(line))?;
            }
        }
        for left in &imported.left {
            let place = match left.line {
                0 => "definition".to_owned(),
                line => format!("line {line}"),
            };
            remark(format_args!("{place}: {}: {}", left.what, left.why));
        }
        Ok(())
    }
}

/// What somebody wrote is not written over.
fn write(path: &PathBuf, text: &str) -> anyhow::Result<()> {
    if path.exists() {
        return Err(usage(format!("{} is there already.", path.display())));
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
