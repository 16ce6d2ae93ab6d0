//! `pilotage run`: what people and programs read, the exit codes, and Ctrl-C.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use assert_cmd::cargo::cargo_bin;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{Place, Ran};

const CONFIG: &str = r#"
version: 1
pipelines:
  ci:
    on: {push: {}, manual: {inputs: {level: {default: low}}}}
    stages: [check, ship]
    jobs:
      build:
        stage: check
        inputs: {files: [src]}
        outputs: [out]
        steps:
          - checkout: {}
          - {name: Build, run: 'mkdir -p out; cat src/* > out/all; echo "built $(cat out/all)"'}
          - upload: {name: built, paths: [out/all]}
      test:
        stage: check
        needs: [build]
        matrix: {axes: {kind: [unit, slow]}}
        inputs: {files: [tests]}
        variables: {KIND: "${matrix.kind}", LEVEL: "${input.level}"}
        steps: [{run: 'echo "tested $KIND $LEVEL"; cat out/all tests/*'}]
      deploy:
        stage: ship
        needs: [test]
        environment: {name: production}
        steps: [{deploy: {run: echo deployed > deployed}, secrets: [TOKEN]}]
"#;

/// A repository with this configuration.
fn repository(config: &str) -> Place {
    let place = Place::new();
    for folder in ["src", "tests"] {
        fs::create_dir(place.0.path().join(folder)).unwrap();
    }
    place.write("pilotage.yaml", config);
    place.write(".gitignore", "/out\n/.pilotage\n");
    place.write("src/a", "a");
    place.write("tests/t", "t\n");
    for arguments in ["init -q -b main", "add .", "commit -q -m One"] {
        let git = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
            .args(arguments.split(' '))
            .current_dir(place.0.path())
            .status();
        assert!(git.unwrap().success());
    }
    place
}

fn run(place: &Place, arguments: &str) -> Ran {
    let path = std::env::var_os("PATH").unwrap();
    Ran::from(
        place
            .command(&format!("run {arguments}"))
            .env("PATH", path)
            .output()
            .unwrap(),
    )
}

fn json(place: &Place, arguments: &str, code: i32) -> Value {
    serde_json::from_str(&run(place, &format!("{arguments} --format json")).ended(code)).unwrap()
}

/// What became of each job: its state, and whether it was cached.
fn states(report: &Value) -> Vec<String> {
    let jobs = report["jobs"].as_array().unwrap().iter();
    jobs.map(|job| {
        let cached = if job["cached"] == true { " cached" } else { "" };
        format!(
            "{} {}{cached}",
            job["name"].as_str().unwrap(),
            job["state"].as_str().unwrap()
        )
    })
    .collect()
}

#[test]
fn lines_say_which_job_they_are_of_and_a_second_run_repeats_them() {
    let place = repository(CONFIG);
    let first = run(&place, "").ended(0);
    let has = |text: &str, line: &str| text.lines().any(|shown| shown.starts_with(line));
    for line in [
        "build           | runs because it has not run here before",
        "build           | # checkout: the files of this folder are used as they are",
        "build           | # Build",
        "build           | built a",
        "build           | # 1 file in artifacts/built",
        "test[kind=slow] | tested slow low",
        "deploy          | skipped: it deploys to production; --deploy lets it",
        "4 jobs in ",
    ] {
        assert!(has(&first, line), "{line:?} in\n{first}");
    }
    fs::remove_dir_all(place.0.path().join("out")).unwrap();
    fs::remove_dir_all(place.0.path().join(".pilotage/artifacts")).unwrap();
    let second = run(&place, "").ended(0);
    assert!(has(&second, "build           | built a"), "{second}");
    assert!(second.contains("3 succeeded (3 cached), 1 skipped"), "{second}");
    assert_eq!(place.read("out/all"), "a");
    assert_eq!(place.read(".pilotage/artifacts/built/out/all"), "a");
}

#[test]
fn programs_read_one_document_and_logs_are_kept() {
    let place = repository(CONFIG);
    let report = json(&place, "test[kind=unit]", 0);
    assert_eq!(states(&report), ["build succeeded", "test[kind=unit] succeeded"]);
    assert_eq!(report["jobs"][1]["matrix"]["kind"], "unit");
    let log = place.read(report["jobs"][0]["log"].as_str().unwrap());
    assert!(log.contains("built a\n"), "{log}");
    let kept: Value = serde_json::from_str(&place.read(&format!(
        ".pilotage/runs/{}/run.json",
        report["id"].as_str().unwrap()
    )))
    .unwrap();
    assert_eq!(kept["jobs"], report["jobs"]);
    let again = json(&place, "test[kind=unit]", 0);
    assert_eq!(
        states(&again),
        ["build succeeded cached", "test[kind=unit] succeeded cached"]
    );
}

