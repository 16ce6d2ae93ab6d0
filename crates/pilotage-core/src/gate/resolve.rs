//! From gates as people wrote them, and the built-in ones, to gates that can be judged.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value as Json, json};

use super::{
    Criterion, CriterionFile, Gate, GateFile, GateKind, Metrics, Test, Unit, Value, built_in,
    check_environment, needs::ordered,
};
use crate::config::Problem;

/// Longest `timeout` of a gate.
const MAX_TIMEOUT_SECS: f64 = 86_400.0;
/// Most gates, and most criteria of one.
const MAX_ITEMS: usize = 200;

/// Every gate that holds: the built-in ones, changed as the file says, then those of the file, in its order; one that needs
/// others stands behind them.
///
/// # Errors
/// Everything that is wrong, with pointers below `/gates`.
pub fn resolve(files: &[GateFile], metrics: &Metrics) -> Result<Vec<Gate>, Vec<Problem>> {
    let mut problems = check_ids(files);
    let defaults = built_in();
    let mut gates = Vec::new();
    for default in &defaults {
        let place = files.iter().position(|file| file.id == default.id);
        let written = place.and_then(|place| files.get(place));
        let whole = written.map_or_else(|| default.clone(), |written| inherit(default, written));
        let pointer = Pointer {
            gate: place.unwrap_or(0),
            written,
        };
        gates.extend(build(&whole, metrics, &pointer, &mut problems));
    }
    for (place, file) in files.iter().enumerate() {
        if defaults.iter().all(|default| default.id != file.id) {
            let pointer = Pointer {
                gate: place,
                written: Some(file),
            };
            gates.extend(build(file, metrics, &pointer, &mut problems));
        }
    }
    if problems.is_empty() {
        ordered(files, gates)
    } else {
        Err(problems)
    }
}

/// The gates as they hold, written out whole: the built-in ones with what the file changes, then those of the file. Gates
/// that are switched off are there as well.
pub fn written_out(files: &[GateFile]) -> Vec<GateFile> {
    let defaults = built_in();
    let is_own = |file: &&GateFile| defaults.iter().all(|default| default.id != file.id);
    let own: Vec<_> = files.iter().filter(is_own).cloned().collect();
    let changed = defaults.into_iter().map(|default| {
        let written = files.iter().find(|file| file.id == default.id);
        written.map_or_else(|| default.clone(), |written| inherit(&default, written))
    });
    changed.chain(own).collect()
}

fn check_ids(files: &[GateFile]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    if files.len() > MAX_ITEMS {
        problems.push(Problem::at("/gates", format!("at most {MAX_ITEMS} gates")));
    }
    for (place, file) in files.iter().enumerate() {
        let pointer = format!("/gates/{place}/id");
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if !(1..=64).contains(&file.id.len()) || !file.id.chars().all(plain) {
            problems.push(Problem::at(
                &pointer,
                "an id is 1 to 64 letters, digits, `-`, `_` or `.`",
            ));
        }
        if !seen.insert(file.id.as_str()) {
            problems.push(Problem::at(
                &pointer,
                format!("there are two gates called `{}`", file.id),
            ));
        }
    }
    problems
}

/// What the file does not say is as the built-in gate has it.
fn inherit(default: &GateFile, written: &GateFile) -> GateFile {
    let mut criteria = default.criteria.clone();
    for own in &written.criteria {
        let name = Metrics::canonical(&own.metric);
        match criteria.iter_mut().find(|criterion| criterion.metric == name) {
            Some(inherited) => *inherited = inherit_criterion(inherited, own),
            None => criteria.push(own.clone()),
        }
    }
    let written = written.clone();
    let default = default.clone();
    GateFile {
        id: default.id,
        name: written.name.or(default.name),
        kind: written.kind.or(default.kind),
        environments: written.environments.or(default.environments),
        blocking: written.blocking.or(default.blocking),
        timeout: written.timeout.or(default.timeout),
        needs: written.needs.or(default.needs),
        on_no_evidence: written.on_no_evidence,
        enabled: written.enabled,
        criteria,
    }
}

fn inherit_criterion(default: &CriterionFile, own: &CriterionFile) -> CriterionFile {
    let (default, own) = (default.clone(), own.clone());
    CriterionFile {
        metric: default.metric,
        operator: own.operator.or(default.operator),
        threshold: own.threshold.or(default.threshold),
        impact: own.impact.or(default.impact),
        description: own.description.or(default.description),
        recommendation: own.recommendation.or(default.recommendation),
        on_no_evidence: own.on_no_evidence,
        enabled: own.enabled,
    }
}

/// Where things of one gate stand in the file.
struct Pointer<'a> {
    gate: usize,
    written: Option<&'a GateFile>,
}

impl Pointer<'_> {
    fn gate(&self, key: &str) -> String {
        format!("/gates/{}/{key}", self.gate)
    }

    fn criterion(&self, metric: &str, key: &str) -> String {
        let own = self.written.into_iter().flat_map(|file| &file.criteria);
        let place = own
            .map(|criterion| Metrics::canonical(&criterion.metric))
            .position(|name| name == Metrics::canonical(metric));
        self.gate(&format!("criteria/{}/{key}", place.unwrap_or(0)))
    }
}

