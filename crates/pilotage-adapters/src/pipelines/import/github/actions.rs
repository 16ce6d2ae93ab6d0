//! Actions that a definition has a step for.

use serde_json::{Map, Value, json};

use super::{
    super::{
        Sheet,
        values::{path, put, scalar},
    },
    steps::{secret, template},
};

/// What an action is given.
struct With<'a>(&'a Value);

impl With<'_> {
    fn text(&self, key: &str) -> Option<String> {
        scalar(&self.0[key]).and_then(|text| template(&text))
    }

    fn path(&self, key: &str) -> Option<String> {
        self.text(key).map(|text| path(&text))
    }

    fn lines(&self, key: &str) -> Vec<String> {
        let text = self.text(key).unwrap_or_default();
        text.lines().map(path).filter(|line| line != ".").collect()
    }

    fn number(&self, key: &str) -> Option<u32> {
        self.text(key)?.parse().ok()
    }
}

/// A kind of step, what it holds, and the inputs of the action that are in it.
type Step = (&'static str, Option<Value>, &'static [&'static str]);

/// What an action does, where a definition has a step for it. Who signs in is kept for the image that is pushed.
pub(super) fn read(
    action: &str,
    step: &Value,
    at: &str,
    login: &mut Value,
    sheet: &mut Sheet<'_>,
) -> Option<Map<String, Value>> {
    let (name, version) = action.split_once('@').unwrap_or((action, ""));
    let with = With(&step["with"]);
    match name {
        "docker/setup-buildx-action" => return None,
        "docker/login-action" => {
            *login = step["with"].clone();
            return None;
        }
        _ => {}
    }
    let (kind, value, known) = setup(name, version, &with)
        .or_else(|| files(name, &with))
        .or_else(|| other(name, &with, login))
        .unwrap_or(("", None, &[]));
    let Some(value) = value else {
        let why = "a definition has no step that does this, or a part of what it needs is missing; the step is left out";
        sheet.leave(at, format!("the action `{name}`"), why);
        return None;
    };
    sheet.leave_others(with.0, &format!("{at}/with"), known);
    let mut read = Map::new();
    read.insert(kind.to_owned(), value);
    Some(read)
}

/// Toolchains.
fn setup(name: &str, version: &str, with: &With<'_>) -> Option<Step> {
    let (tool, version, known): (&str, Option<String>, &'static [&'static str]) = match name {
        "actions/setup-node" => (
            "node",
            with.text("node-version"),
            &["node-version", "package-manager-cache"],
        ),
        "actions/setup-python" => ("python", with.text("python-version"), &["python-version"]),
        "ruby/setup-ruby" => ("ruby", with.text("ruby-version"), &["ruby-version"]),
        "actions/setup-go" => ("go", with.text("go-version"), &["go-version"]),
        "actions/setup-java" => (
            "java",
            with.text("java-version"),
            &["java-version", "distribution"],
        ),
        "dtolnay/rust-toolchain" => {
            let version = with.text("toolchain").unwrap_or_else(|| version.to_owned());
            ("rust", Some(version), &["toolchain"])
        }
        _ => return None,
    };
    Some(("setup", version.map(|version| json!({tool: version})), known))
}

/// Code, caches and artifacts.
fn files(name: &str, with: &With<'_>) -> Option<Step> {
    let mut map = Map::new();
    let step: Step = match name {
        "actions/checkout" => {
            let submodules = with.text("submodules").filter(|word| word != "false");
            put(&mut map, "depth", json!(with.number("fetch-depth")));
            put(&mut map, "submodules", json!(submodules.map(|_| true)));
            (
                "checkout",
                Some(Value::Object(map)),
                &["fetch-depth", "submodules", "persist-credentials", "clean"],
            )
        }
        "actions/cache" => (
            "cache",
            cache(with),
            &["path", "key", "restore-keys", "lookup-only"],
        ),
        "actions/upload-artifact" => {
            let name = with.text("name").unwrap_or_else(|| "artifact".to_owned());
            map.insert("name".to_owned(), json!(name));
            map.insert("paths".to_owned(), json!(with.lines("path")));
            put(&mut map, "keepDays", json!(with.number("retention-days")));
            (
                "upload",
                Some(Value::Object(map)),
                &["name", "path", "retention-days", "if-no-files-found"],
            )
        }
        "actions/download-artifact" => {
            let name = with.text("name");
            put(&mut map, "name", json!(name));
            put(&mut map, "path", json!(with.path("path")));
            ("download", name.map(|_| Value::Object(map)), &["name", "path"])
        }
        _ => return None,
    };
    Some(step)
}

/// Findings and images.
fn other(name: &str, with: &With<'_>, login: &Value) -> Option<Step> {
    match name {
        "github/codeql-action/upload-sarif" => {
            let value = with.path("sarif_file").map(|file| json!({"file": file}));
            Some(("sarif", value, &["sarif_file", "category"]))
        }
        "docker/build-push-action" => {
            let known: &[&str] = &["context", "file", "push", "tags", "cache-from", "cache-to"];
            Some(("container", container(with, login), known))
        }
        _ => None,
    }
}

/// What stands before the first expression of the key names the cache; the files that are hashed are its key.
fn cache(with: &With<'_>) -> Option<Value> {
    let key = with.0["key"].as_str()?;
    let hashed = key.split("hashFiles(").nth(1)?.split(')').next()?;
    let files: Vec<String> = hashed
        .split(',')
        .map(|file| path(file.trim().trim_matches('\'')))
        .collect();
    let name = key.split("${{").next().unwrap_or_default().trim_matches('-');
    let name = if name.is_empty() { "cache" } else { name };
    Some(json!({"name": name, "paths": with.lines("path"), "keyFiles": files}))
}

fn container(with: &With<'_>, login: &Value) -> Option<Value> {
    let all = with.text("tags")?;
    let mut image = None;
    let mut tags = Vec::new();
    let lines = all.split(['\n', ',']).map(str::trim);
    for line in lines.filter(|line| !line.is_empty()) {
        // The tag is behind the last colon, unless that belongs to the registry.
        let (name, tag) = line.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))?;
        image.get_or_insert_with(|| name.to_owned());
        tags.push(tag.to_owned());
    }
    let mut map = Map::new();
    map.insert("image".to_owned(), json!(image?));
    map.insert("tags".to_owned(), json!(tags));
    put(
        &mut map,
        "context",
        json!(with.path("context").filter(|path| path != ".")),
    );
    put(
        &mut map,
        "file",
        json!(with.path("file").filter(|path| path != "Dockerfile")),
    );
    if with.0["push"] == Value::Bool(true) {
        map.insert("push".to_owned(), json!(true));
    }
    if let (Some(user), Some(key)) = (secret(&login["username"]), secret(&login["password"])) {
        map.insert("login".to_owned(), json!({"userSecret": user, "keySecret": key}));
    }
    Some(Value::Object(map))
}
