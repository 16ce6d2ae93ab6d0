//! Several machines, one verdict.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Planned, Policy, Problem, ProblemKind, SuiteResult, Verdict, coverage::Coverage};

/// What one machine says of its part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShardReport {
    /// Which machine, from 1.
    pub shard: usize,
    /// Machines in all.
    pub shards: usize,
    /// What all machines found together, so that those which do not belong together are told apart.
    pub plan: String,
    /// Every file of every suite, whoever runs it.
    pub whole: BTreeMap<String, BTreeSet<String>>,
    /// What came of its own part.
    pub verdict: Verdict,
    /// What its tests reached, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<Coverage>,
}

/// What the tests of all machines reached together, and what stands in the way of telling. Nothing where no machine was asked.
pub fn reached_by_all(reports: &mut [ShardReport]) -> (Option<Coverage>, Vec<Problem>) {
    if reports.iter().all(|report| report.reached.is_none()) {
        return (None, Vec::new());
    }
    let mut all = Coverage::default();
    let mut problems = Vec::new();
    for report in reports {
        let shard = report.shard;
        let joined = match report.reached.take() {
            Some(reached) => all.join(reached),
            None => Err("it was not measured what its tests reach".to_owned()),
        };
        let problem = |why| Problem::new(ProblemKind::Coverage, format!("shard {shard}: {why}"));
        problems.extend(joined.err().map(problem));
    }
    (Some(all), problems)
}

/// Puts the parts together, and judges the whole. A part that is missing, comes twice or belongs to another plan is red.
pub fn merge(reports: Vec<ShardReport>, policy: &Policy) -> Verdict {
    let mut problems = Vec::new();
    let Some((plan, shards, whole)) = reports
        .first()
        .map(|report| (report.plan.clone(), report.shards, report.whole.clone()))
    else {
        let problem = Problem::new(ProblemKind::ShardMissing, "there is no report at all");
        return Verdict::of(Vec::new(), vec![problem]);
    };
    let mut seen = BTreeSet::new();
    let mut suites: BTreeMap<String, SuiteResult> = BTreeMap::new();
    for report in reports {
        let ShardReport { shard, .. } = report;
        if report.plan != plan || report.shards != shards {
            let text = format!("the report of shard {shard} belongs to another plan than the first one");
            problems.push(Problem::new(ProblemKind::ShardMissing, text));
        } else if !seen.insert(shard) {
            let text = format!("there are two reports of shard {shard}");
            problems.push(Problem::new(ProblemKind::ShardMissing, text));
        } else {
            problems.extend(report.verdict.problems);
            for suite in report.verdict.suites {
                take(&mut suites, suite);
            }
        }
    }
    let missing: Vec<_> = (1..=shards).filter(|shard| !seen.contains(shard)).collect();
    for shard in missing {
        let text = format!("there is no report of shard {shard} of {shards}");
        problems.push(Problem::new(ProblemKind::ShardMissing, text));
    }
    plan_whole(&mut suites, &whole);
    policy.judge(suites.into_values().collect(), problems)
}

fn take(suites: &mut BTreeMap<String, SuiteResult>, suite: SuiteResult) {
    let known = suites
        .entry(suite.name.clone())
        .or_insert_with(|| SuiteResult::new(&suite.name, &suite.runner, Vec::new()));
    known.folder.clone_from(&suite.folder);
    for planned in suite.planned {
        match known.planned.iter_mut().find(|own| own.file == planned.file) {
            Some(own) => own.tests.extend(planned.tests),
            None => known.planned.push(planned),
        }
    }
    suite.files.into_values().for_each(|file| known.add(file));
    known.problems.extend(suite.problems);
}

/// Files that no machine planned are planned here, so that they are missed.
fn plan_whole(suites: &mut BTreeMap<String, SuiteResult>, whole: &BTreeMap<String, BTreeSet<String>>) {
    for (name, files) in whole {
        let suite = suites
            .entry(name.clone())
            .or_insert_with(|| SuiteResult::new(name, "", Vec::new()));
        let known: BTreeSet<String> = suite.planned.iter().map(|planned| planned.file.clone()).collect();
        let lacking = files.iter().filter(|file| !known.contains(*file));
        suite.planned.extend(lacking.map(|file| Planned {
            file: file.clone(),
            tests: BTreeSet::new(),
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Attempt, FileResult, Outcome, TestResult, TestState};

    fn report(shard: usize, file: &str, plan: &str) -> ShardReport {
        let planned = Planned {
            file: file.into(),
            tests: BTreeSet::new(),
        };
        let mut suite = SuiteResult::new("unit", "go", vec![planned]);
        let mut result = FileResult::new(file);
        let mut test = TestResult::new("one", "one", TestState::Passed);
        test.add(Attempt {
            outcome: Outcome::Passed,
            seconds: 0.0,
            message: String::new(),
        });
        result.tests.push(test);
        suite.add(result);
        let files = ["a", "b"].map(str::to_owned).into_iter().collect();
        ShardReport {
            shard,
            shards: 2,
            plan: plan.into(),
            whole: [("unit".to_owned(), files)].into_iter().collect(),
            verdict: Verdict::of(vec![suite], Vec::new()),
            reached: None,
        }
    }

    #[test]
    fn what_machines_reach_is_joined_and_one_that_did_not_look_is_named() {
        let reached = |line| {
            let mut reached = Coverage::default();
            for other in 1..=2 {
                reached
                    .line("a.py", "coverage.py", other, u64::from(other == line))
                    .unwrap();
            }
            Some(reached)
        };
        let mut reports = vec![report(1, "a", "p"), report(2, "b", "p")];
        assert_eq!(reached_by_all(&mut reports), (None, Vec::new()));
        (reports[0].reached, reports[1].reached) = (reached(1), reached(2));
        let (all, problems) = reached_by_all(&mut reports);
        let lines = all.unwrap().shares().lines;
        assert_eq!((lines.covered, lines.total, problems.len()), (2, 2, 0));
        reports[1].reached = reached(2);
        let (_, problems) = reached_by_all(&mut reports);
        assert_eq!(
            problems[0].text,
            "shard 1: it was not measured what its tests reach"
        );
    }

    #[test]
    fn every_machine_has_to_report_once_and_on_the_same_plan() {
        let cases = [
            (vec![report(1, "a", "p"), report(2, "b", "p")], None),
            (
                vec![report(1, "a", "p")],
                Some("there is no report of shard 2 of 2"),
            ),
            (
                vec![report(1, "a", "p"), report(1, "a", "p")],
                Some("two reports of shard 1"),
            ),
            (
                vec![report(1, "a", "p"), report(2, "b", "q")],
                Some("belongs to another plan"),
            ),
            (
                vec![report(1, "a", "p"), report(2, "a", "p")],
                Some("nothing was heard of it"),
            ),
            (Vec::new(), Some("no report at all")),
        ];
        for (reports, problem) in cases {
            let verdict = merge(reports, &Policy::default());
            assert_eq!(verdict.passed, problem.is_none(), "{verdict:?}");
            assert!(
                format!("{verdict:?}").contains(problem.unwrap_or_default()),
                "{problem:?}: {verdict:?}"
            );
        }
    }
}
