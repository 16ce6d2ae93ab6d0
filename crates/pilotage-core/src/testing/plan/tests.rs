//! What holds for every plan.

use proptest::prelude::*;

use super::*;
use crate::testing::Dispatch;

fn tasks() -> impl Strategy<Value = Vec<Task>> {
    let task = (0..3_usize, 0.001_f64..100.0, any::<bool>(), 0..8_usize);
    prop::collection::vec(task, 0..60).prop_map(|tasks| {
        let task = |(place, (suite, seconds, known, tests)): (usize, (usize, f64, bool, usize))| Task {
            suite,
            file: format!("f{place}"),
            seconds,
            known,
            load: seconds / 20.0,
            tests: (0..tests)
                .map(|test| (format!("t{test}"), seconds / 9.0))
                .collect(),
        };
        tasks.into_iter().enumerate().map(task).collect()
    })
}

/// Every test of every file, a file that is run whole as one without tests.
fn told<'a>(batches: impl Iterator<Item = &'a Batch>) -> Vec<(usize, String, String)> {
    let mut told = Vec::new();
    for batch in batches {
        let files: BTreeSet<_> = batch.items.iter().map(|item| &item.file).collect();
        assert_eq!(
            files.len(),
            batch.items.len(),
            "a file twice in one batch: {batch:?}"
        );
        for item in &batch.items {
            if item.part.is_none() {
                assert!(item.tests.is_empty());
                told.push((batch.suite, item.file.clone(), String::new()));
            }
            told.extend(
                item.tests
                    .iter()
                    .map(|test| (batch.suite, item.file.clone(), test.clone())),
            );
        }
    }
    told.sort();
    told
}

/// What has to be told: each file once, or each of its tests once.
fn assert_whole(tasks: &[Task], told: &[(usize, String, String)]) {
    let mut expected = Vec::new();
    for task in tasks {
        let whole = (task.suite, task.file.clone(), String::new());
        if told.contains(&whole) {
            expected.push(whole);
        } else {
            let tests = task
                .tests
                .iter()
                .map(|(test, _)| (task.suite, task.file.clone(), test.clone()));
            expected.extend(tests);
            assert!(!task.tests.is_empty(), "{} is nowhere", task.file);
        }
    }
    expected.sort();
    assert_eq!(told, expected);
}

proptest! {
    #[test]
    fn every_file_is_in_a_plan_once(tasks in tasks(), lanes in 1..9_usize, start in 0.0_f64..3.0) {
        let costs = Costs(vec![start; 3]);
        let plan = plan(&tasks, &costs, lanes);
        assert_whole(&tasks, &told(plan.batches()));
        prop_assert!(plan.lower_bound <= plan.makespan + 1e-9, "{} > {}", plan.lower_bound, plan.makespan);
    }

    #[test]
    fn shards_have_nothing_in_common_and_leave_nothing_out(
        tasks in tasks(), shards in 1..9_usize, lanes in 1..4_usize, start in 0.0_f64..3.0,
    ) {
        let costs = Costs(vec![start; 3]);
        let mut all: Vec<_> = (1..=shards)
            .flat_map(|number| told(shard(&tasks, &costs, shards, number, lanes).batches()))
            .collect();
        all.sort();
        assert_whole(&tasks, &all);
        let mut turned = tasks.clone();
        turned.reverse();
        for number in 1..=shards {
            prop_assert_eq!(
                shard(&tasks, &costs, shards, number, lanes), shard(&turned, &costs, shards, number, lanes),
                "the order in which files were found means nothing"
            );
        }
    }

    #[test]
    fn whoever_is_free_next_everything_is_handed_out_once(
        tasks in tasks(), lanes in 1..5_usize, turns in prop::collection::vec(0..5_usize, 0..200),
    ) {
        let costs = Costs(vec![0.5; 3]);
        let mut dispatch = Dispatch::new(plan(&tasks, &costs, lanes), costs);
        let turns = turns.into_iter().map(|lane| lane % lanes).chain((0..lanes).cycle());
        let mut handed = Vec::new();
        for lane in turns {
            match dispatch.next(lane) {
                Some(batch) => handed.push(batch),
                None => break,
            }
        }
        assert_whole(&tasks, &told(handed.iter()));
    }
}

fn of(seconds: &[f64]) -> Vec<Task> {
    let task = |(place, seconds): (usize, &f64)| Task {
        suite: 0,
        file: format!("f{place}"),
        seconds: *seconds,
        known: true,
        load: 0.0,
        tests: Vec::new(),
    };
    seconds.iter().enumerate().map(task).collect()
}

#[test]
fn a_file_that_is_too_long_is_run_in_parts() {
    let mut tasks = of(&[60.0, 10.0, 10.0, 10.0, 10.0]);
    let costs = Costs(vec![0.5]);
    let whole = plan(&tasks, &costs, 2);
    assert!(whole.makespan >= 60.0);
    assert_eq!(
        long_files(&tasks, &costs, 2).into_iter().collect::<Vec<_>>(),
        [(0, "f0".to_owned())]
    );
    tasks[0].tests = (0..30).map(|test| (format!("t{test}"), 2.0)).collect();
    let parted = plan(&tasks, &costs, 2);
    assert!(parted.makespan < 55.0, "{}", parted.makespan);
}

#[test]
fn suites_stay_together_where_that_ends_sooner() {
    let mut tasks = of(&[1.0; 20]);
    tasks.iter_mut().skip(10).for_each(|task| task.suite = 1);
    let plan = plan(&tasks, &Costs(vec![5.0; 2]), 2);
    assert!((plan.makespan - 15.0).abs() < 1e-9, "{}", plan.makespan);
    assert_eq!(plan.batches().count(), 2, "{plan:?}");
}

#[test]
fn a_machine_takes_a_file_once() {
    let mut tasks = of(&[90.0, 5.0, 5.0]);
    tasks[0].tests = (0..30).map(|test| (format!("t{test:02}"), 3.0)).collect();
    let costs = Costs(vec![1.0]);
    for number in 1..=3 {
        let plan = shard(&tasks, &costs, 3, number, 1);
        let [batch] = &plan.batches().collect::<Vec<_>>()[..] else {
            panic!("one start: {plan:?}")
        };
        let parts: Vec<_> = batch.items.iter().filter(|item| item.file == "f0").collect();
        assert_eq!(parts.len(), 1, "{batch:?}");
        assert!(parts[0].tests.is_sorted(), "as in the file: {batch:?}");
        assert!(plan.makespan < 36.0, "{}", plan.makespan);
    }
    let whole = shard(&tasks, &costs, 1, 1, 1);
    assert!(
        whole
            .batches()
            .flat_map(|batch| &batch.items)
            .all(|item| item.part.is_none()),
        "all parts of a file are the file: {whole:?}"
    );
}
