//! Stages and their steps.

use std::collections::BTreeSet;

use super::{
    super::super::{
        secret::names_secret,
        view::{JobView, Script, Spot},
    },
    Reader, body, new_job,
    reader::Statement,
    words::{MATRIX, STAGE},
};

impl Reader {
    /// The stages of a section.
    pub(super) fn stages(&mut self, section: &Statement) {
        if body(section).is_empty() {
            self.note("shape", section, format!("`{}` has no stage", section.name));
        }
        let mut names = BTreeSet::new();
        for stage in body(section) {
            if stage.name != "stage" {
                self.note(
                    "shape",
                    stage,
                    format!("`{}` holds stages, not `{}`", section.name, stage.name),
                );
                continue;
            }
            let name = stage
                .strings
                .first()
                .map(|quoted| quoted.text.clone())
                .unwrap_or_default();
            if name.trim().is_empty() {
                self.note("shape", stage, "a stage has a name");
            }
            if !names.insert(name.clone()) {
                self.note("names", stage, format!("there are two stages called `{name}`"));
            }
            self.stage(&name, stage);
        }
    }

    fn stage(&mut self, name: &str, stage: &Statement) {
        self.stages += 1;
        let sections = body(stage);
        self.known(sections, &format!("the stage `{name}`"), STAGE, true);
        let bodies = sections
            .iter()
            .filter(|section| ["steps", "stages", "parallel", "matrix"].contains(&section.name.as_str()));
        if bodies.count() != 1 {
            self.note(
                "shape",
                stage,
                format!("the stage `{name}` has exactly one of steps, stages, parallel and matrix"),
            );
        }
        let mut secrets = BTreeSet::new();
        for section in sections {
            if section.name == "environment" {
                let named = body(section)
                    .iter()
                    .filter(|variable| variable.rest.contains("credentials("));
                secrets.extend(named.map(|variable| variable.name.clone()));
            }
        }
        let mut job = new_job(name, stage);
        for section in sections {
            match section.name.as_str() {
                "steps" => {
                    if body(section).is_empty() {
                        self.note("shape", section, format!("the stage `{name}` has no steps"));
                    }
                    self.steps(section, &mut job, &secrets);
                }
                "stages" | "parallel" => self.stages(section),
                "matrix" => self.matrix(section),
                "when" => {
                    job.never_runs = body(section).iter().any(|condition| {
                        condition.name == "expression" && condition.body.as_ref().is_some_and(|body| matches!(body.as_slice(), [only] if only.name == "false" || (only.name == "return" && only.rest.trim() == "false")))
                    });
                    self.common(section, name);
                }
                _ => self.common(section, name),
            }
        }
        self.view.jobs.push(job);
    }

    fn matrix(&mut self, section: &Statement) {
        self.known(body(section), "`matrix`", MATRIX, true);
        let axes: Vec<&Statement> = body(section)
            .iter()
            .filter(|part| part.name == "axes")
            .flat_map(body)
            .collect();
        if axes.is_empty() {
            self.note("shape", section, "a matrix has `axes`");
        }
        let name_of = |axis: &Statement| {
            let name = body(axis).iter().find(|part| part.name == "name")?;
            Some(name.strings.first()?.text.clone())
        };
        let names: Vec<String> = axes.iter().filter_map(|axis| name_of(axis)).collect();
        for exclude in body(section)
            .iter()
            .filter(|part| part.name == "excludes")
            .flat_map(body)
        {
            for axis in body(exclude) {
                if let Some(name) = name_of(axis).filter(|name| !names.contains(name)) {
                    self.note("graph", axis, format!("the matrix has no axis `{name}`"));
                }
            }
        }
        for part in body(section) {
            match part.name.as_str() {
                "stages" => self.stages(part),
                _ => self.common(part, "a matrix"),
            }
        }
    }

    /// The steps of a section.
    pub(super) fn steps(&mut self, section: &Statement, job: &mut JobView, secrets: &BTreeSet<String>) {
        for step in body(section) {
            let mut secrets = secrets.clone();
            if step.name == "withCredentials" {
                let named = step.strings.iter().filter(|quoted| names_secret(&quoted.text));
                secrets.extend(named.map(|quoted| quoted.text.clone()));
                let named = step.rest.to_ascii_lowercase();
                let variables = named.matches("variable: ''").count();
                secrets.extend(
                    step.strings
                        .iter()
                        .rev()
                        .take(variables.min(1))
                        .map(|quoted| quoted.text.clone()),
                );
            }
            self.times(step);
            if ["sh", "echo", "bat", "powershell", "pwsh"].contains(&step.name.as_str()) {
                if step.strings.is_empty() && step.rest.trim().is_empty() {
                    self.note("shape", step, format!("`{}` is handed nothing", step.name));
                }
                script(step, job, &secrets);
            }
            if step.name == "stage" {
                self.note("shape", step, "a stage cannot stand among steps");
            }
            self.steps(step, job, &secrets);
        }
    }
}

fn script(step: &Statement, job: &mut JobView, secrets: &BTreeSet<String>) {
    // With a label the script is the string behind `script:`; otherwise it is the only one.
    let quoted = match step.rest.find("script:") {
        Some(at) => step
            .strings
            .get(step.rest.get(..at).unwrap_or_default().matches("''").count()),
        None => step.strings.first(),
    };
    let Some(quoted) = quoted else { return };
    let mut filled_in = Vec::new();
    // What `echo` is handed reaches no shell, but the log.
    if quoted.is_filled_in && step.name != "echo" {
        for after in quoted.text.split('$').skip(1) {
            let inner = after.strip_prefix('{').and_then(|after| after.split('}').next());
            let word: String = after
                .chars()
                .take_while(|letter| letter.is_alphanumeric() || "_.".contains(*letter))
                .collect();
            filled_in.push(inner.map_or(word, str::to_owned));
        }
    }
    let text = if step.name == "echo" {
        format!("echo {}", quoted.text)
    } else {
        quoted.text.clone()
    };
    job.scripts.push(Script {
        text,
        at: Spot::Line(quoted.at),
        is_posix: step.name == "sh" && !quoted.is_filled_in,
        secrets: secrets.clone(),
        filled_in,
        untrusted: BTreeSet::new(),
    });
}
