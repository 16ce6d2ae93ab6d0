use std::collections::BTreeSet;

use super::super::{Check, Report, view::View};

pub(in super::super) const CHECK: Check = Check {
    id: "reach",
    about: "Jobs that can never run.",
    run,
};

fn run(view: &View, report: &mut Report<'_>) {
    let mut never: BTreeSet<(&str, &str)> = BTreeSet::new();
    for job in view.jobs.iter().filter(|job| job.never_runs) {
        never.insert((&job.scope, &job.name));
        report.warn(
            &job.at,
            format!("`{}` can never run: its condition is always false", job.name),
        );
    }
    // As often as there are jobs: each round finds those that wait for one of the round before.
    for _ in 0..view.jobs.len() {
        let before = never.len();
        for job in &view.jobs {
            let waits = job
                .needs
                .iter()
                .find(|need| never.contains(&(job.scope.as_str(), need.text.as_str())));
            if let Some(need) = waits
                && never.insert((&job.scope, &job.name))
            {
                report.warn(
                    &need.at,
                    format!(
                        "`{}` can never run: it waits for `{}`, which never does",
                        job.name, need.text
                    ),
                );
            }
        }
        if never.len() == before {
            return;
        }
    }
}
