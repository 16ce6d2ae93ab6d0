//! Artifacts on their way from a platform to whoever asked: piece by piece, as fast as both ends go, and never whole in memory.

use std::{io, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use pilotage_core::{
    pipeline_run::{PipelineRunId, RunArtifact},
    ports::{CiError, CiTrouble, Pieces},
};
use tokio::{sync::mpsc, time::timeout};

use super::{PipelineDesk, PipelineError};

/// Largest artifact that is handed on, in bytes.
const MOST_BYTES: u64 = 4 << 30;
/// Pieces that wait for whoever reads.
const MOST_WAITING: usize = 4;
/// How long a piece waits for that.
const PATIENCE: Duration = Duration::from_secs(30);

/// An artifact that is on its way.
pub struct Download {
    /// What it is.
    pub artifact: RunArtifact,
    first: Option<Bytes>,
    rest: mpsc::Receiver<Result<Bytes, CiError>>,
}

impl Download {
    /// The next piece; `None` at the end. After an error what came is not whole.
    pub async fn next(&mut self) -> Option<Result<Bytes, CiError>> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        self.rest.recv().await
    }
}

/// Hands pieces on, and waits for whoever takes them.
struct Passing {
    pieces: mpsc::Sender<Result<Bytes, CiError>>,
    passed: u64,
}

#[async_trait]
impl Pieces for Passing {
    async fn take(&mut self, piece: Bytes) -> io::Result<()> {
        self.passed += piece.len() as u64;
        if self.passed > MOST_BYTES {
            return Err(io::Error::other("it has more than 4 GiB"));
        }
        match timeout(PATIENCE, self.pieces.send(Ok(piece))).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(io::Error::other("nobody takes it")),
        }
    }
}

impl PipelineDesk {
    /// Begins to download what a run left behind, by its id or its name. Answers once its first piece is there.
    ///
    /// # Errors
    /// There is no such run or artifact, too much is downloaded at this moment, or the platform refused.
    pub async fn download(&self, id: PipelineRunId, named: &str) -> Result<Download, PipelineError> {
        let downloading = Arc::clone(&self.downloading).try_acquire_owned();
        let downloading = downloading.map_err(|_| PipelineError::Busy)?;
        let known = self.known(id).await?;
        let left = known.platform.artifacts(&known.run.id).await?;
        let by_id = left.iter().find(|one| one.id == named);
        let artifact = by_id
            .or_else(|| left.iter().find(|one| one.name == named))
            .cloned();
        let artifact = artifact.ok_or_else(|| no_artifact(known.platform.title(), named))?;
        let (pieces, mut rest) = mpsc::channel(MOST_WAITING);
        let wanted = artifact.clone();
        tokio::spawn(async move {
            let _downloading = downloading;
            let mut passing = Passing { pieces, passed: 0 };
            let done = known
                .platform
                .download(&known.run.id, &wanted, &mut passing)
                .await;
            if let Err(error) = done {
                // Whoever has gone away is told nothing.
                let _ = timeout(PATIENCE, passing.pieces.send(Err(error))).await;
            }
        });
        let first = rest.recv().await.transpose()?;
        Ok(Download {
            artifact,
            first,
            rest,
        })
    }
}

fn no_artifact(platform: &'static str, named: &str) -> CiError {
    CiError {
        platform,
        trouble: CiTrouble::NotFound {
            what: format!("artifact `{}` of this run", named.escape_default()),
            hidden: "artifacts are kept for a while only",
        },
    }
}
