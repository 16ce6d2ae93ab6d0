use std::collections::BTreeMap;

use super::{MAX_ITEMS, Scoped, Sheet, check_variable, is_id, minutes, step, trigger_word};
use crate::{
    config::{Problem, nearest, pointer_segment},
    pipeline::{
        Action, Approval, Combination, Environment, Job, JobFile, Matrix, MatrixFile, PipelineFile, Push,
        Runner, RunnerFile, Service, ServiceFile, Status, Text, Trigger, When, WhenFile,
    },
};

/// Most combinations of a matrix: GitLab takes 200, GitHub 256.
const MAX_COMBINATIONS: usize = 200;
/// Longest time of a job where nothing is said.
const DEFAULT_TIMEOUT_MINUTES: u32 = 60;

pub(super) fn job(id: &str, written: &JobFile, file: &PipelineFile, sheet: &mut Sheet<'_>) -> Job {
    let pointer = format!("/jobs/{}", pointer_segment(id));
    let at = |key: &str| format!("{pointer}/{key}");
    check_names(id, written, &pointer, sheet);
    let matrix = written
        .matrix
        .as_ref()
        .map(|written| matrix(written, &at("matrix"), sheet));
    let services = services(&written.services, &at("services"), sheet);
    let scoped = Scoped {
        axes: matrix
            .iter()
            .flat_map(|matrix| matrix.axes.keys().cloned())
            .collect(),
        services: services.keys().cloned().collect(),
    };
    let image = written.image.as_ref().or(file.defaults.image.as_ref());
    let image_at = if written.image.is_some() {
        at("image")
    } else {
        "/defaults/image".to_owned()
    };
    let mut permissions = file.permissions.clone();
    permissions.extend(&written.permissions);
    let job = Job {
        id: id.to_owned(),
        name: written.name.clone().unwrap_or_else(|| id.to_owned()),
        stage: stage(written, &at("stage"), sheet),
        needs: written.needs.clone(),
        runner: runner(
            written.runner.as_ref().or(file.defaults.runner.as_ref()),
            &at("runner"),
            sheet,
        ),
        image: image.map(|image| sheet.word_template(&image_at, image, &scoped)),
        when: when(&written.when, &at("when"), sheet),
        environment: environment(written, &pointer, &scoped, sheet),
        approval: written.approval.as_ref().map(|approval| Approval {
            message: approval.message.clone().unwrap_or_else(|| format!("Run {id}?")),
            approvers: approval.approvers.clone(),
        }),
        variables: sheet.variables(&at("variables"), &written.variables, &scoped),
        permissions,
        concurrency: written.concurrency.clone(),
        timeout_minutes: timeout(written, file, &at("timeout"), sheet),
        retries: written.retries.or(file.defaults.retries).unwrap_or(0),
        allow_failure: written.allow_failure,
        inputs: written.inputs.clone(),
        outputs: written.outputs.clone(),
        steps: step::steps(&written.steps, &at("steps"), &scoped, sheet),
        matrix,
        services,
    };
    check_whole(&job, &pointer, sheet);
    job
}

fn check_names(id: &str, written: &JobFile, pointer: &str, sheet: &mut Sheet<'_>) {
    if !is_id(id) {
        sheet.problems.push(Problem::at_key(pointer, super::ID_RULE));
    }
    let texts = [("name", &written.name), ("concurrency", &written.concurrency)];
    for (key, text) in texts {
        if let Some(text) = text {
            sheet.line(&format!("{pointer}/{key}"), text);
        }
    }
    if let Some(word) = &written.concurrency {
        sheet.word(&format!("{pointer}/concurrency"), word);
    }
    if let Some(approval) = &written.approval {
        for (place, approver) in approval.approvers.iter().enumerate() {
            sheet.word(&format!("{pointer}/approval/approvers/{place}"), approver);
        }
        if let Some(message) = &approval.message {
            sheet.line(&format!("{pointer}/approval/message"), message);
        }
    }
    if !written.outputs.is_empty() {
        sheet.paths(&format!("{pointer}/outputs"), &written.outputs);
    }
    if let Some(inputs) = &written.inputs
        && !inputs.files.is_empty()
    {
        sheet.paths(&format!("{pointer}/inputs/files"), &inputs.files);
    }
}

/// What holds between the parts of a job.
fn check_whole(job: &Job, pointer: &str, sheet: &mut Sheet<'_>) {
    let retries = format!("{pointer}/retries");
    sheet.require(job.retries <= 2, &retries, "0 to 2, which is what GitLab takes");
    let deploys = job
        .steps
        .iter()
        .any(|step| matches!(step.action, Action::Deploy(_)));
    sheet.require(
        !deploys || job.environment.is_some(),
        &format!("{pointer}/steps"),
        "a job with a `deploy` step says where to in `environment`",
    );
    sheet.require(
        job.matrix.is_none() || job.environment.is_none(),
        &format!("{pointer}/matrix"),
        "a job that deploys has no matrix: write one job for each environment",
    );
    sheet.require(
        job.approval.is_none() || job.when.status == Status::Success,
        &format!("{pointer}/approval"),
        "nobody is asked about a job that runs after a failure",
    );
    sheet.require(
        job.when.status == Status::Success || !job.needs.is_empty(),
        &format!("{pointer}/when/status"),
        "a status is one of jobs before: name them in `needs`",
    );
}

