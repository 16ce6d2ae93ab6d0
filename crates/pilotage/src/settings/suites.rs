//! What is wrong with the section `tests:`.

use pilotage_core::{
    config::Problem,
    testing::{Policy, TestsFile},
};
use pilotage_runners::testing::RUNNERS;

/// Everything that the types cannot say.
pub(super) fn check(file: &TestsFile) -> Vec<Problem> {
    let runners: Vec<_> = RUNNERS.iter().map(|runner| runner.name()).collect();
    let mut problems = file.problems(&runners);
    // Which day it is makes no difference to what is wrong.
    problems.extend(Policy::new(file, "1970-01-01").err().unwrap_or_default());
    problems
}
