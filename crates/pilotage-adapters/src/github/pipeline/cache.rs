//! Caches, which must not reach what is published: whoever gets something into the cache would publish it.
//! Source: <https://docs.zizmor.sh/audits/#cache-poisoning>.

use pilotage_core::pipeline::{Action, CacheFile, Job, Pipeline};

use crate::pipelines::{Map, Notes};

/// What the action is given; nothing where files of a cache could reach what is published.
pub(super) fn inputs(pipeline: &Pipeline, job: &Job, cache: &CacheFile, notes: &Notes) -> Option<Map> {
    if let Some(why) = publishes(pipeline, job) {
        notes.job(
            job,
            format!(
                "the cache `{}` is left out at GitHub, since {why}, and a poisoned cache would be published",
                cache.name
            ),
        );
        return None;
    }
    let files: Vec<String> = cache.key_files.iter().map(|file| format!("'{file}'")).collect();
    let mut with = Map::new();
    with.set("path", cache.paths.join("\n"));
    with.set(
        "key",
        format!(
            "{}-${{{{ runner.os }}}}-${{{{ hashFiles({}) }}}}",
            cache.name,
            files.join(", ")
        ),
    );
    with.comment("The newest older one is better than none.")
        .set("restore-keys", format!("{}-${{{{ runner.os }}}}-", cache.name));
    let push = pipeline.triggers.push.as_ref();
    if push.is_some_and(|push| !push.tags.is_empty()) {
        with.comment("A tag is published: what others may have left in the cache stays out of it.")
            .set("lookup-only", "${{ startsWith(github.ref, 'refs/tags/') }}");
    }
    Some(with)
}

/// Why what the job makes counts as published.
fn publishes(pipeline: &Pipeline, job: &Job) -> Option<String> {
    let pushes = job
        .steps
        .iter()
        .any(|step| matches!(&step.action, Action::Container(container) if container.push));
    if pushes {
        return Some("the job pushes an image".to_owned());
    }
    let branches = pipeline.triggers.push.iter().flat_map(|push| &push.branches);
    let release = branches
        .map(pilotage_core::pipeline::Pattern::written)
        .find(|name| name.to_ascii_lowercase().contains("release"))?;
    Some(format!("the workflow runs for branches `{release}`"))
}
