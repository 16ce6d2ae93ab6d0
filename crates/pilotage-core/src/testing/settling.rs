//! After a runner has ended: which of its files are through, which run again, and what is wrong.
//!
//! Whoever died takes with it only what it was at. Files that were through stay, files that had not begun run again, and the
//! file that the runner died of runs once more alone.

use std::collections::BTreeSet;

use super::{
    Attempt, Batch, FileResult, FileSeen, Item, Problem, ProblemKind, TestResult, TestSeen, TestState,
    Transcript, verdict::named,
};

/// How often a file may take its runner along before that is the verdict on it.
const MOST_DEATHS: u32 = 2;
/// How often a file may be begun at all.
const MOST_TRIES: u32 = 6;

/// How a runner ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
    /// We ended it: for so many seconds no file was through.
    TimedOut(f64),
    /// It could not be started, or not be waited for; why.
    NotStarted(String),
}

impl Ending {
    fn text(&self) -> String {
        match self {
            Self::Exited(code) => format!("ended with code {code}"),
            Self::Killed(signal) => format!("was killed by signal {signal}{}", signal_name(*signal)),
            Self::TimedOut(seconds) => format!("was ended after {seconds:.0} s without getting through"),
            Self::NotStarted(why) => format!("could not run: {why}"),
        }
    }
}

/// What people know it by; the numbers are those of Linux and of macOS alike.
fn signal_name(signal: i32) -> &'static str {
    match signal {
        6 => " (SIGABRT)",
        9 => " (SIGKILL; by hand, or for want of memory)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        _ => "",
    }
}

/// What is to be done with the files of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settled {
    /// Through, well or not.
    pub finished: Vec<FileResult>,
    /// To run again, in these groups.
    pub again: Vec<Vec<Item>>,
    /// What is wrong with the runner itself.
    pub problems: Vec<Problem>,
}

/// Settles a batch. `tries` says how often a file was begun, with this time; `said` is the last that the runner wrote on its
/// error output; `idle_code` is what the runner ends with when there was no test.
pub fn settle(
    batch: &Batch,
    transcript: &Transcript,
    ending: &Ending,
    said: &str,
    idle_code: Option<i32>,
    tries: impl Fn(&Item) -> u32,
) -> Settled {
    let nothing = FileSeen::default();
    let mut settled = Settled::default();
    let (mut culprits, mut others) = (Vec::new(), Vec::new());
    for item in &batch.items {
        let seen = transcript.files.get(&item.file).unwrap_or(&nothing);
        let is_current = transcript
            .current
            .as_ref()
            .is_some_and(|(file, _)| *file == item.file);
        if seen.is_whole() || !seen.errors.is_empty() {
            settled.finished.push(through(item, seen));
        } else if seen.seconds.is_some() {
            let mut result = through(item, seen);
            let text = format!("{} of its tests were announced and not heard of", seen.lacking());
            result.problems.push(Problem::new(ProblemKind::Missing, text));
            settled.finished.push(result);
        } else if is_current || batch.items.len() == 1 {
            culprits.push(item);
        } else {
            others.push(item);
        }
    }
    let unexplained =
        culprits.is_empty() && others.is_empty() && !explained(batch, transcript, ending, idle_code);
    if unexplained {
        let text = format!(
            "the runner {} though no test that it ran failed{}",
            ending.text(),
            quoted(said)
        );
        settled
            .problems
            .push(Problem::new(ProblemKind::UnexplainedEnd, text));
    }
    let case = Case {
        transcript,
        ending,
        said,
        has_progress: !settled.finished.is_empty(),
    };
    for item in culprits {
        match case.blame(item, tries(item)) {
            Some(problem) => settled
                .finished
                .push(broken(item, &nothing_or(transcript, item), problem)),
            None => settled.again.push(vec![item.clone()]),
        }
    }
    case.settle_others(&others, tries, &mut settled);
    settled.problems.extend(outside(transcript));
    settled
}

fn nothing_or(transcript: &Transcript, item: &Item) -> FileSeen {
    transcript.files.get(&item.file).cloned().unwrap_or_default()
}

/// Errors that belong to no file.
fn outside(transcript: &Transcript) -> impl Iterator<Item = Problem> {
    let text = |error: &String| Problem::new(ProblemKind::NotLoaded, error.clone());
    transcript.errors.iter().map(text)
}

fn explained(batch: &Batch, transcript: &Transcript, ending: &Ending, idle_code: Option<i32>) -> bool {
    match ending {
        Ending::Exited(0) => true,
        Ending::Exited(code) if Some(*code) == idle_code => {
            let tests = |item: &Item| {
                transcript
                    .files
                    .get(&item.file)
                    .map_or(0, |file| file.tests.len())
            };
            transcript.explains_failure() || batch.items.iter().map(tests).sum::<usize>() == 0
        }
        Ending::Exited(_) => transcript.explains_failure(),
        _ => false,
    }
}

fn quoted(said: &str) -> String {
    if said.is_empty() {
        String::new()
    } else {
        format!("; its last words: {said}")
    }
}

/// A batch that did not get through.
struct Case<'a> {
    transcript: &'a Transcript,
    ending: &'a Ending,
    said: &'a str,
    /// Whether at least one file is settled, so that what is left is less than before.
    has_progress: bool,
}

