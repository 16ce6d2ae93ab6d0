use super::{MAX_ITEMS, MAX_TEXT, Scoped, Sheet};
use crate::{
    config::Problem,
    pipeline::{
        Action, Container, ContainerFile, Reference, Status, Step, StepFile, Template, Upload, UploadFile,
    },
};

/// The keys of which a step has exactly one.
const ACTIONS: &str = "run, checkout, setup, cache, upload, download, tests, coverage, sarif, container, gate, deploy or notify";

pub(super) fn steps(
    written: &[StepFile],
    pointer: &str,
    scoped: &Scoped,
    sheet: &mut Sheet<'_>,
) -> Vec<Step> {
    let fits = (1..=MAX_ITEMS).contains(&written.len());
    sheet.require(
        fits,
        pointer.trim_end_matches("/steps"),
        "a job has 1 to 250 `steps`",
    );
    let mut steps = Vec::new();
    for (place, file) in written.iter().enumerate() {
        steps.extend(step(file, &format!("{pointer}/{place}"), scoped, sheet));
    }
    steps
}

fn step(file: &StepFile, pointer: &str, scoped: &Scoped, sheet: &mut Sheet<'_>) -> Option<Step> {
    if let Some(name) = &file.name {
        sheet.line(&format!("{pointer}/name"), name);
    }
    if let Some(directory) = &file.working_directory {
        sheet.path(&format!("{pointer}/workingDirectory"), directory);
    }
    for (place, secret) in file.secrets.iter().enumerate() {
        sheet.secret(&format!("{pointer}/secrets/{place}"), secret);
    }
    let mut actions = actions(file, pointer, scoped, sheet);
    if actions.len() != 1 {
        sheet.refuse(pointer, format!("a step has exactly one of {ACTIONS}"));
        return None;
    }
    let action = actions.pop()?;
    let runs = matches!(action, Action::Run(_) | Action::Deploy(_) | Action::Gate(_));
    sheet.require(
        runs || (file.secrets.is_empty() && file.working_directory.is_none()),
        pointer,
        "`secrets` and `workingDirectory` belong to steps with `run`, `deploy` or `gate`",
    );
    let reports = matches!(
        action,
        Action::Tests(_) | Action::Coverage(_) | Action::Sarif(_) | Action::Upload(_)
    );
    let later = reports || matches!(action, Action::Run(_) | Action::Notify(_));
    sheet.require(
        later || file.when.is_none_or(|when| when == Status::Success),
        &format!("{pointer}/when"),
        "after a failure only `run`, `notify` and reports make sense",
    );
    let usual = if matches!(action, Action::Tests(_) | Action::Sarif(_)) {
        Status::Always
    } else {
        Status::Success
    };
    Some(Step {
        name: file.name.clone(),
        when: file.when.unwrap_or(usual),
        directory: file.working_directory.clone(),
        secrets: file.secrets.clone(),
        action,
    })
}

fn actions(file: &StepFile, pointer: &str, scoped: &Scoped, sheet: &mut Sheet<'_>) -> Vec<Action> {
    let mut found = Vec::new();
    if let Some(run) = &file.run {
        found.push(Action::Run(script(run, &format!("{pointer}/run"), sheet)));
    }
    if let Some(deploy) = &file.deploy {
        found.push(Action::Deploy(script(
            &deploy.run,
            &format!("{pointer}/deploy/run"),
            sheet,
        )));
    }
    found.extend(file.checkout.clone().map(Action::Checkout));
    if let Some(setup) = &file.setup {
        let at = format!("{pointer}/setup");
        sheet.require(
            setup.len() == 1,
            &at,
            "one toolchain for each step, such as `{node: 20}`",
        );
        for (tool, version) in setup {
            let at = format!("{at}/{}", tool.name());
            found.push(Action::Setup(*tool, sheet.word_template(&at, &version.0, scoped)));
        }
    }
    if let Some(cache) = &file.cache {
        sheet.word(&format!("{pointer}/cache/name"), &cache.name);
        sheet.paths(&format!("{pointer}/cache/paths"), &cache.paths);
        let at = format!("{pointer}/cache/keyFiles");
        sheet.paths(&at, &cache.key_files);
        sheet.require(
            cache.key_files.len() <= 2,
            &at,
            "at most two, which is what GitLab takes",
        );
        found.push(Action::Cache(cache.clone()));
    }
    found.extend(
        file.upload
            .as_ref()
            .map(|file| upload(file, &format!("{pointer}/upload"), scoped, sheet)),
    );
    if let Some(download) = &file.download {
        sheet.word(&format!("{pointer}/download/name"), &download.name);
        if let Some(path) = &download.path {
            sheet.path(&format!("{pointer}/download/path"), path);
        }
        found.push(Action::Download(download.clone()));
    }
    found.extend(reports(file, pointer, sheet));
    if let Some(container) = &file.container {
        found.push(self::container(
            container,
            &format!("{pointer}/container"),
            scoped,
            sheet,
        ));
    }
    if let Some(notify) = &file.notify {
        sheet.secret(&format!("{pointer}/notify/webhookSecret"), &notify.webhook_secret);
        sheet.line(&format!("{pointer}/notify/text"), &notify.text);
        found.push(Action::Notify(notify.clone()));
    }
    found
}

