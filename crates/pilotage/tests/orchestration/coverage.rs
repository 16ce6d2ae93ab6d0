//! What tests reach: measured by real runners, merged over languages and shards, and judged.
//!
//! `PILOTAGE_VITEST_COVERAGE` names a folder whose `node_modules` hold vitest and @vitest/coverage-v8, `PILOTAGE_PYTEST_COV` one
//! with the packages pytest and pytest-cov.

use std::process::Command;

use serde_json::{Value, json};

use crate::repository::{Repository, assert_red, go, lent, problems, rspec};

const GO_SOURCE: &str =
    "package m\n\nfunc Sign(x int) int {\n\tif x < 0 {\n\t\treturn -1\n\t}\n\treturn 1\n}\n";
const GO_TEST: &str = "package m\n\nimport \"testing\"\n\nfunc TestSign(t *testing.T) {\n\tif Sign(3) != 1 {\n\t\tt.Fatal()\n\t}\n}\n";

fn with_go(repository: &mut Repository) -> Option<()> {
    let program = go()?;
    repository.set("PATH", {
        let folder = program.parent()?.display().to_string();
        format!("{folder}:{}", std::env::var("PATH").ok()?).into()
    });
    repository.write("go/go.mod", "module example.com/m\n\ngo 1.19\n");
    repository.write("go/sign.go", GO_SOURCE);
    repository.write("go/sign_test.go", GO_TEST);
    Some(())
}

fn with_rspec(repository: &Repository) -> Option<()> {
    rspec()?;
    repository.write(
        "ruby/lib/sign.rb",
        "def sign(x)\n  if x < 0\n    -1\n  else\n    1\n  end\nend\n",
    );
    repository.write("ruby/.rspec", "");
    repository.write(
        "ruby/spec/sign_spec.rb",
        "require_relative \"../lib/sign\"\nRSpec.describe \"sign\" do\n  it(\"is one\") { expect(sign(3)).to eq 1 }\nend\n",
    );
    Some(())
}

fn git(repository: &Repository, arguments: &[&str]) {
    let mut command = Command::new("git");
    command
        .current_dir(repository.path())
        .args(["-c", "user.name=a", "-c", "user.email=a@example.com"]);
    assert!(
        command.args(arguments).output().unwrap().status.success(),
        "{arguments:?}"
    );
}

fn file(repository: &Repository, name: &str) -> String {
    std::fs::read_to_string(repository.path().join(name)).unwrap()
}

#[test]
fn what_two_languages_reach_is_one_report_judged_by_path_and_change() {
    let mut repository = Repository::new();
    if with_go(&mut repository).is_none() || with_rspec(&repository).is_none() {
        return;
    }
    repository.write(".gitignore", ".pilotage\n");
    git(&repository, &["init", "-q", "-b", "main"]);
    git(&repository, &["add", "."]);
    git(&repository, &["commit", "-qm", "one"]);
    repository.write(
        "pilotage.yaml",
        "version: 1\ntests:\n  coverage:\n    lines: 60\n    paths:\n      ruby/lib/**: { lines: 70, branches: 50, functions: 100 }\n",
    );
    let (code, report) = repository.run("--coverage");
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["coverage"]["providers"], json!(["go", "simplecov"]));
    assert_eq!(
        report["coverage"]["paths"][0]["shares"]["branches"],
        json!({ "covered": 1, "total": 2 })
    );
    let lcov = file(&repository, ".pilotage/coverage/lcov.info");
    for path in ["SF:go/sign.go", "SF:ruby/lib/sign.rb"] {
        assert!(lcov.contains(path), "{lcov}");
    }
    repository.write(
        "go/sign.go",
        &GO_SOURCE.replace("return -1", "x = x * 2\n\t\treturn x"),
    );
    repository.write(
        "pilotage.yaml",
        "version: 1\ntests:\n  coverage:\n    changedLines: 80\n    paths: { \"src/**\": { lines: 1 } }\n",
    );
    let found = repository.run("--coverage --base main");
    assert_red(&found, &["changed lines", "go/sign.go:5-6", "since main"]);
    assert_red(&found, &["no report knows a file that matches `src/**`"]);
    assert_eq!(
        found.1["coverage"]["changed"]["uncovered"],
        json!({ "go/sign.go": [5, 6] })
    );
    // Without being asked for, nothing is measured, and that is said.
    let (code, report) = repository.run("");
    assert_eq!((code, &report["coverage"]), (0, &Value::Null));
    assert!(
        report["notes"].to_string().contains("was not measured"),
        "{report:#}"
    );
}

