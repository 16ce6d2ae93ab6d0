//! Definitions that differ in all that a definition can say, the same for a seed every time.

use pilotage_core::pipeline::{Pipeline, PipelineFile, resolve};
use serde_json::{Map, Value, json};

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

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

/// The pipeline of a seed.
pub(crate) fn pipeline(seed: u64) -> Pipeline {
    let written = definition(seed);
    let file: PipelineFile = serde_json::from_value(written.clone()).unwrap();
    resolve(&format!("p{seed}"), &file).unwrap_or_else(|problems| panic!("{seed}: {problems:?}\n{written:#}"))
}

fn definition(seed: u64) -> Value {
    let mut chance = Chance(seed);
    let stages = 1 + chance.below(4);
    let names: Vec<String> = (0..stages).map(|stage| format!("stage{stage}")).collect();
    let mut jobs = Map::new();
    let mut known: Vec<(String, usize)> = Vec::new();
    for number in 0..2 + chance.below(6) {
        let stage = (number * stages / 7).min(stages - 1);
        let name = format!("job_{number}");
        let job = job(&mut chance, &known, stage);
        jobs.insert(name.clone(), job);
        known.push((name, stage));
    }
    if chance.one_in(2) {
        let needs: Vec<&String> = known.iter().map(|(name, _)| name).collect();
        let status = chance.pick(&["failure", "always", "unlessFailed"]);
        jobs.insert(
            "tell".to_owned(),
            json!({"stage": names.last(), "needs": needs, "when": {"status": status}, "timeout": "5m",
                   "steps": [{"notify": {"webhookSecret": "CHAT_URL", "text": "It's \"over\" & done: 100 %"}}]}),
        );
    }
    let mut written = json!({
        "name": chance.pick(&["CI", "Build: all", "It's #1", "Ünïcode", "yes"]),
        "on": triggers(&mut chance), "stages": names, "jobs": jobs,
        "variables": {"REVISION": "${git.sha}", "MODE": chance.pick(&["on", "a: b", "1.20", "it's", "# no comment"])},
    });
    if chance.one_in(2) {
        written["concurrency"] =
            json!({"per": chance.pick(&["branch", "pipeline"]), "cancelRunning": chance.one_in(2)});
    }
    if chance.one_in(3) {
        written["defaults"] = json!({"timeout": "45m", "retries": 1});
    }
    if chance.one_in(4) {
        written["permissions"] = json!({"contents": "read"});
    }
    written
}

/// A push to any branch is always among them, so that every condition on branches can hold.
fn triggers(chance: &mut Chance) -> Value {
    let mut on = json!({"push": {}});
    if chance.one_in(2) {
        on["push"] = json!({"branches": ["main", "develop", "release/*"], "tags": ["v*"]});
    }
    if chance.one_in(2) {
        on["pullRequest"] = chance.pick(&[json!({}), json!({"branches": ["main"]})]);
    }
    if chance.one_in(3) {
        on["schedules"] = json!([{"cron": chance.pick(&["0 3 * * 1", "*/15 0-6 * * *"])}]);
    }
    on["manual"] = json!({"inputs": {
        "level": {"type": "choice", "options": ["low", "high: er"], "default": "low"},
        "dry": {"type": "boolean", "default": chance.one_in(2), "description": "Don't do it"},
        "note": {"default": "it's"}, "count": {"type": "number", "default": 3},
    }});
    on
}

fn job(chance: &mut Chance, known: &[(String, usize)], stage: usize) -> Value {
    let mut job = json!({"stage": format!("stage{stage}")});
    let needs: Vec<&String> = known
        .iter()
        .filter(|(_, other)| *other <= stage && chance.one_in(2))
        .map(|(name, _)| name)
        .collect();
    job["needs"] = json!(needs);
    if chance.one_in(3) {
        job["when"] = chance.pick(&[
            json!({"branches": ["main"]}),
            json!({"branches": ["main", "release/*"], "events": ["push"]}),
            json!({"events": ["push", "manual"]}),
        ]);
    }
    job["variables"] = json!({
        "BRANCH": "${git.branch}", "TITLE": "${git.title}", "LEVEL": "${input.level}", "WHERE": "${run.url}",
        "FIXED": chance.pick(&["a b", "50 %", "~", "null", "{x}"]),
    });
    for (key, value, many) in [
        ("timeout", json!("2h"), 3),
        ("retries", json!(2), 4),
        ("allowFailure", json!(true), 4),
        ("concurrency", json!("one-at-a-time"), 5),
        ("name", json!("Job: with 'quotes'"), 4),
        (
            "permissions",
            json!({"pullRequests": "write", "idToken": "write"}),
            5,
        ),
    ] {
        if chance.one_in(many) {
            job[key] = value;
        }
    }
    let deploys = chance.one_in(4);
    if deploys {
        job["environment"] = json!({"name": "staging", "url": "https://staging.example.com/${git.sha}"});
        if chance.one_in(2) {
            job["approval"] = json!({"message": "Go on? It's time", "approvers": ["release-team"]});
        }
    } else if chance.one_in(3) {
        job["matrix"] = matrix(chance);
        job["variables"]["VERSION"] = json!("${matrix.version}");
    }
    let has_matrix = job.get("matrix").is_some();
    if chance.one_in(4) {
        job["services"] = json!({"db": {"image": "postgres:16", "ports": [5432], "variables": {"POSTGRES_PASSWORD": "x y"}}});
        job["variables"]["DB_HOST"] = json!("${service.db.host}");
    }
    if job.get("services").is_none() && chance.one_in(5) {
        job["runner"] = json!({"labels": ["x64"]});
    }
    job["steps"] = steps(chance, deploys, has_matrix);
    job
}

