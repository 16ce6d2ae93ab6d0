//! Coverage of every format: what each tells, what broken and hostile ones are told, and how several of them make one.
//!
//! The reports are written by hand after what the tools were seen to write.

use std::{io::Cursor, sync::Arc};

use pilotage_core::testing::coverage::{Kind, lcov};
use pilotage_runners::{
    reading::Bounded,
    reports::coverage::{Coverage, Share, read, written},
};
use proptest::prelude::*;

fn take(coverage: &mut Coverage, text: &str) -> Result<(), String> {
    read(
        coverage,
        &mut Bounded::new(Cursor::new(text.as_bytes().to_vec()), Arc::default()),
    )
}

fn all(texts: &[&str]) -> Result<Coverage, String> {
    let mut coverage = Coverage::default();
    texts.iter().try_for_each(|text| take(&mut coverage, text))?;
    Ok(coverage)
}

const LCOV: &str = "TN:\nSF:src/a.ts\nFN:1,add\nFN:7,(anonymous_1)\nFNDA:2,add\nFNDA:0,(anonymous_1)\nDA:1,2\nDA:2,0\nBRDA:1,0,0,1\nBRDA:1,0,1,-\nBRF:2\nBRH:1\nend_of_record\n";
const LCOV_OF_COVERAGE_PY: &str = "SF:src/a.py\nDA:1,1\nDA:5,1\nBRDA:5,0,jump to line 6,1\nBRDA:5,0,jump to line 9,-\nBRF:2\nBRH:1\nend_of_record\n";
const LCOV_2_2: &str =
    "SF:src/a.c\nFNL:0,3,9\nFNA:0,4,main\nFNL:1,12\nFNA:1,0,other(int, char)\nDA:3,4\nend_of_record\n";
