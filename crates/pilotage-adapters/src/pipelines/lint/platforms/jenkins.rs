//! Declarative pipelines. Source of sections and words: <https://www.jenkins.io/doc/book/pipeline/syntax/>.

mod reader;
mod stages;
mod words;

use std::collections::BTreeSet;

use pilotage_core::config::nearest;

use super::{
    super::{
        Finding, Severity,
        view::{JobView, Noted, Spot, Text, Used, UsedKind, View},
    },
    Dialect,
};
use reader::Statement;
use words::{AGENTS, INPUT, OPTIONS, PARAMETERS, POST, ROOT, TRIGGERS, UNITS, WHEN};

pub(super) fn view(text: &str) -> Result<View, Box<Finding>> {
    let statements = reader::read(text).map_err(|(message, at)| {
        Box::new(Finding {
            check: "shape",
            severity: Severity::Error,
            message,
            line: at.line,
            column: at.column,
        })
    })?;
    let mut reader = Reader {
        view: View::new(Dialect::Jenkins, None),
        stages: 0,
    };
    for library in statements
        .iter()
        .filter(|statement| statement.name.is_empty() && statement.rest.starts_with("@Library"))
    {
        reader.library(library);
    }
    let Some(pipeline) = statements.iter().find(|statement| statement.name == "pipeline") else {
        reader.warn_first("there is no `pipeline` block: only declarative pipelines can be checked");
        return Ok(reader.view);
    };
    reader.pipeline(pipeline);
    Ok(reader.view)
}

struct Reader {
    view: View,
    stages: usize,
}

fn body(statement: &Statement) -> &[Statement] {
    statement.body.as_deref().unwrap_or_default()
}

impl Reader {
    fn note(&mut self, check: &'static str, statement: &Statement, message: impl Into<String>) {
        self.view.noted.push(Noted {
            check,
            at: Spot::Line(statement.at),
            message: message.into(),
            is_warning: false,
        });
    }

    fn warn(&mut self, check: &'static str, statement: &Statement, message: impl Into<String>) {
        self.note(check, statement, message);
        if let Some(last) = self.view.noted.last_mut() {
            last.is_warning = true;
        }
    }

    fn warn_first(&mut self, message: &str) {
        let statement = Statement {
            at: pilotage_core::config::Location { line: 1, column: 1 },
            ..Statement::default()
        };
        self.warn("shape", &statement, message);
    }

    /// Sections that are known, each once.
    fn known(&mut self, statements: &[Statement], what: &str, known: &[&str], once: bool) {
        let mut seen = BTreeSet::new();
        for statement in statements {
            if !known.contains(&statement.name.as_str()) {
                let near = nearest(&statement.name, known.iter().copied())
                    .map(|near| format!("; did you mean `{near}`?"))
                    .unwrap_or_default();
                self.note(
                    "shape",
                    statement,
                    format!("{what} has no `{}`{near}", statement.name),
                );
            } else if once && !seen.insert(statement.name.as_str()) {
                self.note("names", statement, format!("`{}` is here twice", statement.name));
            }
        }
    }

    fn pipeline(&mut self, pipeline: &Statement) {
        let sections = body(pipeline);
        self.known(sections, "a pipeline", ROOT, true);
        for section in ["agent", "stages"] {
            if !sections.iter().any(|statement| statement.name == section) {
                self.note("shape", pipeline, format!("the section `{section}` is missing"));
            }
        }
        for section in sections {
            match section.name.as_str() {
                "stages" => self.stages(section),
                "libraries" => body(section).iter().for_each(|library| self.library(library)),
                "parameters" => self.known(body(section), "`parameters`", PARAMETERS, false),
                "triggers" => self.triggers(section),
                _ => self.common(section, "the pipeline"),
            }
        }
        if self.stages == 0 {
            self.note("shape", pipeline, "there is no stage");
        }
    }

    fn triggers(&mut self, section: &Statement) {
        self.known(body(section), "`triggers`", TRIGGERS, false);
        for trigger in body(section).iter().filter(|trigger| trigger.name == "cron") {
            let lines = trigger.strings.iter().flat_map(|quoted| quoted.text.lines());
            let wrong = lines.map(str::trim).find(|line| {
                !line.is_empty()
                    && !line.starts_with(['#', '@'])
                    && !line.starts_with("TZ=")
                    && line.split_whitespace().count() != 5
            });
            if let Some(line) = wrong {
                self.note(
                    "conditions",
                    trigger,
                    format!("`{line}` has not the five fields of a time"),
                );
            }
        }
    }

