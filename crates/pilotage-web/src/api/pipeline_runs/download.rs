//! An artifact of a run, handed on as it comes.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use futures::stream;
use http::{HeaderValue, header};
use pilotage_core::pipeline_run::PipelineRunId;
use pilotage_engine::pipelines::Download;
use uuid::Uuid;

use crate::{
    door::Door,
    problem::{Kind, Problem, ProblemDocument},
};

/// Bytes of a file's name.
const MOST_NAME_BYTES: usize = 150;

/// Downloads what a run left behind. It comes through this server, so that nobody needs credentials of the platform; where it
/// breaks off, the connection breaks.
#[utoipa::path(
    get, path = "/api/v1/pipelines/runs/{id}/artifacts/{artifact}", tag = "pipelineRuns",
    params(
        ("id" = String, Path, format = Uuid, description = "Id of the run"),
        ("artifact" = String, Path, description = "Id or name of the artifact"),
    ),
    responses(
        (status = 200, description = "Its bytes as the platform hands them out, at most 4 GiB", body = String, content_type = "application/octet-stream"),
        (status = 404, description = "No such run or artifact, or it is kept no longer", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 502, description = "The platform refused or is in trouble", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn download(
    State(door): State<Arc<Door>>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Problem> {
    let Path((id, artifact)) =
        path.map_err(|rejection| Problem::new(Kind::BadRequest, rejection.body_text()))?;
    let id: Uuid = id
        .parse()
        .map_err(|_| Problem::new(Kind::NotFound, "the identity in the path is no UUID"))?;
    let found = door.pipelines.download(PipelineRunId(id), &artifact).await?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ),
        (header::CONTENT_DISPOSITION, disposition(&found.artifact.file)),
        // It is of strangers: no browser may take it for a page of ours.
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    let pieces = stream::unfold(found, async |mut found: Download| {
        let piece = found.next().await?;
        Some((piece, found))
    });
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// The name that a browser writes it under: letters, digits and the like alone.
fn disposition(file: &str) -> HeaderValue {
    let last = file.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = |letter: char| {
        let stays = letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if stays { letter } else { '_' }
    };
    let name: String = last.chars().map(plain).take(MOST_NAME_BYTES).collect();
    let name = match name.trim_start_matches('.') {
        "" => "artifact",
        name => name,
    };
    HeaderValue::from_str(&format!("attachment; filename=\"{name}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_stranger_lands_in_no_other_folder_and_adds_no_header() {
        for (file, expected) in [
            ("report.zip", "report.zip"),
            ("../../etc/passwd", "passwd"),
            ("a\"; filename=\"b\r\nx: y", "a___filename__b__x__y"),
            ("..", "artifact"),
            ("é.zip", "_.zip"),
        ] {
            let told = disposition(file);
            assert_eq!(told, format!("attachment; filename=\"{expected}\""), "{file:?}");
        }
    }
}
