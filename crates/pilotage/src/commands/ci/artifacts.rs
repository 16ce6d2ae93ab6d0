//! `pilotage ci artifacts`.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use async_trait::async_trait;
use bytes::Bytes;
use clap::Args;
use pilotage_core::{pipeline_run::RunArtifact, ports::Pieces};

use super::platform::{Named, Target};
use crate::{
    cli::Context,
    exit::{Done, usage},
    output::{Cell, Table, remark},
};

/// Largest artifact that is downloaded, in bytes.
const MOST_BYTES: u64 = 4 << 30;

/// What a run left behind.
#[derive(Args, Debug)]
pub(crate) struct Artifacts {
    /// The run, as `ci trigger` names it
    #[arg(value_name = "RUN")]
    run: String,
    /// Download them into this folder, as the platform hands them out
    #[arg(long, value_name = "DIR")]
    download: Option<PathBuf>,
    /// Only the artifact with this name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    target: Target,
}

impl Artifacts {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let named = self.target.choose(context)?;
        let mut artifacts = named.platform.artifacts(&self.run).await?;
        if let Some(name) = &self.name {
            artifacts.retain(|artifact| artifact.name == *name);
            if artifacts.is_empty() {
                return Err(usage(format!(
                    "The run {} has no artifact called `{name}`.",
                    self.run
                )));
            }
        }
        if let Some(folder) = &self.download {
            for artifact in artifacts.iter().filter(|artifact| !artifact.is_expired) {
                let file = download(&named, &self.run, artifact, folder).await?;
                remark(format_args!("Downloaded {}.", file.display()));
            }
        }
        if context.output.is_json() {
            context.output.json(&serde_json::json!({ "items": artifacts }))?;
            return Ok(Done::Yes);
        }
        let mut table = Table::new(&["NAME", "BYTES", "STATE"]);
        for artifact in &artifacts {
            let size = artifact
                .size_bytes
                .map_or("-".to_owned(), |size| size.to_string());
            let state = if artifact.is_expired { "expired" } else { "kept" };
            table.row([
                Cell::from(artifact.name.as_str()),
                Cell::from(size),
                Cell::from(state),
            ]);
        }
        context.output.table(&table)?;
        Ok(Done::Yes)
    }
}

/// Writes it beside its place and puts it there once it is whole. A platform does not choose where it lands: only the
/// last part of its name is taken.
async fn download(
    named: &Named,
    run: &str,
    artifact: &RunArtifact,
    folder: &Path,
) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let file = folder.join(file_name(&artifact.file));
    let part = tempfile::NamedTempFile::new_in(folder)
        .with_context(|| format!("cannot write into {}", folder.display()))?;
    let mut writing = Writing { part, written: 0 };
    named.platform.download(run, artifact, &mut writing).await?;
    writing
        .part
        .persist(&file)
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

/// A file that is not whole yet.
struct Writing {
    part: tempfile::NamedTempFile,
    written: u64,
}

#[async_trait]
impl Pieces for Writing {
    async fn take(&mut self, piece: Bytes) -> std::io::Result<()> {
        self.written += piece.len() as u64;
        if self.written > MOST_BYTES {
            return Err(std::io::Error::other("it is too large"));
        }
        self.part.write_all(&piece)
    }
}

fn file_name(told: &str) -> String {
    let last = told.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last
        .chars()
        .map(|c| if c.is_control() || c == ':' { '_' } else { c })
        .take(200)
        .collect();
    match name.trim_matches('.') {
        "" => "artifact".to_owned(),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_does_not_choose_the_folder() {
        let table = [
            ("report.zip", "report.zip"),
            ("../../etc/passwd", "passwd"),
            ("..", "artifact"),
            ("", "artifact"),
            ("a/..", "artifact"),
            ("C:\\x\\y:z", "y_z"),
            ("a\nb", "a_b"),
        ];
        for (told, expected) in table {
            assert_eq!(file_name(told), expected, "{told:?}");
        }
    }
}
