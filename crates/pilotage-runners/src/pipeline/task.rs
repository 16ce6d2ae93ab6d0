//! Jobs with their matrix unfolded, in an order in which they can run.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use pilotage_core::{
    config::nearest,
    pipeline::{Action, Combination, Job, Pipeline},
};

use super::files::Patterns;

/// Most jobs of a run, every combination counted.
const MOST_TASKS: usize = 2_000;

/// A job, or one combination of it.
#[derive(Clone, Debug)]
pub struct Task {
    /// `job`, or `job[axis=value,...]`.
    pub name: String,
    /// The job.
    pub job: Arc<Job>,
    /// A value for each axis; empty without a matrix.
    pub combination: Combination,
    /// Places of the tasks that it needs.
    pub needs: Vec<usize>,
    /// Places of all tasks that come before it, directly or not.
    pub(crate) before: BTreeSet<usize>,
    /// Places of tasks that make the same files or listen on the same ports: they run one after the other.
    pub(crate) apart: Vec<usize>,
    /// The files that it makes.
    pub(crate) makes: Patterns,
    /// The files that its result depends on.
    pub(crate) reads: Patterns,
}

/// Unfolds the jobs that are named, and all that they need; all jobs where none is named.
///
/// # Errors
/// A name is not known, or there are too many jobs; the text is for people.
pub fn tasks(pipeline: &Pipeline, names: &[String]) -> Result<Vec<Task>, String> {
    let mut all: Vec<Task> = Vec::new();
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for job in in_order(&pipeline.jobs) {
        let combinations = match &job.matrix {
            Some(matrix) => matrix.combinations(),
            None => vec![Combination::new()],
        };
        let needs: Vec<usize> = job
            .needs
            .iter()
            .flat_map(|need| places.get(need.as_str()).cloned().unwrap_or_default())
            .collect();
        let shared = Arc::new(job.clone());
        for combination in combinations {
            places.entry(&job.id).or_default().push(all.len());
            all.push(task(&shared, combination, needs.clone())?);
        }
        if all.len() > MOST_TASKS {
            return Err(format!(
                "There are more than {MOST_TASKS} jobs with their combinations."
            ));
        }
    }
    let mut chosen = choose(&all, names)?;
    for place in 0..chosen.len() {
        connect(&mut chosen, place);
    }
    Ok(chosen)
}

/// Jobs behind what they need, else as they are.
fn in_order(jobs: &[Job]) -> Vec<&Job> {
    let all: Vec<&Job> = jobs.iter().collect();
    pilotage_core::pipeline::waves(&all)
        .into_iter()
        .flatten()
        .collect()
}

fn task(job: &Arc<Job>, combination: Combination, needs: Vec<usize>) -> Result<Task, String> {
    let files = job.inputs.iter().flat_map(|inputs| &inputs.files);
    let about = |error: String| format!("Job `{}`: {error}", job.id);
    Ok(Task {
        name: name(&job.id, &combination),
        makes: Patterns::new(&made_by(job)).map_err(about)?,
        reads: Patterns::new(&files.cloned().collect::<Vec<_>>()).map_err(about)?,
        job: Arc::clone(job),
        combination,
        needs,
        before: BTreeSet::new(),
        apart: Vec::new(),
    })
}

fn name(id: &str, combination: &Combination) -> String {
    if combination.is_empty() {
        return id.to_owned();
    }
    let values: Vec<_> = combination
        .iter()
        .map(|(axis, value)| format!("{axis}={value}"))
        .collect();
    format!("{id}[{}]", values.join(","))
}

/// What it says that it makes, and what its steps take from the tree: a hit has to bring all of it back.
fn made_by(job: &Job) -> Vec<String> {
    let mut made = job.outputs.clone();
    for step in &job.steps {
        match &step.action {
            Action::Upload(upload) => made.extend(upload.paths.iter().cloned()),
            Action::Tests(tests) => made.extend(tests.files.iter().cloned()),
            Action::Coverage(coverage) => made.push(coverage.file.clone()),
            Action::Sarif(sarif) => made.push(sarif.file.clone()),
            _ => {}
        }
    }
    made.sort();
    made.dedup();
    made
}

fn choose(all: &[Task], names: &[String]) -> Result<Vec<Task>, String> {
    let mut wanted: BTreeSet<usize> = BTreeSet::new();
    for name in names {
        let found: Vec<usize> = matching(all, name)?;
        wanted.extend(found);
    }
    if names.is_empty() {
        wanted.extend(0..all.len());
    }
    let mut next: Vec<usize> = wanted.iter().copied().collect();
    while let Some(place) = next.pop() {
        for need in all.get(place).iter().flat_map(|task| &task.needs) {
            if wanted.insert(*need) {
                next.push(*need);
            }
        }
    }
    let moved: BTreeMap<usize, usize> = wanted.iter().enumerate().map(|(new, old)| (*old, new)).collect();
    let chosen = wanted.iter().filter_map(|place| all.get(*place)).cloned();
    Ok(chosen
        .map(|mut task| {
            task.needs = task
                .needs
                .iter()
                .filter_map(|need| moved.get(need))
                .copied()
                .collect();
            task
        })
        .collect())
}

