//! Criteria whose evidence is more than one file: repositories, registries, programs that really use what is measured.

use std::process::Command;

use crate::Repository;

/// One criterion, and what makes it pass (`true`) or fail.
pub(super) struct Scene {
    pub(super) gate: &'static str,
    pub(super) metric: &'static str,
    pub(super) config: fn(bool) -> String,
    pub(super) prepare: fn(&Repository, bool),
}

pub(super) fn scenes() -> Vec<Scene> {
    let scene = |gate, metric, config, prepare| Scene {
        gate,
        metric,
        config,
        prepare,
    };
    let security = "security-validation";
    let performance = "performance-validation";
    let compliance = "compliance-validation";
    vec![
        scene("build-validation", "build_time", limited_build, package),
        scene(security, "outdated_dependencies", newer_crates, dependencies),
        scene(security, "secrets_exposed", own_scanner, committed_secret),
        scene(performance, "response_time_p95", load, slow_answers),
        scene(performance, "throughput_rps", load, few_answers),
        scene(performance, "error_rate", load, refused_requests),
        scene(performance, "memory_usage_peak", memory, hungry_program),
        scene(compliance, "policy_violations", policy, small_test_suite),
        scene(compliance, "required_approvals", trailers, approved_commit),
        scene(compliance, "change_window_compliance", freeze, |_, _| {}),
    ]
}

/// No build of a test takes five minutes, so the threshold is another one here; the time is that of a real build.
fn limited_build(good: bool) -> String {
    let threshold = if good { "300s" } else { "1ms" };
    format!(
        "gates:\n- id: build-validation\n  criteria: [{{ metric: build_time, threshold: {threshold} }}]\n"
    )
}

const MANIFEST: &str =
    "[package]\nname = \"judged\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n";

fn package(repository: &Repository, _: bool) {
    repository.write("Cargo.toml", MANIFEST);
    repository.write("src/lib.rs", "pub fn f() {}\n");
}

fn newer_crates(_: bool) -> String {
    "evidence:\n  crates: { kind: cargo-outdated }\n".to_owned()
}

/// Eleven crates of a registry on this disk, locked; then ten of them, or all, have a newer release.
fn dependencies(repository: &Repository, good: bool) {
    let names: Vec<String> = (10..21).map(|number| format!("d{number}")).collect();
    let root = repository.path().display().to_string();
    let own = format!(
        "[source.crates-io]\nreplace-with = \"own\"\n[source.own]\nregistry = \"file://{root}/index\"\n"
    );
    repository.write(".cargo-home/config.toml", &own);
    repository.write(
        "index/config.json",
        &format!("{{\"dl\":\"file://{root}/crates/{{crate}}-{{version}}.crate\"}}"),
    );
    let mut manifest = MANIFEST.to_owned();
    for name in &names {
        let entry = entry(name, "1.0.0", &pack(repository, name));
        repository.write(&format!("index/3/d/{name}"), &entry);
        manifest.extend([name, " = \"1\"\n"]);
    }
    repository.git("init -q index");
    release(repository);
    package(repository, good);
    repository.write("Cargo.toml", &manifest);
    let home = repository.cargo_home().unwrap();
    let mut cargo = Command::new("cargo");
    succeed(cargo.arg("generate-lockfile").env("CARGO_HOME", home), repository);
    for name in names.iter().skip(usize::from(good)) {
        let nothing = "0".repeat(64);
        let both = std::fs::read_to_string(repository.path().join(format!("index/3/d/{name}"))).unwrap()
            + &entry(name, "1.1.0", &nothing);
        repository.write(&format!("index/3/d/{name}"), &both);
    }
    release(repository);
}

fn entry(name: &str, version: &str, digest: &str) -> String {
    format!(
        "{{\"name\":\"{name}\",\"vers\":\"{version}\",\"deps\":[],\"cksum\":\"{digest}\",\"features\":{{}},\"yanked\":false}}\n"
    )
}

/// Makes the file of a crate; its SHA-256.
fn pack(repository: &Repository, name: &str) -> String {
    let folder = format!("crates/{name}-1.0.0");
    repository.write(
        &format!("{folder}/Cargo.toml"),
        &format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\n"),
    );
    repository.write(&format!("{folder}/src/lib.rs"), "");
    let file = format!("{folder}.crate");
    succeed(
        Command::new("tar").args(["-C", "crates", "-czf", &file, &format!("{name}-1.0.0")]),
        repository,
    );
    let said = succeed(Command::new("sha256sum").arg(&file), repository);
    said.split_whitespace().next().unwrap().to_owned()
}

fn release(repository: &Repository) {
    repository.git("-C index add -A");
    repository.git("-C index commit -q -m release");
}

