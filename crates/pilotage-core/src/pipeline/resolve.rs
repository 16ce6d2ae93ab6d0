//! From a pipeline as people wrote it to one that holds.

mod job;
mod step;
mod trigger;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Concurrency, InputKind, Job, Part, Pattern, Pipeline, PipelineFile, Reference, Template, Text, Trigger,
    Variables, cycle, waves,
};
use crate::config::{Problem, nearest, pointer_segment};

/// Most jobs of a pipeline, and most entries of any list in it.
const MAX_ITEMS: usize = 250;
/// Longest name, script or text, in bytes.
const MAX_TEXT: usize = 64 << 10;

/// A pipeline that holds.
///
/// # Errors
/// Everything that is wrong, with pointers from the pipeline on.
pub fn resolve(id: &str, file: &PipelineFile) -> Result<Pipeline, Vec<Problem>> {
    let mut sheet = Sheet::new(file);
    sheet.check_shape(id);
    let triggers = trigger::triggers(file, &mut sheet);
    let variables = sheet.variables("/variables", &file.variables, &Scoped::default());
    let jobs: Vec<Job> = file
        .jobs
        .iter()
        .map(|(id, written)| job::job(id, written, file, &mut sheet))
        .collect();
    sheet.check_graph(&jobs);
    if !sheet.problems.is_empty() {
        return Err(sheet.problems);
    }
    let stages: Vec<String> = sheet
        .stages
        .iter()
        .filter(|stage| jobs.iter().any(|job| job.stage == **stage))
        .cloned()
        .collect();
    let mut ordered = Vec::new();
    for stage in &stages {
        let own: Vec<&Job> = jobs.iter().filter(|job| job.stage == *stage).collect();
        ordered.extend(waves(&own).into_iter().flatten().cloned());
    }
    Ok(Pipeline {
        id: id.to_owned(),
        name: file.name.clone().unwrap_or_else(|| id.to_owned()),
        triggers,
        variables,
        concurrency: file.concurrency.as_ref().map(|written| Concurrency {
            per: written.per,
            cancel_running: written.cancel_running,
        }),
        stages,
        jobs: ordered,
    })
}

/// What may be named at a place.
#[derive(Default)]
struct Scoped {
    axes: BTreeSet<String>,
    services: BTreeSet<String>,
}

/// The file that is read, and what was found wrong so far.
struct Sheet<'a> {
    file: &'a PipelineFile,
    stages: Vec<String>,
    problems: Vec<Problem>,
}

impl<'a> Sheet<'a> {
    fn new(file: &'a PipelineFile) -> Self {
        let stages = if file.stages.is_empty() {
            vec!["main".to_owned()]
        } else {
            file.stages.clone()
        };
        Self {
            file,
            stages,
            problems: Vec::new(),
        }
    }