/// Places of the tasks that `job` or `job[axis=value]` names; an axis that is not said may have any value.
fn matching(all: &[Task], name: &str) -> Result<Vec<usize>, String> {
    let (id, values) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
        Some((id, values)) => (id, values.split(',').collect()),
        None => (name, Vec::new()),
    };
    let fits = |task: &Task| {
        values.iter().all(|pair| {
            let (axis, value) = pair.split_once('=').unwrap_or((pair, ""));
            task.combination
                .get(axis.trim())
                .is_some_and(|own| own == value.trim())
        })
    };
    let of_job = all.iter().enumerate().filter(|(_, task)| task.job.id == id);
    let (found, names): (Vec<usize>, Vec<&str>) = (
        of_job
            .clone()
            .filter(|(_, task)| fits(task))
            .map(|(place, _)| place)
            .collect(),
        of_job.map(|(_, task)| task.name.as_str()).collect(),
    );
    if !found.is_empty() {
        return Ok(found);
    }
    if !names.is_empty() {
        return Err(format!("There is no `{name}`; there are {}.", names.join(", ")));
    }
    let known: BTreeSet<&str> = all.iter().map(|task| task.job.id.as_str()).collect();
    let near = nearest(id, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
    let known: Vec<_> = known.into_iter().collect();
    let told = near.unwrap_or_else(|| format!("there are {}.", known.join(", ")));
    Err(format!("There is no job called `{id}`; {told}"))
}

/// Finds all that comes before a task, and what must not run beside it. Those before it are connected already.
fn connect(tasks: &mut [Task], place: usize) {
    let (earlier, rest) = tasks.split_at_mut(place);
    let Some(task) = rest.first_mut() else {
        return;
    };
    for need in &task.needs {
        task.before.insert(*need);
        if let Some(needed) = earlier.get(*need) {
            task.before.extend(&needed.before);
        }
    }
    for (other, earlier) in earlier.iter().enumerate() {
        let meet = task.makes.may_overlap(&earlier.makes) || share_a_port(&task.job, &earlier.job);
        if !task.before.contains(&other) && meet {
            task.apart.push(other);
        }
    }
}

/// Whether both start something that listens on the same port.
fn share_a_port(one: &Job, other: &Job) -> bool {
    let ports = |job: &Job| -> BTreeSet<u16> {
        let local = job.services.values().filter(|service| service.local.is_some());
        local.flat_map(|service| service.ports.iter().copied()).collect()
    };
    !ports(one).is_disjoint(&ports(other))
}

#[cfg(test)]
mod tests {
    use pilotage_core::config::Document;
    use pilotage_core::pipeline::resolve;

    use super::*;

    fn pipeline(text: &str) -> Pipeline {
        let document = Document::parse(text.to_owned()).unwrap();
        resolve("ci", &document.read("").unwrap()).unwrap()
    }

    const TEXT: &str = r#"
on: {push: {}}
jobs:
  lint: {steps: [{run: "true"}]}
  test:
    needs: [lint]
    matrix: {axes: {node: [18, 20], os: [a, b]}}
    outputs: [report]
    steps: [{run: "true"}]
  pack: {needs: [test], outputs: [dist], steps: [{run: "true"}]}
  docs: {outputs: [dist/docs], steps: [{run: "true"}]}
"#;

    #[test]
    fn names_choose_jobs_and_what_they_need() {
        let pipeline = pipeline(TEXT);
        let names = |asked: &[&str]| {
            let asked: Vec<_> = asked.iter().map(ToString::to_string).collect();
            tasks(&pipeline, &asked).map(|tasks| {
                tasks
                    .into_iter()
                    .map(|task| task.name)
                    .collect::<Vec<_>>()
                    .join(" ")
            })
        };
        assert_eq!(
            names(&["test[node=18]"]).unwrap(),
            "lint test[node=18,os=a] test[node=18,os=b]"
        );
        assert_eq!(names(&["docs"]).unwrap(), "docs");
        assert_eq!(names(&[]).unwrap().split(' ').count(), 7);
        assert_eq!(
            names(&["tset"]).unwrap_err(),
            "There is no job called `tset`; did you mean `test`?"
        );
        assert!(
            names(&["test[node=19]"])
                .unwrap_err()
                .contains("test[node=20,os=b]")
        );
        assert!(names(&["test[nod=18]"]).is_err());
    }

    #[test]
    fn who_makes_the_same_files_runs_apart() {
        let tasks = tasks(&pipeline(TEXT), &[]).unwrap();
        let place = |name: &str| tasks.iter().position(|task| task.name == name).unwrap();
        let apart = |name: &str| tasks[place(name)].apart.clone();
        assert_eq!(apart("test[node=18,os=b]"), [place("test[node=18,os=a]")]);
        let (pack, docs) = (place("pack"), place("docs"));
        assert!(apart("pack").contains(&docs) || apart("docs").contains(&pack));
        assert!(tasks[pack].before.contains(&place("lint")));
    }
}
