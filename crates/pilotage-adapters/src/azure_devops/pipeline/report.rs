//! What is kept and shown of a run.

use pilotage_core::pipeline::{Action, Upload, script};

use super::step::{Place, whatever_came_before};
use crate::pipelines::{Map, Notes};

pub(super) fn report(place: &Place<'_>, notes: &Notes) -> Vec<Map> {
    let job = place.job;
    match &place.step.action {
        Action::Upload(upload) => self::upload(place, upload, notes),
        Action::Tests(tests) => {
            let mut inputs = Map::new();
            inputs.set("testResultsFormat", "JUnit");
            inputs.set("testResultsFiles", tests.files.join("\n"));
            inputs.set("testRunTitle", job.name.as_str());
            vec![place.task("Show the results of tests", "PublishTestResults@2", inputs)]
        }
        Action::Coverage(coverage) => {
            let mut maps = Vec::new();
            if let Some(threshold) = coverage.threshold {
                maps.push(place.bash("Coverage", &script::coverage(&coverage.file, threshold), &[]));
            }
            let mut inputs = Map::new();
            inputs.set(
                "summaryFileLocation",
                format!("$(Build.SourcesDirectory)/{}", coverage.file),
            );
            let step = whatever_came_before(place.step);
            maps.push(Place { job, step: &step }.task(
                "Show the coverage",
                "PublishCodeCoverageResults@2",
                inputs,
            ));
            maps
        }
        Action::Sarif(sarif) => {
            notes.job(
                job,
                "findings are shown by the extension `SARIF SAST Scans Tab`, which has to be installed",
            );
            let mut inputs = Map::new();
            inputs.set("PathtoPublish", sarif.file.as_str());
            inputs
                .comment("The name under which the extension looks for it.")
                .set("ArtifactName", "CodeAnalysisLogs");
            vec![place.task("Keep the findings", "PublishBuildArtifacts@1", inputs)]
        }
        _ => Vec::new(),
    }
}

fn upload(place: &Place<'_>, upload: &Upload, notes: &Notes) -> Vec<Map> {
    if upload.keep_days.is_some() {
        notes.job(
            place.job,
            "Azure DevOps keeps files as long as their run: `keepDays` has no effect there",
        );
    }
    let name = place.text(&upload.name);
    if let [path] = upload.paths.as_slice()
        && !path.contains('*')
    {
        return vec![place.publish("Keep files", path, &name)];
    }
    let staging = format!("$(Build.ArtifactStagingDirectory)/{name}");
    let contents: Vec<String> = upload
        .paths
        .iter()
        // A folder is meant with all that is in it; what is no folder does not match that.
        .flat_map(|path| {
            let path = path.trim_end_matches('/');
            if path.contains('*') {
                vec![path.to_owned()]
            } else {
                vec![path.to_owned(), format!("{path}/**")]
            }
        })
        .collect();
    let mut inputs = Map::new();
    inputs.set("Contents", contents.join("\n"));
    inputs.set("TargetFolder", staging.as_str());
    vec![
        place.task("Gather files", "CopyFiles@2", inputs),
        place.publish("Keep files", &staging, &name),
    ]
}