    fn refuse(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem::at(pointer, message));
    }

    fn require(&mut self, holds: bool, pointer: &str, message: &str) {
        if !holds {
            self.refuse(pointer, message);
        }
    }

    fn check_shape(&mut self, id: &str) {
        let file = self.file;
        if !is_id(id) {
            self.problems.push(Problem::at_key("", ID_RULE));
        }
        self.require(!file.jobs.is_empty(), "/jobs", "a pipeline has at least one job");
        self.require(file.jobs.len() <= MAX_ITEMS, "/jobs", "at most 250 jobs");
        let mut seen = BTreeSet::new();
        for (place, stage) in file.stages.iter().enumerate() {
            let pointer = format!("/stages/{place}");
            self.require(is_id(stage), &pointer, ID_RULE);
            self.require(seen.insert(stage), &pointer, "this stage is here twice");
        }
        if let Some(name) = &file.name {
            self.line("/name", name);
        }
    }

    /// Names for people are one line: they stand in comments and titles of rendered files.
    fn line(&mut self, pointer: &str, text: &str) {
        let fits = (1..=200).contains(&text.len()) && !text.chars().any(char::is_control);
        self.require(fits, pointer, "one line of 1 to 200 characters is expected");
    }

    fn check_graph(&mut self, jobs: &[Job]) {
        let edges: BTreeMap<String, Vec<String>> = jobs
            .iter()
            .map(|job| (job.id.clone(), job.needs.clone()))
            .collect();
        for job in jobs {
            for (place, need) in job.needs.iter().enumerate() {
                let pointer = format!("/jobs/{}/needs/{place}", pointer_segment(&job.id));
                let Some(needed) = jobs.iter().find(|other| other.id == *need) else {
                    let problem = Problem::at(pointer, format!("there is no job called `{need}`"));
                    let near = nearest(need, edges.keys().map(String::as_str));
                    self.problems.push(match near {
                        Some(near) => problem.help(format!("did you mean `{near}`?")),
                        None => problem,
                    });
                    continue;
                };
                let place_of = |stage: &str| self.stages.iter().position(|name| name == stage);
                if place_of(&needed.stage) > place_of(&job.stage) {
                    let message = format!("`{need}` is in the later stage `{}`", needed.stage);
                    self.refuse(pointer, message);
                }
            }
        }
        if let Some(way) = cycle(&edges) {
            let pointer = format!(
                "/jobs/{}/needs",
                pointer_segment(way.first().map_or("", String::as_str))
            );
            self.refuse(pointer, format!("jobs wait for each other: {}", way.join(" -> ")));
        }
    }

    fn template(&mut self, pointer: &str, text: &str, scoped: &Scoped) -> Template {
        self.require(
            text.len() <= MAX_TEXT && !text.chars().any(|letter| letter.is_control() && letter != '\n'),
            pointer,
            "a text without control characters is expected, at most 64 KiB long",
        );
        self.require(
            !text.contains("${{") && !text.contains("$["),
            pointer,
            "`${{` and `$[` belong to one platform; write `${git.sha}` or another value of the definition",
        );
        let mut template = match Template::parse(text) {
            Ok(template) => template,
            Err(message) => {
                self.refuse(pointer, message);
                return Template::default();
            }
        };
        self.fill_in_defaults(&mut template);
        for reference in template.references() {
            let (kind, name, known): (_, _, Vec<&str>) = match reference {
                Reference::Matrix(name) => ("axis", name, scoped.axes.iter().map(String::as_str).collect()),
                Reference::ServiceHost(name) => (
                    "service",
                    name,
                    scoped.services.iter().map(String::as_str).collect(),
                ),
                Reference::Input { name, .. } => ("input", name, self.inputs()),
                _ => continue,
            };
            if !known.contains(&name.as_str()) {
                let problem = Problem::at(pointer, format!("there is no {kind} called `{name}` here"));
                let near = nearest(name, known).map(|near| format!("did you mean `{near}`?"));
                self.problems.push(match near {
                    Some(near) => problem.help(near),
                    None => problem,
                });
            }
        }
        template
    }

    /// Only a run that a person started has answers.
    fn fill_in_defaults(&self, template: &mut Template) {
        for part in &mut template.0 {
            if let Part::Value(Reference::Input { name, default }) = part {
                let manual = self.file.on.manual.as_ref();
                let input = manual.and_then(|manual| manual.inputs.get(name));
                *default = input.map(|input| input.default.0.clone()).unwrap_or_default();
            }
        }
    }

    fn inputs(&self) -> Vec<&'a str> {
        let manual = self.file.on.manual.iter();
        manual
            .flat_map(|manual| manual.inputs.keys().map(String::as_str))
            .collect()
    }

    fn variables(&mut self, pointer: &str, written: &BTreeMap<String, Text>, scoped: &Scoped) -> Variables {
        written
            .iter()
            .map(|(name, value)| {
                let pointer = format!("{pointer}/{}", pointer_segment(name));
                if let Err(message) = check_variable(name) {
                    self.problems.push(Problem::at_key(&pointer, message));
                }
                self.require(!value.0.contains('\n'), &pointer, "a variable is one line");
                (name.clone(), self.template(&pointer, &value.0, scoped))
            })
            .collect()
    }

    fn patterns(&mut self, pointer: &str, written: &[String]) -> Vec<Pattern> {
        let mut patterns = Vec::new();
        for (place, text) in written.iter().enumerate() {
            let (name, is_prefix) = match text.strip_suffix('*') {
                Some(prefix) => (prefix, true),
                None => (text.as_str(), false),
            };
            let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
            let fits = name.len() <= 200 && name.chars().all(plain) && (is_prefix || !name.is_empty());
            let message =
                "a name of letters, digits, `-`, `_`, `.` and `/`, or the beginning of one followed by `*`";
            self.require(fits, &format!("{pointer}/{place}"), message);
            patterns.push(if is_prefix {
                Pattern::Prefix(name.to_owned())
            } else {
                Pattern::Exact(name.to_owned())
            });
        }
        patterns
    }

    /// A path below the repository that every platform takes as it is.
    fn path(&mut self, pointer: &str, path: &str) {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./*@+".contains(letter);
        let fits = (1..=400).contains(&path.len())
            && path.chars().all(plain)
            && !path.starts_with(['/', '-'])
            && path.split('/').all(|part| part != "..");
        self.require(
            fits,
            pointer,
            "a path below the repository, of letters, digits and `-_./*@+`, is expected",
        );
    }

    fn paths(&mut self, pointer: &str, paths: &[String]) {
        self.require(
            !paths.is_empty() && paths.len() <= MAX_ITEMS,
            pointer,
            "1 to 250 paths",
        );
        for (place, path) in paths.iter().enumerate() {
            self.path(&format!("{pointer}/{place}"), path);
        }
    }

    /// Names of images, tags, environments and the like: they stand in commands of rendered files.
    fn word(&mut self, pointer: &str, word: &str) {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@+".contains(letter);
        let fits = (1..=200).contains(&word.len()) && word.chars().all(plain) && !word.starts_with('-');
        self.require(fits, pointer, "letters, digits and `-_./:@+` are expected");
    }

    fn word_template(&mut self, pointer: &str, text: &str, scoped: &Scoped) -> Template {
        let template = self.template(pointer, text, scoped);
        self.word(pointer, &template.write(str::to_owned, |_| "x".to_owned()));
        template
    }

    fn secret(&mut self, pointer: &str, name: &str) {
        let fits = check_variable(name).is_ok()
            && !name.starts_with("GITHUB_")
            && name.chars().all(|letter| !letter.is_ascii_lowercase());
        self.require(
            fits,
            pointer,
            "the name of a secret is capital letters, digits and `_`, and does not begin with GITHUB_",
        );
    }
}

const ID_RULE: &str = "a name is 1 to 50 letters, digits and `_`, and begins with a letter";

/// A name that all platforms take for a job, a stage, an axis or an input.
fn is_id(name: &str) -> bool {
    (1..=50).contains(&name.len())
        && name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// What the platforms set themselves must not be set, and a few names would let a value run code in every process.
fn check_variable(name: &str) -> Result<(), String> {
    const TAKEN: [&str; 9] = [
        "PATH",
        "HOME",
        "CI",
        "SHELL",
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "NODE_OPTIONS",
        "BASH_ENV",
        "IFS",
    ];
    const PREFIXES: [&str; 6] = ["GITHUB_", "RUNNER_", "CI_", "GITLAB_", "SYSTEM_", "MATRIX_"];
    if !is_id(name) {
        return Err(
            "the name of a variable is 1 to 50 letters, digits and `_`, and begins with a letter".to_owned(),
        );
    }
    let upper = name.to_ascii_uppercase();
    if TAKEN.contains(&upper.as_str()) || PREFIXES.iter().any(|prefix| upper.starts_with(prefix)) {
        return Err(format!("`{name}` belongs to the platforms or the shell"));
    }
    Ok(())
}

/// Minutes of `30m` or `2h`.
fn minutes(text: &str) -> Option<u32> {
    let (number, factor) = match text.strip_suffix('m') {
        Some(number) => (number, 1),
        None => (text.strip_suffix('h')?, 60),
    };
    let minutes = number.parse::<u32>().ok()?.checked_mul(factor)?;
    (1..=1440).contains(&minutes).then_some(minutes)
}

/// The word of an event, as it is written.
fn trigger_word(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Push => "push",
        Trigger::PullRequest => "pullRequest",
        Trigger::Schedule => "schedules",
        Trigger::Manual => "manual",
    }
}

/// Whether a default is a possible answer.
fn is_answer(kind: InputKind, text: &str, options: &[Text]) -> bool {
    match kind {
        InputKind::String => !text.chars().any(char::is_control),
        InputKind::Number => text.parse::<f64>().is_ok_and(f64::is_finite),
        InputKind::Boolean => matches!(text, "true" | "false"),
        InputKind::Choice => options.iter().any(|option| option.0 == text),
    }
}

#[cfg(test)]
mod tests;
