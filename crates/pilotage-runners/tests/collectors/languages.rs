//! Compilers, type checkers, linters and test programs, by what the real ones were seen to write.

use pilotage_core::gate::{Evidence, Value};
use serde_json::{Value as Json, json};

use crate::Project;

/// A tool that writes `out` and ends with `code`; `--show-files` names one file, as ruff does.
fn tool(out: &str, code: i32) -> String {
    format!(
        "#!/bin/sh\ncase \"$*\" in *--show-files*) echo /p/a.py; exit 0;; esac\ncat <<'E'\n{out}\nE\nexit {code}\n"
    )
}

async fn measure(kind: &str, check: &str, lint: &str, metric: &str) -> Result<Evidence, String> {
    let project = Project::new();
    project.write("check.sh", check).write("lint.sh", lint);
    let place = |name: &str| json!(["sh", project.path().join(name)]);
    let section = json!({ "kind": kind, "check": place("check.sh"), "lint": place("lint.sh") });
    project.measure(section, metric).await
}

fn value(found: Result<Evidence, String>) -> Result<Json, String> {
    match found?.value {
        Value::Number(number) => Ok(json!(number)),
        Value::Bool(value) => Ok(json!(value)),
        Value::Text(text) => Ok(json!(text)),
    }
}

pub(crate) const TSC_FOUND: &str = "src/a.ts(1,7): error TS2322: Type 'string' is not assignable to type 'number'.\n/p/node_modules/typescript/lib/lib.d.ts\n/p/src/a.ts";
pub(crate) const ESLINT_FOUND: &str = r#"[{"filePath":"/p/src/a.ts","messages":[{"ruleId":"no-debugger","severity":2,"message":"Unexpected 'debugger' statement.","line":3,"column":1},{"ruleId":"no-console","severity":1,"message":"Unexpected console statement.","line":4,"column":1}],"errorCount":1,"warningCount":1},{"filePath":"/p/src/b.ts","messages":[],"errorCount":0,"warningCount":0}]"#;
pub(crate) const RUFF_FOUND: &str = r#"[{"cell":null,"code":"F401","end_location":{"column":10,"row":1},"filename":"/p/a.py","fix":null,"location":{"column":8,"row":1},"message":"`os` imported but unused","noqa_row":1,"url":"u"}]"#;
pub(crate) const RUBOCOP_FOUND: &str = r#"{"metadata":{"rubocop_version":"1.60.0"},"files":[{"path":"a.rb","offenses":[{"severity":"fatal","message":"unexpected token","cop_name":"Lint/Syntax","corrected":false,"location":{"line":1,"column":1}},{"severity":"convention","message":"Missing frozen string literal comment.","cop_name":"Style/FrozenStringLiteralComment","location":{"line":1}}]}],"summary":{"offense_count":2,"target_file_count":1,"inspected_file_count":1}}"#;
const RUBOCOP_CLEAN: &str = r#"{"files":[{"path":"a.rb","offenses":[]}],"summary":{"offense_count":0,"target_file_count":1,"inspected_file_count":1}}"#;
pub(crate) const MYPY_FOUND: &str = "a.py:1: error: Incompatible types in assignment  [assignment]\nFound 1 error in 1 file (checked 2 source files)";

