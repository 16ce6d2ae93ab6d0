//! Steps.

use pilotage_core::{
    pipeline::{Action, Container, Job, Status, Step, Upload, script},
    ports::RenderError,
};

use super::{
    Place,
    groovy::{Groovy, multi, single},
    refuse,
};
use crate::pipelines::Notes;

pub(super) fn checks_out(job: &Job) -> bool {
    job.steps
        .iter()
        .any(|step| matches!(step.action, Action::Checkout(_)))
}

/// `steps`, and `post` for those that run whatever came before.
pub(super) fn steps(place: &Place<'_>, out: &mut Groovy, notes: &Notes) -> Result<(), RenderError> {
    let job = place.job;
    out.block("steps", |out| {
        let mut open = 0;
        if job.approval.is_some() {
            out.open(&format!(
                "timeout(time: {}, unit: 'MINUTES')",
                job.timeout_minutes
            ));
            open += 1;
        }
        if job.allow_failure {
            out.comment("The build goes on when this fails.");
            out.open("catchError(buildResult: 'SUCCESS', stageResult: 'UNSTABLE')");
            open += 1;
        }
        let mut written = false;
        for step in job.steps.iter().filter(|step| is_inline(step)) {
            if let Action::Cache(cache) = &step.action {
                notes.job(job, "the cache needs the plugin Job Cacher");
                out.open(&cache_head(cache));
                open += 1;
                continue;
            }
            written |= self::step(place, step, out, notes)?;
        }
        if !written {
            out.line("echo 'Nothing to do but what follows.'");
        }
        (0..open).for_each(|_| out.close());
        Ok(())
    })?;
    let of = |status: Status| -> Vec<&Step> {
        job.steps
            .iter()
            .filter(|step| !is_inline(step) && step.when == status)
            .collect()
    };
    let (always, failure) = (of(Status::Always), of(Status::Failure));
    if always.is_empty() && failure.is_empty() {
        return Ok(());
    }
    out.block("post", |out| {
        for (name, steps) in [("always", always), ("failure", failure)] {
            if !steps.is_empty() {
                out.block(name, |out| {
                    steps
                        .iter()
                        .try_for_each(|step| self::step(place, step, out, notes).map(drop))
                })?;
            }
        }
        Ok(())
    })
}

fn is_inline(step: &Step) -> bool {
    matches!(step.when, Status::Success | Status::UnlessFailed)
}

fn cache_head(cache: &pilotage_core::pipeline::CacheFile) -> String {
    let caches: Vec<String> = cache
        .paths
        .iter()
        .enumerate()
        .map(|(number, path)| {
            let file = cache.key_files.first().map_or("", String::as_str);
            format!(
                "arbitraryFileCache(path: {}, cacheName: {}, cacheValidityDecidingFile: {})",
                single(path),
                single(&format!("{}-{number}", cache.name)),
                single(if cache.key_files.len() > 1 { "" } else { file }),
            )
        })
        .collect();
    format!("cache(maxCacheSize: 1024, caches: [{}])", caches.join(", "))
}

/// Whether it wrote anything.
pub(super) fn step(
    place: &Place<'_>,
    step: &Step,
    out: &mut Groovy,
    notes: &Notes,
) -> Result<bool, RenderError> {
    let job = place.job;
    match &step.action {
        Action::Run(script) | Action::Deploy(script) => shell(step, &sh(step, script), out),
        Action::Gate(environment) => {
            notes.job(job, "`pilotage` has to be in the image of the job");
            shell(step, &sh(step, &script::gate(environment)), out);
        }
        Action::Notify(notify) => {
            let script = script::notify(notify).replace("$RUN_URL", "$BUILD_URL");
            let with = [notify.webhook_secret.clone()];
            credentials(&with, out, |out| out.line(&sh(step, &script)));
        }
        Action::Checkout(checkout) => {
            if checkout.depth.is_some() || checkout.submodules {
                notes.job(
                    job,
                    "Jenkins keeps depth and submodules of a checkout in the settings of the project",
                );
            }
            out.comment("The code is checked out when the agent starts.");
            return Ok(false);
        }
        Action::Setup(..) | Action::Cache(_) => return Ok(false),
        Action::Upload(upload) => self::upload(place, upload, out, notes),
        Action::Download(download) => {
            let line = format!("unstash {}", single(&download.name));
            match &download.path {
                Some(path) => out.section(&format!("dir({})", single(path)), |out| out.line(&line)),
                None => out.line(&line),
            }
        }
        Action::Tests(tests) => {
            out.line(&format!("junit testResults: {}", single(&tests.files.join(","))));
        }
        Action::Coverage(coverage) => {
            if let Some(threshold) = coverage.threshold {
                out.line(&sh(step, &script::coverage(&coverage.file, threshold)));
            }
            notes.job(job, "coverage is shown by the plugin Coverage");
            out.line(&format!(
                "recordCoverage(tools: [[parser: 'COBERTURA', pattern: {}]])",
                single(&coverage.file)
            ));
        }
        Action::Sarif(sarif) => {
            notes.job(job, "findings are shown by the plugin Warnings Next Generation");
            out.line(&format!(
                "recordIssues(tools: [sarif(pattern: {})])",
                single(&sarif.file)
            ));
        }
        Action::Container(container) => self::container(place, step, container, out)?,
    }
    Ok(true)
}

