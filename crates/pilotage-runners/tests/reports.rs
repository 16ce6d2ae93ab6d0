//! The readers of reports: every dialect as its tool writes it, broken ones, and hostile ones.
//!
//! The reports are written by hand after what the tools were seen to write.

use std::{io::Cursor, sync::Arc};

use pilotage_runners::{
    reading::Bounded,
    reports::{
        cobertura,
        coverage::{Coverage, Share},
        istanbul, junit, lcov, sarif,
    },
};
use proptest::prelude::*;

fn bounded(text: &[u8]) -> Bounded<Cursor<Vec<u8>>> {
    Bounded::new(Cursor::new(text.to_vec()), Arc::default())
}

fn tests(text: &str) -> Result<junit::Tests, String> {
    let mut tests = junit::Tests::default();
    junit::read(&mut tests, &mut bounded(text.as_bytes()))?;
    Ok(tests)
}

const PYTEST: &str = r#"<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="5" time="1.25" timestamp="2026-11-22T16:00:00.1+00:00" hostname="h"><testcase classname="tests.test_a" name="test_ok" time="0.1" /><testcase classname="tests.test_a" name="test_bad[\x00]" time="0.1"><failure message="assert 1 == 2">def test_bad():&#10;&gt; assert 1 == 2</failure></testcase><testcase classname="tests.test_a" name="test_skip" time="0.0"><skipped type="pytest.skip" message="later">x</skipped></testcase><testcase classname="" name="tests.test_broken" time="0.0"><error message="collection failure">ImportError</error></testcase><testcase classname="tests.test_a" name="test_two" time="0.1" /></testsuite></testsuites>"#;
const VITEST: &str = r#"<?xml version="1.0" encoding="UTF-8" ?>
<testsuites name="vitest tests" tests="3" failures="1" errors="0" time="0.5">
  <testsuite name="src/a.test.ts" timestamp="2026-11-22T16:00:00.000Z" hostname="h" tests="2" failures="0" errors="0" skipped="1" time="0.2">
    <testcase classname="src/a.test.ts" name="a &gt; b &gt; works" time="0.1"><system-out>[31mred[0m</system-out></testcase>
    <testcase classname="src/a.test.ts" name="later" time="0"><skipped/></testcase>
  </testsuite>
  <testsuite name="src/broken.test.ts" tests="1" failures="1" errors="0" skipped="0" time="0">
    <testcase classname="src/broken.test.ts" name="src/broken.test.ts" time="0"><failure message="no such module" type="Error">at x</failure></testcase>
  </testsuite>
</testsuites>"#;
const JEST: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="jest tests" tests="2" failures="0" errors="0" time="1.2">
  <testsuite name="undefined" errors="0" failures="0" skipped="0" timestamp="2026-11-22T16:00:00" time="0.6" tests="2">
    <testcase classname=" works" name=" works" time="0.01"></testcase>
    <testcase classname=" too" name=" too" time="0.01"></testcase>
    <testcase classname=" todo" name=" todo" time="0"></testcase>
  </testsuite>
</testsuites>"#;
const RSPEC_BROKEN: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="rspec" tests="0" skipped="0" failures="0" errors="0" time="0.000070" timestamp="2026-11-22T16:00:00+00:00" hostname="h"><properties><property name="seed" value="1"/></properties></testsuite>"#;
const RSPEC: &str = r#"<testsuite name="rspec" tests="2" skipped="0" failures="1" errors="0" time="0.1"><testcase classname="spec.a_spec" name="M same name" file="./spec/a_spec.rb" time="0.05"></testcase><testcase classname="spec.a_spec" name="M same name" file="./spec/a_spec.rb" time="0.05"><failure message="" type="x"></failure></testcase></testsuite>"#;
const GOTESTSUM: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="1" failures="0" errors="1" time="1.5">
	<testsuite tests="1" failures="0" time="0.010000" name="example.com/a" timestamp="2026-11-22T16:00:00Z"><testcase classname="example.com/a" name="TestA/sub" time="0.000000"></testcase></testsuite>
	<testsuite tests="0" failures="0" errors="1" time="0" name="example.com/broken"></testsuite>
</testsuites>"#;
const NEXTEST: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run" tests="2" failures="0" errors="0" uuid="0" timestamp="2026-11-22T16:00:00.000+00:00" time="0.3">
    <testsuite name="crate::bin" tests="2" disabled="0" errors="0" failures="0">
        <testcase name="a::flaky" classname="crate::bin" time="0.1"><flakyFailure type="test failure">x</flakyFailure></testcase>
        <testcase name="a::works" classname="crate::bin" time="0.1"></testcase>
    </testsuite>
</testsuites>"#;

#[test]
fn every_dialect_is_counted() {
    // ran, passed, skipped, flaky, seconds
    let cases = [
        ("pytest", PYTEST, (4, 2, 1, 0, Some(1.25))),
        ("vitest", VITEST, (2, 1, 1, 0, Some(0.5))),
        ("jest", JEST, (3, 3, 0, 0, Some(1.2))),
        ("rspec", RSPEC, (2, 1, 0, 0, Some(0.1))),
        (
            "gotestsum, a package does not build",
            GOTESTSUM,
            (2, 1, 0, 0, Some(1.5)),
        ),
        ("nextest", NEXTEST, (2, 2, 0, 1, Some(0.3))),
    ];
    for (name, text, expected) in cases {
        let found = tests(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let counted = (
            found.ran(),
            found.passed(),
            found.skipped,
            found.flaky,
            found.seconds,
        );
        assert_eq!(counted, expected, "{name}: {found:?}");
        assert_eq!(found.incomplete, None, "{name}");
    }
}

#[test]
fn a_report_that_promises_more_than_it_holds_is_not_whole() {
    let found =
        tests(r#"<testsuite name="s" tests="9"><testcase name="a" time="1,234.5"/></testsuite>"#).unwrap();
    assert_eq!(
        found.incomplete.unwrap(),
        "the suite `s` promises 9 tests and holds 1"
    );
    assert_eq!(found.seconds, Some(1_234.5));
}

#[test]
fn what_is_broken_or_hostile_is_refused_in_words() {
    let deep = "<testsuite>".repeat(100_000);
    let huge = format!("<testsuite name=\"{}\"/>", "x".repeat(17 << 20));
    let cases = [
        ("", "it is empty"),
        (RSPEC_BROKEN, "it holds no test"),
        ("<html/>", "it is no JUnit report"),
        ("<testsuite><testcase name='a'>", "it is cut off"),
        ("<testsuite></testsuites>", "not well-formed"),
        ("<testsuite tests='many'/>", "is no count"),
        ("<testsuite tests='-1'/>", "is no count"),
        ("<testsuite time='soon'/>", "is no time"),
        ("<testsuite/><testsuite/>", "more than one root"),
        (
            "<!DOCTYPE t [<!ENTITY a 'aaaa'>]><testsuite/>",
            "entities of its own",
        ),
        (
            "<testsuite><testcase name='&xxe;'/></testsuite>",
            "attribute cannot be read",
        ),
        (
            "<testsuite><system-out>&xxe;</system-out></testsuite>",
            "an entity of its own",
        ),
        (
            "<?xml version='1.0' encoding='UTF-16'?><testsuite/>",
            "only UTF-8 is read",
        ),
        (deep.as_str(), "nested more than 64 deep"),
        (huge.as_str(), "longer than 16 MiB"),
    ];
    for (text, expected) in cases {
        let shown: String = text.chars().take(60).collect();
        let refused = tests(text).expect_err(&shown);
        assert!(refused.contains(expected), "{shown}: {refused}");
    }
    let mut found = junit::Tests::default();
    let latin = junit::read(&mut found, &mut bounded(b"<testsuite name='\xe9'/>"));
    assert!(latin.is_err());
}

fn coverage(
    read: impl Fn(&mut Coverage, &mut Bounded<Cursor<Vec<u8>>>) -> Result<(), String>,
    texts: &[&str],
) -> Result<[Share; 3], String> {
    let mut coverage = Coverage::default();
    for text in texts {
        read(&mut coverage, &mut bounded(text.as_bytes()))?;
    }
    let shares = coverage.shares();
    Ok([shares.lines, shares.branches, shares.functions])
}

const fn share(covered: u64, total: u64) -> Share {
    Share { covered, total }
}

const LCOV: &str = "TN:\nSF:src/a.py\nDA:1,1\nDA:2,0\nDA:3,5\nBRDA:5,0,jump to line 6,1\nBRDA:5,0,jump, to exit,-\nFN:1,2,f\nFNDA:1,f\nFN:4,g\nFNDA:0,g\nLF:3\nLH:2\nend_of_record\n";

/// Methods of several classes in one file may have one name.
#[test]
fn functions_of_one_name_are_counted_each() {
    let text = "SF:a.ts\nFN:1,parse\nFN:9,parse\nFN:20,parse\nFNDA:0,parse\nFNDA:3,parse\nFNDA:0,parse\nend_of_record\n";
    let again = text.replace("FNDA:0,parse\nend", "FNDA:1,parse\nend");
    for (reports, covered) in [(vec![text], 1), (vec![text, again.as_str()], 2)] {
        let [_, _, functions] = coverage(lcov::read, &reports).unwrap();
        assert_eq!(functions, share(covered, 3));
    }
}

#[test]
fn lcov_is_read_and_runs_are_joined() {
    let whole = [share(2, 3), share(1, 2), share(1, 2)];
    assert_eq!(coverage(lcov::read, &[LCOV]).unwrap(), whole);
    let other = "SF:src/a.py\nDA:2,1\nDA:3,0\nend_of_record\n";
    assert_eq!(
        coverage(lcov::read, &[LCOV, other]).unwrap(),
        [share(3, 3), share(1, 2), share(1, 2)]
    );
    let summary = "SF:src/b.c\nLF:10\nLH:9\nBRF:4\nBRH:1\nend_of_record\n";
    assert_eq!(
        coverage(lcov::read, &[summary]).unwrap(),
        [share(9, 10), share(1, 4), share(0, 0)]
    );
    for (text, expected) in [
        ("hello\n", "no LCOV"),
        ("SF:a\nDA:1,1\n", "cut off"),
        ("SF:a\nDA:x,1\nend_of_record\n", "without its number"),
        ("SF:a\nLF:1\nLH:2\nend_of_record\n", "more of a was reached"),
        (
            "SF:a\nLF:1\nend_of_record\nSF:a\nLF:1\nend_of_record\n",
            "cannot be joined",
        ),
    ] {
        let refused = coverage(lcov::read, &[text]).unwrap_err();
        assert!(refused.contains(expected), "{text}: {refused}");
    }
}

const COBERTURA: &str = r#"<?xml version="1.0" ?>
<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">
<coverage lines-valid="3" lines-covered="2" line-rate="0.66"><sources><source>/abs/pkg</source></sources>
<packages><package name="p"><classes><class name="math.ts" filename="src/math.ts">
<methods><method name="add" hits="1" signature="()V"><lines><line number="1" hits="1"/></lines></method>
<method name="never" signature="()V"><lines><line number="7" hits="0"/></lines></method></methods>
<lines><line number="1" hits="1" branch="true" condition-coverage="50% (1/2)"/><line number="2" hits="4"/><line number="7" hits="0"/></lines>
</class></classes></package></packages></coverage>"#;

#[test]
fn cobertura_is_read() {
    let whole = [share(2, 3), share(1, 2), share(1, 2)];
    assert_eq!(coverage(cobertura::read, &[COBERTURA]).unwrap(), whole);
    assert_eq!(coverage(cobertura::read, &[COBERTURA, COBERTURA]).unwrap(), whole);
    for (text, expected) in [
        ("<testsuite/>", "no Cobertura report"),
        (
            "<coverage><line number='1' hits='1'/></coverage>",
            "outside of a class",
        ),
        (
            "<coverage><class filename='a'><line number='1' hits='x'/></class></coverage>",
            "is no count",
        ),
        (
            "<coverage><class filename='a'><line number='1' hits='1' condition-coverage='50% (9/2)'/></class></coverage>",
            "cannot read",
        ),
    ] {
        let refused = coverage(cobertura::read, &[text]).unwrap_err();
        assert!(refused.contains(expected), "{text}: {refused}");
    }
}

const ISTANBUL: &str = r#"{"total":{"lines":{"total":4,"covered":3,"skipped":0,"pct":75},"statements":{"total":4,"covered":3,"skipped":0,"pct":75},"functions":{"total":2,"covered":2,"skipped":0,"pct":100},"branches":{"total":2,"covered":1,"skipped":0,"pct":50},"branchesTrue":{"total":0,"covered":0,"skipped":0,"pct":"Unknown"}},"/r/src/a.ts":{"lines":{"total":4,"covered":3},"functions":{"total":2,"covered":2},"branches":{"total":2,"covered":1}}}"#;

#[test]
fn an_istanbul_summary_is_read_and_must_add_up() {
    assert_eq!(
        coverage(istanbul::read, &[ISTANBUL]).unwrap(),
        [share(3, 4), share(1, 2), share(2, 2)]
    );
    let lies = ISTANBUL.replacen("\"covered\":3", "\"covered\":4", 1);
    assert!(
        coverage(istanbul::read, &[&lies])
            .unwrap_err()
            .contains("not the sum")
    );
    assert!(
        coverage(istanbul::read, &["{}"])
            .unwrap_err()
            .contains("no `total`")
    );
    assert!(
        coverage(istanbul::read, &["[]"])
            .unwrap_err()
            .contains("no Istanbul summary")
    );
}

const SARIF: &str = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"scan","semanticVersion":"1.2.3","rules":[{"id":"A","properties":{"security-severity":"9.8"}},{"id":"B","defaultConfiguration":{"level":"note"}},{"id":"PLANTED"}]}},
"artifacts":[{},{}],"invocations":[{"executionSuccessful":true}],
"results":[{"ruleId":"A"},{"ruleIndex":1},{"ruleId":"B","level":"error"},{"ruleId":"C"},{"rule":{"id":"A"},"properties":{"security-severity":5.0}},{"ruleId":"A","kind":"pass"},
{"ruleId":"A","suppressions":[{"kind":"external"}]},{"ruleId":"A","suppressions":[{"kind":"external","status":"underReview"}]},{"ruleId":"PLANTED","level":"error"}]}]}"#;