#[test]
fn a_dry_run_says_why_and_does_nothing() {
    let place = repository(CONFIG);
    let first = run(&place, "--dry-run").ended(0);
    assert!(
        first.contains("runs because it has not run here before"),
        "{first}"
    );
    assert!(!place.0.path().join("out").exists());
    run(&place, "").ended(0);
    place.write("tests/t", "other\n");
    let report = json(&place, "--dry-run", 0);
    let why = |number: usize| report["jobs"][number]["reason"].as_str().unwrap().to_owned();
    assert_eq!(why(0), "cached because nothing that it depends on changed");
    assert_eq!(why(1), "runs because tests/t changed");
    assert!(why(3).contains("it deploys to production"));
}

#[test]
fn only_what_a_change_affects_runs() {
    let place = repository(CONFIG);
    let clean = json(&place, "--affected HEAD", 0);
    assert_eq!(
        states(&clean),
        [
            "build unaffected",
            "test[kind=unit] unaffected",
            "test[kind=slow] unaffected",
            "deploy skipped"
        ]
    );
    place.write("tests/new", "new\n");
    let report = json(&place, "--affected HEAD", 0);
    // `build` is not affected, and runs because the tests need what it makes.
    assert_eq!(
        states(&report)[..3],
        [
            "build succeeded",
            "test[kind=unit] succeeded",
            "test[kind=slow] succeeded"
        ]
    );
    let unknown = run(&place, "--affected nowhere");
    assert!(
        unknown.err.contains("Git knows no commit called `nowhere`"),
        "{unknown:#?}"
    );
    unknown.ended(2);
}

#[test]
fn every_end_has_its_code() {
    let failing = CONFIG.replace("cat out/all tests/*", "exit 7");
    let place = repository(&failing);
    let ran = run(&place, "");
    assert!(
        ran.out.contains(
            "failed  test[kind=unit]: `echo \"tested $KIND $LEVEL\"; exit 7` ended with exit code 7"
        ),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("deploy          | skipped: it deploys"),
        "{}",
        ran.out
    );
    ran.ended(1);
    for (arguments, told) in [
        ("tset", "did you mean `test`?"),
        ("test[kind=fast]", "there are test[kind=unit], test[kind=slow]"),
        ("--pipeline other", "no pipeline called `other`"),
        ("--input level", "write NAME=VALUE"),
        ("--input other=1", "no input called `other`"),
        ("--cache ftp://a", "`ftp` is no store"),
        ("--cache-limit 5", "such as 5GiB"),
        ("--jobs 0", "--jobs"),
        ("--cache a --no-cache", "cannot be used with"),
    ] {
        let ran = run(&place, arguments);
        assert!(ran.err.contains(told), "{arguments}: {ran:#?}");
        ran.ended(2);
    }
}

#[test]
fn what_deploys_does_so_on_demand_with_its_secret() {
    let place = repository(CONFIG);
    let lacking = run(&place, "--deploy");
    assert!(
        lacking
            .out
            .contains("the secret `TOKEN` is not in the environment"),
        "{}",
        lacking.out
    );
    lacking.ended(1);
    let path = std::env::var_os("PATH").unwrap();
    let mut command = place.command("run --deploy --input level=high");
    let ran = Ran::from(
        command
            .env("PATH", path)
            .env("TOKEN", "very-secret")
            .output()
            .unwrap(),
    );
    assert!(ran.out.contains("tested unit high"), "{}", ran.out);
    ran.ended(0);
    assert_eq!(place.read("deployed"), "deployed\n");
}

const ENDLESS: &str = r#"
version: 1
pipelines:
  ci:
    on: {push: {}}
    jobs:
      long: {steps: [{run: "sleep 1000 & echo $! > pid; echo ready; wait"}]}
      next: {needs: [long], steps: [{run: "true"}]}
"#;

#[test]
fn an_interrupt_stops_cleanly_and_two_runs_do_not_share_a_tree() {
    let place = repository(ENDLESS);
    let (mut child, lines) = endless(&place);
    let beside = run(&place, "");
    assert!(
        beside.err.contains("another `pilotage run` works on these files"),
        "{beside:#?}"
    );
    beside.ended(3);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{rest:?}");
    assert!(
        rest.iter()
            .any(|line| line.starts_with("next | cancelled: the run was stopped")),
        "{rest:?}"
    );
    assert_gone(place.read("pid").trim());
}

#[test]
fn being_killed_leaves_nothing_behind() {
    let place = repository(ENDLESS);
    let (mut child, _lines) = endless(&place);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "a signal ended it");
    assert_gone(place.read("pid").trim());
}

/// A run that has begun its endless job, and the lines after that.
fn endless(place: &Place) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut child = Command::new(cargo_bin!("pilotage"))
        .arg("run")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .current_dir(place.0.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    assert!(lines.any(|line| line == "long | ready"));
    (child, lines)
}

/// Waits until a process has ended.
#[track_caller]
fn assert_gone(pid: &str) {
    let process = format!("/proc/{pid}");
    let deadline = Instant::now() + Duration::from_secs(30);
    let is_there = || {
        let stat = fs::read_to_string(Path::new(&process).join("stat"));
        stat.is_ok_and(|stat| !stat.contains(") Z"))
    };
    while is_there() {
        assert!(Instant::now() < deadline, "{process} was left behind");
        std::thread::yield_now();
    }
}