/// Secrets are there for one step, and Jenkins strikes them out of its log.
fn shell(step: &Step, line: &str, out: &mut Groovy) {
    credentials(&step.secrets, out, |out| match &step.directory {
        Some(directory) => out.section(&format!("dir({})", single(directory)), |out| out.line(line)),
        None => out.line(line),
    });
}

fn credentials(names: &[String], out: &mut Groovy, body: impl FnOnce(&mut Groovy)) {
    if names.is_empty() {
        return body(out);
    }
    let strings: Vec<String> = names
        .iter()
        .map(|name| {
            format!(
                "string(credentialsId: {}, variable: {})",
                single(name),
                single(name)
            )
        })
        .collect();
    out.section(&format!("withCredentials([{}])", strings.join(", ")), body);
}

/// A single plain command is left to the shell that there is; what may use more of bash asks for it.
fn sh(step: &Step, script: &str) -> String {
    let label = step
        .name
        .as_ref()
        .map(|name| format!("label: {}, ", single(name)));
    let is_plain = !script.contains(['\n', '|', '[', '<', '$', '{']);
    if is_plain {
        return match label {
            Some(label) => format!("sh {label}script: {}", single(script)),
            None => format!("sh {}", single(script)),
        };
    }
    let text = multi(&format!("#!/usr/bin/env bash\nset -eo pipefail\n{script}\n"));
    match label {
        Some(label) => format!("sh {label}script: {text}"),
        None => format!("sh {text}"),
    }
}

fn upload(place: &Place<'_>, upload: &Upload, out: &mut Groovy, notes: &Notes) {
    if upload.keep_days.is_some() {
        notes.job(
            place.job,
            "Jenkins keeps files as long as their build: `keepDays` has no effect there",
        );
    }
    let patterns: Vec<String> = upload
        .paths
        .iter()
        .map(|path| {
            let is_file =
                path.contains('*') || path.rsplit('/').next().is_some_and(|last| last.contains('.'));
            if is_file {
                path.clone()
            } else {
                format!("{0},{0}/**", path.trim_end_matches('/'))
            }
        })
        .collect();
    let patterns = single(&patterns.join(","));
    out.line(&format!("archiveArtifacts artifacts: {patterns}"));
    let wanted = place.pipeline.jobs.iter().flat_map(|job| &job.steps).any(|step| {
        matches!(&step.action, Action::Download(download) if place.literal(&upload.name).is_none_or(|name| name == download.name))
    });
    if wanted {
        out.comment("For the stages behind.");
        out.line(&format!(
            "stash name: {}, includes: {patterns}",
            place.string(&upload.name)
        ));
    }
}

/// The image of the job has no bash, and its values come in through the environment: nothing is part of the script.
fn container(
    place: &Place<'_>,
    step: &Step,
    container: &Container,
    out: &mut Groovy,
) -> Result<(), RenderError> {
    let mut values = vec![format!("\"IMAGE={}\"", place.inner(&container.image))];
    let mut tags = Vec::new();
    for (number, tag) in container.tags.iter().enumerate() {
        values.push(format!("\"TAG_{}={}\"", number + 1, place.inner(tag)));
        tags.push(format!("\"$IMAGE:$TAG_{}\"", number + 1));
    }
    let login = match (&container.login, container.push) {
        (_, false) => Vec::new(),
        (Some(login), true) => vec![login.user_secret.clone(), login.key_secret.clone()],
        (None, true) => {
            return Err(refuse(
                place.job,
                "pushing an image needs `login` with the names of two secrets",
            ));
        }
    };
    let mut lines = Vec::new();
    if let [user, key] = login.as_slice() {
        lines.push(script::sign_in(user, key, container.registry()));
    }
    lines.extend(script::image(container, &tags));
    let label = step.name.as_deref().unwrap_or("Build the image");
    let script = multi(&format!("set -e\n{}\n", lines.join("\n")));
    credentials(&login, out, |out| {
        out.section(&format!("withEnv([{}])", values.join(", ")), |out| {
            out.line(&format!("sh label: {}, script: {script}", single(label)));
        });
    });
    Ok(())
}
