//! Thresholds, each by itself.

use super::*;

fn coverage() -> Coverage {
    let mut all = Coverage::default();
    for line in 1..=20 {
        all.line("src/tools/a.ts", "istanbul", line, u64::from(line > 1))
            .unwrap();
        all.line("src/lib/b.go", "go", line, u64::from(line > 10))
            .unwrap();
    }
    all.knows("src/tools/a.ts", "istanbul", Kind::Branches).unwrap();
    all
}

fn read(text: &str) -> CoverageFile {
    serde_json::from_str(text).unwrap()
}

#[test]
fn each_threshold_is_judged_by_itself_and_on_what_is_known() {
    let cases = [
        (r#"{"lines": 72.5}"#, None),
        (
            r#"{"lines": 72.6}"#,
            Some("coverage of everything: 72.50 % of lines (29 of 40), and 72.6 % are asked"),
        ),
        (r#"{"paths": {"src/tools/**": {"lines": 95}}}"#, None),
        (
            r#"{"paths": {"src/tools/*": {"lines": 95, "branches": 100}}}"#,
            None,
        ),
        (
            r#"{"paths": {"src/**": {"lines": 70}, "src/lib/**": {"lines": 60}}}"#,
            Some("coverage of `src/lib/**`: 50.00 % of lines"),
        ),
        (
            r#"{"paths": {"src/lib/**": {"branches": 1}}}"#,
            Some("no report tells of branches"),
        ),
        (
            r#"{"paths": {"lib/**": {"lines": 0}}}"#,
            Some("no report knows a file that matches `lib/**`"),
        ),
        (r#"{"functions": 0}"#, Some("no report tells of functions")),
    ];
    for (text, expected) in cases {
        let file = read(text);
        assert_eq!(file.problems(), [], "{text}");
        let judged = judge(&coverage(), &file, None);
        let problems: Vec<_> = judged
            .problems
            .iter()
            .map(|problem| problem.text.as_str())
            .collect();
        assert_eq!(
            problems.len(),
            usize::from(expected.is_some()),
            "{text}: {problems:?}"
        );
        assert!(
            problems
                .iter()
                .all(|text| text.contains(expected.unwrap_or_default())),
            "{text}: {problems:?}"
        );
    }
}

#[test]
fn no_coverage_at_all_is_red_where_something_is_asked() {
    let empty = Coverage::default();
    assert_eq!(
        judge(&empty, &read(r#"{"changedLines": 1}"#), None)
            .problems
            .len(),
        1
    );
    assert!(judge(&empty, &CoverageFile::default(), None).problems.is_empty());
}

#[test]
fn changed_lines_have_a_threshold_of_their_own() {
    let changed = Changed {
        base: "main".into(),
        lines: Share { covered: 1, total: 4 },
        uncovered: [("a.ts".to_owned(), vec![3, 4, 9])].into(),
        unknown: vec!["b.ts".into(), "c.ts".into()],
    };
    let judged = judge(&coverage(), &read(r#"{"changedLines": 80}"#), Some(changed));
    assert_eq!(
        judged.problems[0].text,
        "coverage of changed lines: 25.00 % (1 of 4 since main), and 80 % are asked: a.ts:3-4, 9"
    );
    assert_eq!(
        judged.notes,
        ["b.ts and 1 more files differ from main, and no report of coverage knows them"]
    );
}

#[test]
fn what_is_asked_must_be_possible() {
    let file = read(
        r#"{"lines": 101, "changedLines": -1, "paths": {"a{": {"lines": 1}, "b": {}}, "exclude": ["{"]}"#,
    );
    let pointers: Vec<_> = file
        .problems()
        .into_iter()
        .map(|problem| problem.pointer)
        .collect();
    assert_eq!(
        pointers,
        ["/lines", "/changedLines", "/paths/a{", "/paths/b", "/exclude/0"]
    );
}

#[test]
fn a_share_is_cut_and_not_rounded() {
    assert_eq!(
        percent(Share {
            covered: 94_999,
            total: 100_000
        }),
        "94.99 %"
    );
    assert!(!is_enough(
        Share {
            covered: 94_999,
            total: 100_000
        },
        95.0
    ));
}