#[tokio::test]
async fn what_tools_find_is_counted() {
    let tsc = [tool("/p/src/a.ts", 0), tool(TSC_FOUND, 2)];
    let eslint = [
        tool(r#"[{"filePath":"/p/src/a.ts","messages":[]}]"#, 0),
        tool(ESLINT_FOUND, 1),
    ];
    let mypy = [
        tool("Success: no issues found in 2 source files", 0),
        tool(MYPY_FOUND, 1),
    ];
    let ruff = [tool("[]", 0), tool(RUFF_FOUND, 1)];
    let rubocop = [tool(RUBOCOP_CLEAN, 0), tool(RUBOCOP_FOUND, 1)];
    let unused = [String::new(), String::new()];
    let languages = [
        ("typescript", &tsc, &eslint, 1.0),
        ("python", &mypy, &ruff, 0.0),
        ("ruby", &unused, &rubocop, 1.0),
    ];
    for (kind, check, lint, warnings) in languages {
        for (place, errors) in [(0, 0.0), (1, 1.0)] {
            let found = async |metric| value(measure(kind, &check[place], &lint[place], metric).await);
            assert_eq!(found("compile_errors").await, Ok(json!(errors)), "{kind}");
            assert_eq!(found("build_success").await, Ok(json!(place == 0)), "{kind}");
            assert_eq!(found("lint_errors").await, Ok(json!(errors)), "{kind}");
            assert_eq!(
                found("lint_warnings").await,
                Ok(json!(warnings * errors)),
                "{kind}"
            );
            assert_eq!(found("build_time").await.is_ok(), place == 0, "{kind}");
        }
    }
}

#[tokio::test]
async fn a_tool_that_fails_or_looks_at_nothing_is_no_evidence() {
    let fine = tool("[]", 0);
    let cases = [
        (
            "typescript",
            tool("", 2),
            "compile_errors",
            "contradict each other",
        ),
        (
            "typescript",
            tool("", 127),
            "compile_errors",
            "a failure of its own",
        ),
        (
            "python",
            tool("Found 1 error in 1 file (checked 2 source files)", 1),
            "compile_errors",
            "contradict each other",
        ),
        (
            "python",
            tool("mypy: can't read file", 2),
            "compile_errors",
            "does not say how many files",
        ),
    ];
    for (kind, check, metric, expected) in cases {
        let reason = measure(kind, &check, &fine, metric).await.unwrap_err();
        assert!(reason.contains(expected), "{kind}: {reason}");
    }
    let linters = [
        (
            "typescript",
            tool("Oops! ESLint could not find a config", 2),
            "a failure of its own",
        ),
        ("typescript", tool("Oops!", 1), "no report"),
        ("python", tool("error", 2), "a failure of its own"),
        (
            "ruby",
            tool(
                &RUBOCOP_CLEAN.replace("\"target_file_count\":1", "\"target_file_count\":2"),
                0,
            ),
            "looked at 1 of 2 files",
        ),
    ];
    for (kind, lint, expected) in linters {
        let reason = measure(kind, &fine, &lint, "lint_errors").await.unwrap_err();
        assert!(reason.contains(expected), "{kind}: {reason}");
    }
    // No file at all: a number, and proof of nothing.
    let found = measure("typescript", &tool("/p/a.ts", 0), &fine, "lint_errors")
        .await
        .unwrap();
    assert_eq!(found.examined.count, 0);
}

#[tokio::test]
async fn a_build_of_its_own_is_the_build() {
    let project = Project::new();
    for (build, expected) in [(json!(["true"]), true), (json!(["false"]), false)] {
        let section = json!({ "kind": "typescript", "build": build });
        let found = project.measure(section, "build_success").await.unwrap();
        assert_eq!(found.value, Value::Bool(expected));
    }
    let missing = json!({ "kind": "typescript", "build": ["no-such-build"] });
    let reason = project.measure(missing, "build_success").await.unwrap_err();
    assert!(reason.contains("is not installed"), "{reason}");
}

pub(crate) const LIBTEST: &str = "\nrunning 3 tests\ntest a ... ok\ntest b::c ... FAILED\ntest d ... ignored\n\nfailures:\n\n\
    test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.50s\n\n\
    running 1 test\ntest e ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 4 filtered out; finished in 1.25s\n";

#[tokio::test]
async fn what_cargo_test_writes_is_counted_when_it_is_whole() {
    let section = || json!({ "kind": "cargo-test", "files": ["test.log"] });
    let project = Project::new();
    project.write("test.log", LIBTEST);
    let expected = [
        ("tests_total", 3.0),
        ("tests_failed", 1.0),
        ("tests_skipped", 1.0),
        ("test_execution_time", 1.75),
    ];
    for (metric, expected) in expected {
        assert_eq!(project.number(section(), metric).await, Ok(expected), "{metric}");
    }
    let evidence = project.measure(section(), "test_success_rate").await.unwrap();
    assert!(
        evidence.notes.contains(&"failed: b::c".to_owned()),
        "{:?}",
        evidence.notes
    );
    let broken = [
        ("error: could not compile `a`\n", "it holds no test"),
        (
            "running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
            "it holds no test",
        ),
        (
            "running 2 tests\ntest a ... ok\n",
            "the last test program ended without its summary",
        ),
        ("running 2 tests\nrunning 1 test\n", "ended without its summary"),
        (
            "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured\n",
            "a summary without its tests",
        ),
        (
            "running 2 tests\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n",
            "other than 2 tests",
        ),
    ];
    for (text, expected) in broken {
        project.write("test.log", text);
        let reason = project.number(section(), "tests_total").await.unwrap_err();
        assert!(
            reason.contains(expected) && reason.starts_with("test.log"),
            "{reason}"
        );
    }
}

/// As coverage.py 7.6 writes it.
pub(crate) const COVERAGE_PY: &str = r#"{"meta":{"format":3,"version":"7.6.1"},"files":{"src/a.py":{"executed_lines":[1,2,3],"summary":{},"missing_lines":[4],"executed_branches":[[1,2]],"missing_branches":[[1,-1]],
    "functions":{"f":{"executed_lines":[2],"missing_lines":[]},"g":{"executed_lines":[],"missing_lines":[4]},"":{"executed_lines":[1],"missing_lines":[]}}},
    "tests/b.py":{"executed_lines":[1],"missing_lines":[]}},"totals":{}}"#;
