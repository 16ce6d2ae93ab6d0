//! Projects of other people: the same tests with the same verdicts as their runners alone give, all of them in one go.
//!
//! `PILOTAGE_TEST_PROJECTS` names the folder into which `.ci/projects/fetch` has brought them.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use serde_json::Value;

use crate::repository::{Repository, js_runners, lent, problems, pytest, rspec};

/// How often each name ends how. Runners may call several tests the same.
type Told = BTreeMap<(String, String), usize>;

/// Parts of networkx that take about as long as the other projects.
const NETWORKX: &[&str] = &[
    "classes",
    "algorithms/bipartite",
    "algorithms/centrality",
    "algorithms/shortest_paths",
];

fn count(tests: impl IntoIterator<Item = (String, String)>) -> Told {
    let mut told = Told::new();
    for test in tests {
        *told.entry(test).or_default() += 1;
    }
    told
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// By pytest alone: what its JUnit report tells.
fn by_pytest(root: &Path, packages: &Path, scratch: &Path, how: &[&str]) -> Told {
    let report = scratch.join("pytest.xml");
    run(Command::new("python3")
        .args(["-m", "pytest", "-q", "--rootdir=."])
        .arg(format!("--junitxml={}", report.display()))
        .args(how)
        .args(NETWORKX)
        .env("PYTHONPATH", packages)
        .current_dir(root.join("networkx")));
    let text = fs::read_to_string(report).unwrap();
    count(text.split("<testcase ").skip(1).map(|case| {
        let name = case.split_once(" name=\"").unwrap().1.split_once('"').unwrap().0;
        // A module that is skipped whole has no class, and a dotted name.
        let module = case
            .starts_with("classname=\"\"")
            .then(|| format!("{}.py", name.replace('.', "/")));
        let name = module.as_deref().unwrap_or(name);
        let unescaped = name
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&amp;", "&");
        let has = |element: &str| case.contains(element);
        let state = if has("<failure") || has("<error") {
            "failed"
        } else if has("<skipped") {
            "skipped"
        } else {
            "passed"
        };
        (unescaped, state.to_owned())
    }))
}

/// By Vitest alone: what its JSON tells.
fn by_vitest(root: &Path, scratch: &Path, workers: u8) -> Told {
    let report = scratch.join("vitest.json");
    run(Command::new(root.join("zod/node_modules/.bin/vitest"))
        .args(["run", "--reporter=json", "src/v3/tests"])
        .arg(format!("--maxWorkers={workers}"))
        .arg(format!("--outputFile={}", report.display()))
        .current_dir(root.join("zod")));
    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    let files = report["testResults"].as_array().unwrap().iter();
    let tests = files.flat_map(|file| file["assertionResults"].as_array().unwrap());
    count(tests.map(|test| {
        let above = test["ancestorTitles"]
            .as_array()
            .unwrap()
            .iter()
            .chain(std::iter::once(&test["title"]));
        let name: Vec<_> = above.map(|title| title.as_str().unwrap()).collect();
        let state = match test["status"].as_str().unwrap() {
            state @ ("passed" | "failed") => state,
            _ => "skipped",
        };
        (name.join(" > "), state.to_owned())
    }))
}

/// By RSpec alone: what its JSON tells.
fn by_rspec(root: &Path) -> Told {
    let mut command = Command::new("rspec");
    command
        .args(["-I", "../stubs", "--format", "json"])
        .current_dir(root.join("hashie"))
        // There its helper wants to measure coverage.
        .env_remove("CI");
    let out = run(&mut command);
    let report: Value =
        serde_json::from_str(&out[out.find("{\"version\"").unwrap()..]).unwrap_or_else(|_| {
            let line = out.lines().find(|line| line.starts_with("{\"version\"")).unwrap();
            serde_json::from_str(line).unwrap()
        });
    count(report["examples"].as_array().unwrap().iter().map(|example| {
        let text = |key: &str| example[key].as_str().unwrap().to_owned();
        let state = text("status").replace("pending", "skipped");
        (text("full_description"), state)
    }))
}

/// By cargo alone: the lines of its test programs.
fn by_cargo(root: &Path) -> Told {
    let out = run(Command::new("cargo")
        .args(["test", "--no-fail-fast", "--offline"])
        .current_dir(root.join("regex-syntax")));
    count(out.lines().filter_map(|line| {
        let (name, state) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
        let state = match state {
            "ok" => "passed",
            "FAILED" => "failed",
            _ => "skipped",
        };
        Some((name.to_owned(), state.to_owned()))
    }))
}

fn by_pilotage(report: &Value, suite: &str) -> Told {
    let mut suites = report["verdict"]["suites"].as_array().unwrap().iter();
    let suite = suites.find(|found| found["name"] == suite).unwrap();
    let files = suite["files"].as_object().unwrap().values();
    count(
        files
            .flat_map(|file| file["tests"].as_array().unwrap())
            .map(|test| {
                let name = test["name"].as_str().unwrap();
                // JUnit of pytest names classes elsewhere.
                let name = if suite["runner"] == "pytest" {
                    name.split("::").last().unwrap()
                } else {
                    name
                };
                (name.to_owned(), test["state"].as_str().unwrap().to_owned())
            }),
    )
}

#[track_caller]
fn assert_same(what: &str, ours: &Told, theirs: &Told) {
    let differs = |a: &Told, b: &Told| -> Vec<_> {
        let differing = a.iter().filter(|(test, number)| b.get(test) != Some(number));
        differing
            .take(5)
            .map(|(test, number)| format!("{test:?} x {number}"))
            .collect()
    };
    assert!(
        ours == theirs,
        "{what}: only by pilotage: {:#?}, only alone: {:#?}",
        differs(ours, theirs),
        differs(theirs, ours)
    );
    let tests: usize = theirs.values().sum();
    assert!(tests > 100, "{what}: only {tests} tests");
}

/// Links the projects into one repository.
fn repository(root: &Path, packages: &Path) -> Repository {
    let mut repository = Repository::new();
    for name in ["packages", "hashie", "stubs", "regex-syntax", "zod"] {
        std::os::unix::fs::symlink(root.join(name), repository.path().join(name)).unwrap();
    }
    let patterns: Vec<_> = NETWORKX.iter().map(|part| format!("\"{part}/**\"")).collect();
    repository.write(
        "pilotage.yaml",
        &format!(
            "version: 1\ntests:\n  detect: false\n  suites:\n    networkx: {{ runner: pytest, folder: packages/networkx, files: [{}] }}\n    \
             zod: {{ runner: vitest, folder: zod, files: [\"src/v3/**\"] }}\n    \
             hashie: {{ runner: rspec, folder: hashie, arguments: [-I, ../stubs] }}\n    \
             regex-syntax: {{ runner: cargo, folder: regex-syntax }}\n",
            patterns.join(", ")
        ),
    );
    repository.set("PYTHONPATH", packages.to_owned());
    repository
}

/// All that files took in the last run and one start of each suite, spread evenly: nothing can be faster.
fn lower_bound(repository: &Repository, workers: u32) -> f64 {
    let history = fs::read(repository.path().join(".pilotage/test-history.json")).unwrap();
    let history: Value = serde_json::from_slice(&history).unwrap();
    let last = |spent: &Value| spent["runs"].as_array()?.last()?.as_f64();
    let mut work = 0.0;
    for suite in history["classes"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|suites| suites.as_object().unwrap().values())
    {
        let start = last(&suite["start"]).unwrap_or_default();
        let files = suite["files"].as_object().unwrap().values();
        let seconds: Vec<f64> = files.filter_map(|file| last(&file["spent"])).collect();
        work += start + seconds.iter().sum::<f64>();
    }
    work / f64::from(workers)
}

#[test]
fn the_tests_of_others_are_the_same_with_the_same_verdicts() {
    let how = "`.ci/projects/fetch FOLDER`, and name the folder";
    let (Some(root), Some(packages), Some(modules), Some(_)) = (
        lent("PILOTAGE_TEST_PROJECTS", how),
        pytest(),
        js_runners(),
        rspec(),
    ) else {
        return;
    };
    let link: PathBuf = root.join("zod/node_modules");
    let _ = fs::remove_file(&link);
    std::os::unix::fs::symlink(modules.join("node_modules"), link).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let built = Command::new("cargo")
        .args(["test", "--no-run", "--offline"])
        .current_dir(root.join("regex-syntax"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{built:?}");

    let begun = Instant::now();
    let theirs = [
        ("networkx", by_pytest(&root, &packages, scratch.path(), &[])),
        ("zod", by_vitest(&root, scratch.path(), 1)),
        ("hashie", by_rspec(&root)),
        ("regex-syntax", by_cargo(&root)),
    ];
    let alone = begun.elapsed();
    let begun = Instant::now();
    // RSpec has no mode of its own for several processes, and cargo always has.
    let parallel = [
        by_pytest(&root, &packages, scratch.path(), &["-n", "2"]),
        by_vitest(&root, scratch.path(), 2),
        by_rspec(&root),
        by_cargo(&root),
    ];
    let in_parallel = begun.elapsed();
    for ((suite, told), parallel) in theirs.iter().zip(&parallel) {
        assert_same(suite, parallel, told);
    }
    let repository = repository(&root, &packages);
    for run in ["without history", "with history"] {
        let begun = Instant::now();
        let (code, report) = repository.run("--workers 2");
        let together = begun.elapsed();
        assert!(problems(&report).is_empty(), "{:#?}", problems(&report));
        for (suite, told) in &theirs {
            assert_same(suite, &by_pilotage(&report, suite), told);
        }
        let failed = theirs
            .iter()
            .any(|(_, told)| told.keys().any(|(_, state)| state == "failed"));
        assert_eq!(code, i32::from(failed));
        // Times are told and not asserted: this machine may be busy with something else.
        let timing = &report["timing"];
        let took = timing["seconds"].as_f64().unwrap();
        let least = lower_bound(&repository, 2);
        let _ = writeln!(
            std::io::stderr(),
            "one after the other {:.1} s, each with two workers of its own {:.1} s, all with two at once {run} {:.1} s; planned {:.1} s, at least {:.1} s, \
             took {took:.1} s, {:.2} of at least {least:.1} s by the durations of this run",
            alone.as_secs_f64(),
            in_parallel.as_secs_f64(),
            together.as_secs_f64(),
            timing["predicted"].as_f64().unwrap(),
            timing["lowerBound"].as_f64().unwrap(),
            took / least,
        );
    }
}
