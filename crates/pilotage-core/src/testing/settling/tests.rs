//! What is made of every way in which a runner can end.

use super::*;
use crate::testing::{Outcome, Said};

const TOKEN: &str = "token";

fn batch(files: &[&str]) -> Batch {
    let item = |file: &&str| Item {
        file: (*file).to_owned(),
        tests: Vec::new(),
        part: None,
        seconds: 1.0,
    };
    Batch {
        suite: 0,
        items: files.iter().map(item).collect(),
    }
}

fn test(file: &str, outcome: Outcome) -> Said {
    Said::Test(TestSeen {
        file: file.into(),
        id: "one".into(),
        name: "one".into(),
        outcome,
        seconds: 0.1,
        message: String::new(),
        earlier: Vec::new(),
    })
}

fn file(name: &str) -> Said {
    Said::File {
        file: name.into(),
        tests: Some(1),
        ids: Vec::new(),
    }
}

fn done(name: &str) -> Said {
    Said::Done {
        file: name.into(),
        seconds: 0.1,
    }
}

fn error(name: &str) -> Said {
    Said::Error {
        file: Some(name.into()),
        message: "no such module".into(),
    }
}

fn whole(name: &str, outcome: Outcome) -> Vec<Said> {
    vec![file(name), test(name, outcome), done(name)]
}

fn heard(said: Vec<Said>) -> Transcript {
    let mut transcript = Transcript::default();
    transcript.take(Said::Begin { run: TOKEN.into() }, TOKEN);
    for said in said {
        transcript.take(said, TOKEN);
    }
    transcript
}

type Blamed<'a> = Vec<(&'a str, ProblemKind)>;
type Groups<'a> = Vec<Vec<&'a str>>;

/// Files that are through and well, files that are not and why, and groups that run again.
fn shown(settled: &Settled) -> (Vec<&str>, Blamed<'_>, Groups<'_>) {
    let well = settled.finished.iter().filter(|file| file.problems.is_empty());
    let wrong = settled
        .finished
        .iter()
        .filter_map(|file| Some((&*file.file, file.problems.first()?.kind)));
    let again = settled
        .again
        .iter()
        .map(|group| group.iter().map(|item| &*item.file).collect());
    (
        well.map(|file| &*file.file).collect(),
        wrong.collect(),
        again.collect(),
    )
}

#[test]
fn a_runner_that_dies_takes_with_it_only_what_it_was_at() {
    use Outcome::Passed;
    let at_b = || {
        [
            whole("a", Passed),
            vec![
                file("b"),
                Said::Start {
                    file: "b".into(),
                    id: "one".into(),
                },
            ],
        ]
        .concat()
    };
    let cases: [(Ending, u32, Blamed<'_>, Groups<'_>); 4] = [
        (Ending::Killed(9), 1, vec![], vec![vec!["b"], vec!["c"]]),
        (
            Ending::Killed(9),
            2,
            vec![("b", ProblemKind::Killed)],
            vec![vec!["c"]],
        ),
        (
            Ending::TimedOut(5.0),
            1,
            vec![("b", ProblemKind::TimedOut)],
            vec![vec!["c"]],
        ),
        (
            Ending::Exited(0),
            1,
            vec![("b", ProblemKind::EndedEarly)],
            vec![vec!["c"]],
        ),
    ];
    for (ending, tries, wrong, again) in cases {
        let settled = settle(
            &batch(&["a", "b", "c"]),
            &heard(at_b()),
            &ending,
            "",
            None,
            |_| tries,
        );
        assert_eq!(shown(&settled), (vec!["a"], wrong.clone(), again), "{ending:?}");
        assert!(settled.problems.is_empty(), "{settled:?}");
        for file in settled.finished.iter().filter(|file| !file.problems.is_empty()) {
            assert!(file.problems[0].text.contains("while it ran one"), "{file:?}");
        }
    }
}

