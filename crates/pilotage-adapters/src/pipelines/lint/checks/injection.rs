use super::super::{Check, Report, platforms::Dialect, shell, untrusted, view::View};

pub(in super::super) const CHECK: Check = Check {
    id: "injection",
    about: "What strangers write, such as the name of a branch, put into a script.",
    run,
};

/// Variables of the shell whose value others write.
const VARIABLES: [&str; 14] = [
    "CI_COMMIT_REF_NAME",
    "CI_COMMIT_BRANCH",
    "CI_COMMIT_TAG",
    "CI_COMMIT_MESSAGE",
    "CI_COMMIT_TITLE",
    "CI_COMMIT_DESCRIPTION",
    "CI_COMMIT_AUTHOR",
    "CI_MERGE_REQUEST_TITLE",
    "CI_MERGE_REQUEST_DESCRIPTION",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
    "GITHUB_HEAD_REF",
    "GITHUB_REF_NAME",
    "BRANCH_NAME",
    "BUILD_SOURCEBRANCHNAME",
];

fn run(view: &View, report: &mut Report<'_>) {
    for script in view.jobs.iter().flat_map(|job| &job.scripts) {
        for inner in &script.filled_in {
            if untrusted::is_untrusted(inner) {
                let how = match view.dialect {
                    Dialect::Jenkins => "use single quotes, so that the shell reads it from the environment",
                    _ => "hand it over through `env` and write \"$NAME\"",
                };
                report.error(
                    &script.at,
                    format!("`{inner}` becomes part of the script, whoever wrote its value: {how}"),
                );
            }
        }
        if !script.is_posix {
            continue;
        }
        for name in shell::scan(&script.text).bare {
            let answer = name.starts_with("INPUT_") || name.starts_with("MATRIX_");
            if VARIABLES.contains(&name.as_str()) || answer || script.untrusted.contains(&name) {
                report.error(
                    &script.at,
                    format!("`${name}` stands without quotes, and others write its value: \"${name}\""),
                );
            }
        }
        for line in script.text.lines() {
            let evaluates = line.split_whitespace().any(|word| word == "eval")
                || line.contains("bash -c")
                || line.contains("sh -c");
            let own = script.untrusted.iter().map(String::as_str);
            let found = VARIABLES
                .into_iter()
                .chain(own)
                .find(|name| evaluates && line.contains(name));
            if let Some(name) = found {
                report.error(
                    &script.at,
                    format!("the value of `{name}`, which others write, is run as a command"),
                );
            }
        }
    }
}
