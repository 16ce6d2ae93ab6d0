//! Holds what ARCHITECTURE.md promises about the shape of the code: which crate may know which, and how tidy a file is.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// Which of our crates each of our crates may depend on. A new crate finds its place here first.
const ARROWS: &[(&str, &[&str])] = &[
    ("pilotage-core", &[]),
    ("pilotage-engine", &["pilotage-core"]),
    ("pilotage-store", &["pilotage-core"]),
    ("pilotage-adapters", &["pilotage-core"]),
    ("pilotage-runners", &["pilotage-core"]),
    ("pilotage-mock", &["pilotage-core"]),
    ("pilotage-web", &["pilotage-engine", "pilotage-core"]),
    (
        "pilotage-mcp",
        &["pilotage-engine", "pilotage-core", "pilotage-adapters"],
    ),
    (
        "pilotage",
        &[
            "pilotage-adapters",
            "pilotage-core",
            "pilotage-engine",
            "pilotage-mcp",
            "pilotage-mock",
            "pilotage-runners",
            "pilotage-store",
            "pilotage-web",
        ],
    ),
    (
        "pilotage-benches",
        &[
            "pilotage-core",
            "pilotage-engine",
            "pilotage-store",
            "pilotage-web",
        ],
    ),
];

/// What would turn the core from decisions into I/O, or tie it to a vendor.
const KEPT_OUT_OF_CORE: &[&str] = &[
    "axum", "hyper", "kube", "lettre", "mio", "reqwest", "rusqlite", "rustls", "socket2", "sqlx", "tokio",
    "tower",
];

/// Notes about unfinished work that are known and accepted: the file's path and the text of the line.
const LISTED_NOTES: &[(&str, &str)] = &[];

/// Lines of a file, its unit tests not counted.
const MAX_LINES: usize = 450;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}

fn metadata(configure: impl FnOnce(&mut MetadataCommand)) -> Metadata {
    let mut command = MetadataCommand::new();
    command
        .manifest_path(root().join("Cargo.toml"))
        .other_options(vec!["--offline".to_owned()]);
    configure(&mut command);
    command.exec().unwrap()
}

/// The platform that this runs on: for others the crates need not be there, and the tests are offline.
fn host() -> String {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(rustc).arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.unwrap().to_owned()
}

#[test]
fn arrows_between_our_crates_point_down() {
    let workspace = metadata(|command| {
        command.no_deps();
    });
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let ours: BTreeSet<&str> = workspace.packages.iter().map(|package| &**package.name).collect();
    let mut wrong = Vec::new();
    for package in &workspace.packages {
        let Some(may) = allowed.get(&**package.name) else {
            wrong.push(format!("{} has no place in ARROWS", package.name));
            continue;
        };
        // What tests use is their own affair.
        let normal = package.dependencies.iter().filter(|dependency| {
            dependency.kind != DependencyKind::Development && ours.contains(dependency.name.as_str())
        });
        wrong.extend(
            normal
                .filter(|dependency| !may.contains(&dependency.name.as_str()))
                .map(|dependency| format!("{} -> {}", package.name, dependency.name)),
        );
    }
    assert!(wrong.is_empty(), "not allowed: {wrong:#?}");
}

#[test]
fn core_does_no_io_and_knows_no_vendor() {
    let whole = metadata(|command| {
        command.other_options(vec![
            "--offline".to_owned(),
            "--filter-platform".to_owned(),
            host(),
        ]);
    });
    let reached = normal_dependencies(&whole, "pilotage-core");
    assert!(
        reached.contains("serde"),
        "the walk over the dependencies found nothing"
    );
    let wrong: Vec<_> = KEPT_OUT_OF_CORE
        .iter()
        .filter(|name| reached.contains(**name))
        .collect();
    assert!(wrong.is_empty(), "pilotage-core reaches {wrong:?}");
}

/// Names of everything that a package is built from, transitively; build and test dependencies do not count.
fn normal_dependencies(metadata: &Metadata, package: &str) -> BTreeSet<String> {
    let nodes: BTreeMap<&PackageId, _> = metadata
        .resolve
        .iter()
        .flat_map(|resolve| &resolve.nodes)
        .map(|node| (&node.id, node))
        .collect();
    let start = metadata.packages.iter().find(|found| *found.name == package);
    let mut waiting = vec![&start.unwrap().id];
    let mut reached = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if !reached.insert(id) {
            continue;
        }
        let normal = nodes[id].deps.iter().filter(|dependency| {
            let mut kinds = dependency.dep_kinds.iter();
            kinds.any(|kind| kind.kind == DependencyKind::Normal)
        });
        waiting.extend(normal.map(|dependency| &dependency.pkg));
    }
    reached.iter().map(|id| metadata[id].name.to_string()).collect()
}

