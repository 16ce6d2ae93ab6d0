use super::{
    super::{
        Check, Report,
        view::{UsedKind, View},
    },
    noted,
};

pub(in super::super) const CHECK: Check = Check {
    id: "pinning",
    about: "Actions, images, tasks and libraries that can change under the same name.",
    run,
};

fn run(view: &View, report: &mut Report<'_>) {
    noted(view, report);
    for used in view.jobs.iter().flat_map(|job| &job.uses) {
        let text = used.text.text.as_str();
        let wrong = match used.kind {
            UsedKind::Action => action(text),
            UsedKind::Image => image(text),
            UsedKind::Task => task(text),
            UsedKind::Library => {
                (!text.contains('@')).then(|| format!("the library `{text}` has no version: `{text}@v1`"))
            }
        };
        if let Some(message) = wrong {
            report.warn(&used.text.at, message);
        }
    }
}

/// Only a commit stays what it is; a tag can be moved.
fn action(text: &str) -> Option<String> {
    if text.starts_with("./") || text.contains("${{") {
        return None;
    }
    if let Some(image) = text.strip_prefix("docker://") {
        return self::image(image);
    }
    let Some((name, version)) = text.split_once('@') else {
        return Some(format!("`{text}` has no version"));
    };
    let commit = version.len() == 40 && version.chars().all(|letter| letter.is_ascii_hexdigit());
    (!commit).then(|| format!("`{name}` is used at `{version}`, which can be moved: use the commit, with the version as a comment"))
}

fn image(text: &str) -> Option<String> {
    if text.contains('$') || text.contains("@sha256:") {
        return None;
    }
    let last = text.rsplit('/').next().unwrap_or(text);
    match last.split_once(':') {
        None => Some(format!("the image `{text}` has no tag, which means the latest")),
        Some((_, "latest")) => Some(format!("the image `{text}` is another one every time")),
        Some(_) => None,
    }
}

fn task(text: &str) -> Option<String> {
    let version = text.split_once('@').map(|(_, version)| version);
    let number = version.is_some_and(|version| version.starts_with(|letter: char| letter.is_ascii_digit()));
    (!number).then(|| format!("the task `{text}` has no version: `{text}@1`"))
}
