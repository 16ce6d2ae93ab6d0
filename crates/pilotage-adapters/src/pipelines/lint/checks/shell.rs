use super::super::{Check, Report, shell, view::View};

pub(in super::super) const CHECK: Check = Check {
    id: "shell",
    about: "Scripts in which something that was opened is never closed.",
    run,
};

fn run(view: &View, report: &mut Report<'_>) {
    for script in view.jobs.iter().flat_map(|job| &job.scripts) {
        // What the platform fills in is no part of the shell's language; `echo` of Jenkins is no shell at all.
        if !script.is_posix || script.text.contains("${{") {
            continue;
        }
        if let Some(problem) = shell::scan(&script.text).problem {
            report.error(
                &script.at,
                format!("the shell cannot read this script: {problem}"),
            );
        }
    }
}