/// One of our source files.
struct Source {
    /// From the root of the repository.
    path: String,
    /// Everything before the unit tests; the whole file under `tests/`.
    code: String,
    /// Whether it is an integration test.
    is_test: bool,
}

fn sources() -> Vec<Source> {
    let root = root();
    let mut files = Vec::new();
    for folder in ["crates", "benches", "xtask"] {
        collect(&root.join(folder), &mut files);
    }
    assert!(files.len() > 20, "found only {} source files", files.len());
    files.iter().map(|file| read(&root, file)).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn read(root: &Path, file: &Path) -> Source {
    let text = fs::read_to_string(file).unwrap();
    let path = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
    let is_test = path.contains("/tests/") || path.ends_with("/tests.rs");
    let code = match text.find("#[cfg(test)]\nmod tests {") {
        Some(end) if !is_test => text[..end].to_owned(),
        _ => text,
    };
    Source { path, code, is_test }
}

/// Lines with one of `words`, as `path:line: text`.
fn lines_with(source: &Source, words: &[&str]) -> Vec<String> {
    let lines = source.code.lines().enumerate();
    lines
        .filter(|(_, line)| words.iter().any(|word| line.contains(word)))
        .map(|(number, line)| format!("{}:{}: {}", source.path, number + 1, line.trim()))
        .collect()
}

#[test]
fn no_file_is_longer_than_one_can_read() {
    let long: Vec<_> = sources()
        .iter()
        .filter(|source| !source.is_test)
        .map(|source| (source.code.lines().count(), source.path.clone()))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .collect();
    assert!(
        long.is_empty(),
        "more than {MAX_LINES} lines; make each a folder of the same name: {long:#?}"
    );
}

// The words are put together here, so that this file does not find itself.

#[test]
fn lints_are_expected_with_a_reason_and_nothing_is_left_open() {
    let words = [
        concat!("#[", "allow("),
        concat!("#![", "allow("),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
    ];
    let found: Vec<_> = sources()
        .iter()
        .flat_map(|source| lines_with(source, &words))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn notes_about_unfinished_work_are_listed() {
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];
    let is_listed = |line: &String| {
        let mut notes = LISTED_NOTES.iter();
        notes.any(|(path, text)| line.starts_with(path) && line.contains(text))
    };
    let found: Vec<_> = sources()
        .iter()
        .flat_map(|source| lines_with(source, &words))
        .filter(|line| !is_listed(line))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_path_of_a_machine_is_written_down() {
    let words = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/t", "mp/"),
    ];
    let found: Vec<_> = sources()
        .iter()
        .filter(|source| !source.is_test)
        .flat_map(|source| lines_with(source, &words))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn decisions_are_numbered_without_gaps() {
    let entries = fs::read_dir(root().join("docs/decisions")).into_iter().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md" && !name.starts_with('.'))
        .collect();
    names.sort();
    for (index, name) in names.iter().enumerate() {
        let expected = format!("{:04}-", index + 1);
        let is_markdown = Path::new(name)
            .extension()
            .is_some_and(|extension| extension == "md");
        assert!(
            name.starts_with(&expected) && is_markdown,
            "{name}: the next decision is {expected}title.md"
        );
    }
}

#[test]
fn every_fixture_has_an_origin_and_a_licence() {
    let notes = fs::read_to_string(root().join("fixtures/README.md")).unwrap();
    let folders = fs::read_dir(root().join("fixtures")).unwrap();
    let folders = folders
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir());
    let names: Vec<String> = folders
        .map(|folder| folder.file_name().into_string().unwrap())
        .collect();
    assert!(!names.is_empty(), "no fixtures at all");
    let unknown: Vec<_> = names
        .iter()
        .filter(|name| !notes.contains(&format!("| `{name}/")))
        .collect();
    assert!(
        unknown.is_empty(),
        "fixtures/README.md has no row for {unknown:?}"
    );
}