fn findings(text: &str, control: Option<&str>) -> Result<sarif::Findings, String> {
    let mut found = sarif::Findings::default();
    sarif::read(&mut found, control, &mut bounded(text.as_bytes()))?;
    Ok(found)
}

#[test]
fn sarif_is_read_with_severities_suppressions_and_controls() {
    let found = findings(SARIF, Some("PLANTED")).unwrap();
    assert_eq!((found.high, found.medium, found.low), (3, 2, 1));
    assert_eq!((found.suppressed, found.looked_at, found.controls), (1, 2, 1));
    assert_eq!(found.tools, [("scan".to_owned(), Some("1.2.3".to_owned()))]);
    assert_eq!(findings(SARIF, None).unwrap().high, 4);
    let run = |rest: &str| {
        format!(r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"s"}}}}{rest}}}]}}"#)
    };
    for (text, expected) in [
        ("{}".to_owned(), "no SARIF"),
        (r#"{"version":"2.0.0","runs":[]}"#.to_owned(), "2.1.0 is read"),
        (
            r#"{"version":"2.1.0","runs":[]}"#.to_owned(),
            "nothing was scanned",
        ),
        (run(""), "gives no results"),
        (run(r#","results":null"#), "gives no results"),
        (
            run(r#","results":[],"invocations":[{"executionSuccessful":false}]"#),
            "its run failed",
        ),
    ] {
        let refused = findings(&text, None).unwrap_err();
        assert!(refused.contains(expected), "{text}: {refused}");
    }
}

/// Every reader on the same bytes; what matters is that all of them return.
fn read_as_everything(text: &[u8]) {
    let _ = junit::read(&mut junit::Tests::default(), &mut bounded(text));
    let _ = cobertura::read(&mut Coverage::default(), &mut bounded(text));
    let _ = lcov::read(&mut Coverage::default(), &mut bounded(text));
    let _ = istanbul::read(&mut Coverage::default(), &mut bounded(text));
    let _ = sarif::read(&mut sarif::Findings::default(), Some("A"), &mut bounded(text));
}

const ALL: [&str; 10] = [
    PYTEST, VITEST, JEST, RSPEC, GOTESTSUM, NEXTEST, LCOV, COBERTURA, ISTANBUL, SARIF,
];

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn no_change_of_a_report_makes_a_reader_panic(which in 0..ALL.len(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = ALL[which].as_bytes().to_vec();
        let at = at.index(text.len());
        text[at] = byte;
        read_as_everything(&text);
    }

    #[test]
    fn a_report_that_was_cut_off_is_never_read_as_whole(which in 0..6_usize, at in any::<prop::sample::Index>()) {
        let text = ALL[which].trim_end();
        let cut = text.get(..at.index(text.len() - 1)).unwrap_or_default();
        read_as_everything(cut.as_bytes());
        prop_assert!(tests(cut).is_err());
    }
}