#[test]
fn tests_that_reach_no_source_leave_an_empty_report_and_lines_of_a_failure_are_lines() {
    let repository = Repository::new();
    if with_rspec(&repository).is_none() {
        return;
    }
    repository.write("ruby/spec/other_spec.rb", "raise \"line one\\nline two\"\n");
    let output = repository.command("run --coverage").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("sign.rb") || said.contains("75.00 %"), "{said}");
    assert!(!said.contains("says nothing of any file"), "{said}");
    let progress = String::from_utf8_lossy(&output.stderr).into_owned();
    for text in [said, progress] {
        assert!(
            text.contains("\n    RuntimeError: line one\n    line two\n"),
            "{text}"
        );
        assert!(!text.contains("\\n"), "{text}");
    }
}

#[test]
fn shards_are_merged_before_they_are_judged() {
    let mut repository = Repository::new();
    if with_go(&mut repository).is_none() {
        return;
    }
    repository.write("go/b/b.go", "package b\n\nfunc One() int {\n\treturn 1\n}\n");
    repository.write(
        "go/b/b_test.go",
        "package b\n\nimport \"testing\"\n\nfunc TestOne(t *testing.T) {\n\tOne()\n}\n",
    );
    repository.write(
        "pilotage.yaml",
        "version: 1\ntests: { coverage: { lines: 75 } }\n",
    );
    for shard in 1..=2 {
        let output = repository
            .command(&format!(
                "run --no-keep --coverage --shards 2 --shard {shard} --format json --output {shard}.json"
            ))
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "a shard alone is not judged: {output:?}"
        );
    }
    let merged = repository
        .command("merge 1.json 2.json --format json")
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&merged.stdout).unwrap();
    assert_eq!(merged.status.code(), Some(0), "{report:#}");
    let lines = &report["coverage"]["shares"]["lines"];
    assert!(
        lines["covered"].as_u64() > Some(3) && lines["total"].as_u64() > lines["covered"].as_u64(),
        "{report:#}"
    );
    let mut lacking: Value = serde_json::from_str(&file(&repository, "2.json")).unwrap();
    lacking.as_object_mut().unwrap().remove("reached");
    repository.write("2.json", &lacking.to_string());
    let merged = repository
        .command("merge 1.json 2.json --format json")
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&merged.stdout).unwrap();
    assert_red(
        &(merged.status.code().unwrap(), report),
        &["shard 2", "not measured"],
    );
}

#[test]
fn a_runner_that_cannot_measure_is_red_where_something_is_asked() {
    let Some(repository) = Repository::with_pytest() else {
        return;
    };
    repository.write("test_one.py", "def test_one():\n    pass\n");
    let without = "version: 1\ntests:\n  suites: { pytest: { arguments: [-p, \"no:pytest_cov\"] } }\n";
    repository.write("pilotage.yaml", without);
    let (code, report) = repository.run("--coverage");
    assert_eq!(code, 0, "{report:#}");
    assert!(
        report["notes"]
            .to_string()
            .contains("pytest-cov is not installed"),
        "{report:#}"
    );
    repository.write("pilotage.yaml", &format!("{without}  coverage: {{ lines: 1 }}\n"));
    let found = repository.run("--coverage");
    assert_red(&found, &["pytest-cov is not installed"]);
    assert_red(&found, &["no report of coverage"]);
}

