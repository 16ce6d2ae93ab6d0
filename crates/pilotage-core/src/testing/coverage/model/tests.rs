//! One model, whoever tells.

use super::{super::names::MOST_NAME_BYTES, *};

const fn share(covered: u64, total: u64) -> Share {
    Share { covered, total }
}

#[test]
fn reached_by_any_is_reached_and_nothing_is_averaged() {
    let mut all = Coverage::default();
    for (provider, hits) in [("lcov", [1, 0]), ("istanbul", [0, 2]), ("lcov", [0, 0])] {
        all.line("a.ts", provider, 1, hits[0]).unwrap();
        all.line("a.ts", provider, 2, hits[1]).unwrap();
    }
    assert_eq!(all.shares().lines, share(2, 2));
    assert_eq!(
        all.providers().into_iter().collect::<Vec<_>>(),
        ["istanbul", "lcov"]
    );
}

/// Each row: what providers tell of one line (name and hits), and how many branches that makes.
#[test]
fn branches_of_a_line_are_counted_as_one_provider_counts_them() {
    type Told<'a> = &'a [(&'a str, &'a [(&'a str, u64)])];
    let cases: [(Told<'_>, Share); 4] = [
        (&[("a", &[("x", 1), ("y", 0)])], share(1, 2)),
        (
            &[("a", &[("x", 1), ("y", 0)]), ("a", &[("x", 0), ("y", 1)])],
            share(2, 2),
        ),
        // One of two by one, the other of two by another: it may be the same one, so one is what is proven.
        (
            &[("a", &[("x", 1), ("y", 0)]), ("b", &[("0", 0), ("1", 1)])],
            share(1, 2),
        ),
        (
            &[
                ("a", &[("x", 1), ("y", 1)]),
                ("b", &[("0", 0), ("1", 0), ("2", 1)]),
            ],
            share(1, 3),
        ),
    ];
    for (told, expected) in cases {
        let mut all = Coverage::default();
        for (provider, branches) in told {
            for (name, hits) in *branches {
                all.branch("f", provider, 7, name, *hits).unwrap();
            }
        }
        assert_eq!(all.shares().branches, expected, "{told:?}");
    }
}

#[test]
fn functions_without_a_line_do_not_count_again_where_others_have_lines() {
    let mut all = Coverage::default();
    all.function("f", "a", 3, "one", 0).unwrap();
    all.function("f", "a", 9, "two", 0).unwrap();
    all.function("f", "b", 0, "two", 5).unwrap();
    all.function("f", "b", 0, "three", 5).unwrap();
    assert_eq!(all.shares().functions, share(1, 2));
}

#[test]
fn what_nobody_told_is_unknown_and_no_zero() {
    let mut all = Coverage::default();
    all.line("a.go", "go", 1, 1).unwrap();
    all.line("b.ts", "istanbul", 1, 1).unwrap();
    all.knows("b.ts", "istanbul", Kind::Branches).unwrap();
    let shares = all.shares();
    assert_eq!((shares.files, shares.unknown), (2, [0, 1, 2]));
    assert!(shares.knows(Kind::Branches) && !shares.knows(Kind::Functions));
    assert_eq!(shares.branches.percent(), None);
}

#[test]
fn joining_is_the_same_in_any_order_and_survives_being_written() {
    let one = |hits| {
        let mut all = Coverage::default();
        all.line("a", "lcov", 1, hits).unwrap();
        all.branch("a", "lcov", 1, "0,0", hits).unwrap();
        all.function("a", "lcov", 1, "f", 1 - hits).unwrap();
        all
    };
    let (mut first, mut second) = (one(0), one(1));
    first.join(one(1)).unwrap();
    second.join(one(0)).unwrap();
    assert_eq!(first, second);
    let text = serde_json::to_string(&first).unwrap();
    let mut read: Coverage = serde_json::from_str(&text).unwrap();
    read.check().unwrap();
    assert_eq!(read.files, first.files);
    let mut twice = Coverage::default();
    twice.summary("s", "istanbul", [Some(share(1, 2)); 3]).unwrap();
    assert!(
        twice.clone().join(twice.clone()).is_err(),
        "summaries cannot be joined"
    );
    assert!(twice.summary("s", "lcov", [Some(share(3, 2)); 3]).is_err());
}

#[test]
fn long_names_stay_apart() {
    let long = "é".repeat(1_000);
    let mut all = Coverage::default();
    all.function("f", "a", 1, &format!("{long}1"), 0).unwrap();
    all.function("f", "a", 1, &format!("{long}2"), 0).unwrap();
    assert_eq!(all.shares().functions.total, 2);
    assert!(kept(&long).len() <= MOST_NAME_BYTES);
    assert!(all.line("", "a", 1, 1).is_err());
}