#[track_caller]
fn succeed(command: &mut Command, repository: &Repository) -> String {
    let output = command.current_dir(repository.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn own_scanner(_: bool) -> String {
    "evidence:\n  tree: { kind: secrets }\n".to_owned()
}

fn committed_secret(repository: &Repository, good: bool) {
    repository.git("init -q");
    repository.write(
        "settings.yml",
        &if good {
            "port: 80\n".to_owned()
        } else {
            crate::secrets::line()
        },
    );
    repository.commit();
}

fn load(_: bool) -> String {
    "evidence:\n  load: { kind: load, files: [result] }\n".to_owned()
}

/// k6's summary, of a thousand requests; times are in milliseconds.
fn slow_answers(repository: &Repository, good: bool) {
    let p95 = if good { 999.9 } else { 1000.0 };
    repository.write(
        "result",
        &format!(
            r#"{{"metrics":{{"http_reqs":{{"count":1000,"rate":100.0}},"http_req_duration":{{"avg":9.1,"p(90)":20.5,"p(95)":{p95}}},"http_req_failed":{{"value":0,"passes":0,"fails":1000}}}}}}"#
        ),
    );
}

/// What wrk writes.
fn few_answers(repository: &Repository, good: bool) {
    let rate = if good { "1000.01" } else { "1000.00" };
    repository.write(
        "result",
        &format!(
            "Running 10s test @ http://127.0.0.1:8080/\n  2 threads and 10 connections\n  Thread Stats   Avg      Stdev     Max   +/- Stdev\n    \
             Latency     1.29ms    1.04ms  21.72ms   87.25%\n  Latency Distribution\n     50%    1.01ms\n     99%    5.35ms\n  \
             10001 requests in 10.00s, 1.10MB read\nRequests/sec:   {rate}\nTransfer/sec:    112.10KB\n"
        ),
    );
}

/// oha's JSON, of ten thousand requests.
fn refused_requests(repository: &Repository, good: bool) {
    let refused = if good { 9 } else { 10 };
    let answered = 10_000 - refused;
    repository.write(
        "result",
        &format!(
            r#"{{"summary":{{"successRate":1.0,"requestsPerSec":2000.5}},"latencyPercentiles":{{"p95":0.01,"p99":0.02}},"statusCodeDistribution":{{"200":{answered},"503":{refused}}},"errorDistribution":{{}}}}"#
        ),
    );
}

fn memory(_: bool) -> String {
    "evidence:\n  program: { kind: command, command: [awk, -f, use.awk], metrics: { memory_usage_peak: { from: output } } }\n"
        .to_owned()
}

/// A text is doubled until it has 4 or 512 MiB; what the program used at most is said by the kernel.
fn hungry_program(repository: &Repository, good: bool) {
    let doublings = if good { 22 } else { 29 };
    repository.write(
        "use.awk",
        &format!(
            "BEGIN {{\n  text = \"x\"\n  while (times++ < {doublings}) text = text text\n  while ((getline line < \"/proc/self/status\") > 0)\n    \
             if (line ~ /^VmHWM/) {{ split(line, words, \" \"); print words[2] \"KiB\" }}\n}}\n"
        ),
    );
}

fn policy(_: bool) -> String {
    "evidence:\n  tests: { kind: junit, files: [report.xml] }\n  rules: { kind: policy, rules: { enough: { cel: metrics.tests_total > 1 } } }\n"
        .to_owned()
}

fn small_test_suite(repository: &Repository, good: bool) {
    let second = if good { "<testcase name='b'/>" } else { "" };
    repository.write(
        "report.xml",
        &format!("<testsuite name='s' time='1'><testcase name='a'/>{second}</testsuite>"),
    );
}

fn trailers(_: bool) -> String {
    "evidence:\n  people: { kind: approvals, trailers: [Approved-by] }\n".to_owned()
}

/// The author approves too, which counts for nothing.
fn approved_commit(repository: &Repository, good: bool) {
    let second = if good {
        "Edsger <edsger@example.com>"
    } else {
        "a <a@example.com>"
    };
    repository.git("init -q");
    repository.write(
        "message",
        &format!("change\n\nApproved-by: Grace <grace@example.com>\nApproved-by: {second}\n"),
    );
    repository.git("add -A");
    repository.git("commit -q -F message");
}

/// A freeze of the past does not close anything; one that holds until the end of the calendar does.
fn freeze(good: bool) -> String {
    let to = if good { "2001-01-01" } else { "9998-12-31" };
    format!(
        "evidence:\n  when:\n    kind: window\n    timeZone: Europe/Berlin\n    freezes: [{{ from: 2000-01-01, to: {to}, reason: year end }}]\n"
    )
}