#[test]
fn vitest_measures_whatever_its_own_thresholds_say() {
    let how = "`npm ci` in a copy of .ci/js-runners, and name the folder";
    let Some(folder) = lent("PILOTAGE_VITEST_COVERAGE", how) else {
        return;
    };
    let repository = Repository::new();
    std::os::unix::fs::symlink(
        folder.join("node_modules"),
        repository.path().join("node_modules"),
    )
    .unwrap();
    repository.write(
        "package.json",
        "{\"type\": \"module\", \"devDependencies\": {\"vitest\": \"*\"}}",
    );
    repository.write(
        "vitest.config.js",
        "export default { test: { coverage: { thresholds: { lines: 100, branches: 100 } } } };\n",
    );
    repository.write(
        "src/sign.js",
        "export function sign(x) {\n  if (x < 0) return -1;\n  return 1;\n}\nexport const never = () => 2;\n",
    );
    repository.write(
        "src/sign.test.js",
        "import { expect, test } from \"vitest\";\nimport { sign } from \"./sign.js\";\ntest(\"one\", () => expect(sign(3)).toBe(1));\n",
    );
    let (code, report) = repository.run("--coverage");
    assert_eq!(code, 0, "{:#?}\n{report:#}", problems(&report));
    assert_eq!(
        report["coverage"]["shares"]["functions"],
        json!({ "covered": 1, "total": 2 })
    );
    assert!(file(&repository, ".pilotage/coverage/lcov.info").contains("SF:src/sign.js"));
}

#[test]
fn pytest_measures_lines_branches_and_functions() {
    let how = "`pip install --target FOLDER pytest pytest-cov`, and name the folder";
    let Some(packages) = lent("PILOTAGE_PYTEST_COV", how) else {
        return;
    };
    let mut repository = Repository::new();
    repository.set("PYTHONPATH", packages);
    repository.write(
        "sign.py",
        "def sign(x):\n    if x < 0:\n        return -1\n    return 1\n",
    );
    repository.write(
        "test_sign.py",
        "from sign import sign\n\ndef test_one():\n    assert sign(3) == 1\n",
    );
    repository.write(
        "pilotage.yaml",
        "version: 1\ntests: { coverage: { paths: { sign.py: { lines: 76 } }, exclude: [\"test_*.py\"] } }\n",
    );
    let found = repository.run("--coverage");
    assert_red(
        &found,
        &["`sign.py`: 75.00 % of lines (3 of 4), and 76 % are asked"],
    );
    let shares = &found.1["coverage"]["shares"];
    assert_eq!(shares["branches"], json!({ "covered": 1, "total": 2 }));
    assert_eq!(shares["functions"], json!({ "covered": 1, "total": 1 }));
}

#[test]
fn reports_of_any_format_are_merged_and_a_broken_one_is_named() {
    let repository = Repository::new();
    repository.write("src/a.ts", "");
    repository.write("a/lcov.info", "SF:src/a.ts\nDA:1,1\nDA:2,0\nend_of_record\n");
    let whole = repository.path().join("src/a.ts").display().to_string();
    repository.write("b.info", &format!("SF:{whole}\nDA:1,0\nDA:2,5\nend_of_record\n"));
    let output = repository
        .command("coverage a/lcov.info b.info --format json")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["shares"]["lines"], json!({ "covered": 2, "total": 2 }));
    repository.write("c\u{1b}.info", "SF:a\nDA:1,1\n");
    let output = repository.command("coverage c\u{1b}.info").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        said.contains(".info: it ends within the record of a") && !said.contains('\u{1b}'),
        "{said}"
    );
    let text = repository
        .command("coverage a/lcov.info b.info")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("100.00 %"), "{text}");
}

