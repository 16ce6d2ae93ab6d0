use uuid::Uuid;

use super::*;
use crate::gate::testing::report;

fn compared(before: &Report, now: &Report) -> (Vec<String>, Vec<String>) {
    let comparison = Comparison::new(GateRunId(Uuid::from_u128(1)), before, now);
    let words = |differences: Vec<Difference>| {
        let each = differences.into_iter();
        each.map(|one| format!("{}: {} -> {}", one.metric, one.before, one.now))
            .collect()
    };
    (words(comparison.better), words(comparison.worse))
}

#[test]
fn the_state_decides_and_then_the_value_in_the_direction_that_is_wished() {
    let cases = [
        ((Some(3.0), 90.0), (Some(3.0), 90.0), vec![], vec![]),
        (
            (Some(3.0), 90.0),
            (Some(2.0), 90.0),
            vec!["tests_failed: 3 (failed) -> 2 (failed)"],
            vec![],
        ),
        (
            (Some(0.0), 90.0),
            (Some(2.0), 90.0),
            vec![],
            vec!["tests_failed: 0 (passed) -> 2 (failed)"],
        ),
        (
            (Some(0.0), 90.0),
            (Some(0.0), 85.0),
            vec![],
            vec!["code_coverage_lines: 90% (passed) -> 85% (passed)"],
        ),
        (
            (Some(0.0), 79.0),
            (Some(0.0), 80.0),
            vec!["code_coverage_lines: 79% (failed) -> 80% (passed)"],
            vec![],
        ),
        (
            (None, 90.0),
            (Some(5.0), 90.0),
            vec!["tests_failed: no evidence -> 5 (failed)"],
            vec![],
        ),
        (
            (Some(5.0), 90.0),
            (None, 90.0),
            vec![],
            vec!["tests_failed: 5 (failed) -> no evidence"],
        ),
    ];
    for ((failed, lines), (failed_now, lines_now), better, worse) in cases {
        let (before, now) = (report(failed, lines, "a"), report(failed_now, lines_now, "b"));
        let (found_better, found_worse) = compared(&before, &now);
        assert_eq!((found_better, found_worse), (to_owned(&better), to_owned(&worse)));
    }
}

fn to_owned(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

#[test]
fn what_only_one_of_them_asks_is_no_difference() {
    let (mut before, now) = (report(Some(3.0), 10.0, "a"), report(Some(0.0), 90.0, "b"));
    before.gates[0].criteria.truncate(1);
    let (better, worse) = compared(&before, &now);
    assert_eq!((better.len(), worse.len()), (1, 0));
}