/// What shows or judges results.
fn reports(file: &StepFile, pointer: &str, sheet: &mut Sheet<'_>) -> Vec<Action> {
    let mut found = Vec::new();
    if let Some(tests) = &file.tests {
        sheet.paths(&format!("{pointer}/tests/files"), &tests.files);
        found.push(Action::Tests(tests.clone()));
    }
    if let Some(coverage) = &file.coverage {
        sheet.path(&format!("{pointer}/coverage/file"), &coverage.file);
        let at = format!("{pointer}/coverage/threshold");
        sheet.require(
            coverage.threshold.is_none_or(|least| least <= 100),
            &at,
            "0 to 100",
        );
        found.push(Action::Coverage(coverage.clone()));
    }
    if let Some(sarif) = &file.sarif {
        sheet.path(&format!("{pointer}/sarif/file"), &sarif.file);
        found.push(Action::Sarif(sarif.clone()));
    }
    if let Some(gate) = &file.gate {
        sheet.word(&format!("{pointer}/gate/environment"), &gate.environment);
        found.push(Action::Gate(gate.environment.clone()));
    }
    found
}

fn upload(file: &UploadFile, pointer: &str, scoped: &Scoped, sheet: &mut Sheet<'_>) -> Action {
    sheet.paths(&format!("{pointer}/paths"), &file.paths);
    let at = format!("{pointer}/keepDays");
    sheet.require(
        file.keep_days.is_none_or(|days| (1..=90).contains(&days)),
        &at,
        "1 to 90 days",
    );
    let at = format!("{pointer}/name");
    let name = sheet.word_template(&at, &file.name, scoped);
    sheet.require(
        !file.name.contains(['/', ':']),
        &at,
        "the name of an artifact has no `/` and no `:`",
    );
    let by_strangers = name.references().any(|value| {
        matches!(
            value,
            Reference::Branch | Reference::Title | Reference::Input { .. }
        )
    });
    sheet.require(
        !by_strangers,
        &at,
        "what others write, such as a branch, cannot name an artifact",
    );
    Action::Upload(Upload {
        name,
        paths: file.paths.clone(),
        keep_days: file.keep_days,
    })
}

fn container(file: &ContainerFile, pointer: &str, scoped: &Scoped, sheet: &mut Sheet<'_>) -> Action {
    let image = sheet.word_template(&format!("{pointer}/image"), &file.image, scoped);
    let at = format!("{pointer}/tags");
    sheet.require((1..=20).contains(&file.tags.len()), &at, "1 to 20 tags");
    let mut tags: Vec<Template> = Vec::new();
    for (place, tag) in file.tags.iter().enumerate() {
        let at = format!("{at}/{place}");
        let tag = sheet.word_template(&at, tag, scoped);
        // The name of a branch may hold what no tag of an image may, such as `/`.
        let unfit = tag
            .references()
            .any(|value| matches!(value, Reference::Branch | Reference::Title | Reference::RunUrl));
        sheet.require(
            !unfit,
            &at,
            "a tag of an image is made of git.sha, git.tag, run.number or plain text",
        );
        tags.push(tag);
    }
    let context = file.context.clone().unwrap_or_else(|| ".".to_owned());
    sheet.path(&format!("{pointer}/context"), &context);
    let dockerfile = file.file.clone().unwrap_or_else(|| "Dockerfile".to_owned());
    sheet.path(&format!("{pointer}/file"), &dockerfile);
    if let Some(login) = &file.login {
        sheet.secret(&format!("{pointer}/login/userSecret"), &login.user_secret);
        sheet.secret(&format!("{pointer}/login/keySecret"), &login.key_secret);
    }
    Action::Container(Container {
        image,
        tags,
        context,
        file: dockerfile,
        push: file.push,
        login: file.login.clone(),
    })
}

/// Values stand in no script: it would run whatever a stranger called his branch. They come in through the environment.
pub(super) fn script(text: &str, pointer: &str, sheet: &mut Sheet<'_>) -> String {
    let fits = !text.trim().is_empty() && text.len() <= MAX_TEXT;
    sheet.require(fits, pointer, "commands are expected, at most 64 KiB of them");
    let control = |letter: char| letter.is_control() && !"\n\t".contains(letter);
    sheet.require(
        !text.chars().any(control),
        pointer,
        "control characters are not taken",
    );
    for after in text.split("${").skip(1) {
        let words = after.split('}').next().unwrap_or_default();
        let Ok(reference) = Reference::parse(words) else {
            continue;
        };
        let problem = Problem::at(pointer, format!("`${{{reference}}}` cannot stand in a script"));
        let help = format!(
            "give it to a variable of the job, `variables: {{VALUE: \"${{{reference}}}\"}}`, and write \"$VALUE\""
        );
        sheet.problems.push(problem.help(help));
    }
    sheet.require(
        !text.contains("${{"),
        pointer,
        "`${{` belongs to one platform; values come in through `variables`",
    );
    text.trim_end().to_owned()
}