#[test]
fn jest_measures_whatever_its_own_thresholds_say() {
    let Some(repository) = Repository::with_js() else {
        return;
    };
    let thresholds = "{\"global\": {\"lines\": 100, \"functions\": 100}}";
    repository.write(
        "package.json",
        &format!(
            "{{\"devDependencies\": {{\"jest\": \"*\"}}, \"jest\": {{\"coverageThreshold\": {thresholds}}}}}"
        ),
    );
    repository.write(
        "src/sign.js",
        "exports.sign = (x) => {\n  if (x < 0) return -1;\n  return 1;\n};\nexports.never = () => 2;\n",
    );
    repository.write(
        "src/sign.test.js",
        "const { sign } = require(\"./sign\");\ntest(\"one\", () => expect(sign(3)).toBe(1));\n",
    );
    let (code, report) = repository.run("--coverage");
    assert_eq!(code, 0, "{:#?}\n{report:#}", problems(&report));
    let shares = &report["coverage"]["shares"];
    assert_eq!(shares["functions"], json!({ "covered": 1, "total": 2 }));
    assert_eq!(shares["branches"], json!({ "covered": 1, "total": 2 }));
    assert!(file(&repository, ".pilotage/coverage/lcov.info").contains("SF:src/sign.js"));
}

#[test]
fn cargo_measures_with_the_counters_of_the_compiler_and_is_merged_with_others() {
    let how = "`apt-get install llvm-22`, or whatever LLVM the compiler has, and name the folder with llvm-cov and llvm-profdata";
    let Some(tools) = lent("PILOTAGE_LLVM", how) else {
        return;
    };
    let mut repository = Repository::new();
    if with_rspec(&repository).is_none() {
        return;
    }
    repository.set("LLVM_COV", tools.join("llvm-cov"));
    repository.set("LLVM_PROFDATA", tools.join("llvm-profdata"));
    repository.write(
        "rust/Cargo.toml",
        "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
    );
    repository.write(
        "rust/src/lib.rs",
        "pub fn sign(x: i32) -> i32 {\n    if x < 0 {\n        return -1;\n    }\n    1\n}\n\npub fn never() {}\n\n\
         #[test]\nfn one() {\n    assert_eq!(sign(3), 1);\n}\n",
    );
    repository.write(
        "rust/src/main.rs",
        "fn main() {\n    std::process::exit(sample::sign(-3) + 1);\n}\n",
    );
    repository.write(
        "rust/tests/whole.rs",
        "#[test]\nfn by_program() {\n    let program = env!(\"CARGO_BIN_EXE_sample\");\n    \
         assert!(std::process::Command::new(program).status().unwrap().success());\n}\n",
    );
    let (code, report) = repository.run("--coverage --workers 2");
    assert_eq!(code, 0, "{:#?}\n{report:#}", problems(&report));
    assert_eq!(report["coverage"]["providers"], json!(["llvm-cov", "simplecov"]));
    let lcov = file(&repository, ".pilotage/coverage/lcov.info");
    let of = |name: &str| {
        let record = lcov
            .split("end_of_record")
            .find(|record| record.contains(&format!("SF:{name}\n")));
        record.unwrap_or_else(|| panic!("{name}: {lcov}")).to_owned()
    };
    let library = of("rust/src/lib.rs");
    assert!(
        library.contains("DA:3,1"),
        "what a program reached that a test started: {library}"
    );
    assert!(library.contains("DA:8,0"), "{library}");
    assert!(of("rust/src/main.rs").contains("DA:2,1"), "{lcov}");
    assert!(of("ruby/lib/sign.rb").contains("DA:1,1"), "{lcov}");
    assert!(
        !lcov.contains("rust/tests/"),
        "tests are not what is measured: {lcov}"
    );
}

#[test]
fn cargo_without_the_tools_of_llvm_says_which() {
    let mut repository = Repository::new();
    repository.set("LLVM_COV", "/no/such/llvm-cov".into());
    repository.set("LLVM_PROFDATA", "/no/such/llvm-profdata".into());
    repository.write(
        "Cargo.toml",
        "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
    );
    repository.write("src/lib.rs", "#[test]\nfn one() {}\n");
    repository.write("pilotage.yaml", "version: 1\ntests: { coverage: { lines: 1 } }\n");
    let found = repository.run("--coverage");
    assert_red(
        &found,
        &["cargo: what its tests reach is unknown", "llvm-profdata"],
    );
}