fn stage(written: &JobFile, pointer: &str, sheet: &mut Sheet<'_>) -> String {
    let Some(stage) = &written.stage else {
        sheet.require(
            sheet.stages.len() == 1,
            pointer.trim_end_matches("/stage"),
            "the key `stage` is missing",
        );
        return sheet.stages.first().cloned().unwrap_or_default();
    };
    if !sheet.stages.contains(stage) {
        let problem = Problem::at(pointer, format!("there is no stage called `{stage}`"));
        let near = nearest(stage, sheet.stages.iter().map(String::as_str))
            .map(|near| format!("did you mean `{near}`?"));
        sheet.problems.push(match near {
            Some(near) => problem.help(near),
            None => problem.help(format!("stages here: {}", sheet.stages.join(", "))),
        });
    }
    stage.clone()
}

fn runner(written: Option<&RunnerFile>, pointer: &str, sheet: &mut Sheet<'_>) -> Runner {
    let Some(written) = written else {
        return Runner::default();
    };
    sheet.require(written.labels.len() <= 20, pointer, "at most 20 labels");
    for label in &written.labels {
        sheet.word(pointer, label);
    }
    Runner {
        os: written.os,
        labels: written.labels.clone(),
    }
}

fn timeout(written: &JobFile, file: &PipelineFile, pointer: &str, sheet: &mut Sheet<'_>) -> u32 {
    let (pointer, text) = match (&written.timeout, &file.defaults.timeout) {
        (Some(own), _) => (pointer, own),
        (None, Some(default)) => ("/defaults/timeout", default),
        (None, None) => return DEFAULT_TIMEOUT_MINUTES,
    };
    let found = minutes(text);
    let message = "minutes or hours such as `30m` or `2h`, from 1 minute to 24 hours";
    sheet.require(found.is_some(), pointer, message);
    found.unwrap_or(DEFAULT_TIMEOUT_MINUTES)
}

fn when(written: &WhenFile, pointer: &str, sheet: &mut Sheet<'_>) -> When {
    let file = sheet.file;
    for (place, event) in written.events.iter().enumerate() {
        let happens = match event {
            Trigger::Push => file.on.push.is_some(),
            Trigger::PullRequest => file.on.pull_request.is_some(),
            Trigger::Schedule => !file.on.schedules.is_empty(),
            Trigger::Manual => file.on.manual.is_some(),
        };
        let message = format!("this never happens: `on` has no `{}`", trigger_word(*event));
        sheet.require(happens, &format!("{pointer}/events/{place}"), &message);
    }
    When {
        branches: sheet.patterns(&format!("{pointer}/branches"), &written.branches),
        tags: sheet.patterns(&format!("{pointer}/tags"), &written.tags),
        events: written.events.clone(),
        status: written.status,
    }
    .reachable(pointer, sheet)
}

impl When {
    /// Says so when no push can fit; a schedule or a person may start any branch.
    fn reachable(self, pointer: &str, sheet: &mut Sheet<'_>) -> Self {
        let on = &sheet.file.on;
        let others = !on.schedules.is_empty() || on.manual.is_some();
        let Some(written) = on.push.as_ref().filter(|_| !others) else {
            return self;
        };
        let read = |list: &[String]| Sheet::new(sheet.file).patterns("", list);
        let push = Push {
            branches: read(&written.branches),
            tags: read(&written.tags),
        };
        let all_branches = push.branches.is_empty() && push.tags.is_empty();
        let meets = |own: &[super::Pattern], pushed: &[super::Pattern]| {
            own.iter()
                .any(|own| pushed.iter().any(|pushed| overlap(own, pushed)))
        };
        let asked = !(self.branches.is_empty() && self.tags.is_empty());
        let possible = (all_branches && !self.branches.is_empty())
            || meets(&self.branches, &push.branches)
            || meets(&self.tags, &push.tags);
        sheet.require(
            !asked || possible,
            pointer,
            "this job can never run: no push in `on` is of such a branch or tag",
        );
        self
    }
}

fn overlap(one: &super::Pattern, other: &super::Pattern) -> bool {
    use super::Pattern::{Exact, Prefix};
    match (one, other) {
        (Exact(name), pattern) | (pattern, Exact(name)) => pattern.fits(name),
        (Prefix(one), Prefix(other)) => one.starts_with(other.as_str()) || other.starts_with(one.as_str()),
    }
}

