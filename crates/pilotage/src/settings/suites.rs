//! What is wrong with the sections `tests:` and `services:`.

use pilotage_core::{
    config::Problem,
    testing::{Policy, ServicesFile, TestsFile, service_problems},
};
use pilotage_runners::testing::RUNNERS;

/// Everything that the types cannot say.
pub(super) fn check(file: &TestsFile, services: &ServicesFile) -> Vec<Problem> {
    let runners: Vec<_> = RUNNERS.iter().map(|runner| runner.name()).collect();
    let mut problems = service_problems(services);
    problems.extend(file.problems(&runners, services));
    // Which day it is makes no difference to what is wrong.
    problems.extend(Policy::new(file, "1970-01-01").err().unwrap_or_default());
    problems
}
