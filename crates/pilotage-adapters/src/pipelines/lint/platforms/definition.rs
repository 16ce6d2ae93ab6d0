//! The definition itself: `pilotage.yaml` with its `pipelines`, or the file of one pipeline.

use std::collections::BTreeSet;

use pilotage_core::{
    config::{Document, Problem, pointer_segment},
    pipeline::{PipelineFile, resolve},
};
use serde_json::Value;

use super::super::view::{JobView, Noted, Script, Spot, Text, Used, UsedKind, View, entries, items, texts};

pub(super) fn read(document: &Document, view: &mut View) {
    let root = document.value();
    // A file without either is a configuration that has no pipelines.
    if root["pipelines"].is_null() && !root["jobs"].is_null() {
        pipeline("pipeline", root, "", document, view);
    }
    for (id, written, at) in entries(&root["pipelines"], "/pipelines") {
        // What another file holds is looked at there.
        if written["file"].is_null() {
            pipeline(id, written, &at, document, view);
        }
    }
}

fn pipeline(id: &str, written: &Value, at: &str, document: &Document, view: &mut View) {
    let problems = match document.read::<PipelineFile>(at) {
        Err(problems) => problems,
        Ok(file) => {
            let found = resolve(id, &file).err().unwrap_or_default();
            found.into_iter().map(|problem| problem.under(at)).collect()
        }
    };
    let holds = problems.is_empty();
    for problem in problems {
        view.noted.push(noted(&problem, document));
    }
    let outside = untrusted(&written["variables"]);
    image(
        &written["defaults"]["image"],
        &format!("{at}/defaults/image"),
        id,
        view,
    );
    for (name, job, at) in entries(&written["jobs"], &format!("{at}/jobs")) {
        let mut read = new_job(name, &at, id);
        // Names that are not known were told above.
        if holds {
            read.needs = texts(&job["needs"], &format!("{at}/needs"));
        }
        read.scripts = scripts(job, &at, &outside);
        read.uses = images(job, &at);
        view.jobs.push(read);
    }
}

/// Which check a problem belongs to shows in where it stands.
fn noted(problem: &Problem, document: &Document) -> Noted {
    let within = |word: &str| problem.pointer.contains(&format!("/{}", pointer_segment(word)));
    let check = if within("needs") {
        "graph"
    } else if within("when") {
        "conditions"
    } else {
        "shape"
    };
    let help = problem.help.iter().map(|help| format!("; {help}"));
    Noted {
        check,
        at: document
            .locate_problem(problem)
            .map_or_else(|| Spot::At(problem.pointer.clone()), Spot::Line),
        message: format!("{}{}", problem.message, help.collect::<String>()),
        is_warning: false,
    }
}

fn new_job(name: &str, at: &str, scope: &str) -> JobView {
    JobView {
        name: name.to_owned(),
        at: Spot::At(at.to_owned()),
        needs: Vec::new(),
        scope: scope.to_owned(),
        never_runs: false,
        scripts: Vec::new(),
        uses: Vec::new(),
    }
}

/// Variables whose value is written by whoever pushes or starts the run.
fn untrusted(variables: &Value) -> BTreeSet<String> {
    const VALUES: [&str; 4] = ["${git.branch}", "${git.tag}", "${git.title}", "${input."];
    entries(variables, "")
        .into_iter()
        .filter(|(_, value, _)| {
            value
                .as_str()
                .is_some_and(|text| VALUES.iter().any(|start| text.contains(start)))
        })
        .map(|(name, ..)| name.clone())
        .collect()
}

fn scripts(job: &Value, at: &str, outside: &BTreeSet<String>) -> Vec<Script> {
    let mut untrusted = untrusted(&job["variables"]);
    untrusted.extend(outside.iter().cloned());
    let mut all = Vec::new();
    for (step, at) in items(&job["steps"], &format!("{at}/steps")) {
        let secrets: BTreeSet<String> = texts(&step["secrets"], "")
            .into_iter()
            .map(|name| name.text)
            .collect();
        let texts = [
            (&step["run"], format!("{at}/run")),
            (&step["deploy"]["run"], format!("{at}/deploy/run")),
        ];
        for (text, at) in texts {
            let Some(text) = text.as_str() else { continue };
            all.push(Script {
                text: text.to_owned(),
                at: Spot::At(at),
                is_posix: true,
                secrets: secrets.clone(),
                filled_in: Vec::new(),
                untrusted: untrusted.clone(),
            });
        }
    }
    all
}

fn images(job: &Value, at: &str) -> Vec<Used> {
    let services = entries(&job["services"], &format!("{at}/services"))
        .into_iter()
        .map(|(_, service, at)| (&service["image"], format!("{at}/image")));
    [(&job["image"], format!("{at}/image"))]
        .into_iter()
        .chain(services)
        .filter_map(|(value, at)| used(value, at))
        .collect()
}

/// The image of all jobs stands at no job.
fn image(value: &Value, at: &str, scope: &str, view: &mut View) {
    if let Some(used) = used(value, at.to_owned()) {
        view.jobs.push(JobView {
            uses: vec![used],
            ..new_job("(every job)", at, scope)
        });
    }
}

fn used(value: &Value, at: String) -> Option<Used> {
    Some(Used {
        text: Text {
            text: value.as_str()?.to_owned(),
            at: Spot::At(at),
        },
        kind: UsedKind::Image,
    })
}