const COBERTURA: &str = r#"<?xml version="1.0" ?><!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd"><coverage branches-valid="2"><sources><source>.</source></sources><packages><package><classes><class name="a.ts" filename="src/a.ts"><methods><method name="add" signature="()V"><lines><line number="1" hits="2"/></lines></method></methods><lines><line number="1" hits="2" branch="true" condition-coverage="50% (1/2)"/><line number="2" hits="0"/></lines></class></classes></package></packages></coverage>"#;
const COBERTURA_OF_COVERAGE_PY: &str = r#"<coverage branches-valid="0"><packages><package><classes><class name="a.py" filename="a.py"><methods/><lines><line number="1" hits="1"/></lines></class></classes></package></packages></coverage>"#;
const ISTANBUL: &str = r#"{"/r/src/a.ts":{"path":"/r/src/a.ts","statementMap":{"0":{"start":{"line":1,"column":0},"end":{"line":1,"column":9}},"1":{"start":{"line":1,"column":10},"end":{"line":1,"column":12}},"2":{"start":{"line":2,"column":0},"end":{"line":2,"column":9}}},"fnMap":{"0":{"name":"add","decl":{"start":{"line":1,"column":9},"end":{"line":1,"column":12}},"loc":{"start":{"line":1,"column":20},"end":{"line":3,"column":1}},"line":1},"1":{"name":"(anonymous_7)","decl":{"start":{"line":2,"column":9},"end":{"line":2,"column":12}},"loc":{"start":{"line":2,"column":20},"end":{"line":3,"column":1}}}},"branchMap":{"0":{"loc":{"start":{"line":2,"column":2},"end":{"line":2,"column":9}},"type":"if","locations":[{"start":{"line":2,"column":2},"end":{"line":2,"column":9}},{"start":{},"end":{}}]}},"s":{"0":1,"1":0,"2":0},"f":{"0":1,"1":0},"b":{"0":[1,0]}}}"#;
const ISTANBUL_SUMMARY: &str = r#"{"total":{"lines":{"total":4,"covered":3},"functions":{"total":2,"covered":2},"branches":{"total":2,"covered":1}},"/r/src/a.ts":{"lines":{"total":4,"covered":3},"functions":{"total":2,"covered":2},"branches":{"total":2,"covered":1}}}"#;
const COVERAGE_PY: &str = r#"{"meta":{"format":3,"version":"7.11.0","branch_coverage":true},"files":{"a.py":{"executed_lines":[1,2],"missing_lines":[5],"excluded_lines":[],"executed_branches":[[2,3]],"missing_branches":[[2,-1]],"functions":{"f":{"executed_lines":[2],"missing_lines":[]},"C.g":{"executed_lines":[],"missing_lines":[5]},"":{"executed_lines":[1],"missing_lines":[]}}}},"totals":{}}"#;
const COVERAGE_PY_LINES: &str = r#"{"meta":{"branch_coverage":false},"files":{"a.py":{"executed_lines":[1],"missing_lines":[]}},"totals":{}}"#;
const RESULTSET: &str = r#"{"RSpec":{"coverage":{"/r/lib/a.rb":{"lines":[1,null,0],"branches":{"[:if, 0, 1, 2, 3, 5]":{"[:then, 1, 2, 4, 2, 9]":3,"[:else, 2, 1, 2, 3, 5]":0}},"methods":{"[#<Class:0x00007f>, :one, 1, 2, 3, 5]":2,"[A, :two, 3, 2, 3, 5]":0}}},"timestamp":1}}"#;
const RESULTSET_OLD: &str = r#"{"RSpec":{"coverage":{"/r/lib/a.rb":[1,null,0]},"timestamp":1},"Minitest":{"coverage":{"/r/lib/a.rb":[0,null,4]},"timestamp":2}}"#;
const SIMPLECOV: &str = r#"{"meta":{"simplecov_version":"0.22.0"},"coverage":{"/r/lib/a.rb":{"lines":[1,null,0,"ignored"],"branches":[{"type":"then","start_line":2,"end_line":2,"coverage":3,"inline":false,"report_line":1},{"type":"else","start_line":1,"end_line":3,"coverage":0,"inline":false,"report_line":1}]}},"groups":{}}"#;
const GO: &str = "mode: count\nexample.com/m/a.go:1.13,3.2 2 4\nexample.com/m/a.go:5.13,5.20 1 0\nexample.com/m/a.go:9.1,9.2 0 0\n";
const LLVM_COV: &str = r#"{"data":[{"files":[{"filename":"src/a.rs","segments":[[1,1,4,true,true,false],[2,5,0,true,true,false],[2,9,4,true,false,false],[4,2,0,false,false,false],[6,1,0,true,true,false],[6,9,0,false,false,false]],"branches":[[2,5,2,9,3,0,0,0,4]],"expansions":[],"summary":{"lines":{"count":5,"covered":4},"functions":{"count":2,"covered":1},"branches":{"count":2,"covered":1}}}],"functions":[{"name":"_R1","count":4,"filenames":["src/a.rs"],"regions":[[1,1,4,2,4,0,0,0]]},{"name":"_R1a","count":0,"filenames":["src/a.rs"],"regions":[[1,1,4,2,0,0,0,0]]},{"name":"_R2","count":0,"filenames":["src/a.rs"],"regions":[[6,1,6,9,0,0,0,0]]}],"totals":{}}],"type":"llvm.coverage.json.export","version":"2.0.1"}"#;
const LLVM_COV_SUMMARY: &str = r#"{"data":[{"files":[{"filename":"src/a.rs","summary":{"lines":{"count":5,"covered":4},"functions":{"count":2,"covered":1}}}]}],"type":"llvm.coverage.json.export"}"#;

const EVERY: [&str; 15] = [
    LCOV,
    LCOV_OF_COVERAGE_PY,
    LCOV_2_2,
    COBERTURA,
    COBERTURA_OF_COVERAGE_PY,
    ISTANBUL,
    ISTANBUL_SUMMARY,
    COVERAGE_PY,
    COVERAGE_PY_LINES,
    RESULTSET,
    RESULTSET_OLD,
    SIMPLECOV,
    GO,
    LLVM_COV,
    LLVM_COV_SUMMARY,
];