fn environment(
    written: &JobFile,
    pointer: &str,
    scoped: &Scoped,
    sheet: &mut Sheet<'_>,
) -> Option<Environment> {
    let environment = written.environment.as_ref()?;
    sheet.word(&format!("{pointer}/environment/name"), &environment.name);
    let at = format!("{pointer}/environment/url");
    Some(Environment {
        name: environment.name.clone(),
        url: environment.url.as_ref().map(|url| {
            let web = url.starts_with("https://") || url.starts_with("http://");
            sheet.require(
                web && !url.contains(char::is_whitespace),
                &at,
                "a web address is expected",
            );
            sheet.template(&at, url, scoped)
        }),
    })
}

fn services(
    written: &BTreeMap<String, ServiceFile>,
    pointer: &str,
    sheet: &mut Sheet<'_>,
) -> BTreeMap<String, Service> {
    let mut services = BTreeMap::new();
    for (name, service) in written {
        let pointer = format!("{pointer}/{}", pointer_segment(name));
        let plain = name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
        if !is_id(name) || !plain {
            let message = "the name of a service is small letters and digits, as it becomes a host name";
            sheet.problems.push(Problem::at_key(&pointer, message));
        }
        sheet.word(&format!("{pointer}/image"), &service.image);
        sheet.require(
            !service.ports.contains(&0),
            &format!("{pointer}/ports"),
            "0 is no port",
        );
        for (name, value) in &service.variables {
            let at = format!("{pointer}/variables/{}", pointer_segment(name));
            if let Err(message) = check_variable(name) {
                sheet.problems.push(Problem::at_key(&at, message));
            }
            let plain = !value.0.contains('$') && !value.0.chars().any(char::is_control);
            sheet.require(
                plain,
                &at,
                "the variables of a service are one line each, without `$`",
            );
        }
        let local = service.local.as_ref();
        let variables = service.variables.iter();
        let service = Service {
            local: local.map(|commands| step::script(commands, &format!("{pointer}/local"), sheet)),
            image: service.image.clone(),
            ports: service.ports.clone(),
            variables: variables
                .map(|(name, value)| (name.clone(), value.0.clone()))
                .collect(),
        };
        services.insert(name.clone(), service);
    }
    services
}

fn matrix(written: &MatrixFile, pointer: &str, sheet: &mut Sheet<'_>) -> Matrix {
    sheet.require(
        !written.axes.is_empty(),
        &format!("{pointer}/axes"),
        "a matrix has at least one axis",
    );
    let mut axes = BTreeMap::new();
    for (axis, values) in &written.axes {
        let pointer = format!("{pointer}/axes/{}", pointer_segment(axis));
        if !is_id(axis) {
            sheet.problems.push(Problem::at_key(&pointer, super::ID_RULE));
        }
        sheet.require(
            (1..=MAX_ITEMS).contains(&values.len()),
            &pointer,
            "1 to 250 values",
        );
        for (place, value) in values.iter().enumerate() {
            let at = format!("{pointer}/{place}");
            sheet.word(&at, &value.0);
            let before = values.get(..place).unwrap_or_default();
            sheet.require(!before.contains(value), &at, "this value is here twice");
        }
        axes.insert(axis.clone(), values.iter().map(|value| value.0.clone()).collect());
    }
    let matrix = Matrix {
        include: combinations("include", &written.include, &axes, pointer, sheet),
        exclude: combinations("exclude", &written.exclude, &axes, pointer, sheet),
        axes,
        max_parallel: written.max_parallel,
        fail_fast: written.fail_fast,
    };
    let at = format!("{pointer}/maxParallel");
    sheet.require(matrix.max_parallel != Some(0), &at, "at least 1");
    let size = matrix.size();
    sheet.require(
        size <= MAX_COMBINATIONS,
        pointer,
        "at most 200 combinations, which is what GitLab takes",
    );
    if size <= MAX_COMBINATIONS {
        let left = matrix.combinations().len();
        sheet.require(left > 0, pointer, "nothing is left of the matrix");
    }
    matrix
}

fn combinations(
    key: &str,
    written: &[BTreeMap<String, Text>],
    axes: &BTreeMap<String, Vec<String>>,
    pointer: &str,
    sheet: &mut Sheet<'_>,
) -> Vec<Combination> {
    let mut all = Vec::new();
    for (place, entry) in written.iter().enumerate() {
        let pointer = format!("{pointer}/{key}/{place}");
        for (axis, value) in entry {
            let at = format!("{pointer}/{}", pointer_segment(axis));
            sheet.word(&at, &value.0);
            let Some(values) = axes.get(axis) else {
                sheet
                    .problems
                    .push(Problem::at_key(at, format!("there is no axis called `{axis}`")));
                continue;
            };
            let is_known = key == "include" || values.contains(&value.0);
            sheet.require(is_known, &at, "the axis has no such value");
        }
        let whole = key == "exclude" && !entry.is_empty() || entry.len() == axes.len();
        sheet.require(whole, &pointer, "a combination that is included says every axis");
        all.push(
            entry
                .iter()
                .map(|(axis, value)| (axis.clone(), value.0.clone()))
                .collect(),
        );
    }
    all
}