impl Case<'_> {
    /// What is wrong with the file that the runner was at, or the only one that it had; `None` if it may try again.
    fn blame(&self, item: &Item, tries: u32) -> Option<Problem> {
        let kind = match self.ending {
            Ending::NotStarted(_) => ProblemKind::NotStarted,
            Ending::TimedOut(_) => ProblemKind::TimedOut,
            Ending::Killed(_) if tries < MOST_DEATHS => return None,
            Ending::Killed(_) => ProblemKind::Killed,
            Ending::Exited(_) if self.transcript.broken.is_some() => ProblemKind::Unbelievable,
            Ending::Exited(_) => ProblemKind::EndedEarly,
        };
        Some(Problem::new(kind, self.text(item, tries)))
    }

    fn text(&self, item: &Item, tries: u32) -> String {
        let at = match &self.transcript.current {
            Some((file, Some(test))) if *file == item.file => format!(" while it ran {test}"),
            Some((file, None)) if *file == item.file => " while it was at this file".to_owned(),
            _ => " before it reported this file".to_owned(),
        };
        let times = if tries > 1 {
            format!(", {tries} times")
        } else {
            String::new()
        };
        let broken = self.transcript.broken.as_ref();
        let broken = broken.map_or_else(String::new, |how| {
            format!("; its report cannot be believed: {how}")
        });
        let cut = self.transcript.begun && !self.transcript.ended && matches!(self.ending, Ending::Exited(_));
        let cut = if cut { "; its report breaks off" } else { "" };
        format!(
            "the runner {}{at}{times}{broken}{cut}{}",
            self.ending.text(),
            quoted(self.said)
        )
    }

    /// Files that the runner had not come to.
    fn settle_others(&self, others: &[&Item], tries: impl Fn(&Item) -> u32, settled: &mut Settled) {
        let may_again = match self.ending {
            Ending::NotStarted(_) => false,
            Ending::Killed(_) | Ending::TimedOut(_) => true,
            // Nobody is known to be at fault, so all of them would end in the same way again.
            Ending::Exited(_) => {
                self.has_progress || !settled.again.is_empty() || !settled.finished.is_empty()
            }
        };
        let (again, over): (Vec<&Item>, Vec<&Item>) = others
            .iter()
            .copied()
            .partition(|item| may_again && tries(item) < MOST_TRIES);
        for item in over {
            let kind = match self.ending {
                Ending::NotStarted(_) => ProblemKind::NotStarted,
                _ if self.transcript.broken.is_some() => ProblemKind::Unbelievable,
                _ => ProblemKind::Missing,
            };
            let problem = Problem::new(kind, self.text(item, tries(item)));
            settled.finished.push(broken(item, &FileSeen::default(), problem));
        }
        let is_known = self.transcript.current.is_some() || self.has_progress;
        if is_known && !again.is_empty() {
            settled.again.push(again.into_iter().cloned().collect());
        } else {
            // Which of them the runner died of is not known, so each shows it alone.
            settled
                .again
                .extend(again.into_iter().map(|item| vec![item.clone()]));
        }
    }
}

/// A file whose end was seen, or of which the runner said what is wrong.
fn through(item: &Item, seen: &FileSeen) -> FileResult {
    let mut result = results(item, seen);
    for error in &seen.errors {
        let text = format!("it did not load, or broke outside of its tests: {error}");
        result.problems.push(Problem::new(ProblemKind::NotLoaded, text));
    }
    let lacking: Vec<_> = item
        .tests
        .iter()
        .filter(|id| !seen.tests.contains_key(*id))
        .collect();
    if !lacking.is_empty() && seen.errors.is_empty() {
        let text = format!("planned and never heard of: {}", named(&lacking));
        result.problems.push(Problem::new(ProblemKind::Missing, text));
    }
    result
}

fn broken(item: &Item, seen: &FileSeen, problem: Problem) -> FileResult {
    let mut result = results(item, seen);
    result.problems.push(problem);
    result.seconds = None;
    result
}

fn results(item: &Item, seen: &FileSeen) -> FileResult {
    let wanted: BTreeSet<&str> = item.tests.iter().map(String::as_str).collect();
    // Of a part only what belongs to it counts, and what is below it, as Go's subtests are: another lane has the rest.
    let is_below = |id: &str| {
        let mut slashes = id.match_indices('/');
        slashes.any(|(at, _)| id.get(..at).is_some_and(|above| wanted.contains(above)))
    };
    let is_own =
        |test: &&TestSeen| wanted.is_empty() || wanted.contains(test.id.as_str()) || is_below(&test.id);
    FileResult {
        tests: seen.tests.values().filter(is_own).map(result).collect(),
        seconds: seen.seconds,
        is_part: item.part.is_some(),
        ..FileResult::new(&item.file)
    }
}

/// A test with the attempts that its runner made by itself.
fn result(test: &TestSeen) -> TestResult {
    let mut result = TestResult::new(&test.id, &test.name, TestState::Passed);
    for message in &test.earlier {
        result.add(Attempt {
            outcome: super::Outcome::Failed,
            seconds: 0.0,
            message: message.clone(),
        });
    }
    let (outcome, seconds) = (test.outcome, test.seconds);
    result.add(Attempt {
        outcome,
        seconds,
        message: test.message.clone(),
    });
    result
}

#[cfg(test)]
mod tests;