    /// Sections that pipelines and stages share.
    fn common(&mut self, section: &Statement, title: &str) {
        match section.name.as_str() {
            "agent" => self.agent(section, title),
            "options" => self.options(section),
            "post" => {
                self.known(body(section), "`post`", POST, true);
                let mut job = new_job(&format!("post of {title}"), section);
                for condition in body(section) {
                    self.steps(condition, &mut job, &BTreeSet::new());
                }
                self.view.jobs.push(job);
            }
            "environment" => {
                for variable in body(section) {
                    if !variable.rest.trim_start().starts_with('=') {
                        self.note(
                            "shape",
                            variable,
                            format!("`{}` is no assignment of a variable", variable.name),
                        );
                    }
                }
            }
            "when" => self.when(section),
            "input" if section.body.is_some() => {
                self.known(body(section), "`input`", INPUT, true);
                if !body(section).iter().any(|statement| statement.name == "message") {
                    self.note("shape", section, "the `message` of the input is missing");
                }
            }
            _ => {}
        }
    }

    fn options(&mut self, section: &Statement) {
        self.known(body(section), "`options`", OPTIONS, true);
        for option in body(section) {
            self.times(option);
            if option.name == "retry" && option.rest.contains("''") {
                self.note("shape", option, "`retry` is handed a number");
            }
        }
    }

    /// `timeout(time: 5, unit: 'MINUTES')`.
    fn times(&mut self, statement: &Statement) {
        if statement.name != "timeout" {
            return;
        }
        if statement.rest.contains("time: ''") {
            self.note("shape", statement, "the time of `timeout` is a number");
        }
        let unit = statement
            .strings
            .iter()
            .find(|_| statement.rest.contains("unit:"));
        if let Some(unit) = unit.filter(|unit| !UNITS.contains(&unit.text.as_str())) {
            self.note("shape", statement, format!("`{}` is no unit of time", unit.text));
        }
    }

    fn agent(&mut self, section: &Statement, title: &str) {
        let word = section.rest.trim();
        let kinds: Vec<String> = match &section.body {
            None => vec![word.to_owned()],
            Some(body) => body.iter().map(|statement| statement.name.clone()).collect(),
        };
        for kind in kinds.iter().filter(|kind| !AGENTS.contains(&kind.as_str())) {
            let near = nearest(kind, AGENTS.iter().copied())
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            self.note("shape", section, format!("there is no agent `{kind}`{near}"));
        }
        let mut job = new_job(&format!("agent of {title}"), section);
        for kind in body(section) {
            let mut images: Vec<(String, &Statement)> = Vec::new();
            if kind.name == "docker" {
                images.extend(kind.strings.iter().map(|quoted| (quoted.text.clone(), kind)));
            }
            for part in body(kind) {
                if part.name == "image" {
                    images.extend(part.strings.iter().map(|quoted| (quoted.text.clone(), part)));
                }
                if part.name == "yaml" {
                    let lines = part.strings.iter().flat_map(|quoted| quoted.text.lines());
                    let named =
                        lines.filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("image:"));
                    images.extend(named.map(|image| (image.trim().to_owned(), part)));
                }
            }
            for (image, at) in images {
                job.uses.push(Used {
                    text: Text {
                        text: image,
                        at: Spot::Line(at.at),
                    },
                    kind: UsedKind::Image,
                });
            }
        }
        self.view.jobs.push(job);
    }

    fn when(&mut self, section: &Statement) {
        self.known(body(section), "`when`", WHEN, false);
        if body(section).is_empty() {
            self.note("conditions", section, "`when` asks nothing");
        }
        for condition in body(section) {
            if ["not", "allOf", "anyOf"].contains(&condition.name.as_str()) {
                self.when(condition);
            }
            if condition.name == "branch" && condition.strings.is_empty() {
                self.note("conditions", condition, "`branch` is handed a text");
            }
        }
    }

    fn library(&mut self, statement: &Statement) {
        for quoted in &statement.strings {
            self.view.jobs.push(JobView {
                uses: vec![Used {
                    text: Text {
                        text: quoted.text.clone(),
                        at: Spot::Line(quoted.at),
                    },
                    kind: UsedKind::Library,
                }],
                ..new_job(&format!("library {}", quoted.text), statement)
            });
        }
    }
}

fn new_job(name: &str, statement: &Statement) -> JobView {
    JobView {
        name: name.to_owned(),
        at: Spot::Line(statement.at),
        needs: Vec::new(),
        scope: String::new(),
        never_runs: false,
        scripts: Vec::new(),
        uses: Vec::new(),
    }
}