/// Reached and all, `None` for what the format does not know.
type Told = Option<(u64, u64)>;

#[test]
fn every_format_tells_what_it_knows_and_no_more() {
    let cases: [(&str, &str, [Told; 3]); 15] = [
        ("lcov", LCOV, [Some((1, 2)), Some((1, 2)), Some((1, 2))]),
        (
            "lcov of coverage.py",
            LCOV_OF_COVERAGE_PY,
            [Some((2, 2)), Some((1, 2)), None],
        ),
        ("lcov 2.2", LCOV_2_2, [Some((1, 1)), None, Some((1, 2))]),
        ("cobertura", COBERTURA, [Some((1, 2)), Some((1, 2)), Some((1, 1))]),
        (
            "cobertura of coverage.py",
            COBERTURA_OF_COVERAGE_PY,
            [Some((1, 1)), None, None],
        ),
        ("istanbul", ISTANBUL, [Some((1, 2)), Some((1, 2)), Some((1, 2))]),
        (
            "istanbul summary",
            ISTANBUL_SUMMARY,
            [Some((3, 4)), Some((1, 2)), Some((2, 2))],
        ),
        (
            "coverage.py",
            COVERAGE_PY,
            [Some((2, 3)), Some((1, 2)), Some((1, 2))],
        ),
        (
            "coverage.py without branches",
            COVERAGE_PY_LINES,
            [Some((1, 1)), None, None],
        ),
        ("resultset", RESULTSET, [Some((1, 2)), Some((1, 2)), Some((1, 2))]),
        (
            "old resultset of two suites",
            RESULTSET_OLD,
            [Some((2, 2)), None, None],
        ),
        ("simplecov", SIMPLECOV, [Some((1, 2)), Some((1, 2)), None]),
        ("go", GO, [Some((3, 4)), None, None]),
        ("llvm-cov", LLVM_COV, [Some((4, 5)), Some((1, 2)), Some((1, 2))]),
        (
            "llvm-cov summary",
            LLVM_COV_SUMMARY,
            [Some((4, 5)), None, Some((1, 2))],
        ),
    ];
    for (name, text, expected) in cases {
        let coverage = all(&[text]).unwrap_or_else(|error| panic!("{name}: {error}"));
        let shares = coverage.shares();
        let told = Kind::ALL.map(|kind| {
            let Share { covered, total } = shares.of(kind);
            shares.knows(kind).then_some((covered, total))
        });
        assert_eq!(told, expected, "{name}");
        assert_eq!(shares.files, 1, "{name}");
    }
}