fn matrix(chance: &mut Chance) -> Value {
    let mut matrix = json!({"axes": {"version": ["3.11", "3.12"], "suite": ["unit", "e2e"]}});
    if chance.one_in(2) {
        matrix["exclude"] = json!([{"version": "3.11", "suite": "e2e"}]);
    }
    if chance.one_in(2) {
        matrix["include"] = json!([{"version": "3.13", "suite": "unit"}]);
    }
    if chance.one_in(3) {
        matrix["maxParallel"] = json!(2);
        matrix["failFast"] = json!(true);
    }
    matrix
}

fn steps(chance: &mut Chance, deploys: bool, has_matrix: bool) -> Value {
    let mut steps = vec![chance.pick(&[
        json!({"checkout": {}}),
        json!({"checkout": {"depth": 0, "submodules": true}}),
    ])];
    let builds = !deploys && !has_matrix && chance.one_in(5);
    if builds {
        steps.push(json!({"container": {"image": "ghcr.io/acme/app", "tags": ["${git.sha}", "${run.number}"], "push": chance.one_in(2),
            "login": {"userSecret": "REGISTRY_USER", "keySecret": "REGISTRY_KEY"}}}));
        return json!(steps);
    }
    let tools = [
        ("node", "20"),
        ("python", "3.12"),
        ("ruby", "3.3"),
        ("rust", "1.95"),
        ("go", "1.23"),
        ("java", "21"),
    ];
    let (tool, version) = if has_matrix {
        ("python", "${matrix.version}")
    } else {
        chance.pick(&tools)
    };
    steps.push(json!({"setup": {tool: version}}));
    if chance.one_in(2) {
        steps.push(
            json!({"cache": {"name": "deps", "paths": [".deps", "target"], "keyFiles": ["deps.lock"]}}),
        );
    }
    let scripts = [
        "make all",
        "echo \"$BRANCH: $TITLE\"",
        "set -u\ncd sub\nexport A=1\nmake \"$LEVEL\"",
        "if [ \"$LEVEL\" = low ]; then\n  echo 'it''s low'\nfi",
        "cat <<'EOF' > file\n  text: $HOME\nEOF\ncat file",
        "printf '%s\\n' \"a\\tb\" | grep -c a",
        "for i in 1 2; do echo \"$i\"; done",
        "echo \"'''\"; echo '\\\\'",
    ];
    for _ in 0..=chance.below(3) {
        let mut step = json!({"run": chance.pick(&scripts)});
        if chance.one_in(3) {
            step["name"] = json!(chance.pick(&["Build: it", "It's #1", "Tests"]));
        }
        if chance.one_in(4) {
            step["secrets"] = json!(["API_KEY"]);
        }
        if chance.one_in(4) {
            step["workingDirectory"] = json!("sub/dir");
        }
        if chance.one_in(6) {
            step["when"] = json!(chance.pick(&["failure", "always"]));
        }
        steps.push(step);
    }
    let reports = [
        json!({"tests": {"files": ["reports/*.xml"]}}),
        json!({"coverage": {"file": "coverage.xml", "threshold": 80}}),
        json!({"sarif": {"file": "scan.sarif"}}),
        json!({"gate": {"environment": "staging"}}),
    ];
    steps.extend(reports.into_iter().filter(|_| chance.one_in(3)));
    if deploys {
        steps.push(json!({"deploy": {"run": "./deploy.sh \"$REVISION\""}, "secrets": ["DEPLOY_KEY"]}));
    }
    if !has_matrix && chance.one_in(3) {
        steps.push(json!({"upload": {"name": "files", "paths": ["dist", "out/*.txt"], "keepDays": 7}}));
    }
    json!(steps)
}
