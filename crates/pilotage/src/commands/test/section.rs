//! Parts of a log in CI: one that can be folded, and in which nothing that tests print is taken for a command to the platform.

use std::io::{IsTerminal as _, Write as _};

use pilotage_core::Timestamp;
use uuid::Uuid;

/// What a platform makes of the lines of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Platform {
    /// Reads commands from it (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>).
    GitHub,
    /// Folds parts of it (<https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections>).
    GitLab,
}

/// A part of the log; it ends when this goes, however that comes.
pub(super) struct Section {
    end: Option<String>,
}

impl Section {
    /// Begins one on the error output, where progress is shown. Outside of CI there is none.
    pub(super) fn begin(title: &str) -> Self {
        let platform = match (is_true("GITHUB_ACTIONS"), is_true("GITLAB_CI")) {
            _ if std::io::stderr().is_terminal() => None,
            (true, _) => Some(Platform::GitHub),
            (false, true) => Some(Platform::GitLab),
            (false, false) => None,
        };
        let Some(platform) = platform else {
            return Self { end: None };
        };
        let (begin, end) = marks(platform, title, &Uuid::new_v4().simple().to_string());
        say(&begin);
        Self { end: Some(end) }
    }
}

impl Drop for Section {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            say(&end);
        }
    }
}

/// What begins and ends a part. The name is one that nobody can guess, so that what tests print cannot end it.
fn marks(platform: Platform, title: &str, name: &str) -> (String, String) {
    let second = Timestamp::now().as_micros() / 1_000_000;
    match platform {
        Platform::GitHub => (
            format!("::group::{title}\n::stop-commands::{name}"),
            format!("::{name}::\n::endgroup::"),
        ),
        Platform::GitLab => (
            format!("\u{1b}[0Ksection_start:{second}:pilotage_{name}\r\u{1b}[0K{title}"),
            format!("\u{1b}[0Ksection_end:{second}:pilotage_{name}\r\u{1b}[0K"),
        ),
    }
}

/// What stands before and behind a part in which GitHub is to take nothing for a command, where it reads the log.
pub(super) fn pause() -> Option<(String, String)> {
    is_true("GITHUB_ACTIONS").then(|| {
        let name = Uuid::new_v4().simple();
        (format!("::stop-commands::{name}"), format!("::{name}::"))
    })
}

fn is_true(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| value == "true")
}

fn say(text: &str) {
    // A log that nobody can read must not end the tests.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_platform_has_its_marks() {
        let (begin, end) = marks(Platform::GitHub, "Tests", "n1");
        assert_eq!(
            (begin.as_str(), end.as_str()),
            ("::group::Tests\n::stop-commands::n1", "::n1::\n::endgroup::")
        );
        let (begin, end) = marks(Platform::GitLab, "Tests", "n1");
        assert!(
            begin.starts_with("\u{1b}[0Ksection_start:") && begin.ends_with(":pilotage_n1\r\u{1b}[0KTests")
        );
        assert!(end.starts_with("\u{1b}[0Ksection_end:") && end.ends_with(":pilotage_n1\r\u{1b}[0K"));
    }
}
