//! Runners that load a reporter of ours: where it is put, and what it is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use pilotage_core::testing::{Item, Said, Transcript};

use super::{Call, Listed, Listing, Reading, Task};
use crate::{
    process::{self, Order},
    testing::running::{self, MOST_LINE_BYTES},
};

/// What a reporter is to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Tell the files.
    List,
    /// Tell the tests of files.
    Tests,
    /// Tell what happens.
    Run,
}

impl Mode {
    const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Tests => "tests",
            Self::Run => "run",
        }
    }
}

/// A runner with our reporter in it.
pub(super) struct Reporter<'a> {
    /// What the file is called.
    pub(super) file: &'static str,
    /// What is in it.
    pub(super) source: &'static str,
    /// The task that it is for.
    pub(super) task: &'a Task<'a>,
}

impl Reporter<'_> {
    /// Where the reporter lies, as an argument.
    pub(super) fn path(&self) -> String {
        self.task.scratch.join(self.file).display().to_string()
    }

    /// The call of a command with the reporter in it.
    ///
    /// # Errors
    /// The reporter cannot be written.
    pub(super) fn call(&self, command: Vec<String>, mode: Mode, items: &[Item]) -> Result<Call, String> {
        let Task {
            suite,
            scratch,
            token,
            ..
        } = self.task;
        fs::write(scratch.join(self.file), self.source).map_err(|error| {
            format!(
                "the reporter cannot be written into {}: {error}",
                scratch.display()
            )
        })?;
        let report = scratch.join("report.jsonl");
        let mut set = vec![
            ("PILOTAGE_TEST_MODE".to_owned(), mode.name().to_owned()),
            ("PILOTAGE_TEST_REPORT".to_owned(), report.display().to_string()),
            ("PILOTAGE_TEST_RUN".to_owned(), (*token).to_owned()),
        ];
        let limit = suite.settings.test_timeout_seconds;
        set.extend(limit.map(|seconds| ("PILOTAGE_TEST_TIMEOUT".to_owned(), seconds.to_string())));
        if let (Some(folder), true) = (self.task.coverage, mode == Mode::Run) {
            set.push(("PILOTAGE_TEST_COVERAGE".to_owned(), folder.display().to_string()));
        }
        set.extend(suite.settings.environment.clone());
        Ok(Call {
            items: items.to_vec(),
            order: Order {
                command,
                folder: suite.place.clone(),
                pass: running::passed(suite),
                set,
            },
            reading: Reading::Report(report),
        })
    }

    /// Runs a call that tells files or tests, to its end.
    ///
    /// # Errors
    /// It does not begin its report.
    pub(super) async fn ask(&self, call: Call) -> Result<Transcript, String> {
        let mut said = Vec::new();
        let followed = process::follow(&call.order, |bytes| keep_end(&mut said, bytes)).await?;
        let Reading::Report(path) = call.reading else {
            return Err("it has no report".to_owned());
        };
        let report = fs::read(&path).unwrap_or_default();
        let mut transcript = Transcript::default();
        for line in report
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty() && line.len() <= MOST_LINE_BYTES)
        {
            match serde_json::from_slice::<Said>(line) {
                Ok(said) => transcript.take(said, self.task.token),
                Err(_) => transcript.breaks("a line of it is no event"),
            }
        }
        if transcript.begun {
            return Ok(transcript);
        }
        let code = followed
            .code
            .map_or_else(|| "by a signal".to_owned(), |code| format!("with code {code}"));
        let errors = if followed.errors.iter().all(u8::is_ascii_whitespace) {
            said
        } else {
            followed.errors
        };
        let errors = crate::reading::brief(&running::end_of(&errors, 20));
        Err(format!(
            "`{}` ended {code} without telling anything: {errors}",
            call.order.command.join(" ")
        ))
    }
}

fn keep_end(kept: &mut Vec<u8>, bytes: &[u8]) {
    kept.extend_from_slice(bytes);
    let over = kept.len().saturating_sub(64 << 10);
    kept.drain(..over);
}

/// The files of a transcript.
pub(super) fn listing(transcript: Transcript) -> Listing {
    Listing {
        files: transcript.files.into_keys().map(Listed::new).collect(),
    }
}

/// The tests of each file that is whole in a transcript, where each has a name of its own.
pub(super) fn tests(transcript: Transcript) -> BTreeMap<String, Vec<String>> {
    let files = transcript.files.into_iter();
    let whole = files.filter(|(_, file)| {
        let names: BTreeSet<_> = file.ids.iter().collect();
        let is_all = file.announced == u64::try_from(file.ids.len()).ok();
        file.errors.is_empty() && is_all && names.len() == file.ids.len()
    });
    whole.map(|(name, file)| (name, file.ids)).collect()
}