fn build(
    file: &GateFile,
    metrics: &Metrics,
    pointer: &Pointer<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Gate> {
    if file.enabled == Some(false) {
        return None;
    }
    let before = problems.len();
    let timeout = timeout(file.timeout.as_ref());
    let timeout = timeout.unwrap_or_else(|message| {
        problems.push(Problem::at(pointer.gate("timeout"), message));
        Duration::ZERO
    });
    let environments = file
        .environments
        .clone()
        .unwrap_or_else(|| vec!["all".to_owned()]);
    check_environments(&environments, pointer, problems);
    if file.needs.as_ref().is_some_and(|needs| needs.len() > MAX_ITEMS) {
        problems.push(Problem::at(
            pointer.gate("needs"),
            format!("at most {MAX_ITEMS} gates"),
        ));
    }
    let criteria = criteria(file, metrics, pointer, problems);
    if criteria.is_empty() && problems.len() == before {
        let problem = Problem::at(
            pointer.gate("criteria"),
            format!("the gate `{}` asks nothing", file.id),
        );
        problems.push(problem.help("give it criteria, or switch it off with `enabled: false`"));
    }
    Some(Gate {
        id: file.id.clone(),
        name: file.name.clone().unwrap_or_else(|| file.id.clone()),
        kind: file.kind.unwrap_or(GateKind::Custom),
        environments,
        blocking: file.blocking.unwrap_or(true),
        timeout,
        needs: file.needs.clone().unwrap_or_default(),
        criteria,
    })
}

fn check_environments(names: &[String], pointer: &Pointer<'_>, problems: &mut Vec<Problem>) {
    if names.is_empty() {
        let problem = Problem::at(
            pointer.gate("environments"),
            "a gate for no environment judges nothing",
        );
        problems.push(problem.help("use `[all]`, or switch it off with `enabled: false`"));
    }
    for (place, name) in names.iter().enumerate() {
        if let Err(message) = check_environment(name) {
            problems.push(Problem::at(
                pointer.gate(&format!("environments/{place}")),
                message,
            ));
        }
    }
}

fn timeout(written: Option<&Json>) -> Result<Duration, String> {
    let default = json!("10m");
    match Unit::Seconds.read(written.unwrap_or(&default))? {
        Value::Number(secs) if (0.001..=MAX_TIMEOUT_SECS).contains(&secs) => {
            Ok(Duration::from_secs_f64(secs))
        }
        _ => Err("between 1ms and 1d".to_owned()),
    }
}

fn criteria(
    file: &GateFile,
    metrics: &Metrics,
    pointer: &Pointer<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<Criterion> {
    if file.criteria.len() > MAX_ITEMS {
        problems.push(Problem::at(
            pointer.gate("criteria"),
            format!("at most {MAX_ITEMS} criteria"),
        ));
        return Vec::new();
    }
    let asked = file
        .criteria
        .iter()
        .filter(|criterion| criterion.enabled != Some(false));
    asked
        .filter_map(|criterion| {
            read_criterion(file, criterion, metrics, pointer)
                .map_err(|problem| problems.push(*problem))
                .ok()
        })
        .collect()
}

fn read_criterion(
    gate: &GateFile,
    file: &CriterionFile,
    metrics: &Metrics,
    pointer: &Pointer<'_>,
) -> Result<Criterion, Box<Problem>> {
    let at =
        |key: &str, message: String| Box::new(Problem::at(pointer.criterion(&file.metric, key), message));
    let unit = metrics
        .unit(&file.metric)
        .ok_or_else(|| Box::new(unknown(file, metrics, pointer)))?;
    let operator = file.operator.ok_or_else(|| {
        at(
            "metric",
            format!("the criterion on `{}` lacks its `operator`", file.metric),
        )
    })?;
    let threshold = file.threshold.as_ref().ok_or_else(|| {
        at(
            "metric",
            format!("the criterion on `{}` lacks its `threshold`", file.metric),
        )
    })?;
    let test = Test::read(operator, unit, threshold)
        .map_err(|message| at("threshold", format!("`{}`: {message}", file.metric)))?;
    Ok(Criterion {
        metric: Metrics::canonical(&file.metric).to_owned(),
        unit,
        test,
        impact: file.impact.unwrap_or_default(),
        description: file.description.clone().unwrap_or_default(),
        recommendation: file.recommendation.clone().unwrap_or_default(),
        on_no_evidence: file.on_no_evidence.or(gate.on_no_evidence).unwrap_or_default(),
    })
}

fn unknown(file: &CriterionFile, metrics: &Metrics, pointer: &Pointer<'_>) -> Problem {
    let problem = Problem::at(
        pointer.criterion(&file.metric, "metric"),
        format!("there is no metric `{}`", file.metric),
    );
    match metrics.nearest(&file.metric) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help("a `command` under `evidence` can define metrics of your own"),
    }
}