#[test]
fn whoever_cannot_be_blamed_is_looked_at_alone() {
    for ending in [Ending::Killed(11), Ending::TimedOut(5.0)] {
        let settled = settle(&batch(&["a", "b"]), &heard(Vec::new()), &ending, "", None, |_| 1);
        assert_eq!(shown(&settled), (vec![], vec![], vec![vec!["a"], vec!["b"]]));
        let settled = settle(&batch(&["a", "b"]), &heard(Vec::new()), &ending, "", None, |_| {
            MOST_TRIES
        });
        assert_eq!(settled.finished.len(), 2, "not for ever: {settled:?}");
    }
}

#[test]
fn an_end_without_a_report_is_red_and_quotes_the_runner() {
    for (ending, kind) in [
        (Ending::Exited(4), ProblemKind::Missing),
        (Ending::Exited(0), ProblemKind::Missing),
        (
            Ending::NotStarted("not installed".into()),
            ProblemKind::NotStarted,
        ),
    ] {
        let settled = settle(
            &batch(&["a", "b"]),
            &Transcript::default(),
            &ending,
            "usage: pytest",
            None,
            |_| 1,
        );
        assert_eq!(shown(&settled), (vec![], vec![("a", kind), ("b", kind)], vec![]));
        let text = &settled.finished[0].problems[0].text;
        assert!(
            text.contains("usage: pytest") || text.contains("not installed"),
            "{text}"
        );
    }
}

#[test]
fn a_file_that_does_not_load_is_named_and_the_others_run() {
    let settled = settle(
        &batch(&["a", "b", "c"]),
        &heard(vec![error("b"), Said::End]),
        &Ending::Exited(1),
        "",
        None,
        |_| 1,
    );
    assert_eq!(
        shown(&settled),
        (vec![], vec![("b", ProblemKind::NotLoaded)], vec![vec!["a", "c"]])
    );
}

#[test]
fn a_code_that_nothing_explains_is_red() {
    use Outcome::{Failed, Passed};
    let cases = [
        (Passed, Ending::Exited(0), false),
        (Passed, Ending::Exited(1), true),
        (Passed, Ending::Exited(5), true),
        (Passed, Ending::Killed(9), true),
        (Failed, Ending::Exited(1), false),
        (Failed, Ending::Exited(0), false),
    ];
    for (outcome, ending, red) in cases {
        let settled = settle(
            &batch(&["a"]),
            &heard(whole("a", outcome)),
            &ending,
            "",
            Some(5),
            |_| 1,
        );
        assert_eq!(settled.problems.len(), usize::from(red), "{outcome:?} {ending:?}");
    }
    let empty = heard(vec![
        Said::File {
            file: "a".into(),
            tests: Some(0),
            ids: Vec::new(),
        },
        done("a"),
        Said::End,
    ]);
    let settled = settle(&batch(&["a"]), &empty, &Ending::Exited(5), "", Some(5), |_| 1);
    assert!(
        settled.problems.is_empty(),
        "this is how a runner says that there was no test"
    );
}

#[test]
fn a_report_that_lacks_an_announced_test_is_red() {
    let settled = settle(
        &batch(&["a"]),
        &heard(vec![file("a"), done("a"), Said::End]),
        &Ending::Exited(0),
        "",
        None,
        |_| 1,
    );
    assert_eq!(
        shown(&settled),
        (vec![], vec![("a", ProblemKind::Missing)], vec![])
    );
}

#[test]
fn a_report_of_another_run_is_red() {
    let mut transcript = Transcript::default();
    transcript.take(
        Said::Begin {
            run: "yesterday".into(),
        },
        TOKEN,
    );
    for said in whole("a", Outcome::Passed) {
        transcript.take(said, TOKEN);
    }
    let settled = settle(&batch(&["a"]), &transcript, &Ending::Exited(0), "", None, |_| 1);
    assert_eq!(
        shown(&settled),
        (vec![], vec![("a", ProblemKind::Unbelievable)], vec![])
    );
    assert!(
        settled.finished[0].problems[0]
            .text
            .contains("report of another run")
    );
}
