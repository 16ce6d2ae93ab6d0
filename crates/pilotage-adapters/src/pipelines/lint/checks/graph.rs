use std::collections::{BTreeMap, BTreeSet};

use pilotage_core::{config::nearest, pipeline::cycle};

use super::{
    super::{Check, Report, view::View},
    noted,
};

pub(in super::super) const CHECK: Check = Check {
    id: "graph",
    about: "Needs of jobs that there are not, and jobs that wait for each other.",
    run,
};

fn run(view: &View, report: &mut Report<'_>) {
    noted(view, report);
    let scopes: BTreeSet<&str> = view.jobs.iter().map(|job| job.scope.as_str()).collect();
    for scope in scopes {
        within(view, scope, report);
    }
}

fn within(view: &View, scope: &str, report: &mut Report<'_>) {
    let jobs: Vec<_> = view.jobs.iter().filter(|job| job.scope == scope).collect();
    let mut edges: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for job in &jobs {
        let needs = job.needs.iter().map(|need| need.text.clone()).collect::<Vec<_>>();
        edges.entry(job.name.clone()).or_default().extend(needs);
    }
    for need in jobs.iter().flat_map(|job| &job.needs) {
        if view.is_open || edges.contains_key(&need.text) || need.text.contains('$') {
            continue;
        }
        let near = nearest(&need.text, edges.keys().map(String::as_str))
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default();
        report.error(
            &need.at,
            format!("there is no `{}` to wait for here{near}", need.text),
        );
    }
    if let Some(way) = cycle(&edges)
        && let Some(job) = jobs.iter().find(|job| Some(&job.name) == way.first())
    {
        report.error(&job.at, format!("they wait for each other: {}", way.join(" -> ")));
    }
}