/// As cargo-llvm-cov 0.6 writes it with `--json --summary-only`.
pub(crate) const LLVM_COV: &str = r#"{"data":[{"files":[{"filename":"/p/src/a.rs","summary":{"branches":{"count":2,"covered":1,"notcovered":1,"percent":50.0},"functions":{"count":4,"covered":3,"percent":75.0},"lines":{"count":10,"covered":9,"percent":90.0}}}],"totals":{}}],"type":"llvm.coverage.json.export","version":"2.0.1"}"#;

#[tokio::test]
async fn coverage_in_json_is_read_as_what_it_is_and_by_path() {
    let cases = [
        (COVERAGE_PY, "code_coverage_lines", Ok(80.0)),
        (COVERAGE_PY, "code_coverage_branches", Ok(50.0)),
        (COVERAGE_PY, "code_coverage_functions", Ok(50.0)),
        (COVERAGE_PY, "code_coverage_lines_own", Ok(75.0)),
        (COVERAGE_PY, "code_coverage_lines_other", Err("nothing of lines")),
        (LLVM_COV, "code_coverage_lines", Ok(90.0)),
        (LLVM_COV, "code_coverage_branches", Ok(50.0)),
        (LLVM_COV, "code_coverage_functions_own", Ok(75.0)),
        (
            r#"{"data":[]}"#,
            "code_coverage_lines",
            Err("says nothing of any file"),
        ),
        (
            r#"{"meta":{},"files":{"a":{}}}"#,
            "code_coverage_lines",
            Err("no JSON report of coverage.py"),
        ),
        (
            &LLVM_COV[..200],
            "code_coverage_lines",
            Err("no JSON of a report"),
        ),
    ];
    for (text, metric, expected) in cases {
        let project = Project::new();
        project.write("coverage.json", text);
        let paths = json!({ "own": ["**/src/**"], "other": ["lib/**"] });
        let section = json!({ "kind": "coverage", "files": ["coverage.json"], "paths": paths });
        match (project.number(section, metric).await, expected) {
            (Ok(found), Ok(expected)) => assert!((found - expected).abs() < 1e-9, "{metric}: {found}"),
            (Err(reason), Err(expected)) => assert!(reason.contains(expected), "{metric}: {reason}"),
            (found, expected) => panic!("{metric}: {found:?}, not {expected:?}"),
        }
    }
}