/// Runs of a file that reach different things reach both; the same report twice is the same as once.
#[test]
fn runs_are_joined_and_formats_too() {
    for text in EVERY {
        if text != ISTANBUL_SUMMARY && text != LLVM_COV_SUMMARY {
            let (once, twice) = (all(&[text]).unwrap(), all(&[text, text]).unwrap());
            assert_eq!(once.shares(), twice.shares(), "{text}");
        }
    }
    let renumbered = ISTANBUL
        .replace(r#""s":{"0":1,"1":0,"2":0}"#, r#""s":{"0":0,"1":0,"2":3}"#)
        .replace("anonymous_7", "anonymous_9")
        .replace(r#""b":{"0":[1,0]}"#, r#""b":{"0":[0,1]}"#);
    let shares = all(&[ISTANBUL, &renumbered]).unwrap().shares();
    let shares = [shares.lines, shares.branches, shares.functions].map(|share| (share.covered, share.total));
    assert_eq!(shares, [(2, 2), (2, 2), (1, 2)]);
    // LCOV and Cobertura of the same file: no line, branch or function counts twice.
    let shares = all(&[LCOV, COBERTURA]).unwrap().shares();
    let shares = [shares.lines, shares.branches, shares.functions].map(|share| (share.covered, share.total));
    assert_eq!(shares, [(1, 2), (1, 2), (1, 2)]);
}

#[test]
fn what_is_merged_is_written_and_read_again() {
    let merged = all(&[LCOV, GO, RESULTSET, COVERAGE_PY]).unwrap();
    let again = all(&[&written(&merged.model)]).unwrap();
    assert_eq!(again.shares(), merged.shares());
    let by_lcov = all(&[&lcov(&merged.model)]).unwrap();
    assert_eq!(by_lcov.shares(), merged.shares());
    assert_eq!(merged.model.providers().len(), 4);
    let newer = written(&merged.model).replace("\"pilotageCoverage\":1", "\"pilotageCoverage\":2");
    assert!(all(&[&newer]).is_err_and(|error| error.contains("version 2")));
}

#[test]
fn what_is_broken_or_hostile_is_refused_in_words() {
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    let far = LLVM_COV
        .replace("[6,1,0,true,true,false]", "[4000000000,1,0,true,true,false]")
        .replace("[6,9,0,false,false,false]", "[4000000000,9,0,false,false,false]");
    let wide = GO.replace("1.13,3.2", "1.13,4000000000.2");
    let cases: [(&str, &str); 21] = [
        ("", "it is empty"),
        (" \n ", "it is empty"),
        ("hello", "no LCOV"),
        ("SF:a\nDA:1,1\n", "cut off"),
        ("SF:a\nBRDA:1,0,0,x\nend_of_record\n", "no number"),
        ("SF:a\nDA:99999999999,1\nend_of_record\n", "without its number"),
        ("<coverage><class filename='a'>", "cut off"),
        ("<coverage></coverage>", "says nothing of any file"),
        ("<!DOCTYPE c [<!ENTITY a 'a'>]><coverage/>", "entities of its own"),
        ("{", "no JSON of a report"),
        ("{}", "says nothing of any file"),
        (&deep, "no JSON of a report"),
        ("{\"meta\":{},\"files\":{\"a.py\":{}}}", "coverage.py"),
        (
            "{\"/r/a.ts\":{\"s\":{\"0\":1},\"statementMap\":{}}}",
            "stands nowhere",
        ),
        ("{\"name\":{\"version\":1}}", "no report of a known format"),
        (
            "{\"RSpec\":{\"coverage\":{\"a.rb\":{\"lines\":[-1]}},\"timestamp\":1}}",
            "is no count",
        ),
        ("mode: often\n", "no mode"),
        ("mode: set\nsomething\n", "a block that cannot be read"),
        (&wide, "a block that cannot be read"),
        (&far, "too far from each other"),
        (
            "{\"data\":[{\"files\":[{\"filename\":\"a\",\"summary\":{\"lines\":{\"count\":1,\"covered\":2},\"functions\":{\"count\":0,\"covered\":0}}}]}]}",
            "more of a was reached",
        ),
    ];
    for (text, expected) in cases {
        let shown: String = text.chars().take(60).collect();
        let refused = all(&[text]).expect_err(&shown);
        assert!(refused.contains(expected), "{shown}: {refused}");
    }
}

#[test]
fn a_report_that_tells_of_too_much_is_refused() {
    use std::fmt::Write as _;
    let mut text = String::from("SF:a\n");
    for line in 0..3_100_000 {
        writeln!(text, "DA:{line},1").unwrap();
    }
    text.push_str("end_of_record\n");
    assert!(all(&[&text]).is_err_and(|error| error.contains("more than 3000000")));
}

proptest! {
    #[test]
    fn no_change_of_a_report_makes_a_reader_panic(which in 0..EVERY.len(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = EVERY[which].as_bytes().to_vec();
        let at = at.index(text.len());
        text[at] = byte;
        let _ = all(&[&String::from_utf8_lossy(&text)]);
    }

    #[test]
    fn no_cut_makes_a_reader_panic(which in 0..EVERY.len(), at in any::<prop::sample::Index>()) {
        let text = EVERY[which];
        let _ = all(&[text.get(..at.index(text.len())).unwrap_or_default()]);
    }
}
